/* SPDX-License-Identifier: ISC */
/* timer_vmm.c: no timer yet: vmm is not left for a signal alone. */
#include "timer.h"

int profile_timer_start(struct profile_timer *t, uint64_t start, uint64_t period_ns,
			struct husk_error *e)
{
	(void)t, (void)start, (void)period_ns;
	return husk_fail(e, HUSK_E_HOST, "--profile: not with this hypervisor yet");
}

int profile_timer_follow(struct profile_timer *t, struct husk_error *e)
{
	(void)t, (void)e;
	return 0;
}

void profile_timer_confine(struct sandbox *out)
{
	(void)out;
}

void profile_timer_rest(struct profile_timer *t)
{
	(void)t;
}

void profile_timer_stop(struct profile_timer *t)
{
	(void)t;
}
