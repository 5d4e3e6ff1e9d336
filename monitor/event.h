/*
 * event.h: waiting for descriptors, for time, or to be woken.
 *
 * One ppoll per wait, nothing to re-arm: the set is small (a manifest has 63 devices) and the
 * timeout has nanoseconds. The vcpu's thread owns it; only events_wake may come from elsewhere.
 */
#ifndef HUSK_EVENT_H
#define HUSK_EVENT_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define EVENTS_MAX 64	/* bits of a ready set */

struct events {
	int wake_fd;			/* -1 when not open */
	size_t n;
	struct pollfd fds[1 + EVENTS_MAX];	/* fds[0] is wake_fd */
	unsigned bits[1 + EVENTS_MAX];
};

/* HUSK_E_HOST. */
int events_init(struct events *ev, struct husk_error *e);

/* Accepts what events_init refused, and the same object twice. Closes none of the added descriptors. */
void events_fini(struct events *ev);

/* Readability of fd sets this bit (0 .. EVENTS_MAX-1) of the ready set. HUSK_E_HOST: bit taken or out of range. */
int events_add(struct events *ev, int fd, unsigned bit, struct husk_error *e);

/* No-op if the bit was not added. */
void events_remove(struct events *ev, unsigned bit);

/*
 * Waits until a descriptor is readable (error and hang-up count), timeout_ns have passed, or
 * events_wake was called; *ready has the readable ones, 0 for the other two. Signals do not
 * end the wait. *calls grows by the system calls made. HUSK_E_HOST.
 */
int events_wait(struct events *ev, uint64_t timeout_ns, uint64_t *ready, uint64_t *calls,
		struct husk_error *e);

/* Ends the wait in progress, or else the next one. Async-signal-safe, from any thread. */
void events_wake(const struct events *ev);

#endif
