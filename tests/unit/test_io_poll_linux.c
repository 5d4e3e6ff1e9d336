/* SPDX-License-Identifier: ISC */
/* test_io_poll_linux.c: how long waits are, with and without epoll_pwait2. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "clock.h"
#include "io_poll.h"
#include "io_thread.h"

#define KEY 77u

static int pwait2_error, ppoll_error;	/* errno, if not 0 */
static bool pwait2_is_there;		/* in the kernel, or in what emulates it */
static unsigned pwait2_calls, ppoll_calls, epoll_calls;
static struct timespec waited;		/* what was asked for last */
static int waited_ms;

int __real_epoll_pwait2(int fd, struct epoll_event *events, int n, const struct timespec *timeout,
			const sigset_t *mask);
int __wrap_epoll_pwait2(int fd, struct epoll_event *events, int n, const struct timespec *timeout,
			const sigset_t *mask);
int __real_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask);
int __wrap_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask);
int __real_epoll_wait(int fd, struct epoll_event *events, int n, int timeout);
int __wrap_epoll_wait(int fd, struct epoll_event *events, int n, int timeout);

int __wrap_epoll_pwait2(int fd, struct epoll_event *events, int n, const struct timespec *timeout,
			const sigset_t *mask)
{
	int got;

	pwait2_calls++;
	waited = *timeout;
	errno = pwait2_error;
	if (pwait2_error != 0)
		return -1;
	got = __real_epoll_pwait2(fd, events, n, timeout, mask);
	pwait2_is_there = got != -1 || errno != ENOSYS;
	return got;
}

int __wrap_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
	ppoll_calls++;
	waited = *timeout;
	errno = ppoll_error;
	return ppoll_error != 0 ? -1 : __real_ppoll(fds, n, timeout, mask);
}

int __wrap_epoll_wait(int fd, struct epoll_event *events, int n, int timeout)
{
	epoll_calls++;
	waited_ms = timeout;
	return __real_epoll_wait(fd, events, n, timeout);
}

static int poll_fd, bell;

static int set_up(void **state)
{
	(void)state;
	pwait2_error = ppoll_error = 0;
	pwait2_calls = ppoll_calls = epoll_calls = 0;
	poll_fd = io_poll_open();
	bell = eventfd(0, EFD_CLOEXEC);
	return poll_fd >= 0 && bell >= 0 ? io_poll_add(poll_fd, bell, KEY) : -1;
}

static int tear_down(void **state)
{
	(void)state;
	close(bell);
	return close(poll_fd);
}

static int wait_ns(uint64_t ns, unsigned *events)
{
	struct io_poll_event got[IO_POLL_BATCH];
	const int n = io_poll_wait(poll_fd, got, ns);

	if (n > 0) {
		assert_int_equal(got[0].key, KEY);
		*events = got[0].events;
	}
	return n;
}

/* The bell has been writable from the start, which is the first event. */
static void rings_once(uint64_t ns)
{
	unsigned events = 0;

	assert_int_equal(wait_ns(0, &events), 1);
	assert_int_equal(events, IO_WRITABLE);
	assert_int_equal(wait_ns(ns, &events), 0);
	assert_int_equal(eventfd_write(bell, 1), 0);
	assert_int_equal(wait_ns(ns, &events), 1);
	assert_int_equal(events, IO_READABLE | IO_WRITABLE);
	assert_int_equal(wait_ns(ns, &events), 0);
}

static void a_short_wait_is_not_rounded(void **state)
{
	(void)state;
	rings_once(100000);
	assert_true(waited.tv_sec == 0 && waited.tv_nsec == 100000);
	assert_int_equal(pwait2_calls, 3);
	assert_int_equal(ppoll_calls, pwait2_is_there ? 0 : 3);
	assert_int_equal(epoll_calls, 1 + ppoll_calls);
}

/* Before Linux 5.11, or under a starter's filter that does not know it. */
static void nor_is_it_without_epoll_pwait2(void **state)
{
	static const int errors[] = {ENOSYS, EPERM};

	for (unsigned i = 0; i < 2; i++) {
		pwait2_error = errors[i];
		rings_once(100000);
		assert_true(waited.tv_sec == 0 && waited.tv_nsec == 100000);
		assert_int_equal(ppoll_calls, 3);
		assert_int_equal(waited_ms, 0);
		assert_int_equal(tear_down(state) + set_up(state), 0);
	}
}

static void a_long_wait_is_one_of_milliseconds(void **state)
{
	unsigned events;

	(void)state;
	assert_int_equal(wait_ns(CLOCK_NEVER, &events), 1);
	assert_int_equal(waited_ms, -1);
	assert_int_equal(wait_ns(10 * CLOCK_NS_PER_MS + 1, &events), 0);
	assert_int_equal(waited_ms, 11);
	assert_int_equal(pwait2_calls, 0);
}

static void a_signal_ends_a_wait(void **state)
{
	unsigned events;

	(void)state;
	(void)wait_ns(0, &events);
	pwait2_error = EINTR;
	assert_int_equal(wait_ns(1000, &events), 0);
	assert_int_equal(ppoll_calls, 0);
	pwait2_error = ENOSYS;
	ppoll_error = EINTR;
	assert_int_equal(wait_ns(1000, &events), 0);
	ppoll_error = ENOMEM;
	assert_int_equal(wait_ns(1000, &events), -ENOMEM);
	assert_int_equal(epoll_calls, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_short_wait_is_not_rounded),
		TEST(nor_is_it_without_epoll_pwait2),
		TEST(a_long_wait_is_one_of_milliseconds),
		TEST(a_signal_ends_a_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
