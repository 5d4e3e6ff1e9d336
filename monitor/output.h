/* SPDX-License-Identifier: ISC */
/*
 * output.h: a descriptor that is written to without waiting, even if other processes share it.
 *
 * What a starter hands down belongs to others too: O_NONBLOCK would change it for all of them, and
 * a descriptor that polls writable may be full again when it is written to, because another process
 * took the room. So each kind of descriptor is written to with a call that does not wait, without
 * changing the descriptor.
 */
#ifndef HUSK_OUTPUT_H
#define HUSK_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum output_way {
	OUTPUT_ASK,	/* poll, then a short write that a signal ends: the fallback */
	OUTPUT_FILE,	/* files and disks: a write may be slow, but waits for no reader */
	OUTPUT_NOWAIT,	/* a flag of the write: pipes, /dev/null */
	OUTPUT_SEND,	/* likewise: sockets */
	OUTPUT_REOPEN,	/* to be opened again at the next write: FIFOs */
	OUTPUT_OWN,	/* a description of our own, with O_NONBLOCK: FIFOs, terminals */
};

struct output {
	int fd;			/* -1: there is none */
	enum output_way way;
	bool own;		/* fd is ours to close, not the caller's */
	bool pipe;		/* a pipe or FIFO */
	bool file;		/* a regular file, and which one: */
	dev_t dev;
	ino_t ino;
	bool settled;		/* nothing can be opened any more */
	uint64_t calls;		/* system calls made */
};

/* fd stays the caller's. One that is closed, or -1, is no output. */
void output_init(struct output *o, int fd);

/* Closes what was opened; accepts the same output twice. */
void output_fini(struct output *o);

/* Whether what is written changes the file at the path; not if there is none, or for NULL. */
bool output_changes(const struct output *o, const char *path);

/* The same of the file of that device and number. */
bool output_changes_file(const struct output *o, uint64_t dev, uint64_t ino);

/* Opens now what a later write may have to: none will be able to. */
void output_settle(struct output *o);

/*
 * Writes the beginning of buf, as much as is taken at once; len is not 0. Returns the number of
 * bytes, or -1 with errno: EAGAIN if there is no room now, EBADF if there is no output. A stop that
 * comes with a signal ends even OUTPUT_ASK, by EINTR. buf may be guest memory: it is only handed to
 * the kernel.
 */
ssize_t output_write(struct output *o, const void *buf, size_t len);

/* System-specific; as write and open. One file per system implements them. */
ssize_t output_write_nowait(int fd, const void *buf, size_t len);
int output_open_again(int fd);

/* Whether a character device can be a terminal; false only if the device itself says that it cannot. */
bool output_may_be_terminal(dev_t device);

#endif
