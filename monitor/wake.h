/*
 * wake.h: a descriptor that one thread waits on and any other can make readable.
 *
 * One file per host implements it.
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

/* Takes back what was signalled. One system call; never blocks. */
void wake_drain(const struct wake *w);

/*
 * Lets the calling thread's waits end when they are due, and not when it suits the host, as far as
 * the host can be told. One system call, and for good.
 */
void wake_sharpen_timers(void);

#endif
