/* SPDX-License-Identifier: ISC */
/* hv_kvm_x86_64.c: CPUID, first registers and the counter of a vcpu under KVM on x86_64. */
#include "hv_kvm.h"

#include <errno.h>
#include <stdlib.h>

#include "cpuid_x86_64.h"

/* Most hosts have fewer; none has more than KVM_MAX_CPUID_ENTRIES in Linux arch/x86/kvm. */
#define CPUID_ENTRIES 100u
#define CPUID_ENTRIES_MAX 256u

const char hv_kvm_missing[] = "load the module kvm_intel or kvm_amd, or turn virtualisation on in "
			      "the firmware";

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

/* The CPUID that the host supports; NULL and errno on failure. */
static struct kvm_cpuid2 *supported_cpuid(const struct hv *hv, uint32_t entries)
{
	struct kvm_cpuid2 *cpuid = malloc(sizeof *cpuid + entries * sizeof cpuid->entries[0]);
	int saved;

	if (cpuid == NULL)
		return NULL;
	*cpuid = (struct kvm_cpuid2){.nent = entries};
	if (ioctl(hv->kvm, KVM_GET_SUPPORTED_CPUID, cpuid) == 0)
		return cpuid;
	saved = errno;
	free(cpuid);
	if (saved == E2BIG && entries < CPUID_ENTRIES_MAX)
		return supported_cpuid(hv, CPUID_ENTRIES_MAX);
	errno = saved;
	return NULL;
}

int hv_kvm_machine_type(const struct hv *hv, unsigned long *type, struct husk_error *e)
{
	(void)hv, (void)e;
	*type = 0;
	return 0;
}

const bool hv_kvm_filters_cpuid = true;

/* Linux virt/kvm/api.rst 7: how long a vcpu may keep the processor where no interrupt reaches it. */
#define NOTIFY_WINDOW 0ull	/* the shortest that the processor allows */

/*
 * Linux virt/kvm/api.rst 7 and 8, each if the kernel and the processor have it: no performance
 * counters for the guest, and exits for what would slow down or block other users of the host.
 */
int hv_kvm_machine_init(struct hv *hv, struct husk_error *e)
{
	(void)e;
	hv_kvm_enable(hv->vm, KVM_CAP_PMU_CAPABILITY, KVM_PMU_CAP_DISABLE);
	hv_kvm_enable(hv->vm, KVM_CAP_X86_BUS_LOCK_EXIT, KVM_BUS_LOCK_DETECTION_EXIT);
	hv_kvm_enable(hv->vm, KVM_CAP_X86_NOTIFY_VMEXIT,
		      NOTIFY_WINDOW << 32 | KVM_X86_NOTIFY_VMEXIT_ENABLED | KVM_X86_NOTIFY_VMEXIT_USER);
	return 0;
}

int hv_kvm_vcpu_init(struct hv *hv, struct husk_error *e)
{
	struct kvm_cpuid2 *cpuid = supported_cpuid(hv, CPUID_ENTRIES);
	int rc;

	if (cpuid == NULL)
		return husk_fail_sys(e, errno, "KVM_GET_SUPPORTED_CPUID");
	filter(cpuid);
	/* Features of KVM that CPUID does not show must not work either: api.rst 7. */
	hv_kvm_enable(hv->vcpu, KVM_CAP_ENFORCE_PV_FEATURE_CPUID, 1);
	rc = ioctl(hv->vcpu, KVM_SET_CPUID2, cpuid);
	if (rc == -1)
		husk_fail_sys(e, errno, "KVM_SET_CPUID2");
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

/*
 * RIP of a vcpu that was reset, AMD64 vol. 2, 14.1.3: what a triple fault leaves on AMD. No guest
 * executes there: its tables have no page 0.
 */
#define RESET_RIP 0xfff0u

bool hv_kvm_ip(struct hv *hv, uint64_t *ip)
{
	struct husk_error ignored;
	struct cpu_regs regs = {0};

	if (hv_kvm_registers.get(hv, &regs, &ignored) == -1)
		return false;
	*ip = regs.rip;
	return hv->run->exit_reason != KVM_EXIT_SHUTDOWN || regs.rip != RESET_RIP;
}

/* A bus lock has happened; the exit alone slows the guest down. */
bool hv_kvm_translate(const struct hv *hv, struct hv_exit *exit)
{
	switch (hv->run->exit_reason) {
	case KVM_EXIT_X86_BUS_LOCK:
		*exit = (struct hv_exit){.kind = HV_EXIT_INTERRUPTED};
		return true;
	case KVM_EXIT_NOTIFY:
		*exit = (struct hv_exit){.kind = HV_EXIT_ERROR, .error = {
			"notify exit: flags", hv->run->notify.flags,
			"the guest kept the processor where no interrupt reaches it",
		}};
		return true;
	}
	return false;
}
