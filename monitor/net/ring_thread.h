/* SPDX-License-Identifier: ISC */
/*
 * ring_thread.h: who serves the ring when: the vcpu's thread, or an I/O thread beside it.
 *
 * While the ring asks for kicks, the vcpu's thread serves each entry on the exit that announces
 * it. In a row of such exits it may hand the ring over: the I/O thread then polls it, and no entry
 * needs an exit. Whether two threads are cheaper than one with exits depends on the guest and the
 * host; ring_credit.h keeps account of it, and where they are not the ring is hardly ever handed
 * over. The I/O thread gives the ring back when it has been idle for as long as handing it over
 * takes, when the account is used up, or when the vcpu's thread recalls it. While it sleeps it
 * costs nothing.
 *
 * The I/O thread is one of its own (io_thread.h), with the ring as its only client: a turn lasts for as
 * long as the ring is handed over, and for most of that it polls, so that another client would wait.
 *
 * Exactly one of the two owns the ring, and with it every network device. The vcpu's thread claims
 * it before it touches either.
 */
#ifndef HUSK_RING_THREAD_H
#define HUSK_RING_THREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "io_thread.h"
#include "ring.h"
#include "ring_credit.h"

/*
 * What is handed over: the ring, or the TX queues of all devices in its place, of which all that is said
 * of the ring holds. By who owns it.
 */
struct ring_work {
	const char *what;	/* for messages */

	/* Serves at most max entries; returns how many. -1 and e: the guest is at fault. */
	int (*serve)(void *of, unsigned max, struct husk_error *e);

	/* Whether something was submitted that can be served. */
	bool (*pending)(const void *of);

	/* Whether submissions must be followed by a kick; the guest's next one will see it. */
	void (*ask_for_kicks)(void *of, bool ask);

	/* What is served next is what a kick was for. NULL: of no interest. */
	void (*kicked)(void *of);
};

extern const struct ring_work ring_work;	/* of a struct ring */

/* What the ring's threads ask of the machine. */
struct ring_thread_host {
	/* The I/O thread has failed: brings the vcpu's thread out of the guest, to claim the ring. */
	void (*alarm)(void *ctx);

	/* Whether the run is to end. Asked by the vcpu's thread while it waits for the I/O thread. */
	bool (*stopping)(void *ctx);
	void *ctx;

	/*
	 * Entries may have been served since the last call, by the I/O thread or by the caller, the
	 * vcpu's thread, which owns the ring. NULL: nobody wants to know.
	 */
	void (*batch)(void *ctx, bool by_thread);
};

struct ring_thread {
	const struct ring_work *work;	/* NULL: not started */
	void *of;
	struct ring_thread_host host;
	struct io_thread io;
	int state;			/* enum ring_owner; atomic */
	bool ended;			/* the I/O thread gives no turns any more; atomic */

	/* The owner's. Times are those of cpu_ticks. */
	unsigned row;			/* exits for frames since the guest last waited */
	uint64_t exit_began, exit_ended;	/* of the last of them */
	struct ring_credit credit;
	uint64_t handovers;
	struct ring_handover {
		bool open;		/* not all of it is in the account yet */
		bool over;		/* the I/O thread has given the ring back by itself */
		uint64_t since;		/* what came before is in the account */
		unsigned served;	/* entries since then */
		uint64_t total;		/* entries of the whole handover */
	} handover;
	bool failed;			/* error is set */
	struct husk_error error;
};

/*
 * Starts the I/O thread. Where only one processor may be used, or the host denies a thread, there is
 * none, and the vcpu's thread always serves itself. Returns 0, or the errno of the denial.
 */
int ring_thread_start(struct ring_thread *t, const struct ring_work *work, void *of,
		      const struct ring_thread_host *host);

/* Serves what is left, ends the thread and waits for it. Accepts a stopped one, and a zeroed one. */
void ring_thread_stop(struct ring_thread *t);

/*
 * On return the calling thread owns the ring. What was submitted without a kick stays where it is:
 * drain the ring before the guest goes on. Returns -1 and fills e if the I/O thread failed, or if
 * it did not give the ring back although the run is to end; it has been ended then.
 */
int ring_thread_claim(struct ring_thread *t, struct husk_error *e);

/*
 * Claims the ring and serves what is left in it: before the guest waits, and whenever the machine
 * has to stand still. Afterwards no thread but the caller's touches guest memory or a network
 * device, until the caller passes on a kick or a call. Returns -1 and fills e as ring_thread_claim
 * does, or if an entry ends the guest; the ring is the caller's then too. May be called in any
 * state and any number of times.
 */
int ring_thread_drain(struct ring_thread *t, struct husk_error *e);

/* A kick: claims the ring and serves it, and may hand it over. -1 as for ring_thread_drain. */
int ring_thread_kick(struct ring_thread *t, struct husk_error *e);

/*
 * Before and after a frame by hypercall, which is an exit for a frame like a kick. Before: claims
 * the ring and serves what was submitted earlier; -1 as for ring_thread_drain. After: may hand it
 * over.
 */
int ring_thread_begin_call(struct ring_thread *t, struct husk_error *e);
void ring_thread_end_call(struct ring_thread *t);

#endif
