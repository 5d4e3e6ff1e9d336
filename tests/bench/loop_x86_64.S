/* SPDX-License-Identifier: ISC */
/* loop_x86_64.S: the hypercall loop and the halt that husk's guests and the floor share. */
#define HYPERCALL_PIO_BASE 0x500	/* include/hvt_abi.h, HVT_HYPERCALL_PIO_BASE */
#define HYPERCALL_HALT 8

	.text
	.globl bench_blob, bench_blob_end, bench_hypercalls, bench_halt
	.type bench_hypercalls, @function
	.type bench_halt, @function

bench_blob:
bench_hypercalls:			/* rdi = nr, rsi = gpa, rdx = n */
	mov	%rdx, %rcx
	lea	HYPERCALL_PIO_BASE(%rdi), %edx
	mov	%esi, %eax
1:	out	%eax, %dx
	dec	%rcx
	jnz	1b
	ret
	.size bench_hypercalls, . - bench_hypercalls

bench_halt:				/* rdi = gpa */
	mov	$HYPERCALL_PIO_BASE + HYPERCALL_HALT, %edx
	mov	%edi, %eax
	out	%eax, %dx
1:	jmp	1b
	.size bench_halt, . - bench_halt
bench_blob_end:

	.section .note.GNU-stack, "", @progbits
