/* SPDX-License-Identifier: ISC */
/* test_bus.c: which device an access reaches, and which accesses reach nobody. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "bus.h"

#define M UINT64_MAX

/* What a handler saw, and what it is to do. */
struct probe {
	unsigned calls;
	uint64_t offset;
	struct bus_access seen;
	enum vmexit_result result;
	struct bus *change;		/* the bus that the handler tries to change */
};

/* The bus refuses its own handler every change. */
static void try_to_change(struct bus *b)
{
	const struct bus_range extra = {.start = 0x7000, .last = 0x7000, .owner = "extra", .id = 9};

	assert_int_equal(bus_insert(b, &extra, 1), RESOURCE_IN_DISPATCH);
	assert_int_equal(bus_insert(b, &extra, 0), RESOURCE_IN_DISPATCH);
	assert_int_equal(bus_remove(b, 1), RESOURCE_IN_DISPATCH);
	assert_int_equal(bus_remove(b, 12345), RESOURCE_IN_DISPATCH);
	assert_int_equal(bus_move(b, 1, 0x500, 0x7000, 0x7008), RESOURCE_IN_DISPATCH);
}

static enum vmexit_result probe_handler(void *ctx, uint64_t offset, const struct bus_access *a,
				     struct husk_error *e)
{
	struct probe *p = ctx;

	p->calls++;
	p->offset = offset;
	p->seen = *a;
	if (p->change != NULL)
		try_to_change(p->change);
	if (!a->write && a->data != NULL)
		memset(a->data, 0xa5, (size_t)a->count * a->width);
	if (p->result == VMEXIT_FAIL)
		husk_fail(e, HUSK_E_GUEST, "register is read-only");
	return p->result;
}

static struct bus_range range(uint64_t start, uint64_t last, uint32_t id, struct probe *p)
{
	return (struct bus_range){
		.start = start, .last = last, .handler = p != NULL ? probe_handler : NULL,
		.ctx = p, .owner = p != NULL ? "probe" : "bell", .id = id,
	};
}

static enum resource_status insert(struct bus *b, uint64_t start, uint64_t last, uint32_t id,
				   struct probe *p)
{
	const struct bus_range r = range(start, last, id, p);

	return bus_insert(b, &r, 1);
}

static struct bus new_bus(enum bus_kind kind)
{
	struct bus b;

	bus_init(&b, kind);
	return b;
}

/* The call fails like that and leaves every byte of the bus as it was. */
#define REFUSED(b, call, status) \
	do { \
		struct bus before_; \
		memcpy(&before_, (b), sizeof before_); \
		assert_int_equal((call), (status)); \
		assert_memory_equal(&before_, (b), sizeof before_); \
	} while (0)

static enum vmexit_result access_n(struct bus *b, uint64_t addr, uint8_t width, uint32_t count,
				bool write, struct husk_error *e)
{
	uint64_t data[8] = {0};
	const struct bus_access a = {
		.addr = addr, .width = width, .count = count, .write = write,
		.data = (size_t)width * count <= sizeof data ? data : NULL,
	};

	*e = (struct husk_error){.kind = HUSK_E_NONE};
	return bus_dispatch(b, &a, e);
}

static enum vmexit_result write_to(struct bus *b, uint64_t addr, uint8_t width)
{
	struct husk_error e;

	return access_n(b, addr, width, 1, true, &e);
}

/* Nobody is called, and the message is exactly this. */
static void assert_bad(struct bus *b, struct probe *p, uint64_t addr, uint8_t width, bool write,
		       const char *message)
{
	struct husk_error e;
	unsigned calls = p->calls;

	assert_int_equal(access_n(b, addr, width, 1, write, &e), VMEXIT_FAIL);
	assert_int_equal(e.kind, HUSK_E_GUEST);
	assert_string_equal(e.message, message);
	assert_int_equal(p->calls, calls);
	assert_false(b->in_dispatch);
}

