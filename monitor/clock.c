/* SPDX-License-Identifier: ISC */
/* clock.c: reads the host's monotonic clock. */
#include "clock.h"

#include <time.h>

uint64_t clock_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * CLOCK_NS_PER_S + (uint64_t)ts.tv_nsec;
}

uint64_t clock_deadline(uint64_t timeout_ns)
{
	if (timeout_ns == 0)
		return 0;
	return timeout_ns >= (uint64_t)INT64_MAX ? CLOCK_NEVER : clock_now_ns() + timeout_ns;
}
