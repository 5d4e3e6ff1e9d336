/* SPDX-License-Identifier: ISC */
/*
 * fuzz_resource.c: random calls on an address space, a set of numbers and a bus, each beside a
 * model with one owner per byte. The first 8 bytes of the input say where the 256 bytes lie;
 * then come operations of 12 bytes. Inputs of printable characters reach almost all of it.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bus.h"
#include "resource.h"

#define BYTES 256
#define OPERATIONS 500		/* more find nothing new and take longer */

#define CHECK(condition) ((condition) ? (void)0 : abort())

struct operation {
	uint8_t what, align, size, flags;
	uint64_t at;
};

struct map {
	size_t n;
	uint32_t next, owner[BYTES];	/* 0: free */
};

struct fuzz {
	uint64_t base;
	struct resource_space space;
	struct resource_ids ids;
	struct bus bus;
	struct map space_map, bus_map;
	bool taken[BYTES], ever[BYTES];	/* ids */
	uint32_t next_id;		/* round robin */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool map_free(const struct map *m, uint64_t from, uint64_t last)
{
	for (uint64_t i = from; i <= last; i++)
		if (i >= BYTES || m->owner[i] != 0)
			return false;
	return true;
}

static uint32_t map_add(struct map *m, uint64_t from, uint64_t last)
{
	m->next++;
	for (uint64_t i = from; i <= last; i++)
		m->owner[i] = m->next;
	m->n++;
	return m->next;
}

static void map_remove(struct map *m, uint32_t owner)
{
	for (size_t i = 0; i < BYTES; i++)
		m->owner[i] = m->owner[i] == owner ? 0 : m->owner[i];
	m->n--;
}

/* The owner of exactly [from, last]; 0 if there is none. */
static uint32_t map_exact(const struct map *m, uint64_t from, uint64_t last)
{
	uint32_t owner = from < BYTES ? m->owner[from] : 0;

	for (uint64_t i = 0; i < BYTES; i++)
		if ((m->owner[i] == owner) != (from <= i && i <= last))
			return 0;
	return last < BYTES ? owner : 0;
}

static bool fits(const struct fuzz *f, const struct resource_request *r, uint64_t i)
{
	uint64_t start = f->base + i;

	return i + r->size <= BYTES && start % r->align == 0 && start >= r->min &&
	       start + (r->size - 1) <= r->max && map_free(&f->space_map, i, i + r->size - 1);
}

static void alloc(struct fuzz *f, const struct operation *op)
{
	struct resource_request r = {
		.size = op->size % 97u * (op->flags & 8 ? 3 : 1),
		.align = UINT64_C(1) << op->align % 64, .min = 0, .max = UINT64_MAX,
		.policy = op->flags & 1 ? RESOURCE_LAST : RESOURCE_FIRST,
	};
	struct resource_range got;
	enum resource_status st;
	uint64_t i, k = 0;

	if (op->flags & 2)
		r.min = f->base + (op->at & 0xff);
	if (op->flags & 4)
		r.max = f->base + (op->at >> 8 & 0xff);
	st = resource_alloc(&f->space, &r, &got);
	if (r.size == 0 || r.min > r.max) {
		CHECK(st == (r.size == 0 ? RESOURCE_BAD_SIZE : RESOURCE_BAD_RANGE));
		return;
	}
	for (i = op->flags & 1 ? BYTES - 1 : 0; k < BYTES && !fits(f, &r, i); k++)
		i = op->flags & 1 ? i - 1 : i + 1;
	CHECK((st == RESOURCE_NO_SPACE) == (k == BYTES));
	CHECK((st == RESOURCE_FULL) == (k < BYTES && f->space_map.n == RESOURCE_RANGES_MAX));
	if (st != RESOURCE_OK)
		return;
	CHECK(got.start == f->base + i && got.last - got.start == r.size - 1);
	map_add(&f->space_map, i, i + (r.size - 1));
}

static void alloc_at(struct fuzz *f, const struct operation *op)
{
	uint64_t start = op->flags & 1 ? op->at : f->base + (op->at & 0x1ff) - 128;
	uint64_t size = op->flags & 2 ? op->at : op->size % 97u;
	uint64_t align = UINT64_C(1) << op->align % 8;
	enum resource_status st = resource_alloc_at(&f->space, start, size, align, "fuzz");
	uint64_t i = start - f->base;
	bool inside = start >= f->base && i < BYTES && size <= BYTES - i && size > 0;

	CHECK((st == RESOURCE_BAD_SIZE) == (size == 0));
	CHECK((st == RESOURCE_UNALIGNED) == (size > 0 && start % align != 0));
	if (st == RESOURCE_BAD_SIZE || st == RESOURCE_UNALIGNED)
		return;
	CHECK((st == RESOURCE_OVERFLOW || st == RESOURCE_BAD_RANGE) == !inside);
	CHECK((st == RESOURCE_OVERFLOW) == (start + (size - 1) < start));
	if (!inside)
		return;
	CHECK((st == RESOURCE_BUSY) == !map_free(&f->space_map, i, i + size - 1));
	CHECK(st == RESOURCE_BUSY ||
	      (st == RESOURCE_FULL) == (f->space_map.n == RESOURCE_RANGES_MAX));
	if (st == RESOURCE_OK)
		map_add(&f->space_map, i, i + size - 1);
}

/* Half the time what is taken, half the time anything. */
static void give_back(struct fuzz *f, const struct operation *op)
{
	uint64_t i = op->at & 0xff, last = i + op->size % 97u;
	const struct resource_range *r = resource_find(&f->space, f->base + i);
	uint32_t owner;

	CHECK((r != NULL) == (f->space_map.owner[i] != 0));
	if (op->flags & 1 && r != NULL) {
		i = r->start - f->base;
		last = r->last - f->base;
	}
	owner = map_exact(&f->space_map, i, last);
	CHECK(resource_free(&f->space, f->base + i, f->base + last) ==
	      (owner != 0 ? RESOURCE_OK : RESOURCE_NOT_ALLOCATED));
	if (owner != 0)
		map_remove(&f->space_map, owner);
}

static void number_alloc(struct fuzz *f)
{
	uint32_t id, i, tried = 0;

	for (i = f->next_id; tried < BYTES && f->taken[i]; tried++)
		i = (i + 1) % BYTES;
	CHECK(resource_ids_alloc(&f->ids, &id) ==
	      (tried == BYTES ? RESOURCE_NO_SPACE : RESOURCE_OK));
	if (tried == BYTES)
		return;
	CHECK(id == f->ids.first + i);
	f->taken[i] = f->ever[i] = true;
	f->next_id = (i + 1) % BYTES;
}

static void number(struct fuzz *f, const struct operation *op)
{
	uint32_t i = op->at & 0xff, id = f->ids.first + i;

	CHECK(resource_ids_taken(&f->ids, id) == f->taken[i]);
	if (op->flags & 1) {
		number_alloc(f);
	} else if (op->flags & 2) {
		CHECK(resource_ids_alloc_at(&f->ids, id) ==
		      (f->taken[i] ? RESOURCE_BUSY : RESOURCE_OK));
		f->taken[i] = f->ever[i] = true;
	} else {
		CHECK(resource_ids_free(&f->ids, id) ==
		      (f->taken[i] ? RESOURCE_OK :
		       f->ever[i] ? RESOURCE_ALREADY_FREE : RESOURCE_NEVER_ALLOCATED));
		f->taken[i] = false;
	}
}

static enum vmexit_result arrive(void *ctx, uint64_t offset, const struct bus_access *a,
			      struct husk_error *e)
{
	unsigned *calls = ctx;