static void a_range_answers_from_its_first_to_its_last_address(void **state)
{
	struct bus b = new_bus(BUS_PIO);
	struct probe p = {0};

	(void)state;
	assert_int_equal(insert(&b, 0x500, 0x508, 1, &p), RESOURCE_OK);
	assert_null(bus_find(&b, 0x4ff));
	assert_ptr_equal(bus_find(&b, 0x500), &b.ranges[0]);
	assert_ptr_equal(bus_find(&b, 0x508), &b.ranges[0]);
	assert_null(bus_find(&b, 0x509));
	assert_int_equal(write_to(&b, 0x508, 1), VMEXIT_RESUME);
	assert_int_equal(p.offset, 8);
	assert_int_equal(write_to(&b, 0x4ff, 1), VMEXIT_FAIL);
	assert_int_equal(write_to(&b, 0x509, 1), VMEXIT_FAIL);
	assert_int_equal(p.calls, 1);
}

static void adjacent_ranges_each_find_their_own_device(void **state)
{
	struct bus b = new_bus(BUS_PIO);
	struct probe low = {0}, high = {0};

	(void)state;
	assert_int_equal(insert(&b, 0x509, 0x509, 2, &high), RESOURCE_OK);
	assert_int_equal(insert(&b, 0x500, 0x508, 1, &low), RESOURCE_OK);
	assert_int_equal(write_to(&b, 0x508, 1), VMEXIT_RESUME);
	assert_int_equal(low.calls, 1);
	assert_int_equal(high.calls, 0);
	assert_int_equal(write_to(&b, 0x509, 1), VMEXIT_RESUME);
	assert_int_equal(low.calls, 1);
	assert_int_equal(high.calls, 1);
	assert_int_equal(high.offset, 0);
}

static void overlaps_of_every_kind_are_refused(void **state)
{
	static const uint64_t overlaps[][2] = {
		{0x0f0, 0x100}, {0x1ff, 0x210}, {0x140, 0x150}, {0x080, 0x280}, {0x100, 0x1ff},
		{0x100, 0x100}, {0x1ff, 0x1ff},
	};
	struct bus b = new_bus(BUS_PIO);

	(void)state;
	assert_int_equal(insert(&b, 0x100, 0x1ff, 1, NULL), RESOURCE_OK);
	for (size_t i = 0; i < sizeof overlaps / sizeof overlaps[0]; i++)
		REFUSED(&b, insert(&b, overlaps[i][0], overlaps[i][1], 2, NULL), RESOURCE_BUSY);
	assert_int_equal(insert(&b, 0x0f0, 0x0ff, 2, NULL), RESOURCE_OK);
	assert_int_equal(insert(&b, 0x200, 0x200, 2, NULL), RESOURCE_OK);
}

static void a_list_goes_in_all_or_none(void **state)
{
	struct bus b = new_bus(BUS_MMIO);
	const struct bus_range taken = range(0x3000, 0x3fff, 1, NULL);
	struct bus_range list[] = {
		range(0x5000, 0x5fff, 2, NULL), range(0x1000, 0x1fff, 2, NULL),
		range(0x3fff, 0x4000, 2, NULL),
	};

	(void)state;
	assert_int_equal(bus_insert(&b, &taken, 1), RESOURCE_OK);
	REFUSED(&b, bus_insert(&b, list, 3), RESOURCE_BUSY);
	list[2] = range(0x5fff, 0x6000, 2, NULL);	/* overlaps the list itself */
	REFUSED(&b, bus_insert(&b, list, 3), RESOURCE_BUSY);
	list[2] = range(0x4fff, 0x5000, 2, NULL);
	REFUSED(&b, bus_insert(&b, list, 3), RESOURCE_BUSY);
	list[2] = range(0x1fff, 0x2000, 2, NULL);
	REFUSED(&b, bus_insert(&b, list, 3), RESOURCE_BUSY);
	list[2] = range(0x6001, 0x6000, 2, NULL);
	REFUSED(&b, bus_insert(&b, list, 3), RESOURCE_BAD_RANGE);
	list[2] = range(0x6000, 0x6000, 2, NULL);
	assert_int_equal(bus_insert(&b, list, 3), RESOURCE_OK);
	assert_int_equal(b.n, 4);
	for (size_t i = 1; i < b.n; i++)
		assert_true(b.ranges[i - 1].last < b.ranges[i].start);
}

static void the_lowest_of_several_in_the_way_is_named(void **state)
{
	struct bus b = new_bus(BUS_MMIO);

	(void)state;
	assert_int_equal(insert(&b, 0x100, 0x1ff, 1, NULL), RESOURCE_OK);
	assert_int_equal(insert(&b, 0x300, 0x3ff, 2, NULL), RESOURCE_OK);
	assert_int_equal(bus_overlap(&b, 0, M)->id, 1);
	assert_int_equal(bus_overlap(&b, 0x1ff, 0x300)->id, 1);
	assert_int_equal(bus_overlap(&b, 0x200, 0x300)->id, 2);
	assert_null(bus_overlap(&b, 0x200, 0x2ff));
	assert_null(bus_overlap(&b, 0x150, 0x14f));
}

