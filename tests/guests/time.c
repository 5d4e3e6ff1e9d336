/* SPDX-License-Identifier: ISC */
/* time.c: both clocks advance, agree with each other, and yield sleeps as long as it was told. */
#include "guest.h"

#define MS UINT64_C(1000000)
#define SLEEP (200 * MS)
#define YEAR_2017 (UINT64_C(1483228800) * 1000 * MS)

static bool monotonic_advances(void)
{
	solo5_time_t start = solo5_clock_monotonic();

	for (unsigned i = 0; i < 5; i++)
		if (solo5_clock_monotonic() > start)
			return true;
	return false;
}

/* How long a yield of SLEEP took by the monotonic clock. */
static solo5_time_t one_sleep(void)
{
	solo5_time_t start = solo5_clock_monotonic();

	solo5_yield(start + SLEEP, NULL);
	return solo5_clock_monotonic() - start;
}

static bool close_to(uint64_t a, uint64_t b)
{
	uint64_t difference = a > b ? a - b : b - a;

	return difference <= b / 10;
}

int solo5_app_main(const struct solo5_start_info *si)
{
	solo5_handle_set_t ready = ~UINT64_C(0);
	solo5_time_t wall = solo5_clock_wall(), start = solo5_clock_monotonic(), slept;

	(void)si;
	if (!monotonic_advances())
		return 1;
	solo5_yield(start, &ready);
	if (ready != 0)
		return 2;
	for (unsigned i = 0; i < 5; i++) {
		slept = one_sleep();
		if (slept < SLEEP * 8 / 10)
			return 3;
		if (slept > SLEEP * 10)
			return 4;
	}
	if (wall < YEAR_2017)
		return 5;
	wall = solo5_clock_wall() - wall;
	return close_to(wall, solo5_clock_monotonic() - start) ? succeed() : 6;
}
