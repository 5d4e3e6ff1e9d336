/* SPDX-License-Identifier: ISC */
/* floor_bare_x86_64.S: what floor_bare.c has no C library for, on x86_64. System V ABI, x86-64, A.2.1. */
	.text

	.globl	_start
	.type	_start, @function
_start:
	xorl	%ebp, %ebp
	movq	%rsp, %rdi
	andq	$-16, %rsp
	call	floor_bare
	ud2
	.size	_start, . - _start

	/* long floor_syscall(long nr, five arguments): the sixth is 0 */
	.globl	floor_syscall
	.type	floor_syscall, @function
floor_syscall:
	movq	%rdi, %rax
	movq	%rsi, %rdi
	movq	%rdx, %rsi
	movq	%rcx, %rdx
	movq	%r8, %r10
	movq	%r9, %r8
	xorl	%r9d, %r9d
	syscall
	ret
	.size	floor_syscall, . - floor_syscall

	.globl	memcpy
	.type	memcpy, @function
memcpy:
	movq	%rdi, %rax
	movq	%rdx, %rcx
	rep movsb
	ret
	.size	memcpy, . - memcpy

	.globl	memset
	.type	memset, @function
memset:
	movq	%rdi, %r8
	movl	%esi, %eax
	movq	%rdx, %rcx
	rep stosb
	movq	%r8, %rax
	ret
	.size	memset, . - memset

	.section .note.GNU-stack, "", @progbits