	(void)offset;
	(void)a;
	(void)e;
	(*calls)++;
	return VMEXIT_RESUME;
}

static void bus_add(struct fuzz *f, const struct operation *op, unsigned *calls)
{
	uint64_t i = op->at & 0xff, last = i + op->size % 97u;
	struct bus_range r = {
		.start = f->base + i, .last = f->base + last, .ctx = calls, .owner = "fuzz",
		.handler = op->align & 1 ? NULL : arrive, .id = f->bus_map.next + 1,
	};
	enum resource_status want = RESOURCE_OK;

	if (last >= BYTES)
		return;
	if (!map_free(&f->bus_map, i, last))
		want = RESOURCE_BUSY;
	else if (f->bus_map.n == BUS_RANGES_MAX)
		want = RESOURCE_FULL;
	CHECK(bus_insert(&f->bus, &r, 1) == want);
	if (want == RESOURCE_OK)
		map_add(&f->bus_map, i, last);
}

static void bus_change(struct fuzz *f, const struct operation *op, unsigned *calls)
{
	uint32_t owner = f->bus_map.owner[op->at & 0xff];

	if (op->flags & 1) {
		bus_add(f, op, calls);
		return;
	}
	CHECK(bus_remove(&f->bus, owner) == (owner ? RESOURCE_OK : RESOURCE_NOT_ALLOCATED));
	if (owner != 0)
		map_remove(&f->bus_map, owner);
}

static void bus_access(struct fuzz *f, const struct operation *op, unsigned *calls)
{
	uint64_t i = op->at & 0xff;
	const struct bus_access a = {
		.addr = f->base + i, .width = op->size % 17, .count = (uint32_t)(op->at >> 32),
		.write = op->flags & 1,
	};
	const struct bus_range *r = bus_find(&f->bus, a.addr);
	bool good = r != NULL && r->handler != NULL && a.count > 0 &&
		    (a.width == 1 || a.width == 2 || a.width == 4 || a.width == 8) &&
		    (uint64_t)a.count * a.width <= UINT32_MAX;
	struct husk_error e = {.kind = HUSK_E_NONE};

	CHECK((r != NULL) == (f->bus_map.owner[i] != 0));
	for (uint64_t k = 1; good && k < a.width; k++)
		good = i + k < BYTES && f->bus_map.owner[i + k] == f->bus_map.owner[i];
	*calls = 0;
	CHECK(bus_dispatch(&f->bus, &a, &e) == (good ? VMEXIT_RESUME : VMEXIT_FAIL));
	CHECK(*calls == good && (e.kind == HUSK_E_GUEST) == !good);
}

/* Sorted, disjoint, inside; the bus likewise; as many as the model has. */
static void check_order(const struct fuzz *f)
{
	const struct resource_range *t = f->space.taken;
	const struct bus_range *r = f->bus.ranges;

	CHECK(f->space.n == f->space_map.n && f->bus.n == f->bus_map.n);
	for (size_t i = 0; i < f->space.n; i++)
		CHECK(t[i].start <= t[i].last && t[i].start >= f->space.first &&
		      t[i].last <= f->space.last && (i == 0 || t[i - 1].last < t[i].start));
	for (size_t i = 0; i < f->bus.n; i++)
		CHECK(r[i].start <= r[i].last && (i == 0 || r[i - 1].last < r[i].start));
}

static void perform(struct fuzz *f, const struct operation *op, unsigned *calls)
{
	switch (op->what % 6) {
	case 0: alloc(f, op); break;
	case 1: alloc_at(f, op); break;
	case 2: give_back(f, op); break;
	case 3: number(f, op); break;
	case 4: bus_change(f, op, calls); break;
	default: bus_access(f, op, calls); break;
	}
}

/* The ends of the 64-bit space matter most: they have inputs of their own. */
static uint64_t place(const uint8_t *data)
{
	uint64_t base;

	memcpy(&base, data, sizeof base);
	if (data[0] == '0')
		return 0;
	if (data[0] == '9' || base > UINT64_MAX - (BYTES - 1))
		return UINT64_MAX - (BYTES - 1);
	return base;
}

static void start(struct fuzz *f, const uint8_t *data)
{
	memset(f, 0, sizeof *f);
	f->base = place(data);
	CHECK(resource_space_init(&f->space, f->base, f->base + (BYTES - 1)) == RESOURCE_OK);
	CHECK(resource_ids_init(&f->ids, (uint32_t)f->base & ~UINT32_C(0xff),
				(uint32_t)f->base | 0xff, RESOURCE_ROUND_ROBIN) == RESOURCE_OK);
	bus_init(&f->bus, BUS_MMIO);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz f;	/* large, and set anew each time */
	struct operation op;
	unsigned calls = 0;
	size_t at = sizeof f.base;

	if (size < sizeof f.base)
		return 0;
	start(&f, data);
	for (int i = 0; i < OPERATIONS && size - at >= 12; i++, at += 12) {
		memcpy(&op, data + at, 4);
		memcpy(&op.at, data + at + 4, 8);
		perform(&f, &op, &calls);
		check_order(&f);
	}
	return 0;
}
