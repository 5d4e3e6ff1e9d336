/* SPDX-License-Identifier: ISC */
/* hv_kvm_debug_x86_64.c: steps, breakpoints and debug registers of a vcpu under KVM on x86_64. */
#include <errno.h>

#include "hv_kvm.h"

#define REGISTERS 4u

/* Intel SDM vol. 3B, 17.2: DR7 and DR6. */
#define DR7_ALWAYS 0x400ull
#define DR7_EXACT 0x200ull
#define DR7_ENABLE(n) (2ull << 2 * (n))
#define DR7_TYPE(n, type) ((uint64_t)(type) << (16 + 4 * (n)))
#define DR7_LENGTH(n, code) ((uint64_t)(code) << (18 + 4 * (n)))
#define TYPE_EXEC 0u
#define TYPE_WRITE 1u
#define TYPE_ACCESS 3u

static void limits(struct hv *hv, unsigned *exec, unsigned *watch)
{
	bool hits_exec, hits_watch;

	hv_kvm_try_points(&hits_exec, &hits_watch);
	*exec = hv->debug.exec = hits_exec ? REGISTERS : 0;
	*watch = hv->debug.watch = hits_watch ? REGISTERS : 0;
}

/* What the registers are to hold, and how many are taken. */
struct registers {
	struct kvm_guest_debug arg;
	int slots[REGISTERS];
	unsigned n;
};

/* The largest piece that begins at addr: it is aligned to its length, 1, 2, 4 or 8. */
static uint64_t piece(uint64_t addr, uint64_t len)
{
	uint64_t size = 8;

	while (size > len || addr % size != 0)
		size /= 2;
	return size;
}

static unsigned length_code(uint64_t size)
{
	return size == 8 ? 2 : (unsigned)size - 1;
}

static int take_register(struct registers *r, int point, unsigned type, uint64_t addr, uint64_t size)
{
	const unsigned n = r->n;

	if (n == REGISTERS)
		return -1;
	r->arg.arch.debugreg[n] = addr;
	r->arg.arch.debugreg[7] |= DR7_ENABLE(n) | DR7_TYPE(n, type) |
				   DR7_LENGTH(n, length_code(size));
	r->slots[n] = point;
	r->n++;
	return 0;
}

/* There is no type for reads alone: READ is told as ACCESS. */
static int take_point(struct registers *r, int index, const struct hv_point *p)
{
	const unsigned type = p->kind == HV_POINT_WRITE ? TYPE_WRITE : TYPE_ACCESS;
	uint64_t at = p->addr, left = p->len;

	if (p->kind == HV_POINT_EXEC)
		return take_register(r, index, TYPE_EXEC, p->addr, 1);
	while (left > 0) {
		const uint64_t size = piece(at, left);

		if (take_register(r, index, type, at, size) == -1)
			return -1;
		at += size;
		left -= size;
	}
	return 0;
}

static int fill(const struct hv_debug *d, struct registers *r)
{
	*r = (struct registers){.arg = {.control = 0}};
	r->arg.arch.debugreg[7] = DR7_ALWAYS | DR7_EXACT;
	for (unsigned i = 0; i < d->n; i++)
		if (take_point(r, (int)i, &d->points[i]) == -1)
			return -1;
	if (d->step)
		r->arg.control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP;
	if (d->n > 0)
		r->arg.control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP;
	return 0;
}

/* Breakpoints are HLT, so that KVM has nothing to do for them. */
static int set(struct hv *hv, const struct hv_debug *d, struct husk_error *e)
{
	struct registers r;

	if (fill(d, &r) == -1)
		return husk_fail(e, HUSK_E_HOST, "KVM: the processor has only %u debug registers",
				 REGISTERS);
	if (KVM_IOCTL(hv->vcpu, KVM_SET_GUEST_DEBUG, &r.arg) == -1)
		return husk_fail_sys(e, errno, "KVM_SET_GUEST_DEBUG");
	hv->debug.set = *d;
	hv->debug.on = d->step || d->soft || d->n > 0;
	for (unsigned i = 0; i < REGISTERS; i++)
		hv->debug.slots[i] = i < r.n ? r.slots[i] : -1;
	return 0;
}

/* Moves the instruction pointer of the vcpu by some bytes. */
static int move(struct hv *hv, int64_t bytes, uint64_t *ip, struct husk_error *e)
{
	struct cpu_regs regs;

	if (hv_kvm_registers.get(hv, &regs, e) == -1)
		return -1;
	regs.rip += (uint64_t)bytes;
	*ip = regs.rip;
	return hv_kvm_registers.set(hv, &regs, e);
}

/* KVM's rip is behind the HLT. */
static bool soft_exit(struct hv *hv, struct hv_exit *exit)
{
	struct husk_error ignored;
	uint64_t ip;

	if (!hv->debug.set.soft || move(hv, -1, &ip, &ignored) == -1)
		return false;
	*exit = (struct hv_exit){.kind = HV_EXIT_DEBUG, .debug = {HV_DEBUG_SOFT, -1, ip, 0}};
	return true;
}

static int reinject(struct hv *hv, uint16_t number, struct hv_exit *exit, struct husk_error *e)
{
	uint64_t ip;

	(void)number;
	*exit = (struct hv_exit){.kind = HV_EXIT_HALT};
	return move(hv, 1, &ip, e);
}

/* A watchpoint is told behind the access; DR6 tells which one. */
static void hard_exit(const struct hv *hv, struct hv_debug_exit *debug)
{
	for (unsigned i = 0; i < REGISTERS; i++) {
		const int point = hv->debug.slots[i];

		if ((hv->run->debug.arch.dr6 & 1ull << i) == 0 || point < 0)
			continue;
		debug->kind = HV_DEBUG_HARD;
		debug->point = point;
		debug->addr = hv->debug.set.points[point].addr;
		return;
	}
}

bool hv_kvm_debug_translate(struct hv *hv, struct hv_exit *exit)
{
	if (hv->run->exit_reason == KVM_EXIT_HLT)
		return soft_exit(hv, exit);
	if (hv->run->exit_reason != KVM_EXIT_DEBUG)
		return false;
	*exit = (struct hv_exit){.kind = HV_EXIT_DEBUG, .debug = {
		.kind = HV_DEBUG_STEP, .point = -1, .addr = hv->run->debug.arch.pc,
	}};
	hard_exit(hv, &exit->debug);
	return true;
}

const struct hv_debug_ops hv_kvm_debug = {limits, set, reinject};
