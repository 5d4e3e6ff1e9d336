/* SPDX-License-Identifier: ISC */
/*
 * detour.h: a step over instructions that cannot be stepped through one by one.
 *
 * A stop between a load-exclusive and its store makes the store fail, so that the guest begins anew, for
 * ever. It runs to breakpoints instead: behind the store, and wherever a branch leads out from between.
 */
#ifndef HUSK_GDB_DETOUR_H
#define HUSK_GDB_DETOUR_H

#include "breaks.h"

#define GDB_DETOUR_MAX 8u

struct gdb_detour {
	unsigned n;
	uint64_t ends[GDB_DETOUR_MAX];	/* breakpoints that were planted for it */
	bool uncovered;			/* the debugger's own breakpoint at begin is out of the way */
	uint64_t begin;
};

/*
 * Architecture: where the step from ip ends if that is not behind one instruction. Returns how many such
 * places there are; 0: it is a plain step.
 */
unsigned gdb_sequence(const struct gdb_breaks *b, uint64_t ip, uint64_t ends[GDB_DETOUR_MAX]);

/* Whether the step from ip is a detour, for which the guest is to run on; d is zeroed, or was ended. */
bool gdb_detour_begin(struct gdb_detour *d, struct gdb_breaks *b, uint64_t ip);

/* Whether the breakpoint there is the detour's. */
bool gdb_detour_ends_at(const struct gdb_detour *d, uint64_t addr);

/* The guest has stopped, wherever that is. No-op if there is no detour. HUSK_E_HOST. */
int gdb_detour_end(struct gdb_detour *d, struct gdb_breaks *b, struct husk_error *e);

#endif
