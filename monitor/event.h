/* SPDX-License-Identifier: ISC */
/*
 * event.h: the set of sources whose input a guest can wait for.
 *
 * The set is small (a manifest has 63 devices) and used by the vcpu's thread only.
 */
#ifndef HUSK_EVENT_H
#define HUSK_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "wait.h"

#define EVENTS_MAX 64	/* bits of a ready set */
#define EVENTS_RETRY_NS 250000000ull	/* between checks of a source without a descriptor */

/* A source of input. */
struct event_source {
	/*
	 * The descriptor to wait on; -1 if there is none now. NULL: there never is, as nothing but the
	 * vcpu's thread makes it ready.
	 */
	int (*fd)(void *ctx);

	/*
	 * 1 if input can be read now, 0 if not, -1 and e if the run must end. readable: fd has just
	 * polled readable, which is no promise of input. Also called before each wait, with
	 * readable false.
	 */
	int (*ready)(void *ctx, bool readable, struct husk_error *e);
	void *ctx;
};

struct events {
	uint64_t sources;		/* set of bits that have one */
	struct event_source source[EVENTS_MAX];	/* by bit */
};

/* An empty set. */
void events_init(struct events *ev);

/*
 * Input of the source sets this bit (0 .. EVENTS_MAX-1) of the ready set. HUSK_E_HOST: taken or out
 * of range. The descriptors stay the source's.
 */
int events_add(struct events *ev, unsigned bit, const struct event_source *source,
	       struct husk_error *e);

/* No-op if the bit was not added. */
void events_remove(struct events *ev, unsigned bit);

/*
 * Waits in w until a source is ready, the deadline (clock.h) has passed, or something is posted to the
 * thread; *ready is the set of ready sources, 0 in the other two cases. *calls grows by the system
 * calls made. HUSK_E_HOST, or what a source fails with.
 */
int events_wait(const struct events *ev, struct waiter *w, uint64_t deadline, uint64_t *ready,
		uint64_t *calls, struct husk_error *e);

#endif
