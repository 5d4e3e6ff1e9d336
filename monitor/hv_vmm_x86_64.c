/* SPDX-License-Identifier: ISC */
/* hv_vmm_x86_64.c: first registers, counter and exits of a vcpu under FreeBSD's vmm on x86_64. */
#include "hv_vmm.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LDTR_LIMIT 0xffffu
#define VECTOR_GP 13		/* Intel SDM vol. 3A 6.15 */
#define DR7_RESET 0x400u	/* Intel SDM vol. 3A 10.1.1 */

/* The local APIC's: an Intel processor with APIC virtualisation has it, AMD's have not. */
const uint64_t hv_vmm_own_page = 0xfee00000;
const bool hv_vmm_protects_guest = true;
const bool hv_vmm_kick_signal = false;
const int hv_vmm_ip_register = VMM_REG_RIP;

/* ---- entry ---- */

/* So that HLT is the kernel's to handle, and not the processor's to sleep in. */
int hv_vmm_vcpu_init(struct hv *hv, struct husk_error *e)
{
	struct vmm_capability halt = {.type = VMM_CAP_HALT_EXIT, .value = 1};
	struct vmm_run run = {.exit = &hv->exit};

	if (VMM_IOCTL(hv->vm, VMM_SET_CAPABILITY, &halt) == -1)
		return husk_fail_sys(e, errno, "VM_SET_CAPABILITY: HALT_EXIT");
	/* Not active yet, it refuses the form that it knows with EINVAL. */
	hv->release.old_run = VMM_IOCTL(hv->vm, VMM_RUN, &run) == -1 && errno == ENOTTY;
	return 0;
}

static uint32_t access_of(const struct cpu_segment *s)
{
	return s->type | (s->code_or_data ? VMM_ACCESS_S : 0) | (s->present ? VMM_ACCESS_P : 0) |
	       (s->long_mode ? VMM_ACCESS_L : 0) | (s->default_32 ? VMM_ACCESS_DB : 0) |
	       (s->granular ? VMM_ACCESS_G : 0);
}

static struct vmm_descriptor segment(int number, const struct cpu_segment *s)
{
	return (struct vmm_descriptor){.number = number, .base = s->base, .limit = s->limit,
				       .access = access_of(s)};
}

static int set_descriptors(const struct hv *hv, const struct cpu_state *s, struct husk_error *e)
{
	struct vmm_descriptor all[] = {
		segment(VMM_REG_CS, &s->code), segment(VMM_REG_SS, &s->data),
		segment(VMM_REG_DS, &s->data), segment(VMM_REG_ES, &s->data),
		segment(VMM_REG_FS, &s->data), segment(VMM_REG_GS, &s->data),
		segment(VMM_REG_TR, &s->tss),
		{.number = VMM_REG_LDTR, .limit = LDTR_LIMIT, .access = VMM_ACCESS_UNUSABLE},
		{.number = VMM_REG_GDTR, .base = s->gdt_base, .limit = s->gdt_limit},
		{.number = VMM_REG_IDTR},
	};

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		if (VMM_IOCTL(hv->vm, VMM_SET_DESCRIPTOR, &all[i]) == -1)
			return husk_fail_sys(e, errno, "VM_SET_SEGMENT_DESCRIPTOR: %d",
					     all[i].number);
	return 0;
}

/* A new vcpu is all zero, so that what a reset would set is set here. */
int hv_vmm_set_entry(struct hv *hv, const struct cpu_state *s, struct husk_error *e)
{
	const struct hv_vmm_value values[] = {
		{"CR0", VMM_REG_CR0, s->cr0}, {"CR3", VMM_REG_CR3, s->cr3},
		{"CR4", VMM_REG_CR4, s->cr4}, {"EFER", VMM_REG_EFER, s->efer},
		{"DR7", VMM_REG_DR7, DR7_RESET}, {"CS", VMM_REG_CS, s->code.selector},
		{"SS", VMM_REG_SS, s->data.selector}, {"DS", VMM_REG_DS, s->data.selector},
		{"ES", VMM_REG_ES, s->data.selector}, {"FS", VMM_REG_FS, s->data.selector},
		{"GS", VMM_REG_GS, s->data.selector}, {"TR", VMM_REG_TR, s->tss.selector},
		{"LDTR", VMM_REG_LDTR, 0}, {"RSP", VMM_REG_RSP, s->rsp},
		{"RIP", VMM_REG_RIP, s->rip}, {"RFLAGS", VMM_REG_RFLAGS, s->rflags},
		{"RDI", VMM_REG_RDI, s->rdi},
	};

	if (set_descriptors(hv, s, e) == -1 ||
	    hv_vmm_set_values(hv, values, sizeof values / sizeof values[0], e) == -1)
		return -1;
	hv->ip = hv->next_ip = s->rip;
	return 0;
}

/* ---- exits ---- */

