/* SPDX-License-Identifier: ISC */
/* loop_aarch64.S: the hypercall loop and the halt that husk's guests and the floor share. */
#define HYPERCALL_MMIO_BASE 0x100000000	/* include/hvt_abi.h, HVT_HYPERCALL_MMIO_BASE */
#define HYPERCALL_HALT 8

	.text
	.globl bench_blob, bench_blob_end, bench_hypercalls, bench_halt
	.type bench_hypercalls, @function
	.type bench_halt, @function

bench_blob:
bench_hypercalls:			/* x0 = nr, x1 = gpa, x2 = n */
	mov	x3, #HYPERCALL_MMIO_BASE
	add	x3, x3, x0, lsl #3
1:	str	w1, [x3]
	subs	x2, x2, #1
	b.ne	1b
	ret
	.size bench_hypercalls, . - bench_hypercalls

bench_halt:				/* x0 = gpa */
	mov	x3, #HYPERCALL_MMIO_BASE
	str	w0, [x3, #HYPERCALL_HALT * 8]
1:	b	1b
	.size bench_halt, . - bench_halt
bench_blob_end:

	.section .note.GNU-stack, "", @progbits
