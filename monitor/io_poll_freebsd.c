/* SPDX-License-Identifier: ISC */
/* io_poll_freebsd.c: a kqueue that tells of changes, and poll for what the state is then. */
#include "io_poll.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/types.h>
#include <sys/event.h>
#include <sys/time.h>
#include <unistd.h>

#include "clock.h"
#include "io_thread.h"

/* kqueuex(2), which can do both at once, is newer than 13 and 14. */
int io_poll_open(void)
{
	const int fd = kqueue();

	if (fd == -1)
		return -errno;
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	return fd;
}

/*
 * Two filters, EV_CLEAR: each tells of a change once. Some files have but one of them. EV_RECEIPT:
 * the errors, 0 among them, come back at once and nothing else does.
 */
int io_poll_add(int poll_fd, int fd, uint64_t key)
{
	void *const udata = (void *)(uintptr_t)key;
	const unsigned short flags = EV_ADD | EV_CLEAR | EV_RECEIPT;
	struct kevent changes[2], results[2];

	EV_SET(&changes[0], (uintptr_t)fd, EVFILT_READ, flags, 0, 0, udata);
	EV_SET(&changes[1], (uintptr_t)fd, EVFILT_WRITE, flags, 0, 0, udata);
	if (kevent(poll_fd, changes, 2, results, 2, NULL) == -1)
		return -errno;
	return results[0].data == 0 || results[1].data == 0 ? 0 : -(int)results[0].data;
}

int io_poll_writable(int poll_fd, int fd, uint64_t key, bool wanted)
{
	(void)poll_fd, (void)fd, (void)key, (void)wanted;
	return 0;
}

/* poll(2): POLLHUP when both ways are closed, POLLRDHUP when the peer sends no more. */
static unsigned meaning(short revents)
{
	return ((revents & (POLLIN | POLLRDHUP | POLLHUP | POLLERR)) != 0 ? IO_READABLE : 0) |
	       ((revents & (POLLOUT | POLLERR)) != 0 ? IO_WRITABLE : 0) |
	       ((revents & (POLLHUP | POLLERR)) != 0 ? IO_HUNG_UP : 0) |
	       ((revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0 ? IO_ENDS : 0);
}

/* One event for each descriptor, however many filters tell of it; returns how many those are. */
static nfds_t merge(const struct kevent *got, int n, struct io_poll_event *events,
		    struct pollfd *fds)
{
	nfds_t kept = 0;

	for (int i = 0; i < n; i++) {
		const uint64_t key = (uintptr_t)got[i].udata;
		nfds_t at = 0;

		while (at < kept && (events[at].key != key || fds[at].fd != (int)got[i].ident))
			at++;
		if (at < kept)
			continue;
		events[kept] = (struct io_poll_event){.key = key};
		fds[kept++] = (struct pollfd){
			.fd = (int)got[i].ident, .events = POLLIN | POLLOUT | POLLRDHUP,
		};
	}
	return kept;
}

int io_poll_wait(int poll_fd, struct io_poll_event events[IO_POLL_BATCH], uint64_t timeout_ns)
{
	const struct timespec timeout = {
		.tv_sec = (time_t)(timeout_ns / CLOCK_NS_PER_S),
		.tv_nsec = (long)(timeout_ns % CLOCK_NS_PER_S),
	};
	struct kevent got[IO_POLL_BATCH];
	struct pollfd fds[IO_POLL_BATCH];
	const int n = kevent(poll_fd, NULL, 0, got, IO_POLL_BATCH,
			     timeout_ns == CLOCK_NEVER ? NULL : &timeout);
	nfds_t kept;

	if (n <= 0)
		return n == 0 || errno == EINTR ? 0 : -errno;
	kept = merge(got, n, events, fds);
	if (poll(fds, kept, 0) == -1)
		return -errno;
	for (nfds_t i = 0; i < kept; i++)
		events[i].events = meaning(fds[i].revents);
	return (int)kept;
}
