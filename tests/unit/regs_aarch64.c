/* SPDX-License-Identifier: ISC */
/* regs_aarch64.c: registers that tests need, on aarch64. */
#include "regs.h"

#include <string.h>

#include "../../include/hvt_abi.h"

struct cpu_regs regs_at(uint64_t pc, uint64_t sp, uint64_t frame)
{
	return (struct cpu_regs){.pc = pc, .sp = sp, .x[29] = frame};
}

void put_trap_frame(void *to, uint64_t pc, uint64_t sp)
{
	memcpy(to, &(struct hvt_trap_frame_aarch64){.pc = pc, .sp = sp},
	       sizeof(struct hvt_trap_frame_aarch64));
}

struct cpu_system system_of_trap(uint64_t pc)
{
	return (struct cpu_system){.elr_el1 = pc};
}
