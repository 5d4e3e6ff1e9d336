/* SPDX-License-Identifier: ISC */
/* floor_bare_aarch64.S: what floor_bare.c has no C library for, on aarch64. */
	.text

	.globl	_start
	.type	_start, %function
_start:
	mov	x29, xzr
	mov	x0, sp
	bl	floor_bare
	brk	#0
	.size	_start, . - _start

	/* long floor_syscall(long nr, five arguments): the sixth is 0 */
	.globl	floor_syscall
	.type	floor_syscall, %function
floor_syscall:
	mov	x8, x0
	mov	x0, x1
	mov	x1, x2
	mov	x2, x3
	mov	x3, x4
	mov	x4, x5
	mov	x5, xzr
	svc	#0
	ret
	.size	floor_syscall, . - floor_syscall

	.globl	memcpy
	.type	memcpy, %function
memcpy:
	mov	x3, x0
	cbz	x2, 2f
1:	ldrb	w4, [x1], #1
	strb	w4, [x3], #1
	subs	x2, x2, #1
	b.ne	1b
2:	ret
	.size	memcpy, . - memcpy

	.globl	memset
	.type	memset, %function
memset:
	mov	x3, x0
	cbz	x2, 2f
1:	strb	w1, [x3], #1
	subs	x2, x2, #1
	b.ne	1b
2:	ret
	.size	memset, . - memset

	.section .note.GNU-stack, "", %progbits
