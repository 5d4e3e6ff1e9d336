/* SPDX-License-Identifier: ISC */
/*
 * odd.h: instructions that a debugger's step may trip over, for debug.c.
 *
 * odd_steps: is where they begin, odd_registers: where registers are taken, odd_own: and odd_other: in front of
 * breakpoints of the guest's own; all are symbols.
 */
#ifndef ODD_H
#define ODD_H

#include "debug.h"

extern const char odd_steps[], odd_registers[], odd_break[], odd_own[], odd_other[];

/* What a debugger has put into the first general register, the fourth vector register, and carry. */
struct odd_taken {
	uint64_t general, vector, carry;
};

/* What odd_leave puts into the fourth vector register, where code for general registers leaves it. */
static const uint64_t odd_left[2] = {0x0123456789abcdef, 0xfedcba9876543210};

#if defined(__x86_64__)
#include "odd_x86_64.h"
#elif defined(__aarch64__)
#include "odd_aarch64.h"
#else
#error "no odd_<architecture>.h for this architecture"
#endif

#endif
