/* SPDX-License-Identifier: ISC */
/* hv_kvm_debug_aarch64.c: steps, breakpoints and watchpoints of a vcpu under KVM on aarch64. */
#include <errno.h>
#include <stddef.h>

#include "hv_kvm.h"

#define REGISTERS_MAX 16u	/* Linux arch/arm64/include/uapi/asm/kvm.h */

/* Arm ARM DDI 0487, DBGBCR<n>_EL1 and DBGWCR<n>_EL1. */
#define ENABLE 1ull
#define AT_EL1_AND_EL0 (3ull << 1)
#define LOAD (1ull << 3)
#define STORE (2ull << 3)
#define BYTES(mask) ((uint64_t)(mask) << 5)
#define WORD 8u			/* a watchpoint's address is aligned to it */

/* The same, ESR_ELx: the exception class. */
#define CLASS(esr) ((esr) >> 26)
#define CLASS_BREAKPOINT 0x30u
#define CLASS_WATCHPOINT 0x34u
#define CLASS_BRK 0x3cu

static unsigned count(const struct hv *hv, int cap)
{
	const int n = ioctl(hv->vm, KVM_CHECK_EXTENSION, cap);

	return n < 0 ? 0 : (unsigned)n < REGISTERS_MAX ? (unsigned)n : REGISTERS_MAX;
}

static void limits(struct hv *hv, unsigned *exec, unsigned *watch)
{
	*exec = hv->debug.exec = count(hv, KVM_CAP_GUEST_DEBUG_HW_BPS);
	*watch = hv->debug.watch = count(hv, KVM_CAP_GUEST_DEBUG_HW_WPS);
}

/* What the registers are to hold, and how many are taken. */
struct registers {
	struct kvm_guest_debug arg;
	int slots[HV_POINTS_MAX];	/* those of watchpoints, behind those for execution */
	unsigned exec, watch;
};

static int take_exec(struct registers *r, const struct hv *hv, int index, uint64_t addr)
{
	if (r->exec == hv->debug.exec)
		return -1;
	r->arg.arch.dbg_bcr[r->exec] = ENABLE | AT_EL1_AND_EL0 | BYTES(0xf);
	r->arg.arch.dbg_bvr[r->exec] = addr & ~3ull;
	r->slots[r->exec++] = index;
	return 0;
}

/* One register for each aligned word that the bytes lie in. */
static int take_watch(struct registers *r, const struct hv *hv, int index, const struct hv_point *p)
{
	const uint64_t kinds = p->kind == HV_POINT_WRITE ? STORE :
			       p->kind == HV_POINT_READ ? LOAD : LOAD | STORE;
	uint64_t at = p->addr, left = p->len;

	while (left > 0) {
		const uint64_t in_word = at % WORD;
		const uint64_t n = left < WORD - in_word ? left : WORD - in_word;

		if (r->watch == hv->debug.watch)
			return -1;
		r->arg.arch.dbg_wcr[r->watch] = ENABLE | AT_EL1_AND_EL0 | kinds |
						BYTES(((1u << n) - 1) << in_word);
		r->arg.arch.dbg_wvr[r->watch] = at - in_word;
		r->slots[REGISTERS_MAX + r->watch++] = index;
		at += n;
		left -= n;
	}
	return 0;
}

static int fill(const struct hv *hv, const struct hv_debug *d, struct registers *r)
{
	*r = (struct registers){.arg = {.control = 0}};
	for (unsigned i = 0; i < d->n; i++) {
		const struct hv_point *p = &d->points[i];

		if (p->kind == HV_POINT_EXEC ? take_exec(r, hv, (int)i, p->addr) == -1 :
		    take_watch(r, hv, (int)i, p) == -1)
			return -1;
	}
	if (d->step)
		r->arg.control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP;
	if (d->soft)
		r->arg.control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP;
	if (d->n > 0)
		r->arg.control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW;
	return 0;
}

static int set(struct hv *hv, const struct hv_debug *d, struct husk_error *e)
{
	struct registers r;

	if (fill(hv, d, &r) == -1)
		return husk_fail(e, HUSK_E_HOST, "KVM: the processor has only %u breakpoints and %u "
				 "watchpoints", hv->debug.exec, hv->debug.watch);
	if (KVM_IOCTL(hv->vcpu, KVM_SET_GUEST_DEBUG, &r.arg) == -1)
		return husk_fail_sys(e, errno, "KVM_SET_GUEST_DEBUG");
	hv->debug.set = *d;
	hv->debug.on = d->step || d->soft || d->n > 0;
	for (unsigned i = 0; i < HV_POINTS_MAX; i++)
		hv->debug.slots[i] = i % REGISTERS_MAX < (i < REGISTERS_MAX ? r.exec : r.watch) ?
				     r.slots[i] : -1;
	return 0;
}

