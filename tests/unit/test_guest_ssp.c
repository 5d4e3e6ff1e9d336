/* SPDX-License-Identifier: ISC */
/* test_guest_ssp.c: the guard of guests' stack protector: what it is made of, and never is. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#define __stack_chk_guard guest_stack_chk_guard
#define __stack_chk_fail guest_stack_chk_fail
#include "../../bindings/ssp.c"

static unsigned failures;

/* The end of the guest, which is the end of its test. */
_Noreturn void machine_halt(int status, const void *cookie)
{
	(void)cookie;
	assert_int_equal(status, SOLO5_EXIT_ABORT);
	failures++;
	mock_assert(0, "machine_halt", __FILE__, __LINE__);
	for (;;)
		;
}

void log_printf(enum log_level level, const char *fmt, ...)
{
	assert_int_equal(level, LOG_ERROR);
	assert_non_null(fmt);
}

static uint64_t guard_of(uint64_t ticks, uint64_t random)
{
	ssp_init(ticks, random);
	return __stack_chk_guard;
}

static void both_sources_count(void **state)
{
	(void)state;
	assert_true(guard_of(1, 0) != guard_of(2, 0));
	assert_true(guard_of(1, 0x100000000) != guard_of(1, 0x200000000));
	assert_true(guard_of(7, 7) != guard_of(8, 7));
	assert_true(guard_of(1, UINT64_MAX) != guard_of(2, UINT64_MAX));
}

/* Without a random number, the counter's low bits still reach every byte but the zero one. */
static void a_counter_alone_is_spread(void **state)
{
	uint64_t changed = 0;

	(void)state;
	for (uint64_t ticks = 1; ticks < 1000; ticks++)
		changed |= guard_of(ticks, 0) ^ guard_of(ticks + 1, 0);
	assert_true(changed == 0xffffffffffff00ff);
}

static void a_zero_byte_stops_strings(void **state)
{
	(void)state;
	for (uint64_t k = 0; k < 1000; k++)
		assert_true((guard_of(k, k * 0x9e3779b97f4a7c15u) & 0xff00) == 0);
	assert_true((guard_of(0, UINT64_MAX) & 0xff00) == 0);
}

static void an_overrun_frame_ends_the_guest(void **state)
{
	(void)state;
	expect_assert_failure(__stack_chk_fail());
	assert_int_equal(failures, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_sources_count),
		cmocka_unit_test(a_counter_alone_is_spread),
		cmocka_unit_test(a_zero_byte_stops_strings),
		cmocka_unit_test(an_overrun_frame_ends_the_guest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
