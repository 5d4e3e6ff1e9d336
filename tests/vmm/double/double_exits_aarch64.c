/* SPDX-License-Identifier: ISC */
/* double_exits_aarch64.c: what KVM's exits would have been with FreeBSD's vmm on aarch64. */
#include "double.h"

#include <errno.h>
#include <string.h>

#define RT 31u			/* the field of a load or store that names its register */

/* Arm ARM DDI 0487, C4.1.94: a load to a register that is wider than the value. */
static bool sign_extends(uint32_t instruction)
{
	return (instruction & 0x3a000000) == 0x38000000 && (instruction >> 22 & 3) >= 2;
}

/* Lets KVM complete the access and takes back what that did to the register. */
static void complete(struct machine *m, unsigned reg, bool write)
{
	uint64_t old = 0;

	(void)register_read(m, (int)reg, &old);
	memset(m->run->mmio.data, 0, sizeof m->run->mmio.data);
	vcpu_complete(m);
	if (!write && reg != VMM_REG_ZERO)
		(void)register_write(m, (int)reg, old);
}

static int memory_exit(struct machine *m)
{
	uint64_t gpa = m->run->mmio.phys_addr, pc = 0;
	uint32_t len = m->run->mmio.len, instruction;
	bool write = m->run->mmio.is_write != 0;

	(void)register_read(m, VMM_REG_PC, &pc);
	instruction = instruction_at(m, pc);
	complete(m, instruction & RT, write);
	if (ram_at(m, gpa) != NULL) {
		(void)register_write(m, VMM_REG_PC, pc);
		return EFAULT;
	}
	memset(&m->exit.inst_emul, 0, sizeof m->exit.inst_emul);
	m->exit.code = VMM_EXIT_INST_EMUL;
	m->exit.inst_length = 4;
	m->exit.pc = pc;
	m->exit.inst_emul.gpa = gpa;
	m->exit.inst_emul.access = (uint8_t)(len | (write ? VMM_ACCESS_WRITE : 0));
	if (sign_extends(instruction))
		m->exit.inst_emul.access |= VMM_ACCESS_SIGN_EXTEND;
	m->exit.inst_emul.reg = (int)(instruction & RT);
	m->cpu.at_exit = true;
	return 0;
}

/* Without a valid syndrome vmm reads one all the same: a byte from X0. */
static int undecoded_exit(struct machine *m)
{
	uint64_t pc = 0;

	(void)register_read(m, VMM_REG_PC, &pc);
	if (ram_at(m, m->run->arm_nisv.fault_ipa) != NULL)
		return EFAULT;
	memset(&m->exit.inst_emul, 0, sizeof m->exit.inst_emul);
	m->exit.code = VMM_EXIT_INST_EMUL;
	m->exit.inst_length = 4;
	m->exit.pc = pc;
	m->exit.inst_emul.gpa = m->run->arm_nisv.fault_ipa;
	m->exit.inst_emul.access = 1 | VMM_ACCESS_WRITE;
	(void)register_write(m, VMM_REG_PC, pc + 4);
	m->cpu.at_exit = true;
	return 0;
}

static int hypercall_exit(struct machine *m)
{
	cpu_event(m, VMM_EXIT_SMCCC);
	(void)register_read(m, 0, &m->exit.smccc.function);
	for (int i = 0; i < 7; i++)
		(void)register_read(m, i + 1, &m->exit.smccc.args[i]);
	return 0;
}

int cpu_exit(struct machine *m, const sigset_t *mask)
{
	(void)mask;
	switch (m->run->exit_reason) {
	case KVM_EXIT_MMIO:
		return memory_exit(m);
	case KVM_EXIT_ARM_NISV:
		return undecoded_exit(m);
	case KVM_EXIT_HYPERCALL:
		return hypercall_exit(m);
	}
	cpu_event(m, 1000 + (int)m->run->exit_reason);
	return 0;
}
