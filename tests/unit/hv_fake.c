/* SPDX-License-Identifier: ISC */
/* hv_fake.c: plays a script instead of a guest and remembers what it was told. */
#include "hv_fake.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct hv_fake_faults hv_fake_faults;

static int fails(enum hv_fake_op op, const char *name, struct husk_error *e)
{
	struct hv_fake_faults *f = &hv_fake_faults;

	if (f->op != HV_FAKE_ANY && f->op != op)
		return 0;
	f->seen++;
	if (f->fail_at == 0 || f->seen < f->fail_at || (f->seen > f->fail_at && !f->from_then_on))
		return 0;
	return husk_fail_sys(e, EIO, "fake %s", name);
}

/* hv.h, the table: states is the set of those in which the call may come. */
static void require(const struct hv *hv, unsigned states, const char *call)
{
	static const char *const names[] = {"made", "owned", "in run", "after an exit"};
	bool stranger = hv->state != HV_FAKE_MADE && !pthread_equal(hv->owner, pthread_self());

	if ((states >> hv->state & 1) != 0 && !stranger)
		return;
	fprintf(stderr, "fake hypervisor: %s while %s%s\n", call, names[hv->state],
		stranger ? ", by another thread than the owner" : "");
	abort();
}

#define MADE (1u << HV_FAKE_MADE)
#define OWNED (1u << HV_FAKE_OWNED)
#define EXITED (1u << HV_FAKE_EXITED)

/* ---- the script ---- */

static struct hv_fake_step *add(struct hv *hv)
{
	if (hv->at == hv->n_steps)
		hv->at = hv->n_steps = 0;
	if (hv->n_steps == hv->room) {
		hv->room = hv->room == 0 ? 16 : 2 * hv->room;
		hv->steps = reallocarray(hv->steps, hv->room, sizeof *hv->steps);
		if (hv->steps == NULL)
			abort();
	}
	memset(&hv->steps[hv->n_steps], 0, sizeof *hv->steps);
	return &hv->steps[hv->n_steps++];
}

void hv_fake_exit(struct hv *hv, const struct hv_exit *exit)
{
	add(hv)->exit = *exit;
}

/* Only whole accesses have data; what the bus will refuse may claim any size. */
void hv_fake_access(struct hv *hv, const struct bus_access *a, enum bus_kind kind)
{
	struct hv_fake_step *step = add(hv);
	uint64_t bytes = (uint64_t)a->count * a->width;

	step->exit.kind = kind == BUS_PIO ? HV_EXIT_PIO : HV_EXIT_MMIO;
	step->exit.io = *a;
	if (a->write && a->data != NULL)
		memcpy(step->data, a->data, bytes < HV_FAKE_DATA ? bytes : HV_FAKE_DATA);
}

void hv_fake_store(struct hv *hv, enum bus_kind kind, uint64_t addr, unsigned width,
		   uint64_t value)
{
	const struct bus_access a = {
		.addr = addr, .count = 1, .width = (uint8_t)width, .write = true, .data = &value,
	};

	hv_fake_access(hv, &a, kind);
}

void hv_fake_load(struct hv *hv, enum bus_kind kind, uint64_t addr, unsigned width)
{
	const struct bus_access a = {.addr = addr, .count = 1, .width = (uint8_t)width};

	hv_fake_access(hv, &a, kind);
}

void hv_fake_hypercall(struct hv *hv, uint64_t nr, uint32_t arg)
{
	const struct cpu_hypercall_window *w = &cpu_hypercall_window;

	hv_fake_store(hv, w->kind, w->base + nr * w->stride, 4, arg);
}

void hv_fake_hook(struct hv *hv, void (*hook)(void *ctx), void *ctx)
{
	struct hv_fake_step *step = add(hv);

	step->hook = hook;
	step->ctx = ctx;
}

void hv_fake_more(struct hv *hv, const struct bus_access *a, enum bus_kind kind)
{
	hv_fake_access(hv, a, kind);
	hv->steps[hv->n_steps - 1].more = true;
}

void hv_fake_refuse(struct hv *hv, int sys)
{
	add(hv)->refuse = sys;
}

/* ---- the backend ---- */

static int fake_probe(hv_finding *say, void *ctx)
{
	say(ctx, true, "fake", "");
	return 0;
}

static void fake_destroy(struct hv *hv)
{
	if (hv == NULL)
		return;
	free(hv->data);
	free(hv->steps);
	free(hv->ram);
	free(hv);
}

