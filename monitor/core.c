/* core.c: makes a machine from its parts and runs it, exit by exit. */
#include "core.h"

#include <stdarg.h>
#include <stdio.h>

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

static enum vmexit_result on_interrupted(void *ctx, const struct hv_exit *exit, struct husk_error *e)
{
	const struct core *c = ctx;

	(void)exit;
	if (c->alarm.look != NULL && c->alarm.look(c->alarm.ctx, e) == -1)
		return VMEXIT_FAIL;
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

	husk_fail(e, HUSK_E_GUEST, "%s: %s=0x%llx%s%s%s", c->ops->title, exit->error.what,
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

int core_init(struct core *c, const struct hv_ops *ops, uint64_t mem_size, struct husk_error *e)
{
	struct doorbell_ops bells = {0};

	*c = (struct core){.ops = ops, .events = {.wake_fd = -1}, .console_fd = -1};
	if (ops->create(&c->hv, mem_size, e) == -1) {
		core_fini(c);
		return -1;
	}
	memory_init(&c->memory, ops->memory(c->hv), mem_size);
	resource_space_init(&c->gpas, 0, mem_size - 1);
	if (ops->doorbell_add != NULL)
		bells = (struct doorbell_ops){ops->doorbell_add, ops->doorbell_del, c->hv};
	devices_init(&c->devices, mem_size, HVT_HYPERCALL_MAX, &bells);
	claim_vmexits(c);
	if (ops->cycle_freq(c->hv, &c->cycle_freq, e) == 0 &&
	    hypercalls_init(&c->hypercalls, &c->devices, e) == 0 &&
	    events_init(&c->events, e) == 0)
		return 0;
	core_fini(c);
	return -1;
}

void core_fini(struct core *c)
{
	if (c->ops == NULL)
		return;
	devices_clear(&c->devices);
	events_fini(&c->events);
	c->ops->destroy(c->hv);
	*c = (struct core){.events = {.wake_fd = -1}};
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

void core_seal(struct core *c)
{
	devices_seal(&c->devices);
	resource_seal(&c->gpas);
}

/* One exit. What the guest did wrong is told with the place where it did it. */
static enum vmexit_result serve(struct core *c, const struct hv_exit *exit, struct husk_error *e)
{
	const struct core_vmexit *x = &c->vmexits[exit->kind];
	enum vmexit_result r = VMEXIT_FAIL;

	c->exits[exit->kind]++;
	if (x->handler != NULL)
		r = x->handler(x->ctx, exit, e);
	else
		husk_fail(e, HUSK_E_GUEST, "%s: exit of kind %s, which nobody serves",
			  c->ops->title, hv_exit_name(exit->kind));
	if (r == VMEXIT_FAIL && e->kind == HUSK_E_GUEST)
		husk_hint(e, "%s=0x%llx", cpu_ip_name, (unsigned long long)c->ops->ip(c->hv));
	return r;
}

/* The plain load keeps a locked instruction out of every exit. */
static int take_stop(struct core *c)
{
	if (__atomic_load_n(&c->stop, __ATOMIC_RELAXED) == 0)
		return 0;
	return __atomic_exchange_n(&c->stop, 0, __ATOMIC_ACQ_REL);
}

static enum core_end run(struct core *c, int *stop_reason, struct husk_error *e)
{
	enum vmexit_result r = VMEXIT_RESUME;
	struct hv_exit exit;

	while (r == VMEXIT_RESUME) {
		*stop_reason = take_stop(c);
		if (*stop_reason != 0)
			return CORE_STOPPED;
		if (c->ops->run(c->hv, &exit, e) == -1)
			return CORE_FAILED;
		r = serve(c, &exit, e);
	}
	return r == VMEXIT_HALT ? CORE_HALTED : CORE_FAILED;
}

enum core_end core_run(struct core *c, int *stop_reason, struct husk_error *e)
{
	enum core_end end;

	if (c->cross_thread && c->ops->own(c->hv, e) == -1)
		return CORE_FAILED;
	events_adopt(&c->events);
	end = run(c, stop_reason, e);
	if (c->cross_thread)
		c->ops->disown(c->hv);
	return end;
}

void core_stop(struct core *c, int reason)
{
	__atomic_store_n(&c->stop, reason, __ATOMIC_RELEASE);
	core_raise(c);
}

void core_raise(struct core *c)
{
	c->ops->kick(c->hv);
	events_wake(&c->events);
}

int core_register_alarm(struct core *c, int (*look)(void *ctx, struct husk_error *e), void *ctx,
			struct husk_error *e)
{
	if (c->alarm.look != NULL)
		return husk_fail(e, HUSK_E_HOST, "the machine has an alarm already");
	c->alarm = (struct core_alarm){look, ctx};
	c->cross_thread = true;
	return 0;
}

void core_unregister_alarm(struct core *c)
{
	c->alarm = (struct core_alarm){0};
	c->cross_thread = false;
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

const char *hv_exit_name(enum hv_exit_kind kind)
{
	static const char *const names[HV_EXIT_KINDS] = {
		"pio", "mmio", "halt", "shutdown", "interrupted", "debug", "fault", "error",
	};

	return names[kind];
}
