/* SPDX-License-Identifier: ISC */
/* hv_kvm_aarch64.c: registers, counter and exits of a vcpu under KVM on aarch64. */
#include "hv_kvm.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

/* Linux arch/arm64/include/uapi/asm/kvm.h */
#define CORE_REG(field) (KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | \
			 KVM_REG_ARM_CORE_REG(field))

#define IPA_BITS 40		/* what machine type 0 means: Linux virt/kvm/api.rst 4.2 */
#define ISS_WNR (1u << 6)	/* Arm ARM DDI 0487, ESR_ELx, ISS of a data abort: a write */

const char hv_kvm_missing[] = "a kernel with KVM is needed, started in EL2 by the firmware";

static int reg_get(const struct hv *hv, uint64_t id, uint64_t *value)
{
	struct kvm_one_reg reg = {.id = id, .addr = (uintptr_t)value};

	return KVM_IOCTL(hv->vcpu, KVM_GET_ONE_REG, &reg);
}

/* Some hosts have fewer physical address bits than machines have by default; 33 would do. */
int hv_kvm_machine_type(const struct hv *hv, unsigned long *type, struct husk_error *e)
{
	int bits = ioctl(hv->kvm, KVM_CHECK_EXTENSION, KVM_CAP_ARM_VM_IPA_SIZE);

	if (bits == -1)
		return husk_fail_sys(e, errno, "KVM_CAP_ARM_VM_IPA_SIZE");
	*type = bits > 0 && bits < IPA_BITS ? KVM_VM_TYPE_ARM_IPA_SIZE((unsigned long)bits) : 0;
	return 0;
}

/* Asks for exits that hv_kvm_translate handles; without them, KVM_RUN fails on such accesses. */
static int report_unknown_accesses(const struct hv *hv, struct husk_error *e)
{
	struct kvm_enable_cap cap = {.cap = KVM_CAP_ARM_NISV_TO_USER};
	int there = ioctl(hv->vm, KVM_CHECK_EXTENSION, KVM_CAP_ARM_NISV_TO_USER);

	if (there == -1 || (there > 0 && KVM_IOCTL(hv->vm, KVM_ENABLE_CAP, &cap) == -1))
		return husk_fail_sys(e, errno, "KVM_CAP_ARM_NISV_TO_USER");
	return 0;
}

const bool hv_kvm_filters_cpuid = false;

int hv_kvm_machine_init(struct hv *hv, struct husk_error *e)
{
	(void)hv, (void)e;
	return 0;
}

/* KVM's preferred features are none: no PMU, for instance. api.rst 4.82 and 4.83. */
int hv_kvm_vcpu_init(struct hv *hv, struct husk_error *e)
{
	struct kvm_vcpu_init init;

	if (report_unknown_accesses(hv, e) == -1)
		return -1;
	if (KVM_IOCTL(hv->vm, KVM_ARM_PREFERRED_TARGET, &init) == -1)
		return husk_fail_sys(e, errno, "KVM_ARM_PREFERRED_TARGET");
	if (KVM_IOCTL(hv->vcpu, KVM_ARM_VCPU_INIT, &init) == -1)
		return husk_fail_sys(e, errno, "KVM_ARM_VCPU_INIT");
	return 0;
}

/* The guest's counter is the host's. */
int hv_kvm_cycle_freq(struct hv *hv, uint64_t *hz, struct husk_error *e)
{
	(void)hv;
	__asm__ __volatile__("mrs %0, cntfrq_el0" : "=r"(*hz));
	if (*hz == 0)
		return husk_fail(e, HUSK_E_HOST, "KVM: the firmware has not set CNTFRQ_EL0, the "
				 "counter's frequency");
	return 0;
}

