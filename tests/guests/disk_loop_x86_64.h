/* SPDX-License-Identifier: ISC */
/* disk_loop_x86_64.h: the loop on x86_64. */
#ifndef DISK_LOOP_X86_64_H
#define DISK_LOOP_X86_64_H

static ONCE void disk_loop(uint32_t request)
{
	uint32_t port = HVT_HYPERCALL_PIO_BASE + HVT_HYPERCALL_BLOCK_WRITE, n = DISK_LOOP_ROUNDS;

	__asm__ __volatile__(
		".globl disk_begin, disk_end\n"
		"disk_begin:\n\t"
		"outl %%eax, %%dx\n\t"
		"xorl $1, %%edx\n\t"		/* 4 writes, 5 reads */
		"xorl %3, %%eax\n\t"
		"decl %2\n\t"
		"jnz disk_begin\n"
		"disk_end:"
		: "+a"(request), "+d"(port), "+r"(n) : "i"(DISK_LOOP_ROOM) : "cc", "memory");
}

#endif
