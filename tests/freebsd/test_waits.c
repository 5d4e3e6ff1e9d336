/* SPDX-License-Identifier: ISC */
/* test_waits.c: kqueues that tell of many descriptors and of one; opening outputs again. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/event.h>
#include <unistd.h>

#include "../../monitor/clock.h"
#include "../../monitor/io_poll.h"
#include "../../monitor/io_thread.h"
#include "../../monitor/net/poller.h"
#include "../../monitor/output.h"

#define KQUEUE 1000
#define FD 1001
#define AGAIN 1002
#define TERMINAL 1003

static struct {
	int error;			/* what every call fails with; 0: none */
	int filter_error[2];		/* of reading and writing, where they are added */
	struct kevent changes[2], events[IO_POLL_BATCH];
	int n_changes, n_events, asked;
	const struct timespec *timeout;
	struct timespec time;
	short revents;
	int open_error, tty_error;
	int flags;
	unsigned polls, terminals;
} host;

int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
int __wrap_poll(struct pollfd *fds, nfds_t n, int ms);
int __wrap_open(const char *path, int flags, ...);
int __wrap_openat(int dir, const char *path, int flags, ...);
int __wrap_ttyname_r(int fd, char *name, size_t size);

static int fails(int error)
{
	errno = error;
	return error == 0 ? 0 : -1;
}

int kqueue(void)
{
	return fails(host.error) == -1 ? -1 : KQUEUE;
}

int __wrap_fcntl(int fd, int command, ...)
{
	assert_int_equal(fd, KQUEUE);
	assert_int_equal(command, F_SETFD);
	return 0;
}

/* EV_RECEIPT: kqueue(2). */
static int receipts(struct kevent *events, int n_events)
{
	assert_int_equal(n_events, 2);
	for (int i = 0; i < 2; i++) {
		assert_int_not_equal(host.changes[i].flags & EV_RECEIPT, 0);
		events[i] = host.changes[i];
		events[i].data = host.filter_error[i];
	}
	return 2;
}

int kevent(int kq, const struct kevent *changes, int n_changes, struct kevent *events, int n_events,
	   const struct timespec *timeout)
{
	assert_int_equal(kq, KQUEUE);
	if (fails(host.error) == -1)
		return -1;
	host.n_changes = n_changes;
	host.asked = n_events;
	host.timeout = timeout;
	if (timeout != NULL)
		host.time = *timeout;
	if (n_changes > 0) {
		memcpy(host.changes, changes, (size_t)n_changes * sizeof *changes);
		return n_events == 0 ? 0 : receipts(events, n_events);
	}
	memcpy(events, host.events, (size_t)host.n_events * sizeof *events);
	return host.n_events;
}

int __wrap_poll(struct pollfd *fds, nfds_t n, int ms)
{
	host.polls++;
	assert_int_equal(ms, 0);
	for (nfds_t i = 0; i < n; i++) {
		assert_int_equal(fds[i].events, POLLIN | POLLOUT | POLLRDHUP);
		fds[i].revents = fds[i].fd == FD ? host.revents : POLLOUT;
	}
	return (int)n;
}

int __wrap_open(const char *path, int flags, ...)
{
	assert_string_equal(path, "/dev/pts/3");
	host.flags = flags;
	return TERMINAL;
}

int __wrap_openat(int dir, const char *path, int flags, ...)
{
	assert_int_equal(dir, FD);
	assert_string_equal(path, "");
	host.flags = flags;
	return fails(host.open_error) == -1 ? -1 : AGAIN;
}

int __wrap_ttyname_r(int fd, char *name, size_t size)
{
	assert_int_equal(fd, FD);
	assert_true(size > 16);
	host.terminals++;
	strcpy(name, "/dev/pts/3");
	return host.tty_error;
}

static int set_up(void **state)
{
	(void)state;
	memset(&host, 0, sizeof host);
	return 0;
}

static void both_directions_are_watched_for_changes(void **state)
{
	(void)state;
	assert_int_equal(io_poll_open(), KQUEUE);
	assert_int_equal(io_poll_add(KQUEUE, FD, 0xabcdef0123456), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(host.changes[i].ident, FD);
		assert_int_equal(host.changes[i].filter, i == 0 ? EVFILT_READ : EVFILT_WRITE);
		assert_int_equal(host.changes[i].flags & ~EV_RECEIPT, EV_ADD | EV_CLEAR);
		assert_int_equal((uintptr_t)host.changes[i].udata, 0xabcdef0123456);
	}
}

static void what_can_only_be_read_is_watched_too(void **state)
{
	(void)state;
	host.filter_error[1] = EINVAL;
	assert_int_equal(io_poll_add(KQUEUE, FD, 1), 0);
	host.filter_error[0] = EBADF;
	assert_int_equal(io_poll_add(KQUEUE, FD, 1), -EBADF);
}

static void put_event(int i, int fd, short filter, uint64_t key)
{
	host.events[i] = (struct kevent){
		.ident = (uintptr_t)fd, .filter = filter, .udata = (void *)(uintptr_t)key,
	};
	host.n_events = i + 1;
}

