/* SPDX-License-Identifier: ISC */
/* trap.h: what the reports of exceptions have in common; trap_ARCH.c prints what is its own. */
#ifndef TRAP_H
#define TRAP_H

#include <stdint.h>

/*
 * Prints the command that turns the address of the exception, and those of its callers as far as the
 * frame pointer leads to some, into lines of the source. Any value will do for either.
 */
void trap_print_lines(uint64_t pc, uint64_t frame);

#endif
