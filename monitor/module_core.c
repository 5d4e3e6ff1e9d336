/* SPDX-License-Identifier: ISC */
/* module_core.c: the hypercalls that every guest has: clock, console, waiting, halting. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../include/husk_abi.h"
#include "clock.h"
#include "console.h"
#include "module.h"
#include "sandbox.h"

#define NS_PER_S 1000000000ull

struct core_module {
	struct core *core;
	uint64_t patience_ns;		/* of the console */
	struct console console;
	uint64_t outages_told;
	struct iovec left;		/* rest of the text in hand, which is fetched only once */
	bool polling;			/* a wait was interrupted, and goes on */
	uint64_t until;			/* its deadline, clock.h */
};

static uint64_t wall_now(struct core *c)
{
	struct timespec now;

	if (c->own_clock.on)
		return c->own_clock.wall + clock_own_read(&c->own_clock);
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static enum vmexit_result walltime(void *ctx, gpa_t arg, struct husk_error *e)
{
	struct core_module *s = ctx;
	struct hvt_walltime rq;

	rq.nsecs = wall_now(s->core);
	HYPERCALLS_KEEP(&s->core->hypercalls, &rq);
	return MEMORY_PUT_FIELD(&s->core->memory, arg, struct hvt_walltime, nsecs, &rq, e) == -1 ?
	       VMEXIT_FAIL : VMEXIT_RESUME;
}

static enum vmexit_result own_time(void *ctx, gpa_t arg, struct husk_error *e)
{
	struct core_module *s = ctx;
	struct core *c = s->core;
	const struct husk_clock_read rq = {clock_own_read(&c->own_clock)};

	return MEMORY_PUT_FIELD(&c->memory, arg, struct husk_clock_read, nsecs, &rq, e) == -1 ?
	       VMEXIT_FAIL : VMEXIT_RESUME;
}

static void take_from(struct iovec *text, size_t done)
{
	text->iov_base = (uint8_t *)text->iov_base + done;
	text->iov_len -= done;
}

/* The first few outages, and then ever fewer, as a guest may cause any number of them. */
static bool is_reported(uint64_t outages)
{
	return outages <= 4 || (outages & (outages - 1)) == 0;
}

static void tell_outage(struct core_module *s)
{
	const struct console *c = &s->console;

	if (c->outages == s->outages_told)
		return;
	s->outages_told = c->outages;
	if (is_reported(c->outages))
		core_say(s->core, "console: %s; output is lost until it is taken again (told once)",
			 c->outage == EAGAIN ? "its reader has taken nothing for as long as "
			 "--console-patience says" : strerror(c->outage));
}

/* What is told of a text: its beginning. */
struct told_text {
	struct hvt_puts rq;
	uint32_t n;
	uint8_t bytes[FACT_BYTES_MAX];
};

/* The console gets the text itself, which nothing but who looks on depends on here. */
static void keep_text(struct core_module *s, const struct hvt_puts *rq)
{
	struct told_text t = {.rq = *rq};
	struct husk_error ignored;

	if (!hypercalls_observed(&s->core->hypercalls))
		return;
	t.n = (uint32_t)(rq->len < sizeof t.bytes ? rq->len : sizeof t.bytes);
	(void)memory_read(&s->core->memory, (gpa_t){rq->data}, t.bytes, t.n, &ignored);
	HYPERCALLS_KEEP(&s->core->hypercalls, &t);
}

static int begin_text(struct core_module *s, gpa_t arg, struct husk_error *e)
{
	const struct memory *m = &s->core->memory;
	struct iovec text;
	struct hvt_puts rq;

	if (MEMORY_GET(m, arg, &rq, e) == -1)
		return -1;
	keep_text(s, &rq);
	if (memory_source(m, (gpa_t){rq.data}, rq.len, &text, e) == -1)
		return -1;
	s->left = text;
	return 0;
}

/*
 * A request to this thread interrupts the call, which is then served anew for the rest. After a
 * stop the reader has CONSOLE_GRACE_MS more before the rest is left to the next run.
 */
static enum vmexit_result puts_call(void *ctx, gpa_t arg, struct husk_error *e)
{
	struct core_module *s = ctx;
	struct iovec *left = &s->left;

	if (left->iov_len == 0 && begin_text(s, arg, e) == -1)
		return VMEXIT_FAIL;
	take_from(left, console_write(&s->console, left->iov_base, left->iov_len));
	if (core_stopping(s->core))
		take_from(left, console_write_last(&s->console, left->iov_base, left->iov_len));
	tell_outage(s);
	return left->iov_len > 0 ? VMEXIT_RETRY : VMEXIT_RESUME;
}

static uint64_t now(const struct core *c)
{
	return c->own_clock.on ? c->own_clock.now : clock_now_ns();
}

/* Only a stop ends the wait early; of what else this thread is asked for the guest notices nothing. */
static bool goes_on(const struct core_module *s, const struct hvt_poll *rq)
{
	return rq->ready_set == 0 && core_wanted(s->core) && !core_stopping(s->core) &&
	       now(s->core) < s->until;
}

/* No time passes but what the program says. */
static int wait_own(struct core *c, uint64_t until, uint64_t *ready, struct husk_error *e)
{
	for (;;) {
		if (events_wait(&c->events, &c->waiter, 0, ready, &c->calls, e) == -1)
			return -1;
		if (*ready != 0 || c->own_clock.now >= until || core_wanted(c))
			return 0;
		if (!clock_own_wait(&c->own_clock, until) && !core_wanted(c))
			return husk_fail(e, HUSK_E_GUEST, "the guest waits, and nothing is to come");
	}
}

static int wait_until(struct core *c, uint64_t until, uint64_t *ready, struct husk_error *e)
{
	if (c->own_clock.on)
		return wait_own(c, until, ready, e);
	return events_wait(&c->events, &c->waiter, until, ready, &c->calls, e);
}

static uint64_t deadline(struct core *c, uint64_t timeout_ns)
{
	if (!c->own_clock.on)
		return clock_deadline(timeout_ns);
	(void)clock_own_read(&c->own_clock);
	return clock_own_deadline(&c->own_clock, timeout_ns);
}

static enum vmexit_result poll_call(void *ctx, gpa_t arg, struct husk_error *e)
{
	struct core_module *s = ctx;
	struct core *c = s->core;
	struct hvt_poll rq;

	if (MEMORY_GET(&c->memory, arg, &rq, e) == -1)
		return VMEXIT_FAIL;
	if (!s->polling)
		s->until = deadline(c, rq.timeout_nsecs);
	if (wait_until(c, s->until, &rq.ready_set, e) == -1)
		return VMEXIT_FAIL;
	s->polling = goes_on(s, &rq);
	if (s->polling)
		return VMEXIT_RETRY;
	rq.ret = __builtin_popcountll(rq.ready_set);
	HYPERCALLS_KEEP(&c->hypercalls, &rq);
	if (MEMORY_PUT_FIELD(&c->memory, arg, struct hvt_poll, ready_set, &rq, e) == -1 ||
	    MEMORY_PUT_FIELD(&c->memory, arg, struct hvt_poll, ret, &rq, e) == -1)
		return VMEXIT_FAIL;
	return VMEXIT_RESUME;
}

static enum vmexit_result halt(void *ctx, gpa_t arg, struct husk_error *e)
{
	const struct core_module *s = ctx;
	struct core *c = s->core;
	struct hvt_halt rq;
	struct iovec cookie;

	if (MEMORY_GET(&c->memory, arg, &rq, e) == -1)
		return VMEXIT_FAIL;
	HYPERCALLS_KEEP(&c->hypercalls, &rq);
	if (rq.cookie != 0 && memory_source(&c->memory, (gpa_t){rq.cookie}, HVT_HALT_COOKIE_MAX,
					    &cookie, e) == -1)
		return VMEXIT_FAIL;
	c->exit_status = rq.exit_status;
	c->cookie = (gpa_t){rq.cookie};
	return VMEXIT_HALT;
}

/* ---- what the calls were about ---- */

static void describe_walltime(const void *ctx, const void *copy, struct facts *f)
{
	const struct hvt_walltime *rq = copy;

	(void)ctx;
	if (rq != NULL)
		facts_result(f, rq->nsecs);
}

static void describe_puts(const void *ctx, const void *copy, struct facts *f)
{
	const struct told_text *t = copy;

	(void)ctx;
	if (t == NULL)
		return;
	facts_text(f, "text", t->bytes, t->n, t->rq.len);
	facts_number(f, "len", t->rq.len);
}

static void describe_poll(const void *ctx, const void *copy, struct facts *f)
{
	const struct hvt_poll *rq = copy;

	(void)ctx;
	if (rq == NULL)
		return;
	facts_time(f, "timeout", rq->timeout_nsecs);
	facts_result(f, (uint64_t)rq->ret);
	if (rq->ret > 0)
		facts_address(f, "ready_set", rq->ready_set);
}

static void describe_halt(const void *ctx, const void *copy, struct facts *f)
{
	const struct hvt_halt *rq = copy;

	(void)ctx;
	if (rq == NULL)
		return;
	facts_signed(f, "status", rq->exit_status);
	if (rq->cookie != 0)
		facts_address(f, "cookie", rq->cookie);
}

static int core_open(void **state, const struct settings *settings, struct manifest *mft,
		     struct husk_error *e)
{
	struct core_module *s = calloc(1, sizeof *s);

	(void)mft;
	if (s == NULL)
		return husk_fail_sys(e, ENOMEM, "module core");
	s->patience_ns = console_patience(settings);
	*state = s;
	return 0;
}

static const struct module_call calls[] = {
	{HVT_HYPERCALL_WALLTIME, "walltime", walltime, describe_walltime},
	{HVT_HYPERCALL_PUTS, "puts", puts_call, describe_puts},
	{HVT_HYPERCALL_POLL, "poll", poll_call, describe_poll},
	{HVT_HYPERCALL_HALT, "halt", halt, describe_halt},
};

static void core_detach(void *state, struct core *c)
{
	struct core_module *s = state;

	if (c->own_clock.on)
		core_unregister_hypercall(c, HUSK_HYPERCALL_CLOCK);
	c->console_out = NULL;
	console_fini(&s->console);
}

static int core_attach(void *state, struct core *c, struct husk_error *e)
{
	struct core_module *s = state;

	/* There is no such call for who was not told of it. */
	if (c->own_clock.on && core_register_hypercall(c, HUSK_HYPERCALL_CLOCK,
						       "clock", own_time, s, e) == -1)
		return -1;
	s->core = c;
	s->left = (struct iovec){0};
	s->polling = false;
	s->outages_told = 0;
	console_init(&s->console, c->console_fd, &c->waiter, s->patience_ns);
	console_divert(&s->console, c->console, c->console_ctx);
	c->console_out = &s->console.out;
	return 0;
}

static void core_confine(void *state, struct sandbox *s)
{
	struct core_module *m = state;

	output_settle(&m->console.out);
	sandbox_keep(s, m->console.out.fd, SANDBOX_OUTPUT);
}

static void core_report(const void *state, module_figure *tell, void *ctx)
{
	const struct core_module *s = state;

	tell(ctx, "console", "bytes", s->console.written);
	tell(ctx, "console", "bytes_dropped", s->console.lost + s->left.iov_len);
	tell(ctx, "console", "system_calls", s->console.calls + s->console.out.calls);
}

extern const struct module module_core;
const struct module module_core = {
	.name = "core",
	.calls = calls,
	.n_calls = sizeof calls / sizeof calls[0],
	.open = core_open,
	.attach = core_attach,
	.confine = core_confine,
	.detach = core_detach,
	.close = free,
	.report = core_report,
};