int hv_vmm_run(struct hv *hv)
{
	struct vmm_run run = {.exit = &hv->exit};
	struct vmm_run_13 old = {.exit = hv->exit};
	int rc;

	if (!hv->release.old_run)
		return VMM_IOCTL(hv->vm, VMM_RUN, &run);
	rc = VMM_IOCTL(hv->vm, VMM_RUN_13, &old);
	hv->exit = old.exit;
	return rc;
}

unsigned long hv_vmm_run_code(const struct hv *hv)
{
	return hv->release.old_run ? VMM_RUN_13 : VMM_RUN;
}

uint64_t hv_vmm_exit_ip(const struct hv *hv)
{
	return hv->exit.rip;
}

static void error_exit(struct hv_exit *exit, const char *what, uint64_t code, const char *hint)
{
	*exit = (struct hv_exit){.kind = HV_EXIT_ERROR, .error = {what, code, hint}};
}

static void pio_exit(struct hv *hv, struct hv_exit *exit)
{
	const uint16_t flags = hv->exit.inout.flags;
	bool in = (flags & VMM_INOUT_IN) != 0;
	uint8_t width = flags & VMM_INOUT_BYTES;

	hv->next_ip = hv->exit.rip + (uint64_t)hv->exit.inst_length;
	hv->data[0] = in ? 0 : hv->exit.inout.eax;
	hv->access = (struct hv_vmm_access){.pending = in, .width = width};
	*exit = (struct hv_exit){.kind = HV_EXIT_PIO, .io = {
		.addr = hv->exit.inout.port, .count = 1, .width = width, .write = !in,
		.data = hv->data,
	}};
}

/* Intel SDM vol. 2B, REP: RCX counts as wide as addresses are. */
static bool repeats_nothing(const struct hv *hv)
{
	const int32_t bytes = hv->exit.inout_str.address_bytes;
	const uint64_t mask = bytes == 2 || bytes == 4 ? (UINT64_C(1) << 8 * bytes) - 1 : UINT64_MAX;

	return (hv->exit.inout_str.flags & VMM_INOUT_REP) != 0 &&
	       (hv->exit.inout_str.count & mask) == 0;
}

/*
 * String I/O is not carried out: the kernel leaves all of it to us, and no guest needs it. A processor may
 * exit before it looks at the count: without one there is nothing to carry out, and the kernel goes on
 * behind it.
 */
static enum hv_vmm_next string_exit(struct hv *hv, struct hv_exit *exit)
{
	if (repeats_nothing(hv))
		return HV_VMM_AGAIN;
	*exit = (struct hv_exit){.kind = HV_EXIT_PIO, .io = {
		.addr = hv->exit.inout.port, .width = hv->exit.inout.flags & VMM_INOUT_BYTES,
		.write = (hv->exit.inout.flags & VMM_INOUT_IN) == 0, .data = hv->data,
	}};
	return HV_VMM_EXIT;
}

/* Intel SDM vol. 1 3.4.1.1: what is narrower than 32 bits leaves the rest of RAX as it was. */
int hv_vmm_complete_read(struct hv *hv, struct husk_error *e)
{
	uint64_t keep, rax = 0;

	if (hv->access.width < 4 && hv_vmm_get(hv, VMM_REG_RAX, &rax) == -1)
		return husk_fail_sys(e, errno, "VM_GET_REGISTER: RAX");
	keep = hv->access.width == 4 ? 0 : ~UINT64_C(0) << 8 * hv->access.width;
	rax = (rax & keep) | (hv->data[0] & (hv->access.width == 4 ? 0xffffffff : ~keep));
	return hv_vmm_set(hv, VMM_REG_RAX, rax) == -1 ?
	       husk_fail_sys(e, errno, "VM_SET_REGISTER: RAX") : 0;
}

struct memory_access {
	uint8_t width;		/* 0: not known */
	bool write;
};

/*
 * What the kernel leaves to us of an access to where nothing is: the instruction. Moves, as guests
 * make them; Intel SDM vol. 2, appendix A.
 */
static struct memory_access decode(const uint8_t *inst, unsigned n)
{
	unsigned at = 0;
	uint8_t wide = 4, opcode;

	for (; at < n && (inst[at] == 0x66 || (inst[at] & 0xf0) == 0x40); at++) {
		if (inst[at] == 0x66)
			wide = 2;
		else if ((inst[at] & 8) != 0)
			wide = 8;
	}
	opcode = at < n ? inst[at] : 0;
	switch (opcode) {
	case 0x88:
	case 0xc6:
	case 0xaa:
	case 0xa4:
		return (struct memory_access){1, true};
	case 0x89:
	case 0xc7:
	case 0xab:
	case 0xa5:
		return (struct memory_access){wide, true};
	case 0x8a:
		return (struct memory_access){1, false};
	case 0x8b:
		return (struct memory_access){wide, false};
	}
	return (struct memory_access){0, false};
}

