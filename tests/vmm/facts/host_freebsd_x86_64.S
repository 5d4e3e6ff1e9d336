/* SPDX-License-Identifier: ISC */
/* host_freebsd_x86_64.S: FreeBSD's system calls and the first instruction on amd64. */

	.text
	.globl	_start
_start:
	xor	%ebp, %ebp
	and	$-16, %rsp
	call	host_begin

/* system_call(number, a, b, c, d, e, f): the carry flag says that it failed. */
	.globl	system_call
system_call:
	mov	%rdi, %rax
	mov	%rsi, %rdi
	mov	%rdx, %rsi
	mov	%rcx, %rdx
	mov	%r8, %r10
	mov	%r9, %r8
	mov	8(%rsp), %r9
	syscall
	jnc	1f
	neg	%rax
1:	ret

	.section .note.GNU-stack, "", %progbits
