/* hv_kvm_x86_64.c: CPUID, registers and the counter of a vcpu under KVM on x86_64. */
#include "hv_kvm.h"

#include <errno.h>
#include <stdlib.h>

#include "cpuid_x86_64.h"

#define CPUID_ENTRIES 256	/* KVM_MAX_CPUID_ENTRIES in Linux arch/x86/kvm */

static void filter(struct kvm_cpuid2 *cpuid)
{
	for (uint32_t i = 0; i < cpuid->nent; i++) {
		struct kvm_cpuid_entry2 *k = &cpuid->entries[i];
		struct cpuid_regs r = {k->eax, k->ebx, k->ecx, k->edx};

		cpuid_filter(k->function, &r);
		k->eax = r.eax;
		k->ebx = r.ebx;
		k->ecx = r.ecx;
		k->edx = r.edx;
	}
}

static int set_cpuid(struct hv *hv, struct kvm_cpuid2 *cpuid, struct husk_error *e)
{
	*cpuid = (struct kvm_cpuid2){.nent = CPUID_ENTRIES};
	if (ioctl(hv->kvm, KVM_GET_SUPPORTED_CPUID, cpuid) == -1)
		return husk_fail_sys(e, errno, "KVM_GET_SUPPORTED_CPUID");
	filter(cpuid);
	if (ioctl(hv->vcpu, KVM_SET_CPUID2, cpuid) == -1)
		return husk_fail_sys(e, errno, "KVM_SET_CPUID2");
	return 0;
}

int hv_kvm_vcpu_init(struct hv *hv, struct husk_error *e)
{
	struct kvm_cpuid2 *cpuid = malloc(sizeof *cpuid +
					  CPUID_ENTRIES * sizeof cpuid->entries[0]);
	int rc;

	if (cpuid == NULL)
		return husk_fail_sys(e, ENOMEM, "CPUID table");
	rc = set_cpuid(hv, cpuid, e);
	free(cpuid);
	return rc;
}

int hv_kvm_cycle_freq(struct hv *hv, uint64_t *hz, struct husk_error *e)
{
	int khz = ioctl(hv->vcpu, KVM_GET_TSC_KHZ, 0);

	if (khz == -1 && errno == EIO)
		return husk_fail(e, HUSK_E_HOST, "KVM: host TSC is unstable, cannot continue");
	if (khz <= 0)
		return husk_fail_sys(e, khz == 0 ? EINVAL : errno, "KVM_GET_TSC_KHZ");
	*hz = (uint64_t)khz * 1000;
	return 0;
}

static struct kvm_segment segment(const struct cpu_segment *s)
{
	return (struct kvm_segment){
		.base = s->base, .limit = s->limit, .selector = s->selector, .type = s->type,
		.present = s->present, .db = s->default_32, .s = s->code_or_data,
		.l = s->long_mode, .g = s->granular,
	};
}

int hv_kvm_set_entry(struct hv *hv, const struct cpu_state *state, struct husk_error *e)
{
	const struct kvm_segment data = segment(&state->data);
	struct kvm_sregs sregs = {
		.cs = segment(&state->code),
		.ds = data, .es = data, .fs = data, .gs = data, .ss = data,
		.tr = segment(&state->tss),
		.ldt = {.unusable = 1},
		.gdt = {.base = state->gdt_base, .limit = state->gdt_limit},
		.cr0 = state->cr0, .cr3 = state->cr3, .cr4 = state->cr4, .efer = state->efer,
	};
	struct kvm_regs regs = {
		.rip = state->rip, .rsp = state->rsp, .rdi = state->rdi, .rflags = state->rflags,
	};

	if (KVM_IOCTL(hv->vcpu, KVM_SET_SREGS, &sregs) == -1)
		return husk_fail_sys(e, errno, "KVM_SET_SREGS");
	if (KVM_IOCTL(hv->vcpu, KVM_SET_REGS, &regs) == -1)
		return husk_fail_sys(e, errno, "KVM_SET_REGS");
	return 0;
}

uint64_t hv_kvm_ip(struct hv *hv)
{
	struct kvm_regs regs;

	return KVM_IOCTL(hv->vcpu, KVM_GET_REGS, &regs) == -1 ? 0 : regs.rip;
}
