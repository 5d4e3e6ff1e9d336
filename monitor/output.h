/*
 * output.h: a descriptor that is written to without waiting, whoever shares it.
 *
 * What a starter hands down belongs to others too: O_NONBLOCK would change it for all of them, and
 * a descriptor that polls writable may be full again when it is written to, because another
 * process took the room. So each kind of descriptor has its way to be told not to wait, this once.
 */
#ifndef HUSK_OUTPUT_H
#define HUSK_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum output_way {
	OUTPUT_ASK,	/* poll, then a short write that a signal ends: where there is no better */
	OUTPUT_FILE,	/* files and disks take their time, but wait for no reader */
	OUTPUT_NOWAIT,	/* a flag of the write: pipes, /dev/null */
	OUTPUT_SEND,	/* likewise: sockets */
	OUTPUT_REOPEN,	/* to be opened again at the next write: FIFOs */
	OUTPUT_OWN,	/* a description of our own, with O_NONBLOCK: FIFOs, terminals */
};

struct output {
	int fd;			/* -1: there is none */
	enum output_way way;
	bool own;		/* fd is ours to close, not the caller's */
	uint64_t calls;		/* system calls made */
};

/* fd stays the caller's. One that is closed, or -1, is no output. */
void output_init(struct output *o, int fd);

/* Closes what was opened; accepts the same output twice. */
void output_fini(struct output *o);

/*
 * Writes the beginning of buf, as much as is taken at once; len is not 0. Returns the number of
 * bytes, or -1 with errno: EAGAIN if there is no room now, EBADF if there is no output. A stop that
 * comes with a signal ends even OUTPUT_ASK, by EINTR. buf may be guest memory: it is only handed to
 * the kernel.
 */
ssize_t output_write(struct output *o, const void *buf, size_t len);

/* What differs between systems; both as write and open, one file per system has them. */
ssize_t output_write_nowait(int fd, const void *buf, size_t len);
int output_open_again(int fd);

#endif
