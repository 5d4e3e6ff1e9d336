/* SPDX-License-Identifier: ISC */
/*
 * timer_vmm.c: a thread that kicks the vcpu: vmm keeps a kick until the vcpu is run, where a signal may
 * come too early, and does not end every sleep.
 */
#include "timer.h"

static void kick(void *ctx)
{
	const struct profile_timer *t = ctx;

	t->core->ops->kick(t->core->hv);
}

int profile_timer_start(struct profile_timer *t, const struct core *c, uint64_t start,
			uint64_t period_ns, struct husk_error *e)
{
	*t = (struct profile_timer){.core = c};
	if (deadline_repeat(&t->ticks, start + period_ns, period_ns, kick, t, e) == -1)
		return husk_wrap(e, "--profile");
	t->running = 1;
	return 0;
}

/* A kick finds whichever thread runs the guest. */
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
	if (t->running)
		(void)deadline_end(&t->ticks);
	t->running = 0;
}
