/* SPDX-License-Identifier: ISC */
/* start_x86_64.S: the first instructions of a guest. */

	.section .text._start, "ax", @progbits
	.cfi_sections .debug_frame	/* for debuggers: nothing of it is loaded */
	.globl	_start
	.type	_start, @function
_start:
	.cfi_startproc
	.cfi_undefined %rip		/* nothing has called this: where a debugger's walk ends, */
	xorl	%ebp, %ebp		/* and one by frame pointers */
	/* The monitor left RDI = boot information and RSP as a call would: C can begin. */
	pushq	%rbp
	.cfi_adjust_cfa_offset 8
	call	bindings_start
	.cfi_endproc
	.size	_start, . - _start

	.section .note.GNU-stack, "", @progbits
