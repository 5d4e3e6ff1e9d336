/* SPDX-License-Identifier: ISC */
/* double_vcpu_x86_64.c: how a vcpu of the stand-in on x86_64 begins, and is entered. */
#include "double.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define EFER_SVME 0x1000u	/* AMD APM vol. 2, 3.1.7: read back, not the guest's */
#define MSR_TSC 0x10u
#define HOLE_LAPIC 0xfee00000u

const int cpu_reqidle_exit = VMM_EXIT_REQIDLE;
const unsigned cpu_bogus_rate = 20;
const unsigned cpu_slice = 7;
const int cpu_suspends_max = VMM_SUSPEND_DESTROY;

/* ---- creation ---- */

/* FreeBSD sys/amd64/vmm/x86.c, as far as guests look. */
static void as_bhyve(struct kvm_cpuid_entry2 *k)
{
	switch (k->function) {
	case 1:
		k->ecx &= ~(1u << 3 | 1u << 21 | 1u << 24);	/* MONITOR, x2APIC, TSC-deadline */
		break;
	case 0x15:
		k->eax = k->ebx = k->ecx = k->edx = 0;
		break;
	case 0x40000000:
		k->eax = double_personality()->release >= 15 ? 0x40000001 : 0x40000000;
		memcpy(&k->ebx, "bhyv", 4);
		memcpy(&k->ecx, "e bh", 4);
		memcpy(&k->edx, "yve ", 4);
		break;
	}
}

static int set_cpuid(struct machine *m)
{
	const uint32_t entries = 256;
	struct kvm_cpuid2 *cpuid = calloc(1, sizeof *cpuid + entries * sizeof cpuid->entries[0]);
	int rc;

	if (cpuid == NULL)
		return -1;
	cpuid->nent = entries;
	rc = ioctl(m->kvm, KVM_GET_SUPPORTED_CPUID, cpuid);
	for (uint32_t i = 0; rc == 0 && i < cpuid->nent; i++)
		as_bhyve(&cpuid->entries[i]);
	if (rc == 0)
		rc = ioctl(m->vcpu, KVM_SET_CPUID2, cpuid);
	free(cpuid);
	return rc;
}

/* The guest's counter is the host's. */
static void set_tsc(struct machine *m)
{
	const struct kvm_msrs head = {.nmsrs = 1};
	const struct kvm_msr_entry tsc = {.index = MSR_TSC, .data = __builtin_ia32_rdtsc()};
	_Alignas(8) uint8_t arg[sizeof head + sizeof tsc];

	memcpy(arg, &head, sizeof head);
	memcpy(arg + sizeof head, &tsc, sizeof tsc);
	(void)ioctl(m->vcpu, KVM_SET_MSRS, arg);
}

int cpu_create(struct machine *m)
{
	struct kvm_enable_cap msrs = {
		.cap = KVM_CAP_X86_USER_SPACE_MSR, .args = {KVM_MSR_EXIT_REASON_UNKNOWN},
	};

	(void)ioctl(m->vm, KVM_ENABLE_CAP, &msrs);
	set_tsc(m);
	return set_cpuid(m);
}

void cpu_reset(struct machine *m)
{
	struct cpu *c = &m->cpu;

	memset(c, 0, sizeof *c);
	c->regs_known = c->regs_set = c->sregs_known = c->sregs_set = true;
	c->dr7 = 0x400;
	c->dr6 = 0xffff0ff0;
	for (int n = VMM_REG_ES; n <= VMM_REG_LDTR; n++)
		if (n != VMM_REG_CS)
			descriptor(m, n)->access = VMM_ACCESS_UNUSABLE;
}

bool cpu_name_ok(const char *name)
{
	(void)name;
	return true;
}

bool cpu_gpa_ok(const struct machine *m, uint64_t gpa, uint64_t len)
{
	const uint64_t top = UINT64_C(1) << 46;

	(void)m;
	if (gpa >= top || len > top - gpa)
		return false;
	return !double_personality()->apic || gpa >= HOLE_LAPIC + PAGE || gpa + len <= HOLE_LAPIC;
}

int cpu_view_prot(int prot)
{
	return (prot & VMM_PROT_W) == 0 ? PROT_READ : PROT_READ | PROT_WRITE;
}

/* KVM tells it of a vcpu only. */
static int tsc_khz(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), vm, vcpu, khz;

	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	khz = ioctl(vcpu, KVM_GET_TSC_KHZ, 0);
	close(vcpu);
	close(vm);
	close(kvm);
	return khz;
}

int cpu_frequency(const char *name, uint64_t *hz)
{
	int khz;

	if (strcmp(name, "machdep.tsc_freq") != 0)
		return ENOENT;
	khz = tsc_khz();
	*hz = khz > 0 ? (uint64_t)khz * 1000 : 0;
	return 0;
}

int cpu_number(const char *name, int *number)
{
	*number = !double_personality()->drift;
	return strcmp(name, "kern.timecounter.invariant_tsc") == 0 ? 0 : ENOENT;
}

/* ---- capabilities ---- */

enum { CAP_NONE, CAP_SETTABLE, CAP_FIXED };