static void empty_ranges_and_those_beyond_the_space_are_refused(void **state)
{
	struct bus pio = new_bus(BUS_PIO), mmio = new_bus(BUS_MMIO);

	(void)state;
	REFUSED(&pio, insert(&pio, 0x500, 0x4ff, 1, NULL), RESOURCE_BAD_RANGE);
	REFUSED(&pio, insert(&pio, 0xffff, 0x10000, 1, NULL), RESOURCE_BAD_RANGE);
	REFUSED(&pio, insert(&pio, 0x10500, 0x10508, 1, NULL), RESOURCE_BAD_RANGE);
	REFUSED(&mmio, insert(&mmio, M, 0, 1, NULL), RESOURCE_BAD_RANGE);
	REFUSED(&mmio, insert(&mmio, 1, 0, 1, NULL), RESOURCE_BAD_RANGE);
}

static void a_full_table_is_told_apart(void **state)
{
	struct bus b = new_bus(BUS_MMIO);
	const struct bus_range two[] = {range(0, 0, 2, NULL), range(2, 2, 2, NULL)};

	(void)state;
	for (uint64_t i = 1; i < BUS_RANGES_MAX; i++)
		assert_int_equal(insert(&b, i * 16, i * 16, 1, NULL), RESOURCE_OK);
	REFUSED(&b, bus_insert(&b, two, 2), RESOURCE_FULL);
	assert_int_equal(bus_insert(&b, two, 1), RESOURCE_OK);
	REFUSED(&b, insert(&b, 3, 3, 1, NULL), RESOURCE_FULL);
	assert_int_equal(bus_insert(&b, two, 0), RESOURCE_OK);
}

static void the_whole_space_can_be_one_range(void **state)
{
	struct bus pio = new_bus(BUS_PIO), mmio = new_bus(BUS_MMIO);
	struct probe p = {0};

	(void)state;
	assert_int_equal(insert(&pio, 0, 0xffff, 1, &p), RESOURCE_OK);
	assert_int_equal(insert(&mmio, 0, M, 1, &p), RESOURCE_OK);
	assert_int_equal(write_to(&pio, 0, 4), VMEXIT_RESUME);
	assert_int_equal(write_to(&pio, 0xfffc, 4), VMEXIT_RESUME);
	assert_int_equal(p.offset, 0xfffc);
	assert_int_equal(write_to(&mmio, M - 7, 8), VMEXIT_RESUME);
	assert_int_equal(p.offset, M - 7);
	assert_int_equal(write_to(&pio, 0x10000, 1), VMEXIT_FAIL);
}

static void the_last_address_takes_one_byte_and_not_two(void **state)
{
	struct bus b = new_bus(BUS_MMIO);
	struct probe p = {0};

	(void)state;
	assert_int_equal(insert(&b, M, M, 1, &p), RESOURCE_OK);
	assert_int_equal(write_to(&b, M, 1), VMEXIT_RESUME);
	assert_int_equal(p.calls, 1);
	assert_bad(&b, &p, M, 2, true, "Invalid guest mmio access: mmio=0xffffffffffffffff len=2, "
		   "write: it passes the end of this device's range: device probe");
}

static void an_access_that_runs_into_a_hole_is_bad(void **state)
{
	struct bus b = new_bus(BUS_PIO);
	struct probe p = {0};

	(void)state;
	assert_int_equal(insert(&b, 0x600, 0x605, 1, &p), RESOURCE_OK);
	assert_int_equal(write_to(&b, 0x602, 4), VMEXIT_RESUME);
	assert_bad(&b, &p, 0x603, 4, true, "Invalid guest port access: port=0x603, out of 4 bytes: "
		   "it passes the end of this device's range: device probe");
	assert_bad(&b, &p, 0x5ff, 2, true, "Invalid guest port access: port=0x5ff, out of 2 bytes: "
		   "no device is there");
}

