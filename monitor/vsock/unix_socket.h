/* SPDX-License-Identifier: ISC */
/*
 * unix_socket.h: Unix stream sockets of the host, none of which blocks, or kills by SIGPIPE.
 *
 * The functions of host.h that need nothing but a descriptor, and those that make descriptors from
 * paths. Results are those of the system calls, but an error is returned as -errno; calls that a
 * signal interrupts are made again.
 */
#ifndef HUSK_VSOCK_UNIX_SOCKET_H
#define HUSK_VSOCK_UNIX_SOCKET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "error.h"

/* Bytes of a path without its NUL: as many as the host's address holds. */
#define UNIX_SOCKET_PATH_MAX (sizeof((struct sockaddr_un){.sun_family = 0}.sun_path) - 1)

/*
 * A stream to who listens at path: a descriptor, or -errno; EAGAIN when too many wait there already,
 * ENAMETOOLONG.
 */
int unix_socket_connect(const char *path);

int unix_socket_accept(int listener);
ssize_t unix_socket_read(int fd, const struct iovec *iov, int n);
ssize_t unix_socket_write(int fd, const struct iovec *iov, int n);

/* What read would give, which stays there. */
ssize_t unix_socket_peek(int fd, void *buf, size_t size);

/* A socket that listens, and its file. */
struct unix_listener {
	int fd;			/* -1 when not open */
	const char *path;	/* not owned */
	dev_t dev;		/* of the file, which is removed only if it is still this one */
	ino_t ino;
};

/*
 * Listens at path. A socket's file there is replaced if nobody listens at it; anything else is
 * refused. HUSK_E_HOST, and l is not open.
 */
int unix_listener_open(struct unix_listener *l, const char *path, struct husk_error *e);

/* Closes, and removes the file. Accepts the same object twice. */
void unix_listener_close(struct unix_listener *l);

#endif