static int capability_kind(int type)
{
	static const uint8_t amd[VMM_CAP_MAX] = {
		[VMM_CAP_HALT_EXIT] = CAP_SETTABLE, [VMM_CAP_PAUSE_EXIT] = CAP_SETTABLE,
		[VMM_CAP_UNRESTRICTED_GUEST] = CAP_FIXED, [VMM_CAP_BPT_EXIT] = CAP_SETTABLE,
		[VMM_CAP_IPI_EXIT] = CAP_SETTABLE, [VMM_CAP_MASK_HWINTR] = CAP_SETTABLE,
		[VMM_CAP_RFLAGS_TF] = CAP_SETTABLE,
	};
	static const uint8_t intel[VMM_CAP_MAX] = {
		[VMM_CAP_HALT_EXIT] = CAP_SETTABLE, [VMM_CAP_MTRAP_EXIT] = CAP_SETTABLE,
		[VMM_CAP_PAUSE_EXIT] = CAP_SETTABLE, [VMM_CAP_UNRESTRICTED_GUEST] = CAP_SETTABLE,
		[VMM_CAP_BPT_EXIT] = CAP_SETTABLE,
	};

	return double_personality()->amd ? amd[type] : intel[type];
}

int cpu_capability_get(const struct machine *m, int type, int *value)
{
	switch (capability_kind(type)) {
	case CAP_SETTABLE:
		*value = m->capabilities[type];
		return 0;
	case CAP_FIXED:
		*value = 1;
		return 0;
	}
	return ENOENT;
}

int cpu_capability_set(struct machine *m, int type, int value)
{
	switch (capability_kind(type)) {
	case CAP_SETTABLE:
		m->capabilities[type] = value;
		return 0;
	case CAP_FIXED:
		return value == 1 ? 0 : EINVAL;
	}
	return ENOENT;
}

/* ---- entry ---- */

static struct kvm_segment to_kvm(const struct descriptor *d)
{
	uint32_t a = d->access;

	return (struct kvm_segment){
		.base = d->base, .limit = d->limit, .selector = d->selector, .type = a & 15,
		.s = a >> 4 & 1, .dpl = a >> 5 & 3, .present = a >> 7 & 1, .avl = a >> 12 & 1,
		.l = a >> 13 & 1, .db = a >> 14 & 1, .g = a >> 15 & 1,
		.unusable = (a & VMM_ACCESS_UNUSABLE) != 0,
	};
}

static int write_sregs(struct machine *m)
{
	struct cpu *c = &m->cpu;
	struct kvm_segment *segments[8];
	struct kvm_sregs sregs;

	if (ioctl(m->vcpu, KVM_GET_SREGS, &sregs) == -1)
		return -1;
	segments_of(&sregs, segments);
	for (int i = 0; i < 8; i++)
		*segments[i] = to_kvm(&c->descriptors[i]);
	sregs.gdt.base = descriptor(m, VMM_REG_GDTR)->base;
	sregs.gdt.limit = (uint16_t)descriptor(m, VMM_REG_GDTR)->limit;
	sregs.idt.base = descriptor(m, VMM_REG_IDTR)->base;
	sregs.idt.limit = (uint16_t)descriptor(m, VMM_REG_IDTR)->limit;
	sregs.cr0 = c->sregs.cr0;
	sregs.cr2 = c->sregs.cr2;
	sregs.cr3 = c->sregs.cr3;
	sregs.cr4 = c->sregs.cr4;
	sregs.efer = c->sregs.efer & ~(uint64_t)EFER_SVME;
	return ioctl(m->vcpu, KVM_SET_SREGS, &sregs);
}

static void fail_entry(struct machine *m)
{
	m->exit.inst_length = 0;
	m->exit.rip = m->cpu.regs.rip;
	if (double_personality()->amd) {
		m->exit.code = VMM_EXIT_SVM;
		m->exit.svm.code = VMM_SVM_INVALID;
		m->exit.svm.info1 = m->exit.svm.info2 = 0;
		return;
	}
	m->exit.code = VMM_EXIT_VMX;
	m->exit.vmx.status = 0;
	m->exit.vmx.reason = VMM_VMX_ENTRY_FAILURE;
	m->exit.vmx.qualification = 0;
}

/* AMD: the intercept of shutdowns injects #UD and resumes, so nothing but BOGUS is ever seen. */
static int stay_shut_down(struct machine *m, const sigset_t *mask)
{
	vcpu_sleep(m, mask, 50);
	cpu_event(m, VMM_EXIT_BOGUS);
	return 0;
}

int cpu_entry(struct machine *m, const sigset_t *mask)
{
	struct cpu *c = &m->cpu;
	bool bad = false;

	if (c->stuck)
		return EFAULT;
	if (c->shut_down)
		return stay_shut_down(m, mask);
	if (c->sregs_set || c->regs_set) {
		know_regs(m);
		know_sregs(m);
		bad = !entry_ok(m) || (c->sregs_set && write_sregs(m) == -1) ||
		      (c->regs_set && ioctl(m->vcpu, KVM_SET_REGS, &c->regs) == -1);
	}
	if (bad) {
		fail_entry(m);
		return 0;
	}
	c->regs_set = c->sregs_set = c->regs_known = c->sregs_known = c->at_exit = false;
	c->ran = true;
	return CPU_AGAIN;
}

bool cpu_sleeps(struct machine *m)
{
	(void)m;
	return false;
}

void cpu_event(struct machine *m, int code)
{
	know_regs(m);
	m->exit.code = code;
	m->exit.inst_length = 0;
	m->exit.rip = m->cpu.regs.rip;
	m->cpu.at_exit = false;
}
