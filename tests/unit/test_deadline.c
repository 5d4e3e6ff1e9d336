/* SPDX-License-Identifier: ISC */
/* test_deadline.c: what is to be done after a time is done once, or not at all. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "../../monitor/clock.h"
#include "../../monitor/deadline.h"
#include "expect.h"

static int fails;	/* what pthread_create says */

int __real_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *ctx);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *ctx);

int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *ctx)
{
	return fails != 0 ? fails : __real_pthread_create(t, a, f, ctx);
}

static void act(void *ctx)
{
	__atomic_fetch_add((int *)ctx, 1, __ATOMIC_RELAXED);
}

static void it_is_done_when_the_time_is_over(void **state)
{
	const uint64_t start = clock_now_ns();
	struct husk_error e;
	struct deadline d;
	int done = 0;

	(void)state;
	assert_int_equal(deadline_start(&d, 5 * CLOCK_NS_PER_MS, act, &done, &e), 0);
	while (__atomic_load_n(&done, __ATOMIC_RELAXED) == 0)
		usleep(500);
	assert_true(clock_now_ns() - start >= 5 * CLOCK_NS_PER_MS);
	assert_true(deadline_end(&d));
	assert_int_equal(done, 1);
}

static void a_time_of_nothing_is_over_at_once(void **state)
{
	struct husk_error e;
	struct deadline d;
	int done = 0;

	(void)state;
	assert_int_equal(deadline_start(&d, 0, act, &done, &e), 0);
	while (__atomic_load_n(&done, __ATOMIC_RELAXED) == 0)
		usleep(500);
	assert_true(deadline_end(&d));
}

static void it_is_not_done_behind_the_end(void **state)
{
	static const uint64_t times[] = {UINT64_MAX, (uint64_t)INT64_MAX, 3600 * CLOCK_NS_PER_S};
	struct husk_error e;
	struct deadline d;
	int done = 0;

	(void)state;
	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
		assert_int_equal(deadline_start(&d, times[i], act, &done, &e), 0);
		assert_false(deadline_end(&d));
	}
	assert_int_equal(done, 0);
}

static void what_repeats_does_so_until_the_end(void **state)
{
	const uint64_t start = clock_now_ns();
	struct husk_error e;
	struct deadline d;
	int done = 0, then;

	(void)state;
	assert_int_equal(deadline_repeat(&d, start + CLOCK_NS_PER_MS, CLOCK_NS_PER_MS, act, &done, &e), 0);
	while (__atomic_load_n(&done, __ATOMIC_RELAXED) < 5)
		usleep(500);
	assert_true(clock_now_ns() - start >= 5 * CLOCK_NS_PER_MS);
	assert_true(deadline_end(&d));
	then = done;
	usleep(3000);
	assert_int_equal(done, then);
}

static void without_a_thread_it_fails(void **state)
{
	struct husk_error e = {0};
	struct deadline d;
	int done = 0;

	(void)state;
	fails = EAGAIN;
	assert_int_equal(deadline_start(&d, 0, act, &done, &e), -1);
	fails = 0;
	assert_int_equal(e.kind, HUSK_E_HOST);
	assert_int_equal(e.sys, EAGAIN);
	assert_int_equal(done, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_done_when_the_time_is_over),
		cmocka_unit_test(a_time_of_nothing_is_over_at_once),
		cmocka_unit_test(it_is_not_done_behind_the_end),
		cmocka_unit_test(what_repeats_does_so_until_the_end),
		cmocka_unit_test(without_a_thread_it_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
