/* SPDX-License-Identifier: ISC */
/* disk_loop_aarch64.h: the loop on aarch64. */
#ifndef DISK_LOOP_AARCH64_H
#define DISK_LOOP_AARCH64_H

static ONCE void disk_loop(uint32_t request)
{
	uint64_t at = HVT_HYPERCALL_MMIO_BASE + HVT_HYPERCALL_BLOCK_WRITE * HVT_HYPERCALL_MMIO_STRIDE;
	uint32_t n = DISK_LOOP_ROUNDS;

	__asm__ __volatile__(
		".globl disk_begin, disk_end\n"
		"disk_begin:\n\t"
		"str %w0, [%1]\n\t"
		"eor %1, %1, %4\n\t"		/* 4 writes, 5 reads */
		"eor %w0, %w0, %3\n\t"
		"subs %w2, %w2, #1\n\t"
		"b.ne disk_begin\n"
		"disk_end:"
		: "+r"(request), "+r"(at), "+r"(n)
		: "i"(DISK_LOOP_ROOM), "i"(HVT_HYPERCALL_MMIO_STRIDE) : "cc", "memory");
}

#endif
