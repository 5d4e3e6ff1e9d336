/* SPDX-License-Identifier: ISC */
/*
 * wake.h: a descriptor that one thread waits on and any other can make readable; and how precise
 * its timed waits are, for which each host has a file.
 */
#ifndef HUSK_WAKE_H
#define HUSK_WAKE_H

#include "error.h"

struct wake {
	int fd;		/* polls readable from a wake_signal to the next wake_drain; -1 when not open */
};

/* HUSK_E_HOST; w is then as after wake_fini. */
int wake_init(struct wake *w, struct husk_error *e);

/* Accepts the same object twice, and one whose fd is -1. */
void wake_fini(struct wake *w);

/* Async-signal-safe, from any thread; keeps errno. */
void wake_signal(const struct wake *w);

/* Clears the signal. One system call; never blocks. */
void wake_drain(const struct wake *w);

/*
 * Makes timed waits of the calling thread end as close to their deadline as the host allows. At
 * most one system call, with a lasting effect.
 */
void wake_reduce_timer_slack(void);

#endif
