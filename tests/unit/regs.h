/* SPDX-License-Identifier: ISC */
/* regs.h: the registers of a guest that tests of every architecture need. */
#ifndef REGS_H
#define REGS_H

#include "../../monitor/cpu.h"

/* All 0 but for the instruction pointer, the stack pointer and the frame pointer. */
struct cpu_regs regs_at(uint64_t pc, uint64_t sp, uint64_t frame);

/* What a guest that an exception at pc has ended leaves at its cookie; to has room for it. */
#define TRAP_FRAME_MAX 512
void put_trap_frame(void *to, uint64_t pc, uint64_t sp);

/* What an exception at pc leaves in system registers; all 0 where it leaves none. */
struct cpu_system system_of_trap(uint64_t pc);

#endif