static int fake_create(struct hv **out, uint64_t mem_size, struct husk_error *e)
{
	struct hv *hv;

	if (fails(HV_FAKE_CREATE, "create", e) == -1)
		return -1;
	hv = calloc(1, sizeof *hv);
	if (hv == NULL || (hv->ram = calloc(1, mem_size)) == NULL) {
		free(hv);
		return husk_fail_sys(e, ENOMEM, "fake machine");
	}
	hv->size = mem_size;
	hv->ip = HV_FAKE_IP;
	hv->points_max = 4;
	*out = hv;
	return 0;
}

static void *fake_memory(struct hv *hv)
{
	return hv->ram;
}

static int fake_protect(struct hv *hv, uint64_t start, uint64_t last, unsigned prot,
			struct husk_error *e)
{
	require(hv, MADE | OWNED | EXITED, "protect");
	if (fails(HV_FAKE_PROTECT, "protect", e) == -1)
		return -1;
	if (hv->n_protected == HV_FAKE_RECORDS || start > last || last >= hv->size)
		abort();
	hv->protected[hv->n_protected].start = start;
	hv->protected[hv->n_protected].last = last;
	hv->protected[hv->n_protected++].prot = prot;
	return 0;
}

static int fake_cycle_freq(struct hv *hv, uint64_t *hz, struct husk_error *e)
{
	require(hv, MADE | OWNED | EXITED, "cycle_freq");
	*hz = HV_FAKE_HZ;
	return fails(HV_FAKE_CYCLE_FREQ, "cycle_freq", e);
}

static int fake_set_entry(struct hv *hv, const struct cpu_state *state, struct husk_error *e)
{
	require(hv, MADE | OWNED | EXITED, "set_entry");
	hv->entries++;
	hv->entry = *state;
	return fails(HV_FAKE_SET_ENTRY, "set_entry", e);
}

static unsigned find_bell(const struct hv *hv, enum bus_kind kind, uint64_t addr, unsigned width)
{
	unsigned i = 0;

	while (i < hv->n_bells && (hv->bells[i].kind != kind || hv->bells[i].addr != addr ||
				   hv->bells[i].width != width))
		i++;
	return i;
}

static bool ring(const struct hv *hv, enum bus_kind kind, uint64_t addr, unsigned width,
		 const uint8_t *data)
{
	const uint64_t one = 1;
	uint64_t value = 0;

	memcpy(&value, data, width);
	for (unsigned i = 0; i < hv->n_bells; i++) {
		const struct hv_fake_bell *b = &hv->bells[i];

		if (b->kind != kind || b->addr != addr || b->width != width ||
		    (b->matches && b->value != value))
			continue;
		if (write(b->fd, &one, sizeof one) != sizeof one)
			abort();
		return true;
	}
	return false;
}

/*
 * As KVM does: exactly this place, width and value rings, once per element; all else is an exit, or
 * behind an element that rang lost.
 */
static bool rings(const struct hv *hv, const struct hv_fake_step *step)
{
	const struct bus_access *a = &step->exit.io;
	const enum bus_kind kind = step->exit.kind == HV_EXIT_PIO ? BUS_PIO : BUS_MMIO;
	uint32_t k = 0;

	if ((step->exit.kind != HV_EXIT_PIO && step->exit.kind != HV_EXIT_MMIO) || !a->write ||
	    a->width > sizeof(uint64_t) || a->width * a->count > HV_FAKE_DATA)
		return false;
	while (k < a->count && ring(hv, kind, a->addr, a->width, step->data + k * a->width))
		k++;
	return k > 0;
}

static int lend_data(struct hv *hv, const struct hv_fake_step *step, struct hv_exit *exit,
		     struct husk_error *e)
{
	uint64_t bytes = (uint64_t)step->exit.io.count * step->exit.io.width;

	if ((exit->kind != HV_EXIT_PIO && exit->kind != HV_EXIT_MMIO) || bytes > HV_FAKE_DATA)
		return 0;
	hv->data = malloc(bytes > 0 ? bytes : 1);
	if (hv->data == NULL)
		return husk_fail_sys(e, ENOMEM, "fake run");
	memcpy(hv->data, step->data, bytes);
	exit->io.data = hv->data;
	hv->pending = true;
	return 0;
}

static int play(struct hv *hv, const struct hv_fake_step *step, struct hv_exit *exit,
		struct husk_error *e)
{
	if (step->refuse != 0)
		return husk_fail_sys(e, step->refuse, "fake run");
	*exit = step->exit;
	return lend_data(hv, step, exit, e);
}

static void complete_access(struct hv *hv)
{
	free(hv->data);
	hv->data = NULL;
	hv->pending = false;
}

static bool take_kick(struct hv *hv)
{
	return __atomic_exchange_n(&hv->kicked, false, __ATOMIC_ACQ_REL);
}

/* A hook may call whatever another thread, or a signal handler, may call meanwhile. */
static void call_hook(struct hv *hv, const struct hv_fake_step *step)
{
	hv->state = HV_FAKE_IN_RUN;
	step->hook(step->ctx);
	hv->state = HV_FAKE_EXITED;
}

