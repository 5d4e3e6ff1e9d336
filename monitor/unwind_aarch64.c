/* SPDX-License-Identifier: ISC */
/* unwind_aarch64.c: frame pointers and the edges of functions on aarch64. */
#include "unwind.h"

#define FRAME 29u
#define LINK 30u

/* Addresses of guests have at most 40 bits; above them may be a pointer authentication code. */
#define ADDRESS_MASK ((UINT64_C(1) << 40) - 1)

/* Arm ARM C6.2: what functions begin and end with. */
#define RET 0xd65f03c0u
#define HINT_MASK 0xfffff01fu
#define HINT 0xd503201fu		/* bti, paciasp among them */
#define STP_MASK 0xffc07fffu
#define STP_FRAME 0xa9807bfdu		/* stp x29, x30, [sp, #-N]! */

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

/* Behind hints and the store of the pair at most; the next instruction sets the frame pointer. */
static bool is_prologue(const struct memory *m, uint64_t pc, uint64_t begin)
{
	uint32_t code;
	uint64_t at = begin;

	if (begin == 0 || pc < begin || pc - begin > 3 * sizeof code)
		return false;
	while (at < pc && unwind_read(m, at, &code, sizeof code) && (code & HINT_MASK) == HINT)
		at += sizeof code;
	if (at < pc && unwind_read(m, at, &code, sizeof code) && (code & STP_MASK) == STP_FRAME)
		at += sizeof code;
	return at == pc;
}

bool unwind_at_edge(const struct memory *m, const struct cpu_regs *regs, uint64_t begin,
		    uint64_t *address)
{
	*address = regs->x[LINK];
	return is_return(m, regs->pc) || is_prologue(m, regs->pc, begin);
}
