/* SPDX-License-Identifier: ISC */
/* double_exits_x86_64.c: what KVM's exits would have been with FreeBSD's vmm on x86_64. */
#include "double.h"

#include <errno.h>
#include <string.h>

#define RFLAGS_IF 0x200u
#define GLA_UNKNOWN UINT64_C(0x8000000000000000)
#define INSTRUCTION_MAX 15u
#define LOCAL_APIC UINT64_C(0xfee00000)
#define APIC_VERSION 0x60014u

static void read_regs(struct machine *m)
{
	(void)ioctl(m->vcpu, KVM_GET_REGS, &m->cpu.regs);
	m->cpu.regs_known = true;
}

/* The guest's registers are what they were but for RIP. */
static void keep(struct machine *m, const struct kvm_regs *before)
{
	__u64 next = m->cpu.regs.rip;

	m->cpu.regs = *before;
	m->cpu.regs.rip = next;
	m->cpu.regs_set = true;
}

static bool translate(struct machine *m, uint64_t linear, uint64_t *gpa)
{
	struct kvm_translation t = {.linear_address = linear};

	if (ioctl(m->vcpu, KVM_TRANSLATE, &t) == -1 || !t.valid)
		return false;
	*gpa = t.physical_address;
	return true;
}

/* Up to len bytes of code at linear; returns how many there are. */
static unsigned fetch(struct machine *m, uint64_t linear, uint8_t *to, unsigned len)
{
	unsigned n = 0;
	uint64_t gpa;

	while (n < len && translate(m, linear + n, &gpa) && ram_copy(m, gpa, to + n, 1))
		n++;
	return n;
}

/*
 * The address of the instruction that ends at next. Where KVM is behind it already there is no way
 * but to try lengths; 0 if none fits.
 */
static uint64_t start_of(struct machine *m, uint64_t next, bool store)
{
	uint8_t code[INSTRUCTION_MAX];

	for (unsigned length = 1; length <= INSTRUCTION_MAX; length++) {
		unsigned n = fetch(m, next - length, code, length);

		if (n == length && instruction_length(code, n) == length &&
		    (!store || instruction_stores(code)))
			return next - length;
	}
	return 0;
}

static int publish(struct machine *m, int code, uint64_t start)
{
	m->exit.code = code;
	m->exit.rip = start;
	m->exit.inst_length = (int)(m->cpu.regs.rip - start);
	m->cpu.at_exit = true;
	return 0;
}

/* ---- port I/O ---- */

/* Ports that devices inside the kernel serve. */
static bool kernel_port(uint16_t port)
{
	switch (port) {
	case 0x20: case 0x21: case 0x40: case 0x41: case 0x42: case 0x43: case 0x61: case 0x70:
	case 0x71: case 0xa0: case 0xa1: case 0x408: case 0x4d0: case 0x4d1:
		return true;
	}
	return false;
}

/* Prefixes belong to the instruction: an operand-size one is there if and only if width is 2. */
static uint64_t port_instruction(struct machine *m, uint64_t next, unsigned width)
{
	uint8_t code[3];
	unsigned length;

	if (fetch(m, next - 3, code, 3) != 3)
		return next - 1;
	length = (code[2] & 0xf4) == 0xe4 && code[2] >= 0xec ? 1 : 2;
	return next - length - (width == 2);
}

/*
 * KVM is at a string instruction until all of it is done, and behind any other OUT; what a plain one
 * writes is in RAX.
 */
static bool is_string(struct machine *m, bool in)
{
	const struct kvm_run *run = m->run;
	unsigned at = 0, n;
	uint8_t code[4];

	if (run->io.count > 1)
		return true;
	n = fetch(m, m->cpu.regs.rip, code, sizeof code);
	while (at < n && (code[at] == 0x66 || code[at] == 0xf2 || code[at] == 0xf3))
		at++;
	if (at == n || code[at] < 0x6c || code[at] > 0x6f)
		return false;
	return in || memcmp((const uint8_t *)run + run->io.data_offset, &m->cpu.regs.rax,
			    run->io.size) != 0;
}

