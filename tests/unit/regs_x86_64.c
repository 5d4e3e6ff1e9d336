/* SPDX-License-Identifier: ISC */
/* regs_x86_64.c: registers that tests need, on x86_64. */
#include "regs.h"

#include <string.h>

#include "../../include/hvt_abi.h"

struct cpu_regs regs_at(uint64_t pc, uint64_t sp, uint64_t frame)
{
	return (struct cpu_regs){.rip = pc, .rsp = sp, .rbp = frame};
}

void put_trap_frame(void *to, uint64_t pc, uint64_t sp)
{
	memcpy(to, &(struct hvt_trap_frame_x86_64){.rip = pc, .rsp = sp},
	       sizeof(struct hvt_trap_frame_x86_64));
}

struct cpu_system system_of_trap(uint64_t pc)
{
	(void)pc;
	return (struct cpu_system){0};
}