static void an_access_over_the_seam_of_one_device_is_bad(void **state)
{
	struct bus b = new_bus(BUS_PIO);
	struct probe p = {0};

	(void)state;
	assert_int_equal(insert(&b, 0x600, 0x603, 1, &p), RESOURCE_OK);
	assert_int_equal(insert(&b, 0x604, 0x607, 1, &p), RESOURCE_OK);
	assert_bad(&b, &p, 0x602, 4, true, "Invalid guest port access: port=0x602, out of 4 bytes: "
		   "it passes the end of this device's range: device probe");
	assert_int_equal(write_to(&b, 0x604, 4), VMEXIT_RESUME);
}

static void widths_other_than_1_2_4_and_8_are_bad(void **state)
{
	static const enum bus_kind kinds[] = {BUS_PIO, BUS_MMIO};
	struct probe p = {0};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct bus b = new_bus(kinds[i]);

		assert_int_equal(insert(&b, 0, 0xffff, 1, &p), RESOURCE_OK);
		for (unsigned width = 0; width <= UINT8_MAX; width++) {
			bool good = width == 1 || width == 2 || width == 4 || width == 8;

			p.calls = 0;
			assert_int_equal(write_to(&b, 0x100, (uint8_t)width),
					 good ? VMEXIT_RESUME : VMEXIT_FAIL);
			assert_int_equal(p.calls, good);
		}
		assert_bad(&b, &p, 0x100, 3, false, kinds[i] == BUS_PIO ?
			   "Invalid guest port access: port=0x100, in of 3 bytes: "
			   "the width must be 1, 2, 4 or 8: device probe" :
			   "Invalid guest mmio access: mmio=0x100 len=3, read: "
			   "the width must be 1, 2, 4 or 8: device probe");
	}
}

static void an_access_at_the_last_port_does_not_wrap(void **state)
{
	struct bus b = new_bus(BUS_PIO);
	struct probe p = {0};

	(void)state;
	assert_int_equal(insert(&b, 0, 3, 1, &p), RESOURCE_OK);
	assert_bad(&b, &p, 0xffff, 4, true,
		   "Invalid guest port access: port=0xffff, out of 4 bytes: no device is there");
	assert_int_equal(insert(&b, 0xffff, 0xffff, 2, &p), RESOURCE_OK);
	assert_bad(&b, &p, 0xffff, 4, true,
		   "Invalid guest port access: port=0xffff, out of 4 bytes: "
		   "it passes the end of this device's range: device probe");
	assert_int_equal(write_to(&b, 0xffff, 1), VMEXIT_RESUME);
}

static void a_handler_gets_all_items_of_a_string_access(void **state)
{
	struct bus b = new_bus(BUS_PIO);
	struct probe p = {0};
	uint8_t data[24];
	const struct bus_access a = {.addr = 0x500, .width = 4, .count = 5, .data = data};
	struct husk_error e;

	(void)state;
	memset(data, 0, sizeof data);
	assert_int_equal(insert(&b, 0x500, 0x503, 1, &p), RESOURCE_OK);
	assert_int_equal(bus_dispatch(&b, &a, &e), VMEXIT_RESUME);
	assert_int_equal(p.calls, 1);
	assert_int_equal(p.seen.count, 5);
	assert_int_equal(p.seen.width, 4);
	assert_ptr_equal(p.seen.data, data);
	for (size_t i = 0; i < sizeof data; i++)
		assert_int_equal(data[i], i < 20 ? 0xa5 : 0);
}

static void a_count_of_zero_or_beyond_32_bits_of_bytes_is_bad(void **state)
{
	static const struct { uint32_t count; uint8_t width; bool good; } cases[] = {
		{0, 4, false}, {UINT32_C(1) << 30, 4, false}, {(UINT32_C(1) << 30) - 1, 4, true},
		{UINT32_C(1) << 29, 8, false}, {UINT32_MAX, 2, false}, {UINT32_MAX, 1, true},
		{1, 1, true},
	};
	struct bus b = new_bus(BUS_PIO);
	struct probe p = {0};
	struct husk_error e;

	(void)state;
	assert_int_equal(insert(&b, 0x500, 0x5ff, 1, &p), RESOURCE_OK);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		p.calls = 0;
		assert_int_equal(access_n(&b, 0x500, cases[i].width, cases[i].count, true, &e),
				 cases[i].good ? VMEXIT_RESUME : VMEXIT_FAIL);
		assert_int_equal(p.calls, cases[i].good);
		if (!cases[i].good)
			assert_non_null(strstr(e.message, ": the count is 0 or too large"));
	}
}

