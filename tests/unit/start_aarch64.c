/* SPDX-License-Identifier: ISC */
/* start_aarch64.c: a processor of few instructions: Arm ARM DDI 0487 C6.2, D23.2. */
#include "start_aarch64.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#define PAGE 0x1000ull
#define STEPS_MAX 64u
#define SCRATCH 16u		/* the only register that may change: IP0 of AAPCS64 */
#define SCTLR_M 1u

#define ISB 0xd5033fdfu
#define BR 0xd61f0000u | SCRATCH << 5
#define ORR_FPEN 0xb26c0400u | SCRATCH << 5 | SCRATCH	/* 0x300000 as an immediate */
#define LDR_LITERAL 0x58000000u | SCRATCH
#define MRS 0xd5300000u
#define MSR 0xd5100000u

struct processor {
	struct start_registers r;
	const uint8_t *page;
	uint64_t at, x16;
	bool dirty;		/* a system register was written, and no barrier followed */
};

static uint64_t *system_register(struct processor *p, uint32_t instruction)
{
	switch (instruction >> 5 & 0x7fff) {	/* o0, op1, CRn, CRm, op2 */
	case 0x4082:
		return &p->r.cpacr;
	case 0x4510:
		return &p->r.mair;
	case 0x4102:
		return &p->r.tcr;
	case 0x4100:
		return &p->r.ttbr0;
	case 0x4080:
		return &p->r.sctlr;
	}
	fail_msg("0x%08x: no register that a start needs", instruction);
	return NULL;
}

static void write_register(struct processor *p, uint32_t instruction)
{
	uint64_t *to = system_register(p, instruction);

	if (to == &p->r.sctlr && (p->x16 & SCTLR_M) != 0)
		assert_false(p->dirty);
	else
		assert_true((p->r.sctlr & SCTLR_M) == 0);
	*to = p->x16;
	p->dirty = true;
}

static void load(struct processor *p, uint32_t instruction)
{
	uint64_t at = p->at % PAGE + (instruction >> 5 & 0x7ffff) * 4;

	assert_true((instruction & 1u << 23) == 0 && at % 8 == 0 && at + 8 <= PAGE);
	memcpy(&p->x16, p->page + at, sizeof p->x16);
}

static void step(struct processor *p)
{
	uint32_t instruction;

	memcpy(&instruction, p->page + p->at % PAGE, sizeof instruction);
	p->at += 4;
	if (instruction == (BR)) {
		assert_false(p->dirty);
		p->at = p->x16;
	} else if (instruction == ISB) {
		p->dirty = false;
	} else if (instruction == (ORR_FPEN)) {
		p->x16 |= 0x300000;
	} else if ((instruction & 0xff00001f) == (LDR_LITERAL)) {
		p->at -= 4;
		load(p, instruction);
		p->at += 4;
	} else if ((instruction & 0xfff0001f) == (MSR | SCRATCH)) {
		write_register(p, instruction);
	} else if ((instruction & 0xfff0001f) == (MRS | SCRATCH)) {
		p->x16 = *system_register(p, instruction);
	} else {
		fail_msg("0x%08x at 0x%llx", instruction, (unsigned long long)p->at - 4);
	}
}

struct start_registers start_run(const uint8_t *ram, const struct cpu_state *state)
{
	const uint64_t page = state->pc / PAGE * PAGE;
	struct processor p = {.page = ram + page, .at = state->pc};

	assert_true(state->pc % 4 == 0);
	for (; p.at / PAGE * PAGE == page; p.r.steps++) {
		assert_in_range(p.r.steps, 0, STEPS_MAX);
		step(&p);
	}
	assert_true((p.r.sctlr & SCTLR_M) != 0);
	p.r.pc = p.at;
	return p.r;
}
