/* SPDX-License-Identifier: ISC */
/* detour.c: breakpoints at the ends of what cannot be stepped through. */
#include "detour.h"

/* Where the debugger has a breakpoint, that one ends the step. */
static bool add(struct gdb_detour *d, struct gdb_breaks *b, uint64_t addr)
{
	if (gdb_soft_at(b, addr))
		return true;
	if (gdb_soft_add(b, addr) != GDB_OK)
		return false;
	d->ends[d->n++] = addr;
	return true;
}

static bool add_all(struct gdb_detour *d, struct gdb_breaks *b, const uint64_t *ends, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!add(d, b, ends[i]))
			return false;
	return true;
}

static bool uncover(struct gdb_detour *d, struct gdb_breaks *b, uint64_t ip)
{
	d->begin = ip;
	d->uncovered = gdb_soft_at(b, ip);
	return !d->uncovered || gdb_soft_remove(b, ip) == GDB_OK;
}

bool gdb_detour_begin(struct gdb_detour *d, struct gdb_breaks *b, uint64_t ip)
{
	uint64_t ends[GDB_DETOUR_MAX];
	const unsigned n = gdb_sequence(b, ip, ends);
	struct husk_error ignored;

	*d = (struct gdb_detour){.n = 0};
	if (n == 0)
		return false;
	if (uncover(d, b, ip) && add_all(d, b, ends, n))
		return true;
	(void)gdb_detour_end(d, b, &ignored);
	return false;
}

bool gdb_detour_ends_at(const struct gdb_detour *d, uint64_t addr)
{
	for (unsigned i = 0; i < d->n; i++)
		if (d->ends[i] == addr)
			return true;
	return false;
}

int gdb_detour_end(struct gdb_detour *d, struct gdb_breaks *b, struct husk_error *e)
{
	bool failed = false;

	for (unsigned i = 0; i < d->n; i++)
		failed |= gdb_soft_remove(b, d->ends[i]) != GDB_OK;
	if (d->uncovered)
		failed |= gdb_soft_add(b, d->begin) != GDB_OK;
	*d = (struct gdb_detour){.n = 0};
	return failed ? husk_fail(e, HUSK_E_HOST, "gdb: a breakpoint could not be written") : 0;
}
