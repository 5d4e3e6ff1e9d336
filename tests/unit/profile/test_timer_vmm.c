/* SPDX-License-Identifier: ISC */
/* test_timer_vmm.c: a thread kicks the vcpu at each tick, until it is stopped. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "../../../monitor/clock.h"
#include "../../../monitor/profile/timer.h"
#include "expect.h"

#define PERIOD 1000000u

static int kicks;
static int refused;	/* what pthread_create says */

int __real_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *ctx);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *ctx);

int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *ctx)
{
	return refused != 0 ? refused : __real_pthread_create(t, a, f, ctx);
}

static void kick(struct hv *hv)
{
	(void)hv;
	__atomic_fetch_add(&kicks, 1, __ATOMIC_RELAXED);
}

static const struct hv_ops ops = {.kick = kick};
static const struct core core = {.ops = &ops};

static void each_tick_is_a_kick(void **state)
{
	const uint64_t start = clock_now_ns();
	struct profile_timer t;
	struct husk_error e;
	int then;

	(void)state;
	assert_int_equal(profile_timer_start(&t, &core, start, PERIOD, &e), 0);
	assert_int_equal(profile_timer_follow(&t, &e), 0);
	while (__atomic_load_n(&kicks, __ATOMIC_RELAXED) < 5)
		usleep(500);
	assert_true(clock_now_ns() - start >= 5 * PERIOD);
	profile_timer_rest(&t);
	profile_timer_stop(&t);
	profile_timer_stop(&t);
	then = kicks;
	usleep(3000);
	assert_int_equal(kicks, then);
}

static void without_a_thread_there_is_none(void **state)
{
	struct profile_timer t;
	struct husk_error e;

	(void)state;
	refused = EAGAIN;
	assert_int_equal(profile_timer_start(&t, &core, clock_now_ns(), PERIOD, &e), -1);
	assert_error(&e, HUSK_E_HOST, "--profile: deadline");
	profile_timer_stop(&t);
	refused = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_tick_is_a_kick),
		cmocka_unit_test(without_a_thread_there_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
