/* SPDX-License-Identifier: ISC */
/* start_aarch64.S: the first instructions of a guest. */

	.section .text._start, "ax", @progbits
	.globl	_start
	.type	_start, @function
_start:
	/* The monitor left X0 = boot information and an aligned SP: C can begin. */
	mov	x29, xzr		/* where a debugger's walk over the frames ends */
	mov	x30, xzr
	b	bindings_start
	.size	_start, . - _start

	.section .note.GNU-stack, "", @progbits
