/* SPDX-License-Identifier: ISC */
/* test_timer_kvm.c: the timer signals whichever thread runs the guest, and no other. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../../../monitor/clock.h"
#include "../../../monitor/profile/timer.h"
#include "expect.h"

#define PERIOD 1000000u
#define SOON_NS 50000000	/* in which there is a tick, or there is none */

static long refused;		/* the system call that fails; 0: none */

long __real_syscall(long nr, ...);
long __wrap_syscall(long nr, ...);

long __wrap_syscall(long nr, ...)
{
	long args[5];
	va_list ap;

	if (nr == refused) {
		errno = EAGAIN;
		return -1;
	}
	va_start(ap, nr);
	for (unsigned i = 0; i < 5; i++)
		args[i] = nr == SYS_gettid ? 0 : va_arg(ap, long);
	va_end(ap);
	return __real_syscall(nr, args[0], args[1], args[2], args[3], args[4]);
}

static bool is_blocked(void)
{
	sigset_t now;

	pthread_sigmask(SIG_BLOCK, NULL, &now);
	return sigismember(&now, SIGURG) == 1;
}

/* Whether this thread, in which the signal is blocked, gets one. */
static bool ticks(time_t seconds)
{
	const struct timespec most = {seconds, seconds > 0 ? 0 : SOON_NS};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGURG);
	return sigtimedwait(&set, NULL, &most) == SIGURG;
}

static void start(struct profile_timer *t)
{
	struct husk_error e;

	assert_int_equal(profile_timer_start(t, NULL, clock_now_ns(), PERIOD, &e), 0);
}

static void the_thread_that_starts_it_is_signalled(void **state)
{
	struct profile_timer t;
	struct husk_error e;

	(void)state;
	start(&t);
	assert_true(is_blocked());
	assert_int_equal(profile_timer_follow(&t, &e), 0);
	assert_true(ticks(10) && ticks(10));
	profile_timer_rest(&t);
	assert_true(ticks(10));
	profile_timer_stop(&t);
	profile_timer_stop(&t);
	assert_false(is_blocked());
	assert_int_equal(profile_timer_follow(&t, &e), 0);
	assert_false(t.running);
}

/* As a run does it: the signal is blocked meanwhile. */
static void *run_elsewhere(void *ctx)
{
	struct profile_timer *t = ctx;
	struct husk_error e;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGURG);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (profile_timer_follow(t, &e) == -1 || !ticks(10) || !ticks(10))
		return NULL;
	profile_timer_rest(t);
	(void)ticks(0);
	return ticks(0) ? NULL : ctx;
}

static void the_thread_that_runs_the_guest_is_signalled(void **state)
{
	struct profile_timer t;
	struct husk_error e;
	pthread_t other;
	void *went_well;

	(void)state;
	start(&t);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(pthread_create(&other, NULL, run_elsewhere, &t), 0);
		assert_int_equal(pthread_join(other, &went_well), 0);
		assert_non_null(went_well);
		(void)ticks(0);
		assert_false(ticks(0));
	}
	assert_int_equal(profile_timer_follow(&t, &e), 0);
	assert_true(ticks(10));
	profile_timer_stop(&t);
	assert_false(is_blocked());
}

static void what_the_kernel_refuses_leaves_nothing(void **state)
{
	static const long calls[] = {SYS_timer_create, SYS_timer_settime};
	struct profile_timer t;
	struct husk_error e;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		refused = calls[i];
		assert_int_equal(profile_timer_start(&t, NULL, clock_now_ns(), PERIOD, &e), -1);
		assert_error(&e, HUSK_E_HOST, "--profile: timer_");
		assert_false(t.running);
		assert_false(is_blocked());
		refused = 0;
		start(&t);
		t.thread++;
		refused = calls[i];
		assert_int_equal(profile_timer_follow(&t, &e), -1);
		assert_false(t.running);
		profile_timer_stop(&t);
		refused = 0;
	}
}

static void only_a_machine_that_moves_needs_calls(void **state)
{
	struct sandbox s;

	(void)state;
	sandbox_init(&s);
	profile_timer_confine(&s);
	assert_int_equal(s.values[SANDBOX_TIMER_CLOCK], UINT32_MAX);
	s.moves = true;
	profile_timer_confine(&s);
	assert_int_equal(s.values[SANDBOX_TIMER_CLOCK], CLOCK_MONOTONIC);
	assert_int_equal(s.values[SANDBOX_TIMER_FLAGS], TIMER_ABSTIME);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_thread_that_starts_it_is_signalled),
		cmocka_unit_test(the_thread_that_runs_the_guest_is_signalled),
		cmocka_unit_test(what_the_kernel_refuses_leaves_nothing),
		cmocka_unit_test(only_a_machine_that_moves_needs_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
