/* SPDX-License-Identifier: ISC */
/* test_clock.c: the guest's clock at any value of its counter, by the bindings' own code. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../bindings/bindings.h"
#include "../../bindings/cpu.h"

/* The part under test needs no more of the bindings than what follows. */
#include "../../bindings/clock.c"

#define S NSEC_PER_SEC
#define CENTURY (100ull * 86400 * 366)

const struct yield_queues *yield_frames;

static uint64_t ticks;
static uint32_t granted;

uint32_t solo5x_features(void)
{
	return granted;
}

uint64_t cpu_ticks(void)
{
	return ticks;
}

void cpu_hypercall(enum hvt_hypercall nr, void *arg)
{
	if (granted != 0) {
		assert_int_equal(nr, HUSK_HYPERCALL_CLOCK);
		((struct husk_clock_read *)arg)->nsecs = 43;
		return;
	}
	assert_int_equal(nr, HVT_HYPERCALL_WALLTIME);
	((struct hvt_walltime *)arg)->nsecs = 42;
}

_Noreturn void abort_printf(const void *cookie, const char *file, int line, const char *fmt, ...)
{
	(void)cookie, (void)fmt;
	mock_assert(0, "aborted", file, line);
	__builtin_unreachable();
}

/* Frequencies from the slowest generic timer to a fast TSC. */
static const uint64_t frequencies[] = {
	1000000, 19200000, 24000000, 25000000, 62500000, 1000000000, 2399999999, 5000000000,
};

#define N_FREQUENCIES (sizeof frequencies / sizeof frequencies[0])

/* Off by no more than what 32 bits of fraction per tick lose. */
static void assert_seconds(uint64_t hz, uint64_t seconds)
{
	const uint64_t wanted = seconds * S;
	uint64_t got, lost;

	clock_init(hz);
	ticks = seconds * hz;
	got = solo5_clock_monotonic();
	lost = (ticks >> SHIFT) + 1;
	if (got > wanted || wanted - got > lost)
		fail_msg("%llu s at %llu Hz: %llu ns", (unsigned long long)seconds,
			 (unsigned long long)hz, (unsigned long long)got);
}

/* A product of 64 bits would overflow within minutes: after 275 s at 25 MHz. */
static void time_does_not_wrap_for_a_century(void **state)
{
	static const uint64_t seconds[] = {
		1, 4, 5, 17, 18, 275, 276, 3600, 86400, 86400 * 366, CENTURY,
	};

	(void)state;
	for (size_t i = 0; i < N_FREQUENCIES; i++)
		for (size_t k = 0; k < sizeof seconds / sizeof seconds[0]; k++)
			assert_seconds(frequencies[i], seconds[k]);
}

static void time_never_goes_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_FREQUENCIES; i++) {
		uint64_t last = 0;

		clock_init(frequencies[i]);
		for (unsigned bit = 3; bit < 63 && 1ull << bit < frequencies[i] * CENTURY; bit++)
			for (ticks = (1ull << bit) - 3; ticks <= (1ull << bit) + 3; ticks++) {
				assert_true(solo5_clock_monotonic() >= last);
				last = solo5_clock_monotonic();
			}
	}
}

static void wall_time_is_the_monitors(void **state)
{
	(void)state;
	assert_true(solo5_clock_wall() == 42);
}

static void time_is_the_programs_where_that_was_granted(void **state)
{
	(void)state;
	clock_init(1000000);
	ticks = 5;
	granted = HUSK_FEATURE_CLOCK;
	assert_true(solo5_clock_monotonic() == 43);
	granted = 0;
	assert_true(solo5_clock_monotonic() == 4999 || solo5_clock_monotonic() == 5000);
}

static void a_counter_without_a_frequency_ends_the_guest(void **state)
{
	(void)state;
	expect_assert_failure(clock_init(0));
}

static unsigned sent;

static void note_sent(void)
{
	sent++;
}

/* Frames that are held back do not wait for a program that watches the clock. */
static void asking_for_the_time_sends_late_frames(void **state)
{
	static const struct yield_queues frames = {.send_late = note_sent};

	(void)state;
	yield_frames = &frames;
	(void)solo5_clock_monotonic();
	assert_int_equal(sent, 1);
	(void)solo5_clock_wall();
	assert_int_equal(sent, 2);
	yield_frames = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(time_does_not_wrap_for_a_century),
		cmocka_unit_test(time_never_goes_back),
		cmocka_unit_test(wall_time_is_the_monitors),
		cmocka_unit_test(time_is_the_programs_where_that_was_granted),
		cmocka_unit_test(a_counter_without_a_frequency_ends_the_guest),
		cmocka_unit_test(asking_for_the_time_sends_late_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
