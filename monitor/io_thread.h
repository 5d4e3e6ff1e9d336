/* SPDX-License-Identifier: ISC */
/*
 * io_thread.h: a thread that serves devices: descriptors, deadlines, doorbells, turn by turn.
 *
 * Clients do their work in turns, each of at most a budget, one client after the other; the thread
 * sleeps when none has anything to do. All callbacks of a client run in this thread, and while it
 * runs no other thread touches the client's state. The owner (the vcpu's thread) starts, wakes, pauses,
 * resumes and stops it. It blocks every signal. Between init and stop nothing but watch opens or allocates.
 */
#ifndef HUSK_IO_THREAD_H
#define HUSK_IO_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "clock.h"
#include "error.h"
#include "wake.h"

/* What a client may do in one turn before the others have theirs. */
#define IO_TURN_ENTRIES 256u
#define IO_TURN_BYTES (512u << 10)

#define IO_CLIENTS_MAX 64u
#define IO_KEY_MAX ((UINT64_C(1) << 56) - 1)

enum io_events {
	IO_READABLE = 1,	/* or at its end */
	IO_WRITABLE = 2,
	IO_HUNG_UP = 4,
	IO_ENDS = 8,		/* no more will come; told with IO_READABLE */
};

enum io_turn {
	IO_FAILED = -1,		/* e says why; alarms the owner, and ends all turns */
	IO_IDLE = 0,		/* nothing to do before the next event or deadline */
	IO_MORE = 1,		/* the budget is spent, there is more to do */
};

struct io_client {
	/* The budget's worth of work, after an event, at a deadline, or because there was more. */
	enum io_turn (*turn)(void *ctx, uint64_t now, struct husk_error *e);

	/* A descriptor has changed; a turn follows. NULL: a turn is enough. */
	void (*event)(void *ctx, uint64_t key, unsigned events, uint64_t now);

	/* When the client wants a turn if nothing comes before: clock.h. NULL: never. */
	uint64_t (*deadline)(void *ctx);
};

struct io_thread {
	int poll_fd;			/* -1 when not open */
	struct wake wake;		/* by the owner; never drained */
	pthread_t thread;
	bool running;
	struct io_slot {
		const struct io_client *client;
		void *ctx;
		bool due;		/* is to have a turn */
	} slots[IO_CLIENTS_MAX];
	unsigned n_clients, first;	/* first: begins the next round */
	uint64_t calls;			/* system calls made to wait */
	void (*alarm)(void *ctx);	/* the thread has failed */
	void *alarm_ctx;
	pthread_mutex_t mutex;		/* of what follows */
	pthread_cond_t changed;
	enum { IO_RUN, IO_PAUSE, IO_STOP } wanted;
	bool parked;			/* paused, and no client is being served */
	bool failed;
	struct husk_error error;
};

/*
 * Opens what the thread waits on. alarm is called by the thread, once, when it has failed: the
 * owner is then to ask io_thread_check. HUSK_E_HOST, and t is as after io_thread_stop.
 */
int io_thread_init(struct io_thread *t, void (*alarm)(void *ctx), void *alarm_ctx,
		   struct husk_error *e);

/* Before the start. Returns the client's number, -1 if there are too many. */
int io_thread_add(struct io_thread *t, const struct io_client *client, void *ctx);

/*
 * Reports each change of fd to the client, with its state then and key (at most IO_KEY_MAX);
 * edge-triggered. An eventfd need not be read, as every signal is a change. Closing fd ends it.
 * Before the start, or by the thread itself. 0 or -errno.
 */
int io_thread_watch(struct io_thread *t, unsigned client, int fd, uint64_t key);

/*
 * Whether IO_WRITABLE is told of fd, which is watched with this key: a socket whose peer reads changes
 * to writable all the time. By the thread itself. 0 or -errno.
 */
int io_thread_watch_writable(struct io_thread *t, unsigned client, int fd, uint64_t key,
			     bool wanted);

/* Every client has a turn first. HUSK_E_HOST. */
int io_thread_start(struct io_thread *t, struct husk_error *e);

/* A turn for every client. One system call, and no more than the wait's for the thread. */
void io_thread_wake(const struct io_thread *t);

/* On return the thread is paused, after at most one turn, and touches no client. */
void io_thread_pause(struct io_thread *t);

/*
 * The same, for a client whose turn may not come back from a call: false if the turn has not ended within
 * ns. The pause is still wanted then: ask again, or cancel.
 */
bool io_thread_pause_within(struct io_thread *t, uint64_t ns);

/* Continues, with a turn for every client. No-op if it is not paused. */
void io_thread_resume(struct io_thread *t);

/* Whether a client has failed: -1 with its error. */
int io_thread_check(struct io_thread *t, struct husk_error *e);

/*
 * Ends the thread, also in a call that does not come back: those of a client, and nothing else, are
 * cancellation points (POSIX.1-2017, 2.9.5.2). A client that is ended so frees nothing that it holds.
 */
void io_thread_cancel(struct io_thread *t);

/*
 * Ends the thread after at most one turn, and closes what init opened. Accepts the same object twice,
 * and a zeroed one.
 */
void io_thread_stop(struct io_thread *t);

#endif