static bool is_kicked(const struct hv *hv)
{
	return __atomic_load_n(&hv->kicked, __ATOMIC_ACQUIRE);
}

/* Waits until the script goes on or a kick comes; false if nobody writes it any more. */
static bool more_to_come(struct hv *hv)
{
	if (!hv->live)
		return false;
	do {
		__atomic_store_n(&hv->idle, true, __ATOMIC_RELEASE);
		while (!__atomic_load_n(&hv->go, __ATOMIC_ACQUIRE) && !is_kicked(hv))
			sched_yield();
		__atomic_store_n(&hv->idle, false, __ATOMIC_RELEASE);
		__atomic_store_n(&hv->go, false, __ATOMIC_RELEASE);
	} while (hv->at == hv->n_steps && !is_kicked(hv));
	return true;
}

void hv_fake_play(struct hv *hv, bool (*over)(void *ctx), void *ctx)
{
	__atomic_store_n(&hv->go, true, __ATOMIC_RELEASE);
	while (__atomic_load_n(&hv->go, __ATOMIC_ACQUIRE) ||
	       !__atomic_load_n(&hv->idle, __ATOMIC_ACQUIRE)) {
		if (over != NULL && over(ctx))
			return;
		sched_yield();
	}
}

static int fake_run(struct hv *hv, struct hv_exit *exit, struct husk_error *e)
{
	const struct hv_fake_step *step;

	require(hv, OWNED | EXITED, "run");
	hv->state = HV_FAKE_EXITED;
	hv->runs++;
	complete_access(hv);
	if (fails(HV_FAKE_RUN, "run", e) == -1)
		return -1;
	while (!take_kick(hv)) {
		if (hv->at == hv->n_steps && !more_to_come(hv))
			return husk_fail(e, HUSK_E_HOST, HV_FAKE_OVER);
		if (is_kicked(hv))
			continue;
		step = &hv->steps[hv->at++];
		if (step->hook != NULL)
			call_hook(hv, step);
		else if (!rings(hv, step))
			return play(hv, step, exit, e);
	}
	*exit = (struct hv_exit){.kind = HV_EXIT_INTERRUPTED};
	return 0;
}

static int fake_complete(struct hv *hv, struct hv_exit *exit, struct husk_error *e)
{
	require(hv, EXITED, "complete");
	hv->completions++;
	complete_access(hv);
	if (fails(HV_FAKE_COMPLETE, "complete", e) == -1)
		return -1;
	if (hv->at < hv->n_steps && hv->steps[hv->at].more)
		return play(hv, &hv->steps[hv->at++], exit, e);
	*exit = (struct hv_exit){.kind = HV_EXIT_INTERRUPTED};
	return 0;
}

static void fake_kick(struct hv *hv)
{
	__atomic_store_n(&hv->kicked, true, __ATOMIC_RELEASE);
}

static int fake_own(struct hv *hv, struct husk_error *e)
{
	require(hv, MADE, "own");
	if (fails(HV_FAKE_OWN, "own", e) == -1)
		return -1;
	hv->state = hv->runs > 0 ? HV_FAKE_EXITED : HV_FAKE_OWNED;
	hv->owner = pthread_self();
	hv->owns++;
	return 0;
}

static void fake_disown(struct hv *hv)
{
	require(hv, OWNED | EXITED, "disown");
	hv->state = HV_FAKE_MADE;
}

static bool fake_ip(struct hv *hv, uint64_t *ip)
{
	require(hv, MADE | OWNED | EXITED, "ip");
	*ip = hv->ip;
	return hv->ip != 0;
}

static int fake_get(struct hv *hv, struct cpu_regs *regs, struct husk_error *e)
{
	(void)e;
	require(hv, MADE | OWNED | EXITED, "registers");
	*regs = hv->regs;
	return 0;
}

static int fake_set(struct hv *hv, const struct cpu_regs *regs, struct husk_error *e)
{
	(void)e;
	require(hv, MADE | OWNED | EXITED, "registers");
	hv->regs = *regs;
	return 0;
}

static int fake_get_fp(struct hv *hv, struct cpu_fp *fp, struct husk_error *e)
{
	(void)e;
	require(hv, MADE | OWNED | EXITED, "registers");
	*fp = hv->fp;
	return 0;
}

static int fake_set_fp(struct hv *hv, const struct cpu_fp *fp, struct husk_error *e)
{
	(void)e;
	require(hv, MADE | OWNED | EXITED, "registers");
	hv->fp = *fp;
	return 0;
}

static int fake_get_system(struct hv *hv, struct cpu_system *system, struct husk_error *e)
{
	(void)e;
	require(hv, MADE | OWNED | EXITED, "registers");
	*system = hv->system;
	return 0;
}

