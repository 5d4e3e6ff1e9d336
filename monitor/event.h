/*
 * event.h: waiting for descriptors, for time, or to be woken.
 *
 * One ppoll per wait, nothing to re-arm: the set is small (a manifest has 63 devices) and the
 * timeout has nanoseconds. The vcpu's thread owns it; only events_wake may come from elsewhere.
 */
#ifndef HUSK_EVENT_H
#define HUSK_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

#define EVENTS_MAX 64	/* bits of a ready set */
#define EVENTS_RETRY_NS 250000000ull	/* between looks at a source without a descriptor */

/* Where input may come from. */
struct event_source {
	/* What to wait on; -1 while there is nothing. */
	int (*fd)(void *ctx);

	/*
	 * Whether input is there for the taking. readable: a wait has just said so of fd, which
	 * does not make it true. Also asked before each wait, with readable false.
	 */
	bool (*ready)(void *ctx, bool readable);

	/* A wait has ended with this source ready; the guest goes on. NULL: that is all the same. */
	void (*resume)(void *ctx);
	void *ctx;
};

struct events {
	int wake_fd;			/* -1 when not open */
	uint64_t sources;		/* set of bits that have one */
	struct event_source source[EVENTS_MAX];	/* by bit */
	bool sharp;				/* event_sharpen_timers was called */
};

/* HUSK_E_HOST. */
int events_init(struct events *ev, struct husk_error *e);

/* Accepts what events_init refused, and the same object twice. Closes no source's descriptor. */
void events_fini(struct events *ev);

/*
 * Input of the source sets this bit (0 .. EVENTS_MAX-1) of the ready set. HUSK_E_HOST: taken or out
 * of range.
 */
int events_add(struct events *ev, unsigned bit, const struct event_source *source,
	       struct husk_error *e);

/* No-op if the bit was not added. */
void events_remove(struct events *ev, unsigned bit);

/* The calling thread is the one that waits from here on. */
void events_adopt(struct events *ev);

/*
 * Waits until a source is ready, timeout_ns have passed, or events_wake was called; *ready has
 * every source that is ready, 0 for the other two. Signals do not end the wait. *calls grows by
 * the system calls made. HUSK_E_HOST. A thread's first wait for a time sharpens its timers, for
 * good.
 */
int events_wait(struct events *ev, uint64_t timeout_ns, uint64_t *ready, uint64_t *calls,
		struct husk_error *e);

/* Ends the wait in progress, or else the next one. Async-signal-safe, from any thread. */
void events_wake(const struct events *ev);

/*
 * Lets the calling thread wake up when it wants to, and not when it suits the host, as far as that
 * can be told to the host. One system call; one file per system has it.
 */
void event_sharpen_timers(void);

#endif
