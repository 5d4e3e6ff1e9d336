/* SPDX-License-Identifier: ISC */
/* hypercall_x86_64.h: a hypercall is a 32-bit store to a port; what else x86_64 has. */
#ifndef HYPERCALL_X86_64_H
#define HYPERCALL_X86_64_H

#include <stdint.h>

#include "hvt_abi.h"

static inline void port_out32(uint16_t port, uint32_t value)
{
	__asm__ __volatile__("outl %0, %1" :: "a"(value), "Nd"(port) : "memory");
}

/* Only the low 32 bits of the address arrive. */
static inline void hypercall(uint64_t nr, uint64_t gpa)
{
	port_out32((uint16_t)(HVT_HYPERCALL_PIO_BASE + nr), (uint32_t)gpa);
}

/* Intel SDM vol. 2B: RET. */
#define ARCH_RETURN 0xc3

/* Where compilers keep a stack canary: System V ABI, AMD64 supplement, thread control block. */
static inline uint64_t arch_read_thread_local(void)
{
	uint64_t value;

	__asm__ __volatile__("movq %%fs:0x28, %0" : "=r"(value));
	return value;
}

#endif
