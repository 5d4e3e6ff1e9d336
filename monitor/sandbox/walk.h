/* SPDX-License-Identifier: ISC */
/* walk.h: whether a filter says what the tables say, of every call and every corner of arguments. */
#ifndef HUSK_SANDBOX_WALK_H
#define HUSK_SANDBOX_WALK_H

#include <linux/seccomp.h>
#include <stdbool.h>

#include "sandbox_rules.h"

/* The machine that the filter is for. */
struct walk_machine {
	const char *arch;		/* "x86_64" */
	uint32_t audit;			/* AUDIT_ARCH_... of linux/audit.h */
	long (*number)(const char *call);	/* negative: it has no such call */
	/* interpreter_run, or what stands in for it */
	uint32_t (*run)(const struct sock_filter *code, size_t n, const struct seccomp_data *call);
};

/* How the two differ first. */
struct walk_difference {
	uint32_t arch;
	long nr;
	uint64_t args[RULE_ARGS];
	uint32_t expected, found;	/* SECCOMP_RET_... */
};

/* Values as of a run with all that there is, and such as mean nothing. */
extern const uint64_t walk_run[SANDBOX_VALUES], walk_none[SANDBOX_VALUES];

#define WALK_NUMBERS 1024	/* Linux has fewer than half of that */

/*
 * Fills in the values and runs the filter on all numbers, with arguments that are what rules check
 * for, next to it, and, one at a time, with each bit changed. False: *d says where it is wrong.
 */
bool sandbox_walk(const struct sandbox_program *p, const struct rules *const *tables,
	  const struct walk_machine *m, const uint64_t values[SANDBOX_VALUES], bool kill,
	  struct walk_difference *d);

#endif
