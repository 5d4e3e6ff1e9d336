/* SPDX-License-Identifier: ISC */
/* hv_kvm_registers_aarch64.c: the registers of a vcpu under KVM on aarch64, read and written. */
#include <errno.h>
#include <stddef.h>

#include "hv_kvm.h"

/* Linux arch/arm64/include/uapi/asm/kvm.h */
#define CORE(size, field) (KVM_REG_ARM64 | (size) | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(field))

/* One register, and its place in the structure that it belongs to. */
struct placed {
	uint64_t id;
	size_t place;
};

#define GPR(n) {CORE(KVM_REG_SIZE_U64, regs.regs[n]), \
	       offsetof(struct cpu_regs, x) + (n) * sizeof(uint64_t)}
static const struct placed core_regs[] = {
	GPR(0), GPR(1), GPR(2), GPR(3), GPR(4), GPR(5), GPR(6), GPR(7), GPR(8), GPR(9), GPR(10),
	GPR(11), GPR(12), GPR(13), GPR(14), GPR(15), GPR(16), GPR(17), GPR(18), GPR(19), GPR(20),
	GPR(21), GPR(22), GPR(23), GPR(24), GPR(25), GPR(26), GPR(27), GPR(28), GPR(29), GPR(30),
	{CORE(KVM_REG_SIZE_U64, sp_el1), offsetof(struct cpu_regs, sp)},
	{CORE(KVM_REG_SIZE_U64, regs.pc), offsetof(struct cpu_regs, pc)},
	{CORE(KVM_REG_SIZE_U64, regs.pstate), offsetof(struct cpu_regs, pstate)},
};

#define VECTOR(n) {CORE(KVM_REG_SIZE_U128, fp_regs.vregs[n]), \
		  offsetof(struct cpu_fp, v) + (n) * 16u}
static const struct placed fp_regs[] = {
	VECTOR(0), VECTOR(1), VECTOR(2), VECTOR(3), VECTOR(4), VECTOR(5), VECTOR(6), VECTOR(7),
	VECTOR(8), VECTOR(9), VECTOR(10), VECTOR(11), VECTOR(12), VECTOR(13), VECTOR(14),
	VECTOR(15), VECTOR(16), VECTOR(17), VECTOR(18), VECTOR(19), VECTOR(20), VECTOR(21),
	VECTOR(22), VECTOR(23), VECTOR(24), VECTOR(25), VECTOR(26), VECTOR(27), VECTOR(28),
	VECTOR(29), VECTOR(30), VECTOR(31),
	{CORE(KVM_REG_SIZE_U32, fp_regs.fpsr), offsetof(struct cpu_fp, fpsr)},
	{CORE(KVM_REG_SIZE_U32, fp_regs.fpcr), offsetof(struct cpu_fp, fpcr)},
};

/* Encodings: Arm ARM DDI 0487, D17.2. */
#define SYSTEM(field, op0, op1, crn, crm, op2) \
	{ARM64_SYS_REG(op0, op1, crn, crm, op2), offsetof(struct cpu_system, field)}
static const struct placed system_regs[] = {
	SYSTEM(sctlr_el1, 3, 0, 1, 0, 0), SYSTEM(ttbr0_el1, 3, 0, 2, 0, 0),
	SYSTEM(tcr_el1, 3, 0, 2, 0, 2), SYSTEM(esr_el1, 3, 0, 5, 2, 0),
	SYSTEM(far_el1, 3, 0, 6, 0, 0), SYSTEM(vbar_el1, 3, 0, 12, 0, 0),
	SYSTEM(tpidr_el0, 3, 3, 13, 0, 2),
	{CORE(KVM_REG_SIZE_U64, elr_el1), offsetof(struct cpu_system, elr_el1)},
};

#define COUNT(list) (sizeof (list) / sizeof (list)[0])

/* KVM copies as many bytes as the register's number says. */
static int get_all(struct hv *hv, const struct placed *list, size_t n, void *to,
		   struct husk_error *e)
{
	for (size_t i = 0; i < n; i++) {
		struct kvm_one_reg reg = {
			.id = list[i].id, .addr = (uintptr_t)to + list[i].place,
		};

		if (KVM_IOCTL(hv->vcpu, KVM_GET_ONE_REG, &reg) == -1)
			return husk_fail_sys(e, errno, "KVM_GET_ONE_REG 0x%llx",
					     (unsigned long long)reg.id);
	}
	return 0;
}

static int set_all(struct hv *hv, const struct placed *list, size_t n, const void *from,
		   struct husk_error *e)
{
	for (size_t i = 0; i < n; i++) {
		struct kvm_one_reg reg = {
			.id = list[i].id, .addr = (uintptr_t)from + list[i].place,
		};

		if (KVM_IOCTL(hv->vcpu, KVM_SET_ONE_REG, &reg) == -1)
			return husk_fail_sys(e, errno, "KVM_SET_ONE_REG 0x%llx",
					     (unsigned long long)reg.id);
	}
	return 0;
}

static int get_regs(struct hv *hv, struct cpu_regs *regs, struct husk_error *e)
{
	return get_all(hv, core_regs, COUNT(core_regs), regs, e);
}

static int set_regs(struct hv *hv, const struct cpu_regs *regs, struct husk_error *e)
{
	return set_all(hv, core_regs, COUNT(core_regs), regs, e);
}

static int get_fp(struct hv *hv, struct cpu_fp *fp, struct husk_error *e)
{
	return get_all(hv, fp_regs, COUNT(fp_regs), fp, e);
}

static int set_fp(struct hv *hv, const struct cpu_fp *fp, struct husk_error *e)
{
	return set_all(hv, fp_regs, COUNT(fp_regs), fp, e);
}

static int get_system(struct hv *hv, struct cpu_system *system, struct husk_error *e)
{
	return get_all(hv, system_regs, COUNT(system_regs), system, e);
}

const struct hv_register_ops hv_kvm_registers = {
	get_regs, set_regs, get_fp, set_fp, get_system,
};
