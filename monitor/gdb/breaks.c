/* SPDX-License-Identifier: ISC */
/* breaks.c: plants breakpoints in write-protected text, and hides them. */
#include "breaks.h"

#include <string.h>

#include "guest_pages.h"

void gdb_breaks_init(struct gdb_breaks *b, struct core *c)
{
	*b = (struct gdb_breaks){.core = c};
	c->caps->debug->limits(c->hv, &b->exec_max, &b->watch_max);
}

/* ---- memory ---- */

/* The instruction cache of some processors does not see what is written. */
static int put(const struct gdb_breaks *b, uint64_t addr, const void *bytes, size_t n,
	       struct husk_error *e)
{
	const struct memory *m = &b->core->memory;
	struct iovec span;

	if (memory_place(m, addr, bytes, n, e) == -1 ||
	    memory_place_span(m, addr, n, &span, e) == -1)
		return -1;
	__builtin___clear_cache(span.iov_base, (char *)span.iov_base + n);
	return 0;
}

/* In one page of the host: writable only for as long as this takes. */
static int put_in_page(const struct gdb_breaks *b, uint64_t addr, const void *bytes, size_t n,
		       struct husk_error *e)
{
	const struct core *c = b->core;
	const uint64_t first = addr - addr % c->memory.host_page;
	const uint64_t last = first + c->memory.host_page - 1;
	int rc;

	if (!guest_pages_protected(&c->memory, first))
		return put(b, addr, bytes, n, e);
	if (c->ops->protect(c->hv, first, last, MEMORY_R | MEMORY_W, e) == -1)
		return -1;
	rc = put(b, addr, bytes, n, e);
	return c->ops->protect(c->hv, first, last, MEMORY_R, e) == -1 ? -1 : rc;
}

static int put_all(const struct gdb_breaks *b, uint64_t addr, const uint8_t *bytes, size_t n,
		   struct husk_error *e)
{
	const uint64_t page = b->core->memory.host_page;

	while (n > 0) {
		const uint64_t left = page - addr % page;
		const size_t now = n < left ? n : (size_t)left;

		if (put_in_page(b, addr, bytes, now, e) == -1)
			return -1;
		addr += now;
		bytes += now;
		n -= now;
	}
	return 0;
}

static bool in_memory(const struct gdb_breaks *b, uint64_t addr, uint64_t n)
{
	const uint64_t size = b->core->memory.size;

	return n <= size && addr <= size - n;
}

/* Where a breakpoint lies among [addr, addr + n), bytes are those below it. */
static void hide(const struct gdb_soft *s, uint64_t addr, uint8_t *bytes, size_t n)
{
	for (unsigned i = 0; i < cpu_breakpoint_size; i++)
		if (s->addr + i >= addr && s->addr + i - addr < n)
			bytes[s->addr + i - addr] = s->below[i];
}

enum gdb_result gdb_peek(const struct gdb_breaks *b, uint64_t addr, uint8_t *bytes, size_t n)
{
	struct husk_error ignored;

	if (!in_memory(b, addr, n) ||
	    memory_read(&b->core->memory, (gpa_t){addr}, bytes, n, &ignored) == -1)
		return GDB_E_ADDRESS;
	for (unsigned i = 0; i < b->n && !b->lifted; i++)
		hide(&b->soft[i], addr, bytes, n);
	return GDB_OK;
}

/* What is written below a breakpoint leaves the breakpoint there. */
static enum gdb_result poke_around(struct gdb_breaks *b, uint64_t addr, const uint8_t *bytes,
				   size_t n)
{
	struct husk_error ignored;
	enum gdb_result rc = GDB_OK;

	if (gdb_breaks_lift(b, &ignored) == -1 || put_all(b, addr, bytes, n, &ignored) == -1)
		rc = GDB_E_FAILED;
	return gdb_breaks_plant(b, &ignored) == -1 ? GDB_E_FAILED : rc;
}

static bool touches_any(const struct gdb_breaks *b, uint64_t addr, size_t n)
{
	for (unsigned i = 0; i < b->n; i++)
		if (b->soft[i].addr < addr + n && addr < b->soft[i].addr + cpu_breakpoint_size)
			return true;
	return false;
}

enum gdb_result gdb_poke(struct gdb_breaks *b, uint64_t addr, const uint8_t *bytes, size_t n)
{
	struct husk_error ignored;

	if (!in_memory(b, addr, n))
		return GDB_E_ADDRESS;
	if (!b->lifted && touches_any(b, addr, n))
		return poke_around(b, addr, bytes, n);
	return put_all(b, addr, bytes, n, &ignored) == -1 ? GDB_E_FAILED : GDB_OK;
}

/* ---- breakpoints ---- */

static unsigned find(const struct gdb_breaks *b, uint64_t addr)
{
	unsigned i = 0;

	while (i < b->n && b->soft[i].addr != addr)
		i++;
	return i;
}

