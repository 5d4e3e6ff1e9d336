/* SPDX-License-Identifier: ISC */
/*
 * call_freebsd_x86_64.c: a system call of FreeBSD, by number.
 *
 * Not by syscall(2), which is a call itself: the kernel would tell of that one. amd64's convention:
 * as for a function, but the fourth argument is in R10; the carry flag says that RAX is an errno.
 */
#include "owned.h"

void owned_make(struct owned_call *c)
{
	register uint64_t r10 __asm__("r10") = c->args[3];
	register uint64_t r8 __asm__("r8") = c->args[4];
	register uint64_t r9 __asm__("r9") = c->args[5];
	uint64_t rdx = c->args[2];
	int64_t rax = (int64_t)c->nr;

	__asm__ volatile("syscall\n\tjnc 1f\n\tneg %0\n1:"
			 : "+a"(rax), "+d"(rdx), "+r"(r10), "+r"(r8), "+r"(r9)
			 : "D"(c->args[0]), "S"(c->args[1])
			 : "rcx", "r11", "cc", "memory");
	c->result = rax;
}
