/* SPDX-License-Identifier: ISC */
/* unwind_x86_64.c: frame pointers and the edges of functions on x86_64. */
#include "unwind.h"

#include <string.h>

#include "../include/hvt_abi.h"

/* AMD64 vol. 3: what functions begin and end with. */
static const uint8_t endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};
static const uint8_t mov_rsp_rbp[] = {0x48, 0x89, 0xe5};
#define PUSH_RBP 0x55u
#define RET 0xc3u

/* Compilers have other instructions between the two that make a frame, but few. */
#define PROLOGUE 24u

uint64_t unwind_pc(const struct cpu_regs *regs)
{
	return regs->rip;
}

uint64_t unwind_frame(const struct cpu_regs *regs)
{
	return regs->rbp;
}

uint64_t unwind_plain(uint64_t address)
{
	return address;
}

/*
 * Whether the instruction before is a call, by its last bytes: E8 and four of an offset, or FF /2 with
 * a register, or memory with an offset of 0, 1 or 4 bytes. AMD64 vol. 3, CALL (Near).
 */
static bool follows_call(const struct memory *m, uint64_t address)
{
	static const unsigned lengths[] = {2, 3, 6, 7};
	uint8_t code[7];

	if (address < sizeof code || !unwind_read(m, address - sizeof code, code, sizeof code))
		return false;
	if (code[sizeof code - 5] == 0xe8)
		return true;
	for (unsigned i = 0; i < 4; i++) {
		const uint8_t *at = code + sizeof code - lengths[i];

		if (at[0] == 0xff && (at[1] & 0x38) == 0x10)
			return true;
	}
	return false;
}

/* What calls nobody often has no frame: the compiler leaves it out where the stack is not used. */
static bool returns_to_top(const struct memory *m, uint64_t rsp)
{
	uint64_t address;

	return unwind_read(m, rsp, &address, sizeof address) && follows_call(m, address);
}

/* How long the frame pointer is its caller's in the function at begin: bytes; 0 if it makes no frame. */
static uint64_t until_frame(const uint8_t *code, uint64_t *push)
{
	const bool guarded = memcmp(code, endbr64, sizeof endbr64) == 0;

	*push = guarded ? sizeof endbr64 : 0;
	for (size_t at = *push + 1; code[*push] == PUSH_RBP && at + sizeof mov_rsp_rbp <= PROLOGUE; at++)
		if (memcmp(code + at, mov_rsp_rbp, sizeof mov_rsp_rbp) == 0)
			return at;
	return 0;
}

/* How far above the stack pointer the return address is, while the frame pointer is the caller's. */
static bool edge(const struct memory *m, uint64_t pc, uint64_t begin, uint64_t *above)
{
	const uint64_t in = pc - begin;
	uint8_t code[PROLOGUE];
	uint64_t push = 0;

	*above = 0;
	if ((unwind_read(m, pc, code, 1) && code[0] == RET) || pc == begin)
		return true;
	if (begin == 0 || in > PROLOGUE || !unwind_read(m, begin, code, sizeof code) ||
	    in > until_frame(code, &push))
		return false;
	*above = in > push ? sizeof(uint64_t) : 0;
	return true;
}

static bool frameless(const struct memory *m, const struct cpu_regs *regs, uint64_t begin)
{
	uint8_t code[sizeof endbr64 + 1];
	const uint8_t *first = code;

	if (begin == 0 || !unwind_read(m, begin, code, sizeof code))
		return false;
	if (memcmp(code, endbr64, sizeof endbr64) == 0)
		first += sizeof endbr64;
	return *first != PUSH_RBP && returns_to_top(m, regs->rsp);
}

bool unwind_at_edge(const struct memory *m, const struct cpu_regs *regs, uint64_t begin,
		    uint64_t *address)
{
	uint64_t above;

	if (!edge(m, regs->rip, begin, &above)) {
		if (!frameless(m, regs, begin))
			return false;
		above = 0;
	}
	return unwind_read(m, regs->rsp + above, address, sizeof *address);
}

const bool unwind_needs_system = false;

bool unwind_to_trap(const struct memory *m, gpa_t cookie, const struct cpu_system *system,
		    struct cpu_regs *regs)
{
	struct hvt_trap_frame_x86_64 frame;

	(void)system;
	if (cookie.v == 0 || !unwind_read(m, cookie.v, &frame, sizeof frame))
		return false;
	regs->rip = frame.rip;
	regs->rsp = frame.rsp;
	regs->rflags = frame.rflags;
	return true;
}
