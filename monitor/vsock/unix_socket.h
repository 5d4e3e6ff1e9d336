/* SPDX-License-Identifier: ISC */
/*
 * unix_socket.h: Unix stream sockets of the host, none of which blocks, or kills by SIGPIPE.
 *
 * The functions of host.h that need nothing but a descriptor, and those that make descriptors from
 * places. Results are those of the system calls, but an error is returned as -errno; calls that a
 * signal interrupts are made again.
 */
#ifndef HUSK_VSOCK_UNIX_SOCKET_H
#define HUSK_VSOCK_UNIX_SOCKET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "error.h"
#include "place.h"

/*
 * A stream to who listens at the place, or at its name and suffix: a descriptor, or -errno; EAGAIN
 * when too many wait there already, ENAMETOOLONG.
 */
int unix_socket_connect(const struct unix_place *p, const char *suffix);

int unix_socket_accept(int listener);
ssize_t unix_socket_read(int fd, const struct iovec *iov, int n);
ssize_t unix_socket_write(int fd, const struct iovec *iov, int n);

/* What read would give, which stays there. */
ssize_t unix_socket_peek(int fd, void *buf, size_t size);

/* A socket that listens, and its file. */
struct unix_listener {
	int fd;				/* -1 when not open */
	const struct unix_place *place;	/* of the file; not owned; NULL: it was handed down */
	dev_t dev;			/* of the file, which is removed only if it is still this one */
	ino_t ino;
	bool file_stays;		/* nothing can remove it any more */
	bool made_nonblocking;		/* one that was handed down was not */
};

/*
 * Listens at the place, which must outlive l. A socket's file there is replaced if nobody has that
 * socket; anything else is refused. HUSK_E_HOST, and l is not open.
 */
int unix_listener_open(struct unix_listener *l, const struct unix_place *p, struct husk_error *e);

/* Whether that would succeed, as far as can be told without a trace. HUSK_E_HOST. */
int unix_listener_look(const struct unix_place *p, struct husk_error *e);

/*
 * Takes over a stream socket that listens, which stays the caller's. It is made non-blocking until
 * l is closed, or, if look, left alone. HUSK_E_USAGE: it is none; HUSK_E_HOST; l is then not open.
 */
int unix_listener_adopt(struct unix_listener *l, int fd, bool look, struct husk_error *e);

/* One that has come to wait, -errno; never blocks, whoever else may have the socket. */
int unix_listener_accept(const struct unix_listener *l);

/* Closes, and removes the file. Accepts the same object twice. */
void unix_listener_close(struct unix_listener *l);

#endif
