/* SPDX-License-Identifier: ISC */
/* core.c: makes a machine from its parts and runs it, exit by exit. */
#include "core.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "probe.h"

/*
 * How often an access is completed after a stop. One that has no end, such as string I/O over all of
 * memory, may not put the stop off.
 */
#define COMPLETIONS_MAX 16

static enum vmexit_result on_pio(void *ctx, const struct hv_exit *exit, struct husk_error *e)
{
	struct core *c = ctx;

	return bus_dispatch(&c->devices.pio, &exit->io, e);
}

static enum vmexit_result on_mmio(void *ctx, const struct hv_exit *exit, struct husk_error *e)
{
	struct core *c = ctx;

	return bus_dispatch(&c->devices.mmio, &exit->io, e);
}

static enum vmexit_result on_halt(void *ctx, const struct hv_exit *exit, struct husk_error *e)
{
	(void)ctx, (void)exit;
	husk_fail(e, HUSK_E_GUEST, "guest halted its processor, and no interrupt can wake it");
	return VMEXIT_FAIL;
}

static enum vmexit_result on_shutdown(void *ctx, const struct hv_exit *exit, struct husk_error *e)
{
	(void)ctx, (void)exit;
	husk_fail(e, HUSK_E_GUEST, "guest triple fault");
	return VMEXIT_FAIL;
}

/* Who asked is answered before the next run. */
static enum vmexit_result on_interrupted(void *ctx, const struct hv_exit *exit,
					 struct husk_error *e)
{
	(void)ctx, (void)exit, (void)e;
	return VMEXIT_RESUME;
}

static enum vmexit_result on_fault(void *ctx, const struct hv_exit *exit, struct husk_error *e)
{
	const struct core *c = ctx;
	const struct memory_range *r;

	husk_fail(e, HUSK_E_GUEST, "%s: host/guest translation fault", c->ops->title);
	if (!exit->fault.known)
		return VMEXIT_FAIL;
	r = memory_range_at(&c->memory, exit->fault.gpa);
	husk_hint(e, "access to 0x%llx, %s", (unsigned long long)exit->fault.gpa,
		  r != NULL ? r->what : "which is not protected");
	return VMEXIT_FAIL;
}

static enum vmexit_result on_error(void *ctx, const struct hv_exit *exit, struct husk_error *e)
{
	const struct core *c = ctx;
	const char *hint = exit->error.hint;

	husk_fail(e, HUSK_E_HOST, "%s: %s=0x%llx%s%s%s", c->ops->title, exit->error.what,
		  (unsigned long long)exit->error.code, hint == NULL ? "" : " (",
		  hint == NULL ? "" : hint, hint == NULL ? "" : ")");
	return VMEXIT_FAIL;
}

/* Exits that the core serves itself; the others are for modules to claim. */
static void claim_vmexits(struct core *c)
{
	static vmexit_handler *const own[HV_EXIT_KINDS] = {
		[HV_EXIT_PIO] = on_pio,
		[HV_EXIT_MMIO] = on_mmio,
		[HV_EXIT_HALT] = on_halt,
		[HV_EXIT_SHUTDOWN] = on_shutdown,
		[HV_EXIT_INTERRUPTED] = on_interrupted,
		[HV_EXIT_FAULT] = on_fault,
		[HV_EXIT_ERROR] = on_error,
	};

	for (int k = 0; k < HV_EXIT_KINDS; k++)
		c->vmexits[k] = (struct core_vmexit){own[k], c};
}

/* Written where it is: a core that were copied would be 30 KB to read at a start. */
static void unmake(struct core *c)
{
	memset(c, 0, sizeof *c);
	c->mailbox.wake.fd = c->console_fd = -1;
}

static void init_parts(struct core *c, uint64_t mem_size)
{
	c->caps = c->ops->caps(c->hv);
	memory_init(&c->memory, c->ops->memory(c->hv), mem_size);
	c->memory.unbound = !c->caps->protects_guest;
	resource_space_init(&c->gpas, 0, mem_size - 1);
	devices_init(&c->devices, mem_size, c->caps->doorbells, c->hv);
	events_init(&c->events);
	waiter_init(&c->waiter, &c->mailbox);
	c->last.kind = HV_EXIT_INTERRUPTED;
	claim_vmexits(c);
}

