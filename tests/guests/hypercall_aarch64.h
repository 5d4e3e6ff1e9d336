/* SPDX-License-Identifier: ISC */
/* hypercall_aarch64.h: a hypercall is a 32-bit store to a window; what else aarch64 has. */
#ifndef HYPERCALL_AARCH64_H
#define HYPERCALL_AARCH64_H

#include <stdint.h>

#include "hvt_abi.h"

/* Only the low 32 bits of the address arrive. */
static inline void hypercall(uint64_t nr, uint64_t gpa)
{
	uint64_t at = HVT_HYPERCALL_MMIO_BASE + nr * HVT_HYPERCALL_MMIO_STRIDE;

	__asm__ __volatile__("str %w0, [%1]" :: "r"((uint32_t)gpa), "r"(at) : "memory");
}

/* Arm ARM C6.2: RET, as bytes in memory. */
#define ARCH_RETURN 0xc0, 0x03, 0x5f, 0xd6

/* The first variable, behind the control block: ELF for the Arm 64-bit Architecture, TLS. */
static inline uint64_t arch_read_thread_local(void)
{
	uint64_t value;

	__asm__ __volatile__("mrs %0, tpidr_el0\n\tldr %0, [%0, #16]" : "=r"(value));
	return value;
}

#endif
