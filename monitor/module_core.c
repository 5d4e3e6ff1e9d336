/* module_core.c: the hypercalls that every guest has: clock, console, waiting, halting. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "console.h"
#include "module.h"

#define NS_PER_S 1000000000ull

struct core_module {
	struct core *core;
	struct console console;
};

static enum vmexit_result walltime(void *ctx, gpa_t arg, struct husk_error *e)
{
	const struct core_module *s = ctx;
	struct hvt_walltime rq;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	rq.nsecs = (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
	return MEMORY_PUT_FIELD(&s->core->memory, arg, struct hvt_walltime, nsecs, &rq, e) == -1 ?
	       VMEXIT_FAIL : VMEXIT_RESUME;
}

static enum vmexit_result puts_call(void *ctx, gpa_t arg, struct husk_error *e)
{
	struct core_module *s = ctx;
	struct hvt_puts rq;
	struct iovec text;

	if (MEMORY_GET(&s->core->memory, arg, &rq, e) == -1 ||
	    memory_source(&s->core->memory, (gpa_t){rq.data}, rq.len, &text, e) == -1)
		return VMEXIT_FAIL;
	console_write(&s->console, text.iov_base, text.iov_len);
	return VMEXIT_RESUME;
}

static enum vmexit_result poll_call(void *ctx, gpa_t arg, struct husk_error *e)
{
	const struct core_module *s = ctx;
	struct core *c = s->core;
	struct hvt_poll rq;

	if (MEMORY_GET(&c->memory, arg, &rq, e) == -1 ||
	    events_wait(&c->events, &c->waiter, rq.timeout_nsecs, &rq.ready_set, &c->calls,
			e) == -1)
		return VMEXIT_FAIL;
	rq.ret = __builtin_popcountll(rq.ready_set);
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
	if (rq.cookie != 0 && memory_source(&c->memory, (gpa_t){rq.cookie}, HVT_HALT_COOKIE_MAX,
					    &cookie, e) == -1)
		return VMEXIT_FAIL;
	c->exit_status = rq.exit_status;
	c->cookie = (gpa_t){rq.cookie};
	return VMEXIT_HALT;
}

static int core_open(void **state, const struct settings *settings, struct manifest *mft,
		     struct husk_error *e)
{
	struct core_module *s = calloc(1, sizeof *s);

	(void)settings, (void)mft;
	if (s == NULL)
		return husk_fail_sys(e, ENOMEM, "module core");
	*state = s;
	return 0;
}

static const struct module_call calls[] = {
	{HVT_HYPERCALL_WALLTIME, "walltime", walltime},
	{HVT_HYPERCALL_PUTS, "puts", puts_call},
	{HVT_HYPERCALL_POLL, "poll", poll_call},
	{HVT_HYPERCALL_HALT, "halt", halt},
};

static void core_detach(void *state, struct core *c)
{
	struct core_module *s = state;

	(void)c;
	console_fini(&s->console);
}

static int core_attach(void *state, struct core *c, struct husk_error *e)
{
	struct core_module *s = state;

	(void)e;
	s->core = c;
	console_init(&s->console, c->console_fd, (const int *)&c->mailbox.posted);
	return 0;
}

static void core_report(const void *state, module_figure *tell, void *ctx)
{
	const struct core_module *s = state;

	tell(ctx, "console", "bytes", s->console.written);
	tell(ctx, "console", "bytes_dropped", s->console.dropped);
	tell(ctx, "console", "system_calls", s->console.calls);
}

extern const struct module module_core;
const struct module module_core = {
	.name = "core",
	.calls = calls,
	.n_calls = sizeof calls / sizeof calls[0],
	.open = core_open,
	.attach = core_attach,
	.detach = core_detach,
	.close = free,
	.report = core_report,
};
