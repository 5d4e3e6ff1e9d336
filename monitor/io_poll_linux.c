/* SPDX-License-Identifier: ISC */
/* io_poll_linux.c: epoll, edge-triggered. */
#include "io_poll.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/epoll.h>

#include "clock.h"
#include "io_thread.h"

#define SHORT_NS (10 * CLOCK_NS_PER_MS)	/* too short for a wait in milliseconds; below 1 s */

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
	       ((events & (EPOLLHUP | EPOLLERR)) != 0 ? IO_HUNG_UP : 0) |
	       ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0 ? IO_ENDS : 0);
}

/*
 * To the nanosecond. A kernel before 5.11 has no epoll_pwait2, and a system call filter of the starter's may
 * not know it; poll(2) of the descriptor itself waits just as well, and takes no event.
 */
static int wait_short(int poll_fd, struct epoll_event got[IO_POLL_BATCH], uint64_t timeout_ns)
{
	const struct timespec ts = {.tv_nsec = (long)timeout_ns};
	struct pollfd p = {.fd = poll_fd, .events = POLLIN};
	const int n = epoll_pwait2(poll_fd, got, IO_POLL_BATCH, &ts, NULL);

	if (n != -1 || errno == EINTR)
		return n;
	return ppoll(&p, 1, &ts, NULL) == -1 ? -1 : epoll_wait(poll_fd, got, IO_POLL_BATCH, 0);
}

int io_poll_wait(int poll_fd, struct io_poll_event events[IO_POLL_BATCH], uint64_t timeout_ns)
{
	struct epoll_event got[IO_POLL_BATCH];
	const int n = timeout_ns > 0 && timeout_ns < SHORT_NS ? wait_short(poll_fd, got, timeout_ns) :
		epoll_wait(poll_fd, got, IO_POLL_BATCH, milliseconds(timeout_ns));

	if (n == -1)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < n; i++)
		events[i] = (struct io_poll_event){got[i].data.u64, meaning(got[i].events)};
	return n;
}