static void the_rest_of_a_store_beyond_ram_is_reported_with_its_gpa(void **state)
{
	struct bus b = new_bus(BUS_MMIO);
	struct probe p = {0};

	(void)state;
	assert_bad(&b, &p, 0x20000000, 2, true,
		   "Invalid guest mmio access: mmio=0x20000000 len=2, write: no device is there");
	assert_bad(&b, &p, UINT64_C(0x100000028), 4, false,
		   "Invalid guest mmio access: mmio=0x100000028 len=4, read: no device is there");
}

static void a_handler_refuses_what_its_register_does_not_take(void **state)
{
	struct bus b = new_bus(BUS_PIO);
	struct probe p = {.result = VMEXIT_FAIL};
	struct husk_error e;

	(void)state;
	assert_int_equal(insert(&b, 0x500, 0x508, 1, &p), RESOURCE_OK);
	assert_int_equal(access_n(&b, 0x504, 2, 1, true, &e), VMEXIT_FAIL);
	assert_int_equal(e.kind, HUSK_E_GUEST);
	assert_string_equal(e.message, "register is read-only: device probe, offset 0x4, width 2");
	assert_false(b.in_dispatch);
}

static void what_surfaces_of_a_doorbell_is_bad(void **state)
{
	struct bus b = new_bus(BUS_PIO);
	struct probe p = {0};

	(void)state;
	assert_int_equal(insert(&b, 0x600, 0x603, 1, NULL), RESOURCE_OK);
	assert_bad(&b, &p, 0x600, 4, false, "Invalid guest port access: port=0x600, in of 4 bytes: "
		   "not what this doorbell takes: device bell");
	assert_bad(&b, &p, 0x601, 1, true, "Invalid guest port access: port=0x601, out of 1 bytes: "
		   "not what this doorbell takes: device bell");
}

static void a_handler_can_refuse_in_the_words_of_the_bus(void **state)
{
	const struct bus_access a = {.addr = 0x500, .width = 2, .count = 1, .write = true};
	struct husk_error e = {0};

	(void)state;
	assert_int_equal(bus_refuse(BUS_PIO, &a, "4 bytes only", &e), VMEXIT_FAIL);
	assert_int_equal(e.kind, HUSK_E_GUEST);
	assert_string_equal(e.message,
			    "Invalid guest port access: port=0x500, out of 2 bytes: 4 bytes only");
	assert_int_equal(bus_refuse(BUS_MMIO, &a, "4 bytes only", &e), VMEXIT_FAIL);
	assert_string_equal(e.message,
			    "Invalid guest mmio access: mmio=0x500 len=2, write: 4 bytes only");
}

static void a_handler_can_end_the_guest_in_peace(void **state)
{
	struct bus b = new_bus(BUS_PIO);
	struct probe p = {.result = VMEXIT_HALT};
	struct husk_error e;

	(void)state;
	assert_int_equal(insert(&b, 0x500, 0x508, 1, &p), RESOURCE_OK);
	assert_int_equal(access_n(&b, 0x508, 1, 1, true, &e), VMEXIT_HALT);
	assert_int_equal(e.kind, HUSK_E_NONE);
	assert_string_equal(e.message, "");
	assert_false(b.in_dispatch);
}

static void a_removed_range_is_gone_and_can_be_inserted_again(void **state)
{
	struct bus b = new_bus(BUS_PIO);
	struct probe p = {0};

	(void)state;
	assert_int_equal(insert(&b, 0x500, 0x508, 1, &p), RESOURCE_OK);
	assert_int_equal(insert(&b, 0x509, 0x50f, 2, &p), RESOURCE_OK);
	assert_int_equal(insert(&b, 0x510, 0x51f, 1, &p), RESOURCE_OK);
	assert_int_equal(bus_remove(&b, 1), RESOURCE_OK);
	assert_null(bus_find(&b, 0x500));
	assert_null(bus_find(&b, 0x510));
	assert_int_equal(bus_find(&b, 0x509)->id, 2);
	assert_int_equal(b.n, 1);
	assert_int_equal(write_to(&b, 0x500, 1), VMEXIT_FAIL);
	assert_int_equal(insert(&b, 0x500, 0x508, 3, &p), RESOURCE_OK);
	assert_int_equal(write_to(&b, 0x500, 1), VMEXIT_RESUME);
}

