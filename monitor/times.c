/* SPDX-License-Identifier: ISC */
/* times.c: looks at the clock when a run begins and ends, and around each exit. */
#include "times.h"

#include "clock.h"

#define NS_PER_US 1000u

/* In runs: other clients may wait in their ends. */
static uint64_t waited(const struct times *t)
{
	return t->waited_ns + (t->running ? t->core->waiter.waited_ns - t->begun_waited : 0);
}

static void begin_exit(struct times *t)
{
	t->exit_at = clock_now_ns();
	t->exit_waited = waited(t);
}

/* Of the exit in hand, without its waits. */
static uint64_t served_ns(const struct times *t, uint64_t now)
{
	return t->exit_at == 0 ? 0 : now - t->exit_at - (waited(t) - t->exit_waited);
}

static void end_exit(struct times *t)
{
	t->husk_ns += served_ns(t, clock_now_ns());
	t->exit_at = 0;
}

/* An exit that a stop came in the middle of is served anew without being told again. */
static void on_resume(void *ctx)
{
	struct times *t = ctx;

	t->begun = clock_now_ns();
	t->begun_waited = t->core->waiter.waited_ns;
	t->running = true;
	if (t->core->retry)
		begin_exit(t);
}

static void on_exit(void *ctx, const struct hv_exit *exit)
{
	(void)exit;
	begin_exit(ctx);
}

static void on_served(void *ctx, const struct hv_exit *exit, enum vmexit_result result)
{
	(void)exit, (void)result;
	end_exit(ctx);
}

static void on_end(void *ctx, const struct core_ending *how)
{
	struct times *t = ctx;

	(void)how;
	end_exit(t);
	t->ran_ns += clock_now_ns() - t->begun;
	t->waited_ns = waited(t);
	t->running = false;
}

int times_attach(struct times *t, struct core *c, struct husk_error *e)
{
	static const struct core_client client = {
		.resume = on_resume, .exit = on_exit, .served = on_served, .end = on_end,
	};
	unsigned id;

	if (!t->wanted)
		return 0;
	*t = (struct times){.wanted = true, .core = c};
	c->waiter.timed = true;
	return core_add_client(c, &client, t, &id, e);
}

void times_report(const struct times *t, module_figure *tell, void *ctx)
{
	uint64_t now, ran, husk;

	if (!t->wanted || t->core == NULL)
		return;
	now = clock_now_ns();
	ran = t->ran_ns + (t->running ? now - t->begun : 0);
	husk = t->husk_ns + served_ns(t, now);
	tell(ctx, "time", "guest_us", (ran - husk - waited(t)) / NS_PER_US);
	tell(ctx, "time", "husk_us", husk / NS_PER_US);
	tell(ctx, "time", "waiting_us", waited(t) / NS_PER_US);
}