int core_init(struct core *c, const struct hv_ops *ops, uint64_t mem_size, struct husk_error *e)
{
	unmake(c);
	c->ops = ops;
	if (ops->create(&c->hv, mem_size, e) == -1) {
		core_fini(c);
		return -1;
	}
	init_parts(c, mem_size);
	if (ops->cycle_freq(c->hv, &c->cycle_freq, e) == 0 &&
	    hypercalls_init(&c->hypercalls, &c->devices, &c->mailbox, e) == 0 &&
	    mailbox_init(&c->mailbox, e) == 0)
		return 0;
	core_fini(c);
	return -1;
}

void core_fini(struct core *c)
{
	if (c->ops == NULL)
		return;
	devices_clear(&c->devices);
	mailbox_fini(&c->mailbox);
	c->ops->destroy(c->hv);
	unmake(c);
}

int core_register_vmexit(struct core *c, enum hv_exit_kind kind, vmexit_handler *handler,
			 void *ctx, struct husk_error *e)
{
	if (c->vmexits[kind].handler != NULL)
		return husk_fail(e, HUSK_E_HOST, "exits of kind %s have a handler already",
				 hv_exit_name(kind));
	c->vmexits[kind] = (struct core_vmexit){handler, ctx};
	return 0;
}

void core_unregister_vmexit(struct core *c, enum hv_exit_kind kind)
{
	c->vmexits[kind] = (struct core_vmexit){0};
}

int core_register_hypercall(struct core *c, int nr, const char *name, hypercall_handler *handler,
			    void *ctx, struct husk_error *e)
{
	return hypercalls_register(&c->hypercalls, nr, name, handler, ctx, e);
}

void core_unregister_hypercall(struct core *c, int nr)
{
	hypercalls_unregister(&c->hypercalls, nr);
}

/* ---- clients ---- */

static void tell_call(void *ctx, uint64_t nr, gpa_t arg, enum vmexit_result result)
{
	const struct core *c = ctx;

	for (unsigned i = 0; i < CORE_CLIENTS_MAX; i++)
		if (c->clients[i].is != NULL && c->clients[i].is->call != NULL)
			c->clients[i].is->call(c->clients[i].ctx, nr, arg, result);
}

static void tell_exit(const struct core *c)
{
	for (unsigned i = 0; i < CORE_CLIENTS_MAX; i++)
		if (c->clients[i].is != NULL && c->clients[i].is->exit != NULL)
			c->clients[i].is->exit(c->clients[i].ctx, &c->last);
}

static void tell_served(const struct core *c, enum vmexit_result result)
{
	for (unsigned i = 0; i < CORE_CLIENTS_MAX; i++)
		if (c->clients[i].is != NULL && c->clients[i].is->served != NULL)
			c->clients[i].is->served(c->clients[i].ctx, &c->last, result);
}

static void tell_interrupted(const struct core *c)
{
	for (unsigned i = 0; i < CORE_CLIENTS_MAX; i++)
		if (c->clients[i].is != NULL && c->clients[i].is->interrupted != NULL)
			c->clients[i].is->interrupted(c->clients[i].ctx);
}

void core_note(const struct core *c, const char *what, const struct facts *facts)
{
	for (unsigned i = 0; i < CORE_CLIENTS_MAX; i++)
		if (c->clients[i].is != NULL && c->clients[i].is->noted != NULL)
			c->clients[i].is->noted(c->clients[i].ctx, what, facts);
}

static void tell_end(const struct core *c, const struct core_ending *how)
{
	for (unsigned i = 0; i < CORE_CLIENTS_MAX; i++)
		if (c->clients[i].is != NULL && c->clients[i].is->end != NULL)
			c->clients[i].is->end(c->clients[i].ctx, how);
}

/* Observers cost nothing while there are none. */
static void count_observers(struct core *c)
{
	unsigned calls = 0;

	c->exit_clients = c->interrupted_clients = c->noted_clients = 0;
	for (unsigned i = 0; i < CORE_CLIENTS_MAX; i++) {
		const struct core_client *k = c->clients[i].is;

		if (k == NULL)
			continue;
		c->exit_clients += k->exit != NULL || k->served != NULL;
		c->interrupted_clients += k->interrupted != NULL;
		c->noted_clients += k->noted != NULL;
		calls += k->call != NULL;
	}
	hypercalls_observe(&c->hypercalls, calls > 0 ? tell_call : NULL, c);
}

int core_add_client(struct core *c, const struct core_client *client, void *ctx, unsigned *id,
		    struct husk_error *e)
{
	unsigned i = 0;

