/* SPDX-License-Identifier: ISC */
/* bus.c: a sorted table of ranges, searched once for each I/O exit. */
#include "bus.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

/* Port numbers have 16 bits: Intel SDM vol. 1, "I/O Address Space". */
#define PIO_LAST UINT64_C(0xffff)

void bus_init(struct bus *b, enum bus_kind kind)
{
	*b = (struct bus){.kind = kind};
}

/* Index of the lowest range that ends at addr or above; b->n if there is none. */
static size_t lower_bound(const struct bus *b, uint64_t addr)
{
	size_t from = 0, to = b->n;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (b->ranges[mid].last < addr)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

const struct bus_range *bus_overlap(const struct bus *b, uint64_t start, uint64_t last)
{
	size_t i = lower_bound(b, start);

	if (start > last || i == b->n || b->ranges[i].start > last)
		return NULL;
	return &b->ranges[i];
}

const struct bus_range *bus_find(const struct bus *b, uint64_t addr)
{
	return bus_overlap(b, addr, addr);
}

static bool overlap(const struct bus_range *x, uint64_t start, uint64_t last)
{
	return x->start <= last && start <= x->last;
}

static bool in_space(const struct bus *b, uint64_t start, uint64_t last)
{
	return start <= last && (b->kind == BUS_MMIO || last <= PIO_LAST);
}

/* list[i] against the bus and against what precedes it in the list. */
static enum resource_status check_one(const struct bus *b, const struct bus_range *list, size_t i)
{
	if (!in_space(b, list[i].start, list[i].last))
		return RESOURCE_BAD_RANGE;
	if (bus_overlap(b, list[i].start, list[i].last) != NULL)
		return RESOURCE_BUSY;
	for (size_t k = 0; k < i; k++)
		if (overlap(&list[k], list[i].start, list[i].last))
			return RESOURCE_BUSY;
	return RESOURCE_OK;
}

static void put(struct bus *b, const struct bus_range *r)
{
	size_t i = lower_bound(b, r->start);

	memmove(&b->ranges[i + 1], &b->ranges[i], (b->n - i) * sizeof b->ranges[0]);
	b->ranges[i] = *r;
	b->n++;
}

static void drop(struct bus *b, size_t i)
{
	b->n--;
	memmove(&b->ranges[i], &b->ranges[i + 1], (b->n - i) * sizeof b->ranges[0]);
}

enum resource_status bus_insert(struct bus *b, const struct bus_range *list, size_t n)
{
	if (b->in_dispatch)
		return RESOURCE_IN_DISPATCH;
	for (size_t i = 0; i < n; i++) {
		enum resource_status st = check_one(b, list, i);

		if (st != RESOURCE_OK)
			return st;
	}
	if (n > BUS_RANGES_MAX - b->n)
		return RESOURCE_FULL;
	for (size_t i = 0; i < n; i++)
		put(b, &list[i]);
	return RESOURCE_OK;
}

enum resource_status bus_remove(struct bus *b, uint32_t id)
{
	size_t before = b->n;

	if (b->in_dispatch)
		return RESOURCE_IN_DISPATCH;
	for (size_t i = b->n; i-- > 0;)
		if (b->ranges[i].id == id)
			drop(b, i);
	return b->n < before ? RESOURCE_OK : RESOURCE_NOT_ALLOCATED;
}

enum resource_status bus_move(struct bus *b, uint32_t id, uint64_t start, uint64_t to,
			      uint64_t last)
{
	size_t own = lower_bound(b, start);
	struct bus_range moved;

	if (b->in_dispatch)
		return RESOURCE_IN_DISPATCH;
	if (own == b->n || b->ranges[own].start != start || b->ranges[own].id != id)
		return RESOURCE_NOT_ALLOCATED;
	moved = b->ranges[own];
	if (!in_space(b, to, last) || last - to != moved.last - moved.start)
		return RESOURCE_BAD_RANGE;
	for (size_t i = 0; i < b->n; i++)
		if (i != own && overlap(&b->ranges[i], to, last))
			return RESOURCE_BUSY;
	drop(b, own);
	moved.start = to;
	moved.last = last;
	put(b, &moved);
	return RESOURCE_OK;
}

static bool width_ok(const struct bus_access *a)
{
	return a->width == 1 || a->width == 2 || a->width == 4 || a->width == 8;
}

static bool count_ok(const struct bus_access *a)
{
	uint32_t bytes;

	return a->count != 0 && !__builtin_mul_overflow(a->count, (uint32_t)a->width, &bytes);
}

/* r holds the first byte. Never wraps, even at the last address. */
static bool holds_all(const struct bus_range *r, const struct bus_access *a)
{
	return a->width - 1u <= r->last - a->addr;
}

/* r: the range that holds the first byte, NULL if none does. */
static bool access_ok(const struct bus_range *r, const struct bus_access *a)
{
	return width_ok(a) && count_ok(a) && r != NULL && holds_all(r, a) && r->handler != NULL;
}

enum vmexit_result __attribute__((cold)) bus_refuse(enum bus_kind kind, const struct bus_access *a,
						    const char *why, struct husk_error *e)
{
	if (kind == BUS_PIO)
		husk_fail(e, HUSK_E_GUEST, "Invalid guest port access: port=0x%" PRIx64
			  ", %s of %u bytes: %s", a->addr, a->write ? "out" : "in", a->width, why);
	else
		husk_fail(e, HUSK_E_GUEST, "Invalid guest mmio access: mmio=0x%" PRIx64
			  " len=%u, %s: %s", a->addr, a->width, a->write ? "write" : "read", why);
	return VMEXIT_FAIL;
}

static enum vmexit_result __attribute__((cold)) bad_access(const struct bus *b,
							   const struct bus_range *r,
							   const struct bus_access *a,
							   struct husk_error *e)
{
	const char *why = "not what this doorbell takes";

	if (!width_ok(a))
		why = "the width must be 1, 2, 4 or 8";
	else if (!count_ok(a))
		why = "the count is 0 or too large";
	else if (r == NULL)
		why = "no device is there";
	else if (!holds_all(r, a))
		why = "it passes the end of this device's range";
	bus_refuse(b->kind, a, why, e);
	if (r != NULL)
		husk_hint(e, "device %s", r->owner);
	return VMEXIT_FAIL;
}

enum vmexit_result bus_dispatch(struct bus *b, const struct bus_access *a, struct husk_error *e)
{
	const struct bus_range *r = bus_find(b, a->addr);
	enum vmexit_result result;

	assert(!b->in_dispatch);
	if (!access_ok(r, a))
		return bad_access(b, r, a, e);
	b->in_dispatch = true;
	result = r->handler(r->ctx, a->addr - r->start, a, e);
	b->in_dispatch = false;
	if (result == VMEXIT_FAIL)
		husk_hint(e, "device %s, offset 0x%" PRIx64 ", width %u", r->owner,
			  a->addr - r->start, a->width);
	return result;
}
