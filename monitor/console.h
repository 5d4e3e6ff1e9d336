/*
 * console.h: the guest's console, a descriptor whose reader may be slow, full or gone.
 *
 * Best effort by contract: nothing that happens to the descriptor may stop the guest. A live
 * reader loses nothing; one that takes nothing for CONSOLE_PATIENCE_MS costs the guest that
 * long once, and from then on what it cannot take at once is dropped and counted. Of what is
 * being written when the machine is asked to stop, a reader gets what it takes within that time.
 */
#ifndef HUSK_CONSOLE_H
#define HUSK_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONSOLE_PATIENCE_MS 100

struct console {
	int fd;			/* -1: there is none, everything is dropped */
	bool own;		/* fd is ours to close, not the caller's */
	bool may_block;		/* anything but a regular file */
	bool stalled;		/* the reader took nothing last time */
	const int *stop;	/* atomic; not 0: the machine is asked to stop; may be NULL */
	uint64_t written, dropped;	/* bytes */
	uint64_t calls;		/* system calls made */
};

/* stop, if not NULL, ends a long write to a slow reader, after a while; it outlives c. */
void console_init(struct console *c, int fd, const int *stop);

/* Closes what console_init opened; accepts the same console twice. */
void console_fini(struct console *c);

/* Writes what can be written. buf may be guest memory: it is only handed to the kernel. */
void console_write(struct console *c, const void *buf, size_t len);

#endif
