/* SPDX-License-Identifier: ISC */
/* clock.c: reads the host's monotonic clock, or one that the program makes. */
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

uint64_t clock_own_read(struct clock_own *c)
{
	c->now += c->tick;
	return c->now;
}

uint64_t clock_own_deadline(const struct clock_own *c, uint64_t timeout_ns)
{
	return timeout_ns >= (uint64_t)INT64_MAX || timeout_ns >= CLOCK_NEVER - c->now ? CLOCK_NEVER :
	       c->now + timeout_ns;
}

bool clock_own_wait(struct clock_own *c, uint64_t until)
{
	uint64_t at = c->wait == NULL ? until : c->wait(c->ctx, c->now, until);

	if (at == CLOCK_NEVER)
		return false;
	if (at > until)
		at = until;
	if (at > c->now)
		c->now = at;
	return true;
}
