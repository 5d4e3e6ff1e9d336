/* SPDX-License-Identifier: ISC */
/* start_aarch64.S: the first instructions of a guest. */

	.section .text._start, "ax", @progbits
	.cfi_sections .debug_frame	/* for debuggers: nothing of it is loaded */
	.globl	_start
	.type	_start, @function
_start:
	.cfi_startproc
	.cfi_undefined x30		/* nothing has called this: where a debugger's walk ends, */
	mov	x29, xzr		/* and one by frame pointers */
	/* The monitor left X0 = boot information and an aligned SP: C can begin. */
	bl	bindings_start
	.cfi_endproc
	.size	_start, . - _start

	.section .note.GNU-stack, "", @progbits