/* No device is there on this architecture, so that nobody reads what was written. */
static void mmio_exit(struct hv *hv, struct hv_exit *exit)
{
	struct memory_access a = decode(hv->exit.inst_emul.inst, sizeof hv->exit.inst_emul.inst);

	hv->next_ip = hv->exit.rip + (uint64_t)hv->exit.inst_length;
	memset(hv->data, 0, sizeof hv->data);
	*exit = (struct hv_exit){.kind = HV_EXIT_MMIO, .io = {
		.addr = hv->exit.inst_emul.gpa, .count = 1, .width = a.width, .write = a.write,
		.data = hv->data,
	}};
}

static const char outside[] = "an instruction that lies outside memory";

static void vmx_exit(const struct hv *hv, struct hv_exit *exit)
{
	switch (hv->exit.vmx.reason) {
	case VMM_VMX_TRIPLE_FAULT:
		*exit = (struct hv_exit){.kind = HV_EXIT_SHUTDOWN};
		break;
	case VMM_VMX_ENTRY_FAILURE:
		error_exit(exit, "entry failure: VMX exit reason", hv->exit.vmx.reason,
			   "the processor refused the vcpu's state");
		break;
	case VMM_VMX_EPT_VIOLATION:
		error_exit(exit, "VMX exit: reason", hv->exit.vmx.reason, outside);
		break;
	default:
		error_exit(exit, "VMX exit: reason", hv->exit.vmx.reason, NULL);
	}
}

/* SVM says -1 for a state that it refuses; some say it with 32 bits. */
static void svm_exit(const struct hv *hv, struct hv_exit *exit)
{
	uint64_t code = hv->exit.svm.code;

	if (code == VMM_SVM_NESTED_PAGE_FAULT)
		error_exit(exit, "SVM exit: code", code, outside);
	else if ((uint32_t)code == (uint32_t)VMM_SVM_INVALID)
		error_exit(exit, "entry failure: SVM exit code", code,
			   "the processor refused the vcpu's state");
	else
		error_exit(exit, "SVM exit: code", code, NULL);
}

/* An unknown model-specific register is the guest's fault, and its own to handle. */
static enum hv_vmm_next refuse_msr(struct hv *hv, struct hv_exit *exit)
{
	struct vmm_exception gp = {.vector = VECTOR_GP, .error_code_valid = 1, .restart = 1};

	if (VMM_IOCTL(hv->vm, VMM_INJECT_EXCEPTION, &gp) == 0)
		return HV_VMM_AGAIN;
	error_exit(exit, "unknown model-specific register", hv->exit.msr.number, NULL);
	return HV_VMM_EXIT;
}

enum hv_vmm_next hv_vmm_translate(struct hv *hv, struct hv_exit *exit)
{
	switch (hv->exit.code) {
	case VMM_EXIT_REQIDLE:
	case VMM_EXIT_RENDEZVOUS:
	case VMM_EXIT_PAUSE:
		return HV_VMM_AGAIN;
	case VMM_EXIT_RDMSR:
	case VMM_EXIT_WRMSR:
		return refuse_msr(hv, exit);
	case VMM_EXIT_INOUT:
		pio_exit(hv, exit);
		break;
	case VMM_EXIT_INOUT_STR:
		return string_exit(hv, exit);
	case VMM_EXIT_INST_EMUL:
		mmio_exit(hv, exit);
		break;
	case VMM_EXIT_VMX:
		vmx_exit(hv, exit);
		break;
	case VMM_EXIT_SVM:
		svm_exit(hv, exit);
		break;
	default:
		error_exit(exit, "unhandled exit: exitcode", (uint32_t)hv->exit.code, NULL);
	}
	return HV_VMM_EXIT;
}

bool hv_vmm_translate_errno(struct hv *hv, int error, struct hv_exit *exit)
{
	(void)hv, (void)error, (void)exit;
	return false;
}

/* ---- the counter ---- */

int hv_vmm_cycle_freq(struct hv *hv, uint64_t *hz, struct husk_error *e)
{
	size_t len = sizeof *hz;

	(void)hv;
	if (vmm_host_sysctl("machdep.tsc_freq", hz, &len, NULL, 0) == -1)
		return husk_fail_sys(e, errno, "machdep.tsc_freq");
	if (*hz == 0)
		return husk_fail(e, HUSK_E_HOST, "machdep.tsc_freq: the host has no usable TSC");
	return 0;
}

/* A guest reads the host's TSC: vmm can neither scale nor shift it. */
const char *hv_vmm_counter_flaw(void)
{
	int invariant = 0;
	size_t len = sizeof invariant;

	if (vmm_host_sysctl("kern.timecounter.invariant_tsc", &invariant, &len, NULL, 0) == -1 ||
	    invariant != 0)
		return NULL;
	return "the host's TSC is not invariant: guests' clocks may drift";
}
