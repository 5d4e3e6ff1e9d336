/* SPDX-License-Identifier: ISC */
/* time.c: the clocks under time(), clock() and their like. */
#include "newlib_parts.h"

#include <sys/time.h>
#include <sys/times.h>
#include <time.h>

#define NSEC_PER_SEC 1000000000ull

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	solo5_time_t wall = solo5_clock_wall();

	(void)zone;
	now->tv_sec = (time_t)(wall / NSEC_PER_SEC);
	now->tv_usec = (suseconds_t)(wall % NSEC_PER_SEC / 1000);
	return 0;
}

/* All of a guest's time is its own. */
clock_t times(struct tms *used)
{
	clock_t ticks = (clock_t)(solo5_clock_monotonic() / (NSEC_PER_SEC / CLOCKS_PER_SEC));

	*used = (struct tms){.tms_utime = ticks};
	return ticks;
}
