/* SPDX-License-Identifier: ISC */
/*
 * console.h: the guest's console, a descriptor whose reader may be slow, full or gone, or a callback.
 *
 * The guest waits until its output is taken, unless there is a limit to that or a request is posted
 * to the waiting thread. If the output is closed or fails, what is written to it is lost and the
 * guest goes on. Lost bytes are counted, and each outage, from the first lost byte to the next one
 * taken, can be reported once.
 */
#ifndef HUSK_CONSOLE_H
#define HUSK_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clock.h"
#include "options.h"
#include "output.h"
#include "wait.h"

/* After a stop, the time that the text in hand still has. */
#define CONSOLE_GRACE_MS 100

/* Of the option --console-patience: how long a guest waits for a reader, in ns; else CLOCK_NEVER. */
uint64_t console_patience(const struct settings *settings);

/* Takes all of it. */
typedef void console_take(void *ctx, const void *text, size_t len);

struct console {
	struct output out;
	console_take *take;	/* in place of out; NULL: none */
	void *take_ctx;
	struct waiter *waiter;	/* of the thread that writes; not owned */
	uint64_t patience_ns;	/* how long to wait for a reader; CLOCK_NEVER: no limit */
	int outage;		/* errno because of which output is lost now, EAGAIN: patience_ns; 0: none */
	uint64_t outages;	/* so far */
	uint64_t written, lost;	/* bytes */
	uint64_t calls;		/* system calls made, without those of out */
};

/* fd, which stays the caller's, may be -1 or closed: then all output is lost. */
void console_init(struct console *c, int fd, struct waiter *w, uint64_t patience_ns);

/* From here on take is given everything: a copy, in pieces. */
void console_divert(struct console *c, console_take *take, void *ctx);

/* Closes what console_init opened; accepts the same console twice. */
void console_fini(struct console *c);

/*
 * Writes buf, which may be guest memory: it is only handed to the kernel. Returns the number of
 * bytes written or lost, which is less than len if a request is posted to the thread: call again
 * for the rest.
 */
size_t console_write(struct console *c, const void *buf, size_t len);

/* The same, but posted requests do not end it; at most for CONSOLE_GRACE_MS. */
size_t console_write_last(struct console *c, const void *buf, size_t len);

#endif