bool gdb_soft_at(const struct gdb_breaks *b, uint64_t addr)
{
	return find(b, addr) < b->n;
}

bool gdb_soft_met_at(const struct gdb_breaks *b, uint64_t addr)
{
	return !b->lifted && gdb_soft_at(b, addr);
}

bool gdb_is_own_break(const struct gdb_breaks *b, uint64_t addr)
{
	uint8_t there[CPU_BREAKPOINT_SIZE_MAX];

	return gdb_peek(b, addr, there, cpu_breakpoint_size) == GDB_OK &&
	       memcmp(there, cpu_breakpoint, cpu_breakpoint_size) == 0;
}

static int plant(const struct gdb_breaks *b, struct gdb_soft *s, struct husk_error *e)
{
	if (memory_read(&b->core->memory, (gpa_t){s->addr}, s->below, cpu_breakpoint_size, e) == -1)
		return -1;
	return put_all(b, s->addr, cpu_breakpoint, cpu_breakpoint_size, e);
}

enum gdb_result gdb_soft_add(struct gdb_breaks *b, uint64_t addr)
{
	struct gdb_soft *s = &b->soft[b->n];
	struct husk_error ignored;

	if (gdb_soft_at(b, addr))
		return GDB_OK;
	if (!in_memory(b, addr, cpu_breakpoint_size) || addr % cpu_breakpoint_size != 0)
		return GDB_E_ADDRESS;
	if (b->n == GDB_SOFT_MAX)
		return GDB_E_ROOM;
	*s = (struct gdb_soft){.addr = addr};
	if (!b->lifted && plant(b, s, &ignored) == -1)
		return GDB_E_FAILED;
	b->n++;
	return GDB_OK;
}

enum gdb_result gdb_soft_remove(struct gdb_breaks *b, uint64_t addr)
{
	const unsigned i = find(b, addr);
	struct husk_error ignored;

	if (i == b->n)
		return GDB_OK;
	if (!b->lifted &&
	    put_all(b, addr, b->soft[i].below, cpu_breakpoint_size, &ignored) == -1)
		return GDB_E_FAILED;
	b->soft[i] = b->soft[--b->n];
	return GDB_OK;
}

int gdb_breaks_lift(struct gdb_breaks *b, struct husk_error *e)
{
	int rc = 0;

	for (unsigned i = 0; i < b->n && !b->lifted; i++)
		if (put_all(b, b->soft[i].addr, b->soft[i].below, cpu_breakpoint_size, e) == -1)
			rc = -1;
	b->lifted = true;
	return rc;
}

int gdb_breaks_plant(struct gdb_breaks *b, struct husk_error *e)
{
	int rc = 0;

	for (unsigned i = 0; i < b->n && b->lifted; i++)
		if (plant(b, &b->soft[i], e) == -1)
			rc = -1;
	b->lifted = false;
	return rc;
}

/* ---- points ---- */

static bool same_point(const struct hv_point *a, const struct hv_point *b)
{
	return a->kind == b->kind && a->addr == b->addr && a->len == b->len;
}

static unsigned find_point(const struct gdb_breaks *b, const struct hv_point *p)
{
	unsigned i = 0;

	while (i < b->n_points && !same_point(&b->points[i], p))
		i++;
	return i;
}

enum gdb_result gdb_point_add(struct gdb_breaks *b, const struct hv_point *p)
{
	struct husk_error ignored;

	if (p->len == 0 || p->len > 8 || p->addr > UINT64_MAX - p->len)
		return GDB_E_ADDRESS;
	if (find_point(b, p) < b->n_points)
		return GDB_OK;
	if (b->n_points == HV_POINTS_MAX)
		return GDB_E_ROOM;
	b->points[b->n_points++] = *p;
	if (gdb_breaks_apply(b, false, &ignored) == 0)
		return GDB_OK;
	b->n_points--;
	return GDB_E_ROOM;
}

enum gdb_result gdb_point_remove(struct gdb_breaks *b, const struct hv_point *p)
{
	const unsigned i = find_point(b, p);

	if (i < b->n_points)
		b->points[i] = b->points[--b->n_points];
	return GDB_OK;
}

int gdb_breaks_apply(const struct gdb_breaks *b, bool step, struct husk_error *e)
{
	struct hv_debug d = {.step = step, .soft = true, .n = b->n_points};

	memcpy(d.points, b->points, sizeof d.points);
	return b->core->caps->debug->set(b->core->hv, &d, e);
}

void gdb_breaks_clear(struct gdb_breaks *b)
{
	static const struct hv_debug none;
	struct husk_error ignored;

	(void)gdb_breaks_lift(b, &ignored);
	b->n = b->n_points = 0;
	b->lifted = false;
	(void)b->core->caps->debug->set(b->core->hv, &none, &ignored);
}
