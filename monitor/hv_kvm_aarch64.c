/* SPDX-License-Identifier: ISC */
/* hv_kvm_aarch64.c: first registers, counter and exits of a vcpu under KVM on aarch64. */
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

bool hv_kvm_ip(struct hv *hv, uint64_t *ip)
{
	struct kvm_one_reg reg = {.id = CORE_REG(regs.pc), .addr = (uintptr_t)ip};

	return KVM_IOCTL(hv->vcpu, KVM_GET_ONE_REG, &reg) == 0;
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
