/* SPDX-License-Identifier: ISC */
/*
 * sandbox_program.h: the system call filter, as it is generated, with holes for what is known only
 * at run time.
 */
#ifndef HUSK_SANDBOX_PROGRAM_H
#define HUSK_SANDBOX_PROGRAM_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sandbox.h"

/* Linux: 4096 instructions (BPF_MAXINSNS). More than a quarter of that would be a mistake. */
#define SANDBOX_LENGTH_MAX 1024u

/* Half of a value belongs into field k of an instruction. */
struct sandbox_hole {
	uint16_t at;
	uint8_t value;		/* enum sandbox_value */
	bool upper;
};

struct sandbox_program {
	const struct sock_filter *code;
	size_t n;
	const struct sandbox_hole *holes;
	size_t n_holes;
	unsigned calls;			/* enum sandbox_calls: whose rules are in it */
	size_t n_calls;			/* different calls that it allows */
	const char *names;		/* of the calls from number 0 on, each ended by NUL; "": none */
	size_t n_names;
};

/* Linux seccomp(2), SECCOMP_RET_DATA: si_errno of a call that this filter has refused. */
#define SANDBOX_TRAP_DATA 0x4855u

/* Generated; all rules, and the names. n is 0 where there is no filter for the backend. */
extern const struct sandbox_program sandbox_program;

/* Generated: those with fewer rules, the least first, and without names. */
#define SANDBOX_SMALLER 3u
extern const struct sandbox_program sandbox_smaller[SANDBOX_SMALLER];

/* The least that allows what these calls (enum sandbox_calls) are for. */
const struct sandbox_program *sandbox_program_for(unsigned calls);

/*
 * Copies the program to out, which has room for SANDBOX_LENGTH_MAX instructions, and fills in the
 * holes. kill: what would be a signal that can be caught ends the process. Returns the length.
 */
size_t sandbox_fill(const struct sandbox_program *p, const uint64_t values[SANDBOX_VALUES],
		    bool kill, struct sock_filter *out);

/* The name of a system call of the machine that husk is built for; NULL if it has none. */
const char *sandbox_call_name(const struct sandbox_program *p, long nr);

#endif
