/* SPDX-License-Identifier: ISC */
/* unwind_aarch64.c: frame pointers and the edges of functions on aarch64. */
#include "unwind.h"

#include <string.h>

#include "../include/hvt_abi.h"

#define FRAME 29u
#define LINK 30u

/* Addresses of guests have at most 40 bits; above them may be a pointer authentication code. */
#define ADDRESS_MASK ((UINT64_C(1) << 40) - 1)

/* Arm ARM C6.2: what functions end with, and what makes a frame: add x29, sp, #N */
#define RET 0xd65f03c0u
#define SET_FRAME_MASK 0xffc003ffu
#define SET_FRAME 0x910003fdu

/* Instructions until then, at most. */
#define PROLOGUE 8u

uint64_t unwind_pc(const struct cpu_regs *regs)
{
	return regs->pc;
}

uint64_t unwind_frame(const struct cpu_regs *regs)
{
	return regs->x[FRAME];
}

uint64_t unwind_plain(uint64_t address)
{
	return address & ADDRESS_MASK;
}

static bool is_return(const struct memory *m, uint64_t pc)
{
	uint32_t code;

	return unwind_read(m, pc, &code, sizeof code) && code == RET;
}

/* Until the frame pointer is set, the address is where the call has left it. */
static bool is_prologue(const struct memory *m, uint64_t pc, uint64_t begin)
{
	uint32_t code = 0;
	uint64_t at = begin;

	if (begin == 0 || pc < begin || pc - begin > PROLOGUE * sizeof code)
		return false;
	for (unsigned i = 0; i < PROLOGUE && code != RET && unwind_read(m, at, &code, sizeof code); i++) {
		if ((code & SET_FRAME_MASK) == SET_FRAME)
			return pc <= at;
		at += sizeof code;
	}
	return pc == begin;
}

bool unwind_at_edge(const struct memory *m, const struct cpu_regs *regs, uint64_t begin,
		    uint64_t *address)
{
	*address = regs->x[LINK];
	return is_return(m, regs->pc) || is_prologue(m, regs->pc, begin);
}

const bool unwind_needs_system = true;

/* Without a frame: guests return from no exception, and the last one's address is that of the only one. */
bool unwind_to_trap(const struct memory *m, gpa_t cookie, const struct cpu_system *system,
		    struct cpu_regs *regs)
{
	struct hvt_trap_frame_aarch64 frame;

	if (cookie.v != 0 && unwind_read(m, cookie.v, &frame, sizeof frame)) {
		memcpy(regs->x, frame.x, sizeof regs->x);
		regs->sp = frame.sp;
		regs->pc = frame.pc;
		regs->pstate = frame.pstate;
		return true;
	}
	if (system == NULL)
		return false;
	regs->pc = system->elr_el1;
	return true;
}
