/* SPDX-License-Identifier: ISC */
/*
 * call_freebsd_aarch64.c: a system call of FreeBSD, by number.
 *
 * Not by syscall(2), which is a call itself: the kernel would tell of that one. arm64's convention:
 * the number is in X8; the carry flag says that X0 is an errno.
 */
#include "owned.h"

void owned_make(struct owned_call *c)
{
	register uint64_t x0 __asm__("x0") = c->args[0];
	register uint64_t x1 __asm__("x1") = c->args[1];
	register uint64_t x2 __asm__("x2") = c->args[2];
	register uint64_t x3 __asm__("x3") = c->args[3];
	register uint64_t x4 __asm__("x4") = c->args[4];
	register uint64_t x5 __asm__("x5") = c->args[5];
	register uint64_t x8 __asm__("x8") = c->nr;

	__asm__ volatile("svc #0\n\tb.cc 1f\n\tneg %0, %0\n1:"
			 : "+r"(x0), "+r"(x1)
			 : "r"(x2), "r"(x3), "r"(x4), "r"(x5), "r"(x8)
			 : "cc", "memory");
	c->result = (int64_t)x0;
}
