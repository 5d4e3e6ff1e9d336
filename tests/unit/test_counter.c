/* SPDX-License-Identifier: ISC */
/* test_counter.c: who looks at a count while a thread adds to it sees it grow, and nothing else (thread sanitizer). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>

#include "../../monitor/counter.h"

#define TIMES 200000u

static void *count(void *counter)
{
	for (unsigned i = 0; i < TIMES; i++)
		counter_add(counter, 3);
	return NULL;
}

static void counts_are_seen_to_grow(void **state)
{
	uint64_t counter = 1, last = 0, now;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, count, &counter), 0);
	do {
		now = counter_get(&counter);
		assert_true(now >= last && now % 3 == 1);
		last = now;
	} while (now < TIMES);
	pthread_join(thread, NULL);
	assert_int_equal(counter_get(&counter), 3 * (uint64_t)TIMES + 1);
	counter_set(&counter, 0);
	assert_int_equal(counter_get(&counter), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(counts_are_seen_to_grow)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
