/*
 * console.h: the guest's console, a descriptor whose reader may be slow, full or gone.
 *
 * A reader that is there gets everything: the guest waits for it as long as it takes, unless there
 * is a limit to that, or something is asked of the thread that waits. An output that is closed, or
 * fails, costs what is written to it and does not stop the guest. What is lost is counted, and each
 * outage, from the first lost byte to the next one that is taken, can be told once.
 */
#ifndef HUSK_CONSOLE_H
#define HUSK_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clock.h"
#include "output.h"
#include "wait.h"

/* What a stop leaves to the text that it comes upon. */
#define CONSOLE_GRACE_MS 100

struct console {
	struct output out;
	struct waiter *waiter;	/* of the thread that writes; not owned */
	uint64_t patience_ns;	/* with a reader that takes nothing; CLOCK_NEVER: no limit */
	int outage;		/* errno of what costs the output now, EAGAIN: patience; 0: nothing */
	uint64_t outages;	/* so far */
	uint64_t written, lost;	/* bytes */
	uint64_t calls;		/* system calls made, but for those of out */
};

/* fd, which stays the caller's, may be -1 or closed: then everything is lost. */
void console_init(struct console *c, int fd, struct waiter *w, uint64_t patience_ns);

/* Closes what console_init opened; accepts the same console twice. */
void console_fini(struct console *c);

/*
 * Writes buf, which may be guest memory: it is only handed to the kernel. Returns how much of it is
 * done with, written or lost. That is less than len where something is posted to the thread: the
 * rest is for another call.
 */
size_t console_write(struct console *c, const void *buf, size_t len);

/* The same, whatever is posted, but for no longer than CONSOLE_GRACE_MS. */
size_t console_write_last(struct console *c, const void *buf, size_t len);

#endif
