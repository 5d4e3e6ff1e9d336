/* SPDX-License-Identifier: ISC */
/* host_freebsd_aarch64.S: FreeBSD's system calls and the first instruction on arm64. */

	.text
	.globl	_start
_start:
	mov	x29, #0
	bl	host_begin

/* system_call(number, a, b, c, d, e, f): the carry flag says that it failed. */
	.globl	system_call
system_call:
	mov	x8, x0
	mov	x0, x1
	mov	x1, x2
	mov	x2, x3
	mov	x3, x4
	mov	x4, x5
	mov	x5, x6
	svc	#0
	b.cc	1f
	neg	x0, x0
1:	ret

	.section .note.GNU-stack, "", %progbits
