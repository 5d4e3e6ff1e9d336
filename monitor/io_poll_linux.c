/* SPDX-License-Identifier: ISC */
/* io_poll_linux.c: epoll, edge-triggered. */
#include "io_poll.h"

#include <errno.h>
#include <limits.h>
#include <sys/epoll.h>

#include "clock.h"
#include "io_thread.h"

#define SHORT_NS (10 * CLOCK_NS_PER_MS)

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

/*
 * In nanoseconds where the wait is too short for milliseconds and the kernel has that (Linux 5.11);
 * a system call filter of the starter's may not know it either.
 */
static int wait_for(int poll_fd, struct epoll_event got[IO_POLL_BATCH], uint64_t timeout_ns)
{
	const struct timespec ts = {0, (long)(timeout_ns % CLOCK_NS_PER_S)};
	int n = -1;

	if (timeout_ns > 0 && timeout_ns < SHORT_NS)
		n = epoll_pwait2(poll_fd, got, IO_POLL_BATCH, &ts, NULL);
	if (n == -1 && (timeout_ns == 0 || timeout_ns >= SHORT_NS || errno != EINTR))
		n = epoll_wait(poll_fd, got, IO_POLL_BATCH, milliseconds(timeout_ns));
	return n;
}

int io_poll_wait(int poll_fd, struct io_poll_event events[IO_POLL_BATCH], uint64_t timeout_ns)
{
	struct epoll_event got[IO_POLL_BATCH];
	const int n = wait_for(poll_fd, got, timeout_ns);

	if (n == -1)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < n; i++)
		events[i] = (struct io_poll_event){got[i].data.u64, meaning(got[i].events)};
	return n;
}
