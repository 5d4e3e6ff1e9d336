/* SPDX-License-Identifier: ISC */
/* sys/_ucontext.h: contexts, for the headers that have a part in it. */
#ifndef HUSK_FREEBSD_SYS__UCONTEXT_H
#define HUSK_FREEBSD_SYS__UCONTEXT_H

#include <sys/_sigset.h>
#include <stddef.h>

typedef struct {
	void *ss_sp;
	size_t ss_size;
	int ss_flags;
} stack_t;

/* The registers between mask and link are no business of the monitor's. */
typedef struct ucontext {
	sigset_t uc_sigmask;
	long registers[128];
	struct ucontext *uc_link;
	stack_t uc_stack;
} ucontext_t;

#endif
