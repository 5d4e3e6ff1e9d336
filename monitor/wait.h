/* SPDX-License-Identifier: ISC */
/*
 * wait.h: one thread's waits: for descriptors, until a deadline, or until it is asked for something.
 *
 * One ppoll for a wait, nothing to re-arm. Signals do not end a wait; what their handlers post does.
 */
#ifndef HUSK_WAIT_H
#define HUSK_WAIT_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "mailbox.h"

struct waiter {
	const struct mailbox *mailbox;	/* of the thread that waits; not owned */
	bool sharp;			/* its timer slack has been reduced */
	bool timed;			/* waits add up in waited_ns */
	uint64_t waited_ns;
};

void waiter_init(struct waiter *w, const struct mailbox *mailbox);

/* Another thread waits from here on. */
void waiter_adopt(struct waiter *w);

enum wait_end {
	WAIT_FAILED = -1,	/* e says why: HUSK_E_HOST */
	WAIT_TIMEOUT = 0,	/* the deadline has passed */
	WAIT_READY,		/* revents of fds say what is ready */
	WAIT_ASKED,		/* something is posted; whatever is ready is in revents too */
};

/*
 * Waits for the first n of fds; fds has room for one more, which is used here. deadline: clock.h; 0
 * only polls, also when a request is posted. A thread's first timed wait reduces its timer slack.
 * *calls grows by the system calls made.
 */
enum wait_end wait_for(struct waiter *w, struct pollfd *fds, nfds_t n, uint64_t deadline,
		       uint64_t *calls, struct husk_error *e);

#endif
