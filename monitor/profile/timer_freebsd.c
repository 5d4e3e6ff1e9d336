/* SPDX-License-Identifier: ISC */
/* timer_freebsd.c: no timer yet: its kernel has none that signals one thread. */
#include "timer.h"

int profile_timer_start(struct profile_timer *t, uint64_t start, uint64_t period_ns,
			struct husk_error *e)
{
	(void)t, (void)start, (void)period_ns;
	return husk_fail(e, HUSK_E_HOST, "--profile: not on this system yet");
}

void profile_timer_stop(struct profile_timer *t)
{
	(void)t;
}
