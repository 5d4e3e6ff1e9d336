/* SPDX-License-Identifier: ISC */
/* mailbox.c: a word of bits, and a descriptor for waits. */
#include "mailbox.h"

int mailbox_init(struct mailbox *m, struct husk_error *e)
{
	*m = (struct mailbox){0};
	return wake_init(&m->wake, e);
}

void mailbox_fini(struct mailbox *m)
{
	wake_fini(&m->wake);
}

void mailbox_post(struct mailbox *m, unsigned bits)
{
	(void)__atomic_fetch_or(&m->posted, bits, __ATOMIC_RELEASE);
	wake_signal(&m->wake);
}

void mailbox_withdraw(struct mailbox *m, unsigned bits)
{
	(void)__atomic_fetch_and(&m->posted, ~bits, __ATOMIC_RELAXED);
}

/* The plain load avoids a locked instruction in every exit. */
unsigned mailbox_take(struct mailbox *m)
{
	if (!mailbox_has(m, ~0u))
		return 0;
	return __atomic_exchange_n(&m->posted, 0, __ATOMIC_ACQUIRE);
}
