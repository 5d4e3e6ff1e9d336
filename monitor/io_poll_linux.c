/* SPDX-License-Identifier: ISC */
/* io_poll_linux.c: epoll, edge-triggered. */
#include "io_poll.h"

#include <errno.h>
#include <limits.h>
#include <sys/epoll.h>

#include "clock.h"
#include "io_thread.h"

int io_poll_open(void)
{
	const int fd = epoll_create1(EPOLL_CLOEXEC);

	return fd == -1 ? -errno : fd;
}

static int control(int poll_fd, int what, int fd, uint64_t key, uint32_t out)
{
	struct epoll_event ev = {
		.events = EPOLLIN | EPOLLRDHUP | EPOLLET | out, .data.u64 = key,
	};

	return epoll_ctl(poll_fd, what, fd, &ev) == -1 ? -errno : 0;
}

int io_poll_add(int poll_fd, int fd, uint64_t key)
{
	return control(poll_fd, EPOLL_CTL_ADD, fd, key, EPOLLOUT);
}

int io_poll_writable(int poll_fd, int fd, uint64_t key, bool wanted)
{
	return control(poll_fd, EPOLL_CTL_MOD, fd, key, wanted ? EPOLLOUT : 0);
}

/* Rounded up, and limited to INT_MAX. */
static int milliseconds(uint64_t ns)
{
	if (ns == CLOCK_NEVER)
		return -1;
	if (ns / CLOCK_NS_PER_MS >= INT_MAX)
		return INT_MAX;
	return (int)((ns + CLOCK_NS_PER_MS - 1) / CLOCK_NS_PER_MS);
}

static unsigned meaning(uint32_t events)
{
	return ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0 ? IO_READABLE : 0) |
	       ((events & (EPOLLOUT | EPOLLERR)) != 0 ? IO_WRITABLE : 0) |
	       ((events & (EPOLLHUP | EPOLLERR)) != 0 ? IO_HUNG_UP : 0);
}

int io_poll_wait(int poll_fd, struct io_poll_event events[IO_POLL_BATCH], uint64_t timeout_ns)
{
	struct epoll_event got[IO_POLL_BATCH];
	const int n = epoll_wait(poll_fd, got, IO_POLL_BATCH, milliseconds(timeout_ns));

	if (n == -1)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < n; i++)
		events[i] = (struct io_poll_event){got[i].data.u64, meaning(got[i].events)};
	return n;
}
