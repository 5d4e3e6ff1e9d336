/* SPDX-License-Identifier: ISC */
/* walk_aarch64.c: reads translation tables: Arm ARM DDI 0487 D8.3, stage 1, 4 KiB granule. */
#include "walk.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include "start_aarch64.h"

const struct walk_place walk_places[] = {
	{0, 0xfff, "zero page"},
	{0x1000, 0x1fff, "level 0 table"},
	{0x2000, 0x2fff, "level 1 table"},
	{0x3000, 0x6fff, "level 2 table"},
	{0x7000, 0x7fff, "page table"},
};
const size_t walk_n_places = sizeof walk_places / sizeof walk_places[0];
const struct walk_place walk_code = {0xfe000, 0xfefff, "start code"};
const uint64_t walk_window = 0x100000000ull;

static unsigned bits(uint64_t value, unsigned high, unsigned low)
{
	return (unsigned)(value >> low & ((1ull << (high - low + 1)) - 1));
}

/* A block or page: normal write-back memory, or an nGnRE device. */
static struct page leaf(uint64_t mair, uint64_t entry, uint64_t va, unsigned shift)
{
	const unsigned index = bits(entry, 4, 2);
	const unsigned attribute = bits(mair, 8 * index + 7, 8 * index);
	const uint64_t offset = va & ((1ull << shift) - 1);
	const struct page p = {
		.present = true,
		.writable = bits(entry, 7, 7) == 0,	/* AP[2] */
		.executable = bits(entry, 53, 53) == 0,	/* PXN */
		.device = attribute == 0x04,
		.gpa = (entry & 0x0000fffffffff000ull) + offset,
	};

	assert_true(attribute == 0xff || attribute == 0x04);
	assert_true(p.gpa - offset == (entry & 0x0000ffffffffffffull & ~((1ull << shift) - 1)));
	assert_int_equal(bits(entry, 5, 5), 0);		/* NS */
	assert_int_equal(bits(entry, 6, 6), 0);		/* AP[1]: not for EL0 */
	assert_int_equal(bits(entry, 9, 8), 3);		/* inner shareable */
	assert_int_equal(bits(entry, 10, 10), 1);	/* accessed */
	assert_int_equal(bits(entry, 11, 11), 0);	/* global */
	assert_int_equal(bits(entry, 52, 48), 0);
	assert_int_equal(bits(entry, 54, 54), 1);	/* UXN */
	assert_int_equal(bits(entry, 63, 55), 0);
	return p;
}

static uint64_t root(struct walk *w)
{
	if (w->root == 0) {
		const struct start_registers r = start_run(w->ram, w->state);

		w->root = r.ttbr0;
		w->attributes = r.mair;
	}
	return w->root;
}

struct page walk(struct walk *w, uint64_t va)
{
	uint64_t table = root(w);

	for (unsigned level = 0; level < 4; level++) {
		const unsigned shift = 39 - 9 * level;
		const uint64_t entry = walk_entry(w, table, va >> shift & 511);

		if (bits(entry, 0, 0) == 0) {
			assert_true(entry == 0);
			return (struct page){0};
		}
		if (level == 3)
			assert_int_equal(bits(entry, 1, 0), 3);
		if (level == 3 || bits(entry, 1, 0) == 1) {
			assert_true(level > 0);
			return leaf(w->attributes, entry, va, shift);
		}
		assert_true((entry & ~0x0000fffffffff003ull) == 0);
		table = entry & 0x0000fffffffff000ull;
	}
	fail_msg("there is no fifth level");
	return (struct page){0};
}