static void removing_whom_nobody_knows_is_refused(void **state)
{
	struct bus b = new_bus(BUS_PIO);

	(void)state;
	REFUSED(&b, bus_remove(&b, 1), RESOURCE_NOT_ALLOCATED);
	assert_int_equal(insert(&b, 0x500, 0x508, 1, NULL), RESOURCE_OK);
	REFUSED(&b, bus_remove(&b, 2), RESOURCE_NOT_ALLOCATED);
	assert_int_equal(bus_remove(&b, 1), RESOURCE_OK);
	REFUSED(&b, bus_remove(&b, 1), RESOURCE_NOT_ALLOCATED);
}

static void a_range_moves_to_a_free_place_of_its_length(void **state)
{
	struct bus b = new_bus(BUS_MMIO);

	(void)state;
	assert_int_equal(insert(&b, 0x1000, 0x1fff, 1, NULL), RESOURCE_OK);
	assert_int_equal(insert(&b, 0x4000, 0x4fff, 2, NULL), RESOURCE_OK);
	REFUSED(&b, bus_move(&b, 1, 0x1000, 0x3001, 0x4000), RESOURCE_BUSY);
	REFUSED(&b, bus_move(&b, 1, 0x1000, 0x4fff, 0x5ffe), RESOURCE_BUSY);
	REFUSED(&b, bus_move(&b, 1, 0x1000, 0x5000, 0x5ffe), RESOURCE_BAD_RANGE);
	REFUSED(&b, bus_move(&b, 1, 0x1000, 0x5000, 0x6000), RESOURCE_BAD_RANGE);
	REFUSED(&b, bus_move(&b, 1, 0x1000, M, 0xffe), RESOURCE_BAD_RANGE);
	assert_int_equal(bus_move(&b, 1, 0x1000, 0x1800, 0x27ff), RESOURCE_OK);
	assert_int_equal(bus_move(&b, 1, 0x1800, 0x5000, 0x5fff), RESOURCE_OK);
	assert_int_equal(bus_move(&b, 1, 0x5000, M - 0xfff, M), RESOURCE_OK);
	assert_int_equal(bus_find(&b, M)->id, 1);
	assert_int_equal(bus_move(&b, 1, M - 0xfff, 0, 0xfff), RESOURCE_OK);
	assert_int_equal(b.ranges[0].id, 1);
	assert_int_equal(b.ranges[1].id, 2);
}

static void only_the_owner_moves_its_range_by_its_start(void **state)
{
	struct bus b = new_bus(BUS_PIO);

	(void)state;
	assert_int_equal(insert(&b, 0x1000, 0x1fff, 1, NULL), RESOURCE_OK);
	REFUSED(&b, bus_move(&b, 2, 0x1000, 0x5000, 0x5fff), RESOURCE_NOT_ALLOCATED);
	REFUSED(&b, bus_move(&b, 1, 0x1001, 0x5000, 0x5fff), RESOURCE_NOT_ALLOCATED);
	REFUSED(&b, bus_move(&b, 1, 0x2000, 0x5000, 0x5fff), RESOURCE_NOT_ALLOCATED);
	REFUSED(&b, bus_move(&b, 1, 0x1000, 0xf001, 0x10000), RESOURCE_BAD_RANGE);
}

static void the_old_address_of_a_moved_range_is_empty(void **state)
{
	struct bus b = new_bus(BUS_MMIO);
	struct probe p = {0};

	(void)state;
	assert_int_equal(insert(&b, 0x1000, 0x1fff, 1, &p), RESOURCE_OK);
	assert_int_equal(bus_move(&b, 1, 0x1000, 0x3000, 0x3fff), RESOURCE_OK);
	assert_null(bus_find(&b, 0x1000));
	assert_int_equal(write_to(&b, 0x1000, 4), VMEXIT_FAIL);
	assert_int_equal(p.calls, 0);
	assert_int_equal(write_to(&b, 0x3004, 4), VMEXIT_RESUME);
	assert_int_equal(p.offset, 4);
}

static uint64_t random_next(uint64_t *x)	/* xorshift64 */
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x >> 11;
}

/* The model of Who owns each port; every range has an id of its own, 0 is nobody. */
struct model {
	uint32_t owner[0x10000];
	size_t n;
};

