/* SPDX-License-Identifier: ISC */
/* test_netns_linux.c: a call in another network namespace, in a thread that is gone afterwards. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include "../../../monitor/net/netns.h"

static struct {
	int error;		/* of entering; 0: none */
	int ns;			/* that was entered */
	int calls;
	pthread_t caller;
	bool own_thread, term_blocked;
} host;

int __wrap_setns(int fd, int type);

int __wrap_setns(int fd, int type)
{
	assert_int_equal(type, CLONE_NEWNET);
	host.ns = fd;
	errno = host.error;
	return host.error != 0 ? -1 : 0;
}

static bool is_blocked(int signal)
{
	sigset_t mask;

	assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &mask), 0);
	return sigismember(&mask, signal) == 1;
}

static void errand(void *ctx)
{
	assert_ptr_equal(ctx, &host);
	host.calls++;
	host.own_thread = !pthread_equal(pthread_self(), host.caller);
	host.term_blocked = is_blocked(SIGTERM);
}

static bool call(int error)
{
	host.error = error;
	host.ns = host.calls = 0;
	host.caller = pthread_self();
	return netns_call(77, errand, &host);
}

static void it_calls_in_a_thread_that_has_entered(void **state)
{
	(void)state;
	assert_true(call(0));
	assert_int_equal(host.ns, 77);
	assert_int_equal(host.calls, 1);
	assert_true(host.own_thread);
	assert_true(host.term_blocked);
	assert_false(is_blocked(SIGTERM));
}

static void who_may_not_enter_is_not_called(void **state)
{
	(void)state;
	assert_false(call(EPERM));
	assert_int_equal(host.ns, 77);
	assert_int_equal(host.calls, 0);
	assert_false(is_blocked(SIGTERM));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_calls_in_a_thread_that_has_entered),
		cmocka_unit_test(who_may_not_enter_is_not_called),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