/* KVM comes here only with something left to move, of which RCX may not tell any more. */
static int string_exit(struct machine *m, bool in)
{
	m->exit.inout.flags = (uint16_t)(m->run->io.size | (in ? VMM_INOUT_IN : 0) |
					 VMM_INOUT_STRING | VMM_INOUT_REP | 0x8000);
	m->exit.inout.port = m->run->io.port;
	m->exit.inout.eax = (uint32_t)m->cpu.regs.rax;
	m->exit.inout_str.count = m->run->io.count;
	m->exit.inout_str.address_bytes = 8;
	m->exit.code = VMM_EXIT_INOUT_STR;
	m->exit.rip = m->cpu.regs.rip;
	m->exit.inst_length = 0;
	return 0;
}

static int port_exit(struct machine *m)
{
	const struct kvm_run *run = m->run;
	bool in = run->io.direction == KVM_EXIT_IO_IN;
	uint16_t port = run->io.port;
	uint8_t width = run->io.size;
	struct kvm_regs before;

	read_regs(m);
	if (is_string(m, in))
		return string_exit(m, in);
	before = m->cpu.regs;
	memset((uint8_t *)m->run + run->io.data_offset, in ? 0xff : 0, in ? width : 0);
	vcpu_complete(m);
	read_regs(m);
	if (in && !kernel_port(port))
		keep(m, &before);
	if (kernel_port(port))
		return CPU_AGAIN;
	m->exit.inout.flags = (uint16_t)((m->exit.inout.flags & 0xffc0) | width |
					 (in ? VMM_INOUT_IN : 0) | 0x8000);
	m->exit.inout.port = port;
	m->exit.inout.eax = (uint32_t)before.rax;
	return publish(m, VMM_EXIT_INOUT, port_instruction(m, m->cpu.regs.rip, width));
}

/* ---- memory ---- */

static int fetch_exit(struct machine *m, uint64_t gpa)
{
	m->exit.rip = m->cpu.regs.rip;
	m->exit.inst_length = 0;
	if (double_personality()->amd) {
		m->exit.code = VMM_EXIT_SVM;
		m->exit.svm.code = VMM_SVM_NESTED_PAGE_FAULT;
		m->exit.svm.info1 = UINT64_C(0x100000014);
		m->exit.svm.info2 = gpa;
		return 0;
	}
	m->exit.code = VMM_EXIT_VMX;
	m->exit.vmx.status = 0;
	m->exit.vmx.reason = VMM_VMX_EPT_VIOLATION;
	m->exit.vmx.qualification = 4;	/* Intel SDM vol. 3C, table 28-7: a fetch */
	return 0;
}

static int protected_store(struct machine *m)
{
	uint64_t start = start_of(m, m->cpu.regs.rip, true);

	m->cpu.stuck = start == 0;
	m->cpu.regs.rip = start == 0 ? m->cpu.regs.rip : start;
	m->cpu.regs_set = true;
	return EFAULT;
}

/* Each vcpu has a local APIC, which the kernel answers for: here no more than its version register. */
static int local_apic(struct machine *m)
{
	const uint32_t version = m->run->mmio.phys_addr == LOCAL_APIC + 0x30 ? APIC_VERSION : 0;

	memset(m->run->mmio.data, 0, sizeof m->run->mmio.data);
	memcpy(m->run->mmio.data, &version, sizeof version);
	return CPU_AGAIN;
}

