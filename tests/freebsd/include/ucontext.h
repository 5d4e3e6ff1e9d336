/* SPDX-License-Identifier: ISC */
/* ucontext.h: what husk and its tests use of FreeBSD's <ucontext.h>. */
#ifndef HUSK_FREEBSD_UCONTEXT_H
#define HUSK_FREEBSD_UCONTEXT_H

#include <sys/_ucontext.h>

int getcontext(ucontext_t *context);
void makecontext(ucontext_t *context, void (*function)(void), int n, ...);
int swapcontext(ucontext_t *old, const ucontext_t *new);

#endif