int hv_kvm_set_entry(struct hv *hv, const struct cpu_state *state, struct husk_error *e)
{
	const struct {
		const char *name;
		uint64_t id, value;
	} regs[] = {
		{"PSTATE", CORE_REG(regs.pstate), state->pstate},
		{"SP_EL1", CORE_REG(sp_el1), state->sp},
		{"X0", CORE_REG(regs.regs[0]), state->x0},
		{"PC", CORE_REG(regs.pc), state->pc},
	};

	for (size_t i = 0; i < sizeof regs / sizeof regs[0]; i++) {
		struct kvm_one_reg reg = {.id = regs[i].id, .addr = (uintptr_t)&regs[i].value};

		if (KVM_IOCTL(hv->vcpu, KVM_SET_ONE_REG, &reg) == -1)
			return husk_fail_sys(e, errno, "KVM_SET_ONE_REG: %s", regs[i].name);
	}
	return 0;
}

/* The core registers of a program, each with its place in struct cpu_regs. */
#define GPR(n) {CORE_REG(regs.regs[n]), offsetof(struct cpu_regs, x) + (n) * sizeof(uint64_t)}
static const struct {
	uint64_t id;
	size_t place;
} core_regs[] = {
	GPR(0), GPR(1), GPR(2), GPR(3), GPR(4), GPR(5), GPR(6), GPR(7), GPR(8), GPR(9), GPR(10),
	GPR(11), GPR(12), GPR(13), GPR(14), GPR(15), GPR(16), GPR(17), GPR(18), GPR(19), GPR(20),
	GPR(21), GPR(22), GPR(23), GPR(24), GPR(25), GPR(26), GPR(27), GPR(28), GPR(29), GPR(30),
	{CORE_REG(sp_el1), offsetof(struct cpu_regs, sp)},
	{CORE_REG(regs.pc), offsetof(struct cpu_regs, pc)},
	{CORE_REG(regs.pstate), offsetof(struct cpu_regs, pstate)},
};
#define CORE_REGS (sizeof core_regs / sizeof core_regs[0])

static int get_regs(struct hv *hv, struct cpu_regs *regs, struct husk_error *e)
{
	for (size_t i = 0; i < CORE_REGS; i++) {
		uint64_t value;

		if (reg_get(hv, core_regs[i].id, &value) == -1)
			return husk_fail_sys(e, errno, "KVM_GET_ONE_REG 0x%llx",
					     (unsigned long long)core_regs[i].id);
		memcpy((uint8_t *)regs + core_regs[i].place, &value, sizeof value);
	}
	return 0;
}

static int set_regs(struct hv *hv, const struct cpu_regs *regs, struct husk_error *e)
{
	for (size_t i = 0; i < CORE_REGS; i++) {
		uint64_t value;
		struct kvm_one_reg reg = {.id = core_regs[i].id, .addr = (uintptr_t)&value};

		memcpy(&value, (const uint8_t *)regs + core_regs[i].place, sizeof value);
		if (KVM_IOCTL(hv->vcpu, KVM_SET_ONE_REG, &reg) == -1)
			return husk_fail_sys(e, errno, "KVM_SET_ONE_REG 0x%llx",
					     (unsigned long long)core_regs[i].id);
	}
	return 0;
}

const struct hv_register_ops hv_kvm_registers = {get_regs, set_regs};

bool hv_kvm_ip(struct hv *hv, uint64_t *ip)
{
	return reg_get(hv, CORE_REG(regs.pc), ip) == 0;
}

/*
 * An access outside memory by an instruction that the processor does not decode for its hypervisor:
 * a pair, an atomic access, one that writes back its base register. Its width is unknown.
 */
bool hv_kvm_translate(const struct hv *hv, struct hv_exit *exit)
{
	struct kvm_run *run = hv->run;

	if (run->exit_reason != KVM_EXIT_ARM_NISV)
		return false;
	*exit = (struct hv_exit){.kind = HV_EXIT_MMIO, .io = {
		.addr = run->arm_nisv.fault_ipa,
		.count = 1,
		.write = (run->arm_nisv.esr_iss & ISS_WNR) != 0,
		.data = run->mmio.data,
	}};
	return true;
}
