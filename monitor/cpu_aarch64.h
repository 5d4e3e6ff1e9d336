/* SPDX-License-Identifier: ISC */
/* cpu_aarch64.h: the first registers of an aarch64 guest; include cpu.h instead. */
#ifndef HUSK_CPU_AARCH64_H
#define HUSK_CPU_AARCH64_H

#include <stdint.h>

/* Tells the processor that this is a spin loop. */
static inline void cpu_relax(void)
{
	__asm__ __volatile__("yield" ::: "memory");
}

/* The host's counter; its frequency is what hv_ops.cycle_freq says. */
static inline uint64_t cpu_ticks(void)
{
	uint64_t ticks;

	__asm__ __volatile__("mrs %0, cntvct_el0" : "=r"(ticks));
	return ticks;
}

/* All else is as after a reset; code in guest memory, where pc is, does the rest. */
struct cpu_state {
	uint64_t pc, sp, x0, pstate;
};

/* What a program at EL1 sees of the registers. */
struct cpu_regs {
	uint64_t x[31], sp, pc, pstate;
};

/* Floating point and Advanced SIMD. */
struct cpu_fp {
	uint8_t v[32][16];
	uint32_t fpsr, fpcr;
};

/* What a debugger may want to see beside. */
struct cpu_system {
	uint64_t sctlr_el1, ttbr0_el1, tcr_el1, esr_el1, far_el1, elr_el1, vbar_el1, tpidr_el0;
};

#endif