	*id = CORE_NO_CLIENT;
	while (i < CORE_CLIENTS_MAX && c->clients[i].is != NULL)
		i++;
	if (i == CORE_CLIENTS_MAX)
		return husk_fail(e, HUSK_E_HOST, "the run loop has %d clients already",
				 CORE_CLIENTS_MAX);
	c->clients[i] = (struct core_client_slot){client, ctx};
	count_observers(c);
	*id = i + 1;
	return 0;
}

void core_remove_client(struct core *c, unsigned id)
{
	if (id == CORE_NO_CLIENT)
		return;
	c->clients[id - 1] = (struct core_client_slot){0};
	count_observers(c);
}

void core_post(struct core *c, unsigned id)
{
	mailbox_post(&c->mailbox, 1u << (id - 1));
	c->ops->kick(c->hv);
}

void core_stop(struct core *c, int reason)
{
	__atomic_store_n(&c->stop_reason, reason, __ATOMIC_RELAXED);
	mailbox_post(&c->mailbox, CORE_STOP);
	c->ops->kick(c->hv);
}

void core_time_out(struct core *c)
{
	mailbox_post(&c->mailbox, CORE_TIME_OUT);
	c->ops->kick(c->hv);
}

void core_forget_time(struct core *c)
{
	mailbox_withdraw(&c->mailbox, CORE_TIME_OUT);
}

/* ---- the loop ---- */

void core_seal(struct core *c)
{
	devices_seal(&c->devices);
	resource_seal(&c->gpas);
}

/* Adds the guest's position to its error. */
static void add_place(struct core *c, struct husk_error *e)
{
	uint64_t ip;

	if (c->ops->ip(c->hv, &ip))
		husk_hint(e, "%s=0x%llx", cpu_ip_name, (unsigned long long)ip);
	else if (c->last.kind == HV_EXIT_SHUTDOWN)
		husk_hint(e, "its registers are lost");
}

static enum vmexit_result handle(struct core *c, struct husk_error *e)
{
	const struct core_vmexit *x = &c->vmexits[c->last.kind];

	if (x->handler != NULL)
		return x->handler(x->ctx, &c->last, e);
	husk_fail(e, HUSK_E_GUEST, "%s: exit of kind %s, which has no handler", c->ops->title,
		  hv_exit_name(c->last.kind));
	return VMEXIT_FAIL;
}

static enum vmexit_result serve(struct core *c, struct husk_error *e)
{
	enum vmexit_result r = handle(c, e);

	if (r == VMEXIT_FAIL && (e->kind == HUSK_E_GUEST || c->last.kind == HV_EXIT_ERROR))
		add_place(c, e);
	c->retry = r == VMEXIT_RETRY;
	if (c->exit_clients > 0 && !c->retry)
		tell_served(c, r);
	return r;
}

enum vmexit_result core_serve_as(struct core *c, const struct hv_exit *exit, struct husk_error *e)
{
	c->last = *exit;
	return serve(c, e);
}

/* An interruption without a request is not counted. */
static enum vmexit_result serve_new(struct core *c, struct husk_error *e)
{
	if (c->last.kind == HV_EXIT_INTERRUPTED && c->interrupted_clients > 0)
		tell_interrupted(c);
	if (c->last.kind == HV_EXIT_INTERRUPTED && !core_wanted(c))
		return VMEXIT_RESUME;
	c->exits[c->last.kind]++;
	PROBE1(exit, c->last.kind);
	if (c->exit_clients > 0)
		tell_exit(c);
	return serve(c, e);
}

void core_finish(struct core *c, unsigned id)
{
	c->finisher = id;
	c->completions = 0;
}

static enum vmexit_result complete(struct core *c, struct husk_error *e)
{
	if (c->ops->complete(c->hv, &c->last, e) == -1)
		return VMEXIT_FAIL;
	if (++c->completions == COMPLETIONS_MAX || c->last.kind == HV_EXIT_INTERRUPTED)
		core_post(c, c->finisher);
	return c->last.kind == HV_EXIT_INTERRUPTED ? VMEXIT_RESUME : serve_new(c, e);
}

static enum vmexit_result step(struct core *c, struct husk_error *e)
{
	if (c->retry)
		return serve(c, e);
	if (c->finisher != CORE_NO_CLIENT && core_unfinished(c))
		return complete(c, e);
	return c->ops->run(c->hv, &c->last, e) == -1 ? VMEXIT_FAIL : serve_new(c, e);
}

/*
 * The guest is in the middle of an instruction until the next run, or until this. The stop stays
 * posted meanwhile: no handler waits, and a long one returns VMEXIT_RETRY. By a bit of its own, as a
 * stop that comes now is for the next run.
 */
