/* SPDX-License-Identifier: ISC */
/* setjmp.h: what husk and its tests use of FreeBSD's <setjmp.h>. */
#ifndef HUSK_FREEBSD_SETJMP_H
#define HUSK_FREEBSD_SETJMP_H

typedef struct {
	long words[64];
} jmp_buf[1];

int setjmp(jmp_buf at) __attribute__((__returns_twice__));
void longjmp(jmp_buf at, int value) __attribute__((__noreturn__));

#endif
