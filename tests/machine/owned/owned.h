/* SPDX-License-Identifier: ISC */
/* owned.h: the hypercall by which a guest makes system calls of the monitor, in a build for tests. */
#ifndef OWNED_H
#define OWNED_H

#include <stdint.h>

#define OWNED_HYPERCALL 252	/* HUSK_HYPERCALL_LAST: what husk itself will use last */
#define OWNED_ARGS 6

struct owned_call {
	uint64_t nr;
	uint64_t args[OWNED_ARGS];
	uint32_t pointers;	/* a bit for each argument that is an address of the guest's */
	uint32_t in_thread;	/* 1: not the guest's thread makes it */
	int64_t result;		/* as the kernel returns it: -errno */
};

/* Makes it, in this thread, by the system's own instruction or as the C library does. */
void owned_make(struct owned_call *c);

#endif
