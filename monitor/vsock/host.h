/* SPDX-License-Identifier: ISC */
/*
 * host.h: what the sockets of the host have to do for the connections of a guest.
 *
 * A table of functions, so that connections can be tried without sockets. None blocks, none is
 * interrupted. Results are those of the system calls, but an error is returned as -errno.
 * Descriptors belong to the caller.
 */
#ifndef HUSK_VSOCK_HOST_H
#define HUSK_VSOCK_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/* What has become of a descriptor since it was last said. */
enum vsock_event_bits {
	VSOCK_READABLE = 1,	/* bytes, the end, or a connection to accept */
	VSOCK_WRITABLE = 2,
	VSOCK_HUNG_UP = 4,	/* both ways are closed */
	VSOCK_ENDS = 8,		/* what can be read now is the last; with VSOCK_READABLE */
};

struct vsock_host {
	/* A stream to whatever serves this port for the guest. */
	int (*connect)(void *ctx, uint32_t port);
	int (*accept)(void *ctx, int listener);

	ssize_t (*read)(void *ctx, int fd, const struct iovec *iov, int n);
	ssize_t (*write)(void *ctx, int fd, const struct iovec *iov, int n);
	ssize_t (*peek)(void *ctx, int fd, void *buf, size_t size);

	/* how: SHUT_RD or SHUT_WR. */
	void (*shutdown)(void *ctx, int fd, int how);
	void (*close)(void *ctx, int fd);

	/*
	 * From now on each change of fd, and what it is now, is told to vsock_mux_event with key:
	 * once, not for as long as it lasts. close ends that. Keys have 56 bits. 0 or -errno.
	 */
	int (*watch)(void *ctx, int fd, uint64_t key);

	/*
	 * Whether VSOCK_WRITABLE is to be told of fd, as it is at first. Telling all the same is no harm;
	 * not telling it when it is wanted is -errno. NULL: it is always told.
	 */
	int (*watch_writable)(void *ctx, int fd, uint64_t key, bool wanted);
	void *ctx;
};

#endif