static enum vmexit_result finish_access(struct core *c, struct husk_error *e)
{
	enum vmexit_result r = VMEXIT_RESUME;

	mailbox_post(&c->mailbox, CORE_TIME_OUT);
	for (int i = 0; i < COMPLETIONS_MAX && r == VMEXIT_RESUME && !c->retry; i++) {
		if (c->last.kind != HV_EXIT_PIO && c->last.kind != HV_EXIT_MMIO)
			break;
		r = c->ops->complete(c->hv, &c->last, e) == -1 ? VMEXIT_FAIL :
		    c->last.kind == HV_EXIT_INTERRUPTED ? VMEXIT_RESUME : serve_new(c, e);
	}
	mailbox_withdraw(&c->mailbox, CORE_TIME_OUT);
	return r;
}

static int attend(const struct core *c, unsigned asked, struct husk_error *e)
{
	for (asked &= CORE_STOP - 1; asked != 0; asked &= asked - 1) {
		const struct core_client_slot *k = &c->clients[__builtin_ctz(asked)];

		if (k->is != NULL && k->is->attend != NULL && k->is->attend(k->ctx, e) == -1)
			return -1;
	}
	return 0;
}

/* A stop that was taken is still to be seen by who must not wait. */
static unsigned take_requests(struct core *c)
{
	unsigned asked = mailbox_take(&c->mailbox);

	c->timed_out = (asked & CORE_ENDS) == CORE_TIME_OUT;
	if ((asked & CORE_ENDS) != 0)
		__atomic_store_n(&c->ending, true, __ATOMIC_RELAXED);
	return asked;
}

static enum core_end end_of(enum vmexit_result r)
{
	return r == VMEXIT_HALT ? CORE_HALTED : CORE_FAILED;
}

static enum core_end run(struct core *c, struct husk_error *e)
{
	enum vmexit_result r;

	do {
		unsigned asked = take_requests(c);

		if (attend(c, asked, e) == -1)
			return CORE_FAILED;
		if ((asked & CORE_ENDS) != 0) {
			r = finish_access(c, e);
			return r == VMEXIT_RESUME || r == VMEXIT_RETRY ? CORE_STOPPED : end_of(r);
		}
		r = step(c, e);
	} while (r == VMEXIT_RESUME || r == VMEXIT_RETRY);
	return end_of(r);
}

static void resume(const struct core *c)
{
	for (unsigned i = 0; i < CORE_CLIENTS_MAX; i++)
		if (c->clients[i].is != NULL && c->clients[i].is->resume != NULL)
			c->clients[i].is->resume(c->clients[i].ctx);
}

/* Of several failures the first is the one to tell. */
static enum core_end quiesce(const struct core *c, enum core_end end, struct husk_error *e)
{
	struct husk_error later;

	for (unsigned i = 0; i < CORE_CLIENTS_MAX; i++) {
		const struct core_client_slot *k = &c->clients[i];

		if (k->is != NULL && k->is->quiesce != NULL &&
		    k->is->quiesce(k->ctx, end == CORE_STOPPED ? e : &later) == -1 &&
		    end == CORE_STOPPED)
			end = CORE_FAILED;
	}
	return end;
}

enum core_end core_run(struct core *c, int *stop_reason, struct husk_error *e)
{
	struct core_ending how;

	*stop_reason = 0;
	if (c->ops->own(c->hv, e) == -1)
		return CORE_FAILED;
	waiter_adopt(&c->waiter);
	resume(c);
	how = (struct core_ending){.end = quiesce(c, run(c, e), e)};
	__atomic_store_n(&c->ending, false, __ATOMIC_RELAXED);
	if (how.end == CORE_STOPPED)
		how.reason = *stop_reason = c->timed_out ? CORE_TIMED_OUT :
			__atomic_load_n(&c->stop_reason, __ATOMIC_RELAXED);
	how.status = c->exit_status;
	how.cookie = c->cookie;
	how.error = how.end == CORE_FAILED ? e : NULL;
	tell_end(c, &how);
	c->ops->disown(c->hv);
	return how.end;
}

void core_settle(struct core *c)
{
	struct husk_error ignored;
	struct hv_exit exit;

	if (!c->retry && (c->last.kind == HV_EXIT_PIO || c->last.kind == HV_EXIT_MMIO))
		(void)c->ops->complete(c->hv, &exit, &ignored);
}

void core_say(const struct core *c, const char *fmt, ...)
{
	char text[sizeof ((struct husk_error *)0)->message];
	va_list ap;

	if (c->notice == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	c->notice(c->notice_ctx, text);
}
