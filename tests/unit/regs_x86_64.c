/* SPDX-License-Identifier: ISC */
/* regs_x86_64.c: registers that tests need, on x86_64. */
#include "regs.h"

struct cpu_regs regs_at(uint64_t pc, uint64_t sp, uint64_t frame)
{
	return (struct cpu_regs){.rip = pc, .rsp = sp, .rbp = frame};
}

struct cpu_system system_of_trap(uint64_t pc)
{
	(void)pc;
	return (struct cpu_system){0};
}
