/* SPDX-License-Identifier: ISC */
/*
 * mailbox.h: requests to one thread, posted from any other or from a signal handler.
 *
 * A request is a bit: posted twice before the thread takes it, it counts once. The thread takes all
 * bits at one place; its waits (wait.h) end as soon as one is posted.
 */
#ifndef HUSK_MAILBOX_H
#define HUSK_MAILBOX_H

#include <stdbool.h>

#include "error.h"
#include "wake.h"

struct mailbox {
	unsigned posted;	/* bits; atomic */
	struct wake wake;
};

/* HUSK_E_HOST. */
int mailbox_init(struct mailbox *m, struct husk_error *e);

/* Accepts the same object twice, and one whose wake.fd is -1. */
void mailbox_fini(struct mailbox *m);

/* Async-signal-safe, from any thread. The caller still has to bring the thread out of the guest. */
void mailbox_post(struct mailbox *m, unsigned bits);

/* Whether one of the bits is posted and not yet taken. From any thread. */
static inline bool mailbox_has(const struct mailbox *m, unsigned bits)
{
	return (__atomic_load_n(&m->posted, __ATOMIC_RELAXED) & bits) != 0;
}

/* What was posted of these bits is forgotten. By the thread that takes. */
void mailbox_withdraw(struct mailbox *m, unsigned bits);

/* Takes what was posted; what the poster wrote before it posted is visible from here on. */
unsigned mailbox_take(struct mailbox *m);

#endif
