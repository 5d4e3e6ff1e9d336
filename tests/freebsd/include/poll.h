/* SPDX-License-Identifier: ISC */
/* poll.h: what husk and its tests use of FreeBSD's <poll.h>. */
#ifndef HUSK_FREEBSD_POLL_H
#define HUSK_FREEBSD_POLL_H

#include <sys/types.h>

#include <sys/_sigset.h>
#include <sys/_timespec.h>

#define POLLIN 0x0001
#define POLLOUT 0x0004
#define POLLERR 0x0008
#define POLLHUP 0x0010
#define POLLNVAL 0x0020
#define POLLRDHUP 0x4000

typedef unsigned nfds_t;

struct pollfd {
	int fd;
	short events, revents;
};

int poll(struct pollfd *fds, nfds_t n, int milliseconds);
int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask);

#endif