/* ---- a guest's own brk ---- */

/* Linux arch/arm64/include/uapi/asm/kvm.h */
#define CORE(field) (KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | \
		     KVM_REG_ARM_CORE_REG(field))
#define ESR_EL1 ARM64_SYS_REG(3, 0, 5, 2, 0)

/* Arm ARM DDI 0487, D1.3: a synchronous exception from EL1 with SP_EL1, and the state it begins in. */
#define VECTOR_SYNC 0x200u
#define PSTATE_EL1H_MASKED 0x3c5u
#define ESR_BRK (CLASS_BRK << 26 | 1u << 25)	/* IL: a 32-bit instruction */

static int put(const struct hv *hv, uint64_t id, uint64_t value)
{
	struct kvm_one_reg reg = {.id = id, .addr = (uintptr_t)&value};

	return KVM_IOCTL(hv->vcpu, KVM_SET_ONE_REG, &reg);
}

/* What the processor does at a brk, done by hand, as KVM has no request for it. */
static int reinject(struct hv *hv, uint16_t number, struct hv_exit *exit, struct husk_error *e)
{
	struct cpu_system system;
	struct cpu_regs regs;

	if (hv_kvm_registers.get(hv, &regs, e) == -1 ||
	    hv_kvm_registers.get_system(hv, &system, e) == -1)
		return -1;
	if (put(hv, CORE(elr_el1), regs.pc) == -1 ||
	    put(hv, CORE(spsr[KVM_SPSR_EL1]), regs.pstate) == -1 ||
	    put(hv, ESR_EL1, ESR_BRK | number) == -1 ||
	    put(hv, CORE(regs.pc), system.vbar_el1 + VECTOR_SYNC) == -1 ||
	    put(hv, CORE(regs.pstate), PSTATE_EL1H_MASKED) == -1)
		return husk_fail_sys(e, errno, "KVM_SET_ONE_REG");
	*exit = (struct hv_exit){.kind = HV_EXIT_INTERRUPTED};
	return 0;
}

/* ---- exits ---- */

/* The point of a breakpoint at this address; -1 if there is none. */
static int exec_point(const struct hv *hv, uint64_t pc)
{
	for (unsigned i = 0; i < REGISTERS_MAX; i++) {
		const int point = hv->debug.slots[i];

		if (point >= 0 && (hv->debug.set.points[point].addr & ~3ull) == pc)
			return point;
	}
	return -1;
}

/* The access may begin below the bytes that are watched: of several the next one. */
static int watch_point(const struct hv *hv, uint64_t far)
{
	uint64_t least = UINT64_MAX;
	int best = -1;

	for (unsigned i = REGISTERS_MAX; i < HV_POINTS_MAX; i++) {
		const int point = hv->debug.slots[i];
		const struct hv_point *p = &hv->debug.set.points[point < 0 ? 0 : point];
		const uint64_t off = far >= p->addr + p->len ? far - p->addr :
				     far < p->addr ? p->addr - far : 0;

		if (point >= 0 && off < least) {
			least = off;
			best = point;
		}
	}
	return best;
}

bool hv_kvm_debug_translate(struct hv *hv, struct hv_exit *exit)
{
	const uint32_t esr = hv->run->debug.arch.hsr;
	uint64_t pc = 0;

	if (hv->run->exit_reason != KVM_EXIT_DEBUG)
		return false;
	(void)hv_kvm_ip(hv, &pc);
	*exit = (struct hv_exit){.kind = HV_EXIT_DEBUG, .debug = {HV_DEBUG_STEP, -1, pc, 0}};
	switch (CLASS(esr)) {
	case CLASS_BRK:
		exit->debug.kind = HV_DEBUG_SOFT;
		exit->debug.number = esr & 0xffff;
		break;
	case CLASS_BREAKPOINT:
		exit->debug.kind = HV_DEBUG_HARD;
		exit->debug.point = exec_point(hv, pc);
		break;
	case CLASS_WATCHPOINT:
		exit->debug.kind = HV_DEBUG_HARD;
		exit->debug.point = watch_point(hv, hv->run->debug.arch.far);
		exit->debug.addr = hv->run->debug.arch.far;
		break;
	}
	return true;
}

const struct hv_debug_ops hv_kvm_debug = {limits, set, reinject};