/* KVM is behind a store already, and at a load. */
static int memory_exit(struct machine *m)
{
	uint64_t gpa = m->run->mmio.phys_addr, start, at;
	bool write = m->run->mmio.is_write != 0;
	struct kvm_regs before;

	if (gpa - LOCAL_APIC < 0x1000)
		return local_apic(m);
	read_regs(m);
	if (translate(m, m->cpu.regs.rip, &at) && ram_at(m, at) == NULL)
		return fetch_exit(m, at);
	before = m->cpu.regs;
	vcpu_complete(m);
	read_regs(m);
	if (ram_at(m, gpa) != NULL)
		return protected_store(m);
	start = write ? start_of(m, m->cpu.regs.rip, true) : before.rip;
	if (!write)
		keep(m, &before);
	memset(&m->exit.inst_emul, 0, sizeof m->exit.inst_emul);
	m->exit.inst_emul.gpa = gpa;
	m->exit.inst_emul.gla = double_personality()->amd ? GLA_UNKNOWN : gpa;
	m->exit.inst_emul.decoded = 1;
	m->exit.inst_emul.n_inst = INSTRUCTION_MAX;
	(void)fetch(m, start, m->exit.inst_emul.inst, INSTRUCTION_MAX);
	return publish(m, VMM_EXIT_INST_EMUL, start == 0 ? m->cpu.regs.rip : start);
}

/* ---- the rest ---- */

static int halt_exit(struct machine *m, const sigset_t *mask)
{
	read_regs(m);
	/* Without HALT_EXIT the guest idles in the processor, for the host to see nothing of. */
	if (m->capabilities[VMM_CAP_HALT_EXIT] != 0 && (m->cpu.regs.rflags & RFLAGS_IF) == 0) {
		m->how = VMM_SUSPEND_HALT;
		return CPU_AGAIN;
	}
	while (m->how == 0 && !m->ast && !m->debug && m->waiting == 0)
		vcpu_sleep(m, mask, SLEEP_SLICE);
	return CPU_AGAIN;
}

static int shutdown_exit(struct machine *m)
{
	read_regs(m);
	m->cpu.shut_down = double_personality()->amd;
	if (m->cpu.shut_down)
		return CPU_AGAIN;
	m->exit.code = VMM_EXIT_VMX;
	m->exit.rip = m->cpu.regs.rip;
	m->exit.inst_length = 0;
	m->exit.vmx.status = 0;
	m->exit.vmx.reason = VMM_VMX_TRIPLE_FAULT;
	m->exit.vmx.qualification = 0;
	return 0;
}

static int msr_exit(struct machine *m, bool write)
{
	struct kvm_regs before;

	read_regs(m);
	before = m->cpu.regs;
	m->exit.msr.number = m->run->msr.index;
	m->exit.msr.value = write ? m->run->msr.data : m->exit.msr.value;
	m->run->msr.error = 0;
	vcpu_complete(m);
	read_regs(m);
	keep(m, &before);
	return publish(m, write ? VMM_EXIT_WRMSR : VMM_EXIT_RDMSR, m->cpu.regs.rip - 2);
}

/* An instruction outside memory, or one that this KVM lacks: the second is nothing of FreeBSD's. */
static int internal_exit(struct machine *m)
{
	uint64_t gpa;

	read_regs(m);
	if (translate(m, m->cpu.regs.rip, &gpa) && ram_at(m, gpa) == NULL)
		return fetch_exit(m, gpa);
	m->exit.code = 1000 + (int)m->run->exit_reason;
	m->exit.rip = m->cpu.regs.rip;
	m->exit.inst_length = 0;
	m->exit.raw[0] = m->run->internal.suberror;
	return 0;
}

int cpu_exit(struct machine *m, const sigset_t *mask)
{
	switch (m->run->exit_reason) {
	case KVM_EXIT_IO:
		return port_exit(m);
	case KVM_EXIT_MMIO:
		return memory_exit(m);
	case KVM_EXIT_HLT:
		return halt_exit(m, mask);
	case KVM_EXIT_SHUTDOWN:
		return shutdown_exit(m);
	case KVM_EXIT_X86_RDMSR:
	case KVM_EXIT_X86_WRMSR:
		return msr_exit(m, m->run->exit_reason == KVM_EXIT_X86_WRMSR);
	}
	return internal_exit(m);
}
