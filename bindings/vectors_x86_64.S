/* SPDX-License-Identifier: ISC */
/* vectors_x86_64.S: where the CPU enters after an exception: one stub for each vector. */

	/* Vectors for which the CPU pushes an error code: Intel SDM vol. 3A 6.15, table 6-1. */
	.set	HAS_ERROR_CODE, 1 << 8 | 1 << 10 | 1 << 11 | 1 << 12 | 1 << 13 | 1 << 14 \
		| 1 << 17 | 1 << 21 | 1 << 29 | 1 << 30

	.section .text.trap_vectors, "ax", @progbits
	.globl	trap_vectors
	.type	trap_vectors, @function
	.balign	16
trap_vectors:
	.set	vector, 0
	.rept	32
	.balign	16
	.if	(HAS_ERROR_CODE >> vector & 1) == 0
	pushq	$0
	.endif
	pushq	$vector
	jmp	trap_common
	.set	vector, vector + 1
	.endr
	.size	trap_vectors, . - trap_vectors

	.type	trap_common, @function
trap_common:
	cld				/* the interrupted code may have been copying downwards */
	movq	%rsp, %rdi		/* struct trap_entry */
	movq	%rbp, %rsi
	andq	$-16, %rsp
	call	trap_report
	.size	trap_common, . - trap_common

	.section .note.GNU-stack, "", @progbits