static void step(struct bus *b, struct model *m, struct probe *p, uint64_t *x, uint32_t id)
{
	uint64_t start = random_next(x) % 0x10000, last = start + random_next(x) % 600;
	enum resource_status want = RESOURCE_OK;

	if (random_next(x) % 4 == 0 && m->n > 0) {
		uint32_t gone = b->ranges[random_next(x) % b->n].id;

		assert_int_equal(bus_remove(b, gone), RESOURCE_OK);
		for (size_t i = 0; i < 0x10000; i++)
			m->owner[i] = m->owner[i] == gone ? 0 : m->owner[i];
		m->n--;
		return;
	}
	for (uint64_t i = start; i <= last && i <= 0xffff; i++)
		if (m->owner[i] != 0)
			want = RESOURCE_BUSY;
	if (last > 0xffff)
		want = RESOURCE_BAD_RANGE;
	else if (want == RESOURCE_OK && m->n == BUS_RANGES_MAX)
		want = RESOURCE_FULL;
	assert_int_equal(insert(b, start, last, id, p), want);
	for (uint64_t i = start; i <= last && want == RESOURCE_OK; i++)
		m->owner[i] = id;
	m->n += want == RESOURCE_OK;
}

static void assert_same(const struct bus *b, const struct model *m)
{
	bool same = b->n == m->n;

	for (uint64_t i = 0; i < 0x10000; i++) {
		const struct bus_range *r = bus_find(b, i);

		same &= (r != NULL ? r->id : 0) == m->owner[i];
		same &= r == NULL || (r->start <= i && i <= r->last);
	}
	assert_true(same);
}

static void random_changes_agree_with_an_array_of_ports(void **state)
{
	struct model *m = calloc(1, sizeof *m);
	struct bus b = new_bus(BUS_PIO);
	struct probe p = {0};
	uint64_t x = 19;
	size_t most = 0;

	(void)state;
	assert_non_null(m);
	for (uint32_t id = 1; id <= 4000; id++) {
		step(&b, m, &p, &x, id);
		most = m->n > most ? m->n : most;
		if (id % 40 == 0)
			assert_same(&b, m);
	}
	assert_same(&b, m);
	assert_true(most > BUS_RANGES_MAX / 2);
	free(m);
}

/* Invariant 9: a hit if and only if one registered range covers every byte of the access. */
static void invariant_9_random_accesses_hit_exactly_the_covering_range(void **state)
{
	static const uint8_t widths[] = {1, 2, 4, 8};
	struct model *m = calloc(1, sizeof *m);
	struct bus b = new_bus(BUS_PIO);
	struct probe p = {0};
	uint64_t x = 9;

	(void)state;
	assert_non_null(m);
	for (uint32_t id = 1; id <= 400; id++)
		step(&b, m, &p, &x, id);
	for (int i = 0; i < 200000; i++) {
		uint64_t addr = random_next(&x) % 0x10000;
		uint8_t width = widths[random_next(&x) % 4];
		bool hit;

		if (i % 2 == 0 && b.n > 0)	/* seams and ends matter most */
			addr = (b.ranges[(size_t)i % b.n].last + 4 - random_next(&x) % 12) & 0xffff;
		hit = m->owner[addr] != 0;
		for (uint64_t k = 1; k < width; k++)
			hit &= addr + k <= 0xffff && m->owner[addr + k] == m->owner[addr];
		p.calls = 0;
		assert_int_equal(write_to(&b, addr, width), hit ? VMEXIT_RESUME : VMEXIT_FAIL);
		assert_int_equal(p.calls, hit);
		assert_true(!hit || bus_find(&b, addr)->start + p.offset == addr);
	}
	free(m);
}

static void a_handler_cannot_change_the_bus_that_calls_it(void **state)
{
	struct bus b = new_bus(BUS_PIO);
	struct probe p = {.change = &b};

	(void)state;
	assert_int_equal(insert(&b, 0x500, 0x508, 1, &p), RESOURCE_OK);
	assert_int_equal(write_to(&b, 0x500, 4), VMEXIT_RESUME);
	assert_int_equal(p.calls, 1);
	assert_int_equal(b.n, 1);
	p.result = VMEXIT_FAIL;
	assert_int_equal(write_to(&b, 0x500, 4), VMEXIT_FAIL);
	assert_int_equal(bus_remove(&b, 1), RESOURCE_OK);	/* open again afterwards */
}

