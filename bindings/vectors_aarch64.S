/* SPDX-License-Identifier: ISC */
/* vectors_aarch64.S: where the CPU enters after an exception: saves registers on its own stack. */

#define N_VECTORS 16			/* Arm ARM DDI 0487, D1.4.1: of 128 bytes each */
#define STACK_SIZE 4096
#define FRAME_SIZE (36 * 8)		/* struct trap_frame: x0 to x30, sp, vector, padding, record */
#define RECORD (34 * 8)			/* as a called function would have it: who unwinds finds what was interrupted */

	.cfi_sections .debug_frame	/* for debuggers: nothing of it is loaded */

	.section .text.trap_vectors, "ax", @progbits
	.globl	trap_vectors
	.type	trap_vectors, @function
	.balign	2048
trap_vectors:
	.set	vector, 0
	.rept	N_VECTORS
	.balign	128
	/* Registers that nothing else here uses, as SP may be what was wrong. */
	msr	tpidr_el1, x0
	mov	x0, #vector
	b	trap_common
	.set	vector, vector + 1
	.endr
	.size	trap_vectors, . - trap_vectors

	.type	trap_common, @function
trap_common:
	.cfi_startproc
	msr	tpidrro_el0, x1
	msr	sp_el0, x2
	mov	x1, sp
	adrp	x2, trap_stack + STACK_SIZE - FRAME_SIZE
	add	x2, x2, :lo12:trap_stack + STACK_SIZE - FRAME_SIZE
	mov	sp, x2
	stp	x1, x0, [sp, #31 * 8]
	mrs	x0, tpidr_el1
	mrs	x1, tpidrro_el0
	stp	x0, x1, [sp]
	mrs	x2, sp_el0
	stp	x2, x3, [sp, #2 * 8]
	stp	x4, x5, [sp, #4 * 8]
	stp	x6, x7, [sp, #6 * 8]
	stp	x8, x9, [sp, #8 * 8]
	stp	x10, x11, [sp, #10 * 8]
	stp	x12, x13, [sp, #12 * 8]
	stp	x14, x15, [sp, #14 * 8]
	stp	x16, x17, [sp, #16 * 8]
	stp	x18, x19, [sp, #18 * 8]
	stp	x20, x21, [sp, #20 * 8]
	stp	x22, x23, [sp, #22 * 8]
	stp	x24, x25, [sp, #24 * 8]
	stp	x26, x27, [sp, #26 * 8]
	stp	x28, x29, [sp, #28 * 8]
	str	x30, [sp, #30 * 8]
	mrs	x1, elr_el1
	stp	x29, x1, [sp, #RECORD]
	mov	x0, sp
	add	x29, sp, #RECORD
	.cfi_signal_frame
	.cfi_def_cfa x29, FRAME_SIZE - RECORD
	.cfi_offset x29, RECORD - FRAME_SIZE
	.cfi_offset x30, RECORD - FRAME_SIZE + 8
	.cfi_offset sp, 31 * 8 - FRAME_SIZE
	bl	trap_report
	brk	#0			/* never reached: where the call would go on is still in here */
	.cfi_endproc
	.size	trap_common, . - trap_common

	.section .bss.trap_stack, "aw", @nobits
	.balign	16
trap_stack:
	.zero	STACK_SIZE

	.section .note.GNU-stack, "", @progbits