static int fake_doorbell_add(struct hv *hv, enum bus_kind kind, uint64_t addr, unsigned width,
			     int fd, struct husk_error *e)
{
	require(hv, MADE | OWNED | EXITED, "doorbells");
	if (fails(HV_FAKE_DOORBELL_ADD, "doorbell_add", e) == -1)
		return -1;
	if (find_bell(hv, kind, addr, width) < hv->n_bells)
		return husk_fail_sys(e, EEXIST, "fake doorbell at 0x%llx",
				     (unsigned long long)addr);
	if (hv->n_bells == HV_FAKE_RECORDS)
		abort();
	hv->bells[hv->n_bells++] = (struct hv_fake_bell){kind, addr, width, fd, false, 0};
	return 0;
}

static int fake_doorbell_add_value(struct hv *hv, enum bus_kind kind, uint64_t addr,
				   unsigned width, uint64_t value, int fd, struct husk_error *e)
{
	require(hv, MADE | OWNED | EXITED, "doorbells");
	if (fails(HV_FAKE_DOORBELL_ADD, "doorbell_add", e) == -1)
		return -1;
	if (hv->n_bells == HV_FAKE_RECORDS)
		abort();
	hv->bells[hv->n_bells++] = (struct hv_fake_bell){kind, addr, width, fd, true, value};
	return 0;
}

static void fake_doorbell_del_value(struct hv *hv, enum bus_kind kind, uint64_t addr,
				    unsigned width, uint64_t value, int fd)
{
	for (unsigned i = 0; i < hv->n_bells; i++) {
		const struct hv_fake_bell *b = &hv->bells[i];

		if (b->matches && b->kind == kind && b->addr == addr && b->width == width &&
		    b->value == value && b->fd == fd) {
			hv->bells[i] = hv->bells[--hv->n_bells];
			return;
		}
	}
	abort();
}

static void fake_doorbell_del(struct hv *hv, enum bus_kind kind, uint64_t addr, unsigned width,
			      int fd)
{
	unsigned i = find_bell(hv, kind, addr, width);

	if (i < hv->n_bells && hv->bells[i].fd == fd)
		hv->bells[i] = hv->bells[--hv->n_bells];
}

static const struct hv_doorbell_ops fake_doorbells = {
	fake_doorbell_add, fake_doorbell_del, fake_doorbell_add_value, fake_doorbell_del_value,
};
static void fake_limits(struct hv *hv, unsigned *exec, unsigned *watch)
{
	*exec = *watch = hv->points_max;
}

static int fake_debug(struct hv *hv, const struct hv_debug *d, struct husk_error *e)
{
	require(hv, MADE | OWNED | EXITED, "debug");
	if (fails(HV_FAKE_DEBUG, "debug", e) == -1)
		return -1;
	if (d->n > hv->points_max)
		return husk_fail(e, HUSK_E_HOST, "fake debug: too many points");
	hv->debug = *d;
	hv->debug_sets++;
	return 0;
}

static int fake_reinject(struct hv *hv, uint16_t number, struct hv_exit *exit, struct husk_error *e)
{
	(void)e;
	require(hv, EXITED, "reinject");
	hv->reinjections++;
	hv->reinjected = number;
	*exit = (struct hv_exit){.kind = HV_EXIT_HALT};
	return 0;
}

static const struct hv_debug_ops fake_debugger = {fake_limits, fake_debug, fake_reinject};
static const struct hv_register_ops fake_registers = {
	fake_get, fake_set, fake_get_fp, fake_set_fp, fake_get_system,
};

static const struct hv_caps *fake_caps(const struct hv *hv)
{
	static const struct hv_caps caps = {
		.doorbells = &fake_doorbells, .registers = &fake_registers,
		.debug = &fake_debugger, .protects_guest = true, .filters_cpuid = true,
	};

	(void)hv;
	return &caps;
}

static const struct hv_caps *fake_plain_caps(const struct hv *hv)
{
	static const struct hv_caps caps;

	(void)hv;
	return &caps;
}

#define FAKE_OPS(caps_) { \
	.name = "fake", .title = "Fake", .probe = fake_probe, .create = fake_create, \
	.caps = (caps_), .memory = fake_memory, .protect = fake_protect, \
	.cycle_freq = fake_cycle_freq, .set_entry = fake_set_entry, .own = fake_own, \
	.disown = fake_disown, .run = fake_run, .complete = fake_complete, .kick = fake_kick, \
	.ip = fake_ip, .destroy = fake_destroy, \
}

const struct hv_ops hv_fake_ops = FAKE_OPS(fake_caps);
const struct hv_ops hv_fake_plain_ops = FAKE_OPS(fake_plain_caps);