/* The stride of the hypercall window on aarch64 is 8: base + 9 must not become number 1. */
static void an_unaligned_access_reaches_the_handler_as_it_is(void **state)
{
	const uint64_t base = UINT64_C(0x100000000);
	struct bus b = new_bus(BUS_MMIO);
	struct probe p = {.result = VMEXIT_FAIL};
	struct husk_error e;

	(void)state;
	assert_int_equal(insert(&b, base, base + 71, 1, &p), RESOURCE_OK);
	assert_int_equal(access_n(&b, base + 9, 4, 1, true, &e), VMEXIT_FAIL);
	assert_int_equal(p.calls, 1);
	assert_int_equal(p.offset, 9);
	assert_string_equal(e.message, "register is read-only: device probe, offset 0x9, width 4");
}

static void a_doorbell_shares_its_place_with_nobody(void **state)
{
	struct bus b = new_bus(BUS_PIO);
	struct probe p = {0};

	(void)state;
	assert_int_equal(insert(&b, 0x500, 0x508, 1, &p), RESOURCE_OK);
	REFUSED(&b, insert(&b, 0x504, 0x507, 2, NULL), RESOURCE_BUSY);
	assert_int_equal(insert(&b, 0x600, 0x603, 2, NULL), RESOURCE_OK);
	REFUSED(&b, insert(&b, 0x600, 0x603, 3, NULL), RESOURCE_BUSY);
	REFUSED(&b, insert(&b, 0x600, 0x601, 3, NULL), RESOURCE_BUSY);
	REFUSED(&b, insert(&b, 0x603, 0x603, 3, NULL), RESOURCE_BUSY);
	REFUSED(&b, insert(&b, 0x600, 0x603, 3, &p), RESOURCE_BUSY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_range_answers_from_its_first_to_its_last_address),
		cmocka_unit_test(adjacent_ranges_each_find_their_own_device),
		cmocka_unit_test(overlaps_of_every_kind_are_refused),
		cmocka_unit_test(a_list_goes_in_all_or_none),
		cmocka_unit_test(the_lowest_of_several_in_the_way_is_named),
		cmocka_unit_test(empty_ranges_and_those_beyond_the_space_are_refused),
		cmocka_unit_test(a_full_table_is_told_apart),
		cmocka_unit_test(the_whole_space_can_be_one_range),
		cmocka_unit_test(the_last_address_takes_one_byte_and_not_two),
		cmocka_unit_test(an_access_that_runs_into_a_hole_is_bad),
		cmocka_unit_test(an_access_over_the_seam_of_one_device_is_bad),
		cmocka_unit_test(widths_other_than_1_2_4_and_8_are_bad),
		cmocka_unit_test(an_access_at_the_last_port_does_not_wrap),
		cmocka_unit_test(a_handler_gets_all_items_of_a_string_access),
		cmocka_unit_test(a_count_of_zero_or_beyond_32_bits_of_bytes_is_bad),
		cmocka_unit_test(the_rest_of_a_store_beyond_ram_is_reported_with_its_gpa),
		cmocka_unit_test(a_handler_refuses_what_its_register_does_not_take),
		cmocka_unit_test(what_surfaces_of_a_doorbell_is_bad),
		cmocka_unit_test(a_handler_can_refuse_in_the_words_of_the_bus),
		cmocka_unit_test(a_handler_can_end_the_guest_in_peace),
		cmocka_unit_test(a_removed_range_is_gone_and_can_be_inserted_again),
		cmocka_unit_test(removing_whom_nobody_knows_is_refused),
		cmocka_unit_test(a_range_moves_to_a_free_place_of_its_length),
		cmocka_unit_test(only_the_owner_moves_its_range_by_its_start),
		cmocka_unit_test(the_old_address_of_a_moved_range_is_empty),
		cmocka_unit_test(random_changes_agree_with_an_array_of_ports),
		cmocka_unit_test(invariant_9_random_accesses_hit_exactly_the_covering_range),
		cmocka_unit_test(a_handler_cannot_change_the_bus_that_calls_it),
		cmocka_unit_test(an_unaligned_access_reaches_the_handler_as_it_is),
		cmocka_unit_test(a_doorbell_shares_its_place_with_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