/* The filters of one descriptor are one event, with what poll says. */
static void an_event_tells_the_state(void **state)
{
	static const struct { short revents; unsigned events; } states[] = {
		{POLLIN, IO_READABLE}, {POLLOUT, IO_WRITABLE}, {POLLRDHUP, IO_READABLE | IO_ENDS},
		{POLLIN | POLLOUT, IO_READABLE | IO_WRITABLE}, {POLLHUP, IO_READABLE | IO_HUNG_UP | IO_ENDS},
		{POLLERR, IO_READABLE | IO_WRITABLE | IO_HUNG_UP | IO_ENDS}, {0, 0},
	};
	struct io_poll_event events[IO_POLL_BATCH];

	(void)state;
	put_event(0, FD, EVFILT_WRITE, 7);
	put_event(1, FD + 1, EVFILT_WRITE, 8);
	put_event(2, FD, EVFILT_READ, 7);
	for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
		host.revents = states[i].revents;
		assert_int_equal(io_poll_wait(KQUEUE, events, CLOCK_NEVER), 2);
		assert_null(host.timeout);
		assert_int_equal(host.asked, IO_POLL_BATCH);
		assert_int_equal(events[0].key, 7);
		assert_int_equal(events[0].events, states[i].events);
		assert_int_equal(events[1].key, 8);
		assert_int_equal(events[1].events, IO_WRITABLE);
	}
}

static void waits_are_as_long_as_asked(void **state)
{
	struct io_poll_event events[IO_POLL_BATCH];

	(void)state;
	assert_int_equal(io_poll_wait(KQUEUE, events, 0), 0);
	assert_int_equal(host.time.tv_sec + host.time.tv_nsec, 0);
	assert_int_equal(io_poll_wait(KQUEUE, events, 2000000001), 0);
	assert_int_equal(host.time.tv_sec, 2);
	assert_int_equal(host.time.tv_nsec, 1);
	assert_int_equal(host.polls, 0);
}

static void failures_are_the_hosts(void **state)
{
	struct io_poll_event events[IO_POLL_BATCH];

	(void)state;
	host.error = EMFILE;
	assert_int_equal(io_poll_open(), -EMFILE);
	assert_int_equal(poller_open(), -1);
	assert_int_equal(io_poll_add(KQUEUE, FD, 1), -EMFILE);
	assert_int_equal(poller_watch(KQUEUE, FD, true), -1);
	assert_int_equal(io_poll_wait(KQUEUE, events, 0), -EMFILE);
	host.error = EINTR;
	assert_int_equal(io_poll_wait(KQUEUE, events, 0), 0);
}

static void a_poller_watches_both_directions_of_one(void **state)
{
	(void)state;
	assert_int_equal(poller_open(), KQUEUE);
	for (int watch = 1; watch >= 0; watch--) {
		assert_int_equal(poller_watch(KQUEUE, FD, watch != 0), 0);
		assert_int_equal(host.n_changes, 2);
		assert_int_equal(host.changes[0].flags, watch != 0 ? EV_ADD : EV_DELETE);
		assert_int_equal(host.changes[0].filter + host.changes[1].filter,
				 EVFILT_READ + EVFILT_WRITE);
	}
}

/* Both filters are asked for, as one that is left would keep the kqueue readable. */
static void a_poller_is_refreshed_by_asking(void **state)
{
	(void)state;
	poller_refresh(KQUEUE);
	assert_int_equal(host.n_changes, 0);
	assert_int_equal(host.asked, 2);
	assert_non_null(host.timeout);
	assert_int_equal(host.time.tv_sec + host.time.tv_nsec, 0);
}

static void an_output_is_opened_again_by_its_descriptor(void **state)
{
	(void)state;
	assert_int_equal(output_open_again(FD), AGAIN);
	assert_int_equal(host.flags, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | O_EMPTY_PATH);
	host.open_error = ENXIO;
	assert_int_equal(output_open_again(FD), -1);
	assert_int_equal(errno, ENXIO);
	assert_int_equal(host.terminals, 0);
}

/* FreeBSD 13.0 does not know the flag. */
static void a_terminal_is_opened_by_its_name_then(void **state)
{
	(void)state;
	host.open_error = ENOENT;
	assert_int_equal(output_open_again(FD), TERMINAL);
	assert_int_equal(host.flags, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	host.tty_error = ENOTTY;
	assert_int_equal(output_open_again(FD), -1);
	assert_int_equal(errno, ENOTTY);
}

static void there_is_no_write_that_never_waits(void **state)
{
	(void)state;
	assert_int_equal(output_write_nowait(FD, "x", 1), -1);
	assert_int_equal(errno, EOPNOTSUPP);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(both_directions_are_watched_for_changes),
		TEST(what_can_only_be_read_is_watched_too),
		TEST(an_event_tells_the_state),
		TEST(waits_are_as_long_as_asked),
		TEST(failures_are_the_hosts),
		TEST(a_poller_watches_both_directions_of_one),
		TEST(a_poller_is_refreshed_by_asking),
		TEST(an_output_is_opened_again_by_its_descriptor),
		TEST(a_terminal_is_opened_by_its_name_then),
		TEST(there_is_no_write_that_never_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
