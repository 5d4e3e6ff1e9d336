/* SPDX-License-Identifier: ISC */
/*
 * breaks.h: breakpoints, watchpoints, and guest memory as if no breakpoint were in it.
 *
 * A breakpoint is an instruction written over the guest's own (cpu_breakpoint). Whoever reads or
 * writes guest memory through these functions sees and changes what is below it. All by the thread
 * that owns the core, while the guest does not run.
 */
#ifndef HUSK_GDB_BREAKS_H
#define HUSK_GDB_BREAKS_H

#include "core.h"

#define GDB_SOFT_MAX 1024u

/* What a request comes to: 0, or the number of gdb's error reply. */
enum gdb_result { GDB_OK = 0, GDB_E_FAILED = 0x01, GDB_E_ADDRESS = 0x14, GDB_E_LONG = 0x22,
		  GDB_E_ROOM = 0x28 };

struct gdb_breaks {
	struct core *core;
	bool lifted;			/* none is in memory, until gdb_breaks_plant */
	unsigned n;
	struct gdb_soft {
		uint64_t addr;
		uint8_t below[CPU_BREAKPOINT_SIZE_MAX];	/* what the guest has there */
	} soft[GDB_SOFT_MAX];
	unsigned exec_max, watch_max;	/* points that the processor has */
	unsigned n_points;
	struct hv_point points[HV_POINTS_MAX];
};

/* Asks the machine, which has hv_caps.debug, for its limits. */
void gdb_breaks_init(struct gdb_breaks *b, struct core *c);

/* Adding one that is there, or removing one that is not, is fine. */
enum gdb_result gdb_soft_add(struct gdb_breaks *b, uint64_t addr);
enum gdb_result gdb_soft_remove(struct gdb_breaks *b, uint64_t addr);
bool gdb_soft_at(const struct gdb_breaks *b, uint64_t addr);

/* Whether there is one which the guest meets, as they are not lifted. */
bool gdb_soft_met_at(const struct gdb_breaks *b, uint64_t addr);

/* Whether the guest itself has there what breakpoints are made of. */
bool gdb_is_own_break(const struct gdb_breaks *b, uint64_t addr);

/* These hold from the next gdb_breaks_apply on, which adding one tries at once. */
enum gdb_result gdb_point_add(struct gdb_breaks *b, const struct hv_point *p);
enum gdb_result gdb_point_remove(struct gdb_breaks *b, const struct hv_point *p);

/* How the guest is to run on. HUSK_E_HOST. */
int gdb_breaks_apply(const struct gdb_breaks *b, bool step, struct husk_error *e);

/* Removes all, and ends all control over the vcpu. */
void gdb_breaks_clear(struct gdb_breaks *b);

/* Takes breakpoints out of memory, and puts them back. Both may be called twice. HUSK_E_HOST. */
int gdb_breaks_lift(struct gdb_breaks *b, struct husk_error *e);
int gdb_breaks_plant(struct gdb_breaks *b, struct husk_error *e);

/* Guest memory as the guest made it. */
enum gdb_result gdb_peek(const struct gdb_breaks *b, uint64_t addr, uint8_t *bytes, size_t n);
enum gdb_result gdb_poke(struct gdb_breaks *b, uint64_t addr, const uint8_t *bytes, size_t n);

#endif
