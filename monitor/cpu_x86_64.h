/* SPDX-License-Identifier: ISC */
/* cpu_x86_64.h: the first registers of an x86_64 guest; include cpu.h instead. */
#ifndef HUSK_CPU_X86_64_H
#define HUSK_CPU_X86_64_H

#include <stdbool.h>
#include <stdint.h>

/* Segment register contents, Intel SDM vol. 3A 3.4.5. */
struct cpu_segment {
	uint64_t base;
	uint32_t limit;
	uint16_t selector;
	uint8_t type;
	bool code_or_data;	/* S */
	bool present;
	bool long_mode;		/* L */
	bool default_32;	/* D/B */
	bool granular;		/* G */
};

/* Tells the processor that this is a spin loop. */
static inline void cpu_relax(void)
{
	__builtin_ia32_pause();
}

/* The host's counter; its frequency is what hv_ops.cycle_freq says. */
static inline uint64_t cpu_ticks(void)
{
	return __builtin_ia32_rdtsc();
}

struct cpu_state {
	uint64_t rip, rsp, rdi, rflags;
	uint64_t cr0, cr3, cr4, efer;
	uint64_t gdt_base;
	uint16_t gdt_limit;
	struct cpu_segment code, data, tss;
};

/* What a program sees of the registers. */
struct cpu_regs {
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t rip, rflags;
};

/* x87 and SSE, as FXSAVE stores them: Intel SDM vol. 1, 10.5.1. */
struct cpu_fp {
	uint16_t fcw, fsw;
	uint8_t ftw;		/* abridged: a bit for each register of the stack that is in use */
	uint16_t fop;
	uint64_t fip, fdp;
	uint32_t mxcsr;
	uint8_t st[8][16];	/* 10 bytes each */
	uint8_t xmm[16][16];
};

/* What a debugger may want to see beside. */
struct cpu_system {
	uint16_t cs, ss, ds, es, fs, gs;
	uint64_t fs_base, gs_base;
	uint64_t cr0, cr2, cr3, cr4, efer;
};

#endif
