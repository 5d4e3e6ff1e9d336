/* SPDX-License-Identifier: ISC */
/* start_x86_64.S: the first instructions of a guest. */

	.section .text._start, "ax", @progbits
	.globl	_start
	.type	_start, @function
_start:
	/* The monitor left RDI = boot information and RSP as a call would: C can begin. */
	xorl	%ebp, %ebp		/* where a debugger's walk over the frames ends */
	jmp	bindings_start
	.size	_start, . - _start

	.section .note.GNU-stack, "", @progbits
