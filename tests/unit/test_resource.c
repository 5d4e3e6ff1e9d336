/* SPDX-License-Identifier: ISC */
/* test_resource.c: address spaces, compared with hand-computed places and with a naive byte map. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "resource.h"

#define M UINT64_MAX
#define F RESOURCE_FIRST
#define L RESOURCE_LAST
#define GIB UINT64_C(0x40000000)

static enum resource_status take(struct resource_space *s, enum resource_policy policy,
				 uint64_t size, uint64_t align, struct resource_range *out)
{
	const struct resource_request r = {
		.size = size, .align = align, .min = 0, .max = M, .policy = policy, .owner = "test",
	};

	return resource_alloc(s, &r, out);
}

static enum resource_status take_within(struct resource_space *s, enum resource_policy policy,
					uint64_t size, uint64_t align, uint64_t min, uint64_t max,
					struct resource_range *out)
{
	const struct resource_request r = {
		.size = size, .align = align, .min = min, .max = max, .policy = policy,
		.owner = "test",
	};

	return resource_alloc(s, &r, out);
}

static enum resource_status take_at(struct resource_space *s, uint64_t start, uint64_t size)
{
	return resource_alloc_at(s, start, size, 1, "test");
}

static struct resource_space space(uint64_t first, uint64_t last)
{
	struct resource_space s;

	assert_int_equal(resource_space_init(&s, first, last), RESOURCE_OK);
	return s;
}

/* The request is served, at exactly that place. */
#define PLACED(s, policy, size, align, want_start, want_last) \
	do { \
		struct resource_range got_; \
		assert_int_equal(take((s), (policy), (size), (align), &got_), RESOURCE_OK); \
		assert_int_equal(got_.start, (want_start)); \
		assert_int_equal(got_.last, (want_last)); \
		assert_string_equal(got_.owner, "test"); \
	} while (0)

/* The call fails like that and leaves every byte of the space as it was. */
#define REFUSED(s, call, status) \
	do { \
		struct resource_space before_; \
		memcpy(&before_, (s), sizeof before_); \
		assert_int_equal((call), (status)); \
		assert_memory_equal(&before_, (s), sizeof before_); \
	} while (0)

/* The request fails, and what it would have answered is not touched. */
#define NOT_PLACED(s, policy, size, align, status) \
	do { \
		struct resource_range got_ = {.start = 0x5eed, .last = 0xfeed, .owner = NULL}; \
		REFUSED((s), take((s), (policy), (size), (align), &got_), (status)); \
		assert_int_equal(got_.start, 0x5eed); \
		assert_int_equal(got_.last, 0xfeed); \
		assert_null(got_.owner); \
	} while (0)

static void a_space_that_ends_before_it_starts_is_refused(void **state)
{
	struct resource_space s = space(7, 9);

	(void)state;
	REFUSED(&s, resource_space_init(&s, 0x1000, 0x0fff), RESOURCE_BAD_RANGE);
}

static void the_whole_64_bit_space_is_legal(void **state)
{
	struct resource_space s = space(0, M);

	(void)state;
	PLACED(&s, F, 1, 1, 0, 0);
	assert_int_equal(take_at(&s, M, 1), RESOURCE_OK);
	assert_int_equal(resource_find(&s, M)->start, M);
	assert_int_equal(resource_find(&s, M)->last, M);
}

static void a_space_of_one_byte_at_either_end_serves_one_byte(void **state)
{
	struct resource_space s = space(M, M), zero = space(0, 0);

	(void)state;
	PLACED(&s, F, 1, 1, M, M);
	NOT_PLACED(&s, F, 1, 1, RESOURCE_NO_SPACE);
	NOT_PLACED(&s, L, 1, 1, RESOURCE_NO_SPACE);
	PLACED(&zero, F, 1, 1, 0, 0);
	NOT_PLACED(&zero, F, 1, 1, RESOURCE_NO_SPACE);
	NOT_PLACED(&zero, L, 1, 1, RESOURCE_NO_SPACE);
}

static void size_zero_is_refused_by_every_policy(void **state)
{
	struct resource_space s = space(0x1000, 0x1fff);

	(void)state;
	NOT_PLACED(&s, F, 0, 1, RESOURCE_BAD_SIZE);
	NOT_PLACED(&s, L, 0, 1, RESOURCE_BAD_SIZE);
	REFUSED(&s, take_at(&s, 0x1000, 0), RESOURCE_BAD_SIZE);
}

static void an_alignment_that_is_no_power_of_two_is_refused(void **state)
{
	static const uint64_t bad[] = {0, 3, 200, (UINT64_C(1) << 63) + 1};
	struct resource_space s = space(0, M);

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		NOT_PLACED(&s, F, 1, bad[i], RESOURCE_BAD_ALIGN);
		NOT_PLACED(&s, L, 1, bad[i], RESOURCE_BAD_ALIGN);
		REFUSED(&s, resource_alloc_at(&s, 0, 1, bad[i], "test"), RESOURCE_BAD_ALIGN);
	}
}

static void the_largest_alignment_has_two_places(void **state)
{
	const uint64_t half = UINT64_C(1) << 63;
	struct resource_space s = space(0, M);

	(void)state;
	PLACED(&s, F, 1, half, 0, 0);
	PLACED(&s, F, 1, half, half, half);
	NOT_PLACED(&s, F, 1, half, RESOURCE_NO_SPACE);
}

static void known_places_are_found_again(void **state)
{
	struct resource_space low = space(0x1000, 0x1fff), high = space(0x1000, 0x10fff);
	struct resource_space odd = space(1, 1000);

	(void)state;
	PLACED(&low, F, 0x110, 0x100, 0x1000, 0x110f);
	PLACED(&low, F, 0x100, 0x100, 0x1200, 0x12ff);
	PLACED(&low, F, 0x10, 0x100, 0x1300, 0x130f);
	PLACED(&high, L, 0x110, 0x100, 0x10e00, 0x10f0f);
	PLACED(&high, L, 0x100, 0x100, 0x10d00, 0x10dff);
	PLACED(&high, L, 0x10, 0x100, 0x10c00, 0x10c0f);
	PLACED(&odd, F, 10, 2, 2, 11);
	PLACED(&odd, F, 1, 1, 1, 1);
}

static void aligning_up_near_the_end_does_not_wrap(void **state)
{
	struct resource_space s = space(M - 2, M);

	(void)state;
	NOT_PLACED(&s, F, 1, 4, RESOURCE_NO_SPACE);
	PLACED(&s, F, 1, 2, M - 1, M - 1);
	PLACED(&s, F, 1, 1, M - 2, M - 2);
	PLACED(&s, F, 1, 1, M, M);
	NOT_PLACED(&s, F, 1, 1, RESOURCE_NO_SPACE);
}

static void the_top_pages_are_usable_to_the_last_byte(void **state)
{
	struct resource_space s = space(M - 0x3fff, M);

	(void)state;
	assert_int_equal(take_at(&s, M - 0xfff, 0x1000), RESOURCE_OK);
	PLACED(&s, L, 0x1000, 0x1000, M - 0x1fff, M - 0x1000);
	PLACED(&s, F, 0x2000, 0x1000, M - 0x3fff, M - 0x2000);
	NOT_PLACED(&s, F, 1, 1, RESOURCE_NO_SPACE);
}

static void the_last_four_bytes_are_handed_out_one_by_one(void **state)
{
	struct resource_space s = space(M - 3, M);

	(void)state;
	assert_int_equal(take_at(&s, M, 1), RESOURCE_OK);
	PLACED(&s, L, 1, 1, M - 1, M - 1);
	PLACED(&s, F, 2, 2, M - 3, M - 2);
	NOT_PLACED(&s, F, 1, 1, RESOURCE_NO_SPACE);
}

static void halves_of_the_whole_space_fit_around_its_last_byte(void **state)
{
	const uint64_t half = UINT64_C(1) << 63;
	struct resource_space s = space(0, M);

	(void)state;
	assert_int_equal(take_at(&s, M, 1), RESOURCE_OK);
	PLACED(&s, F, half, half, 0, half - 1);
	NOT_PLACED(&s, F, half, 1, RESOURCE_NO_SPACE);
	PLACED(&s, F, half - 1, 1, half, M - 1);
}

static void an_end_beyond_the_last_address_is_an_overflow(void **state)
{
	const uint64_t half = UINT64_C(1) << 63;
	struct resource_space s = space(0, M);

	(void)state;
	REFUSED(&s, take_at(&s, M, 2), RESOURCE_OVERFLOW);
	REFUSED(&s, take_at(&s, half, half + 1), RESOURCE_OVERFLOW);
	assert_int_equal(take_at(&s, half, half), RESOURCE_OK);
}

static void an_exact_place_may_end_at_the_last_byte_and_not_beyond(void **state)
{
	struct resource_space s = space(0x1000, 0x1fff);

	(void)state;
	REFUSED(&s, take_at(&s, 0x0fff, 0x10), RESOURCE_BAD_RANGE);
	REFUSED(&s, take_at(&s, 0x1ff1, 0x10), RESOURCE_BAD_RANGE);
	REFUSED(&s, resource_reserve(&s, 0x0fff, 0x1000, "test"), RESOURCE_BAD_RANGE);
	REFUSED(&s, resource_reserve(&s, 0x1fff, 0x2000, "test"), RESOURCE_BAD_RANGE);
	REFUSED(&s, resource_reserve(&s, 0x1801, 0x1800, "test"), RESOURCE_BAD_RANGE);
	assert_int_equal(take_at(&s, 0x1ff0, 0x10), RESOURCE_OK);
	assert_int_equal(resource_reserve(&s, 0x1000, 0x1000, "test"), RESOURCE_OK);
}

static void an_exact_start_must_have_the_alignment(void **state)
{
	struct resource_space s = space(0x1000, 0x1fff);

	(void)state;
	REFUSED(&s, resource_alloc_at(&s, 0x1004, 8, 8, "test"), RESOURCE_UNALIGNED);
	assert_int_equal(resource_alloc_at(&s, 0x1008, 8, 8, "test"), RESOURCE_OK);
}

static void exact_inside_a_taken_block_is_busy(void **state)
{
	struct resource_space s = space(0x1000, 0x1fff);

	(void)state;
	PLACED(&s, F, 0x1000, 1, 0x1000, 0x1fff);
	REFUSED(&s, take_at(&s, 0x1100, 0x100), RESOURCE_BUSY);
	assert_int_equal(resource_free(&s, 0x1000, 0x1fff), RESOURCE_OK);
}

static void exact_overlapping_in_any_way_is_busy(void **state)
{
	struct resource_space s = space(0x1000, 0x1fff);

	(void)state;
	assert_int_equal(take_at(&s, 0x1400, 0x100), RESOURCE_OK);
	REFUSED(&s, take_at(&s, 0x13ff, 2), RESOURCE_BUSY);
	REFUSED(&s, take_at(&s, 0x14ff, 2), RESOURCE_BUSY);
	REFUSED(&s, take_at(&s, 0x1300, 0x300), RESOURCE_BUSY);
	REFUSED(&s, take_at(&s, 0x1440, 0x10), RESOURCE_BUSY);
	REFUSED(&s, take_at(&s, 0x1400, 0x100), RESOURCE_BUSY);
	REFUSED(&s, resource_reserve(&s, 0x14ff, 0x14ff, "test"), RESOURCE_BUSY);
}

static void exact_between_two_neighbours_fits(void **state)
{
	struct resource_space s = space(0x1000, 0x1fff);

	(void)state;
	assert_int_equal(take_at(&s, 0x1200, 0x100), RESOURCE_OK);
	assert_int_equal(take_at(&s, 0x1400, 0x100), RESOURCE_OK);
	assert_int_equal(take_at(&s, 0x1300, 0x100), RESOURCE_OK);
	assert_int_equal(s.n, 3);
	assert_int_equal(s.taken[1].start, 0x1300);
	assert_int_equal(s.taken[1].last, 0x13ff);
}

static void exact_takes_the_last_byte_and_an_isolated_byte(void **state)
{
	struct resource_space s = space(0x1000, 0x1fff);

	(void)state;
	assert_int_equal(take_at(&s, 0x1fff, 1), RESOURCE_OK);
	assert_int_equal(take_at(&s, 0x1100, 1), RESOURCE_OK);
	assert_int_equal(take_at(&s, 0x1102, 1), RESOURCE_OK);
	assert_int_equal(take_at(&s, 0x1101, 1), RESOURCE_OK);
}

static void last_fit_can_take_the_complete_space(void **state)
{
	struct resource_space zero = space(0, 0xfff), above = space(0x1000, 0x1fff);

	(void)state;
	PLACED(&zero, L, 0x1000, 1, 0, 0xfff);
	PLACED(&above, L, 0x1000, 1, 0x1000, 0x1fff);
}

static void aligning_down_below_the_gap_is_no_space(void **state)
{
	struct resource_space s = space(0x1010, 0x10ff), low = space(1, 0xff);

	(void)state;
	NOT_PLACED(&s, L, 0x10, 0x100, RESOURCE_NO_SPACE);
	NOT_PLACED(&low, L, 0x10, 0x100, RESOURCE_NO_SPACE);
	assert_int_equal(take_at(&low, 0x80, 1), RESOURCE_OK);
	NOT_PLACED(&low, L, 0x10, 0x80, RESOURCE_NO_SPACE);
}

static void last_fit_of_more_than_a_low_gap_does_not_go_below_zero(void **state)
{
	struct resource_space s = space(0, 0xff);

	(void)state;
	assert_int_equal(take_at(&s, 0x10, 0xf0), RESOURCE_OK);
	NOT_PLACED(&s, L, 0x20, 1, RESOURCE_NO_SPACE);
	NOT_PLACED(&s, F, 0x20, 1, RESOURCE_NO_SPACE);
	PLACED(&s, L, 0x10, 1, 0, 0xf);
}

static void a_range_is_freed_once(void **state)
{
	struct resource_space s = space(0x1000, 0x1fff);

	(void)state;
	PLACED(&s, F, 0x10, 1, 0x1000, 0x100f);
	assert_int_equal(resource_free(&s, 0x1000, 0x100f), RESOURCE_OK);
	REFUSED(&s, resource_free(&s, 0x1000, 0x100f), RESOURCE_NOT_ALLOCATED);
}

static void only_exactly_one_taken_range_is_freed(void **state)
{
	struct resource_space s = space(0x1000, 0x1fff);

	(void)state;
	assert_int_equal(take_at(&s, 0x1100, 0x100), RESOURCE_OK);
	assert_int_equal(take_at(&s, 0x1200, 0x100), RESOURCE_OK);
	REFUSED(&s, resource_free(&s, 0x1100, 0x11fe), RESOURCE_NOT_ALLOCATED);
	REFUSED(&s, resource_free(&s, 0x1101, 0x11ff), RESOURCE_NOT_ALLOCATED);
	REFUSED(&s, resource_free(&s, 0x10ff, 0x11ff), RESOURCE_NOT_ALLOCATED);
	REFUSED(&s, resource_free(&s, 0x1200, 0x1300), RESOURCE_NOT_ALLOCATED);
	REFUSED(&s, resource_free(&s, 0x10ff, 0x11fe), RESOURCE_NOT_ALLOCATED);
	REFUSED(&s, resource_free(&s, 0x1201, 0x1300), RESOURCE_NOT_ALLOCATED);
	REFUSED(&s, resource_free(&s, 0x1100, 0x12ff), RESOURCE_NOT_ALLOCATED);
}

static void the_whole_space_is_freed_only_when_it_was_taken(void **state)
{
	struct resource_space s = space(0x1000, 0x1fff);

	(void)state;
	REFUSED(&s, resource_free(&s, 0x1000, 0x1fff), RESOURCE_NOT_ALLOCATED);
	PLACED(&s, F, 0x1000, 1, 0x1000, 0x1fff);
	assert_int_equal(resource_free(&s, 0x1000, 0x1fff), RESOURCE_OK);
	REFUSED(&s, resource_free(&s, 0x1000, 0x1fff), RESOURCE_NOT_ALLOCATED);
}

static void a_middle_block_is_freed_once(void **state)
{
	struct resource_space s = space(0x1000, 0x1fff);

	(void)state;
	PLACED(&s, F, 0x100, 1, 0x1000, 0x10ff);
	PLACED(&s, F, 0x100, 1, 0x1100, 0x11ff);
	PLACED(&s, F, 0x100, 1, 0x1200, 0x12ff);
	assert_int_equal(resource_free(&s, 0x1100, 0x11ff), RESOURCE_OK);
	REFUSED(&s, resource_free(&s, 0x1100, 0x11ff), RESOURCE_NOT_ALLOCATED);
	assert_int_equal(s.n, 2);
}

static void ranges_one_byte_from_the_ends_come_and_go(void **state)
{
	struct resource_space s = space(0, M);

	(void)state;
	for (int round = 0; round < 2; round++) {
		assert_int_equal(take_at(&s, 1, 16), RESOURCE_OK);
		assert_int_equal(take_at(&s, M - 16, 16), RESOURCE_OK);
		assert_int_equal(resource_free(&s, 1, 16), RESOURCE_OK);
		assert_int_equal(resource_free(&s, M - 16, M - 1), RESOURCE_OK);
	}
	assert_int_equal(s.n, 0);
}

static void single_bytes_grow_together_again(void **state)
{
	static const uint64_t order[] = {0, 2, 1, 3};
	struct resource_space s = space(0, 3);

	(void)state;
	for (uint64_t i = 0; i < 4; i++)
		PLACED(&s, F, 1, 1, i, i);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(resource_free(&s, order[i], order[i]), RESOURCE_OK);
	PLACED(&s, F, 4, 1, 0, 3);
	assert_int_equal(resource_free(&s, 0, 3), RESOURCE_OK);
	PLACED(&s, F, 4, 4, 0, 3);
}

static void a_hole_is_used_before_what_follows(void **state)
{
	struct resource_space s = space(0x1000, 0x8fff);

	(void)state;
	PLACED(&s, F, 0x1000, 1, 0x1000, 0x1fff);
	PLACED(&s, F, 0x1000, 1, 0x2000, 0x2fff);
	PLACED(&s, F, 0x1000, 1, 0x3000, 0x3fff);
	assert_int_equal(resource_free(&s, 0x2000, 0x2fff), RESOURCE_OK);
	PLACED(&s, F, 0x800, 0x800, 0x2000, 0x27ff);
	PLACED(&s, F, 0x800, 0x800, 0x2800, 0x2fff);
	PLACED(&s, F, 0x1000, 0x1000, 0x4000, 0x4fff);
}

static void a_hole_is_used_from_its_first_aligned_byte(void **state)
{
	struct resource_space s = space(0x11000, 0x11fff);

	(void)state;
	assert_int_equal(take_at(&s, 0x11000, 0x100), RESOURCE_OK);
	assert_int_equal(take_at(&s, 0x11300, 0xd00), RESOURCE_OK);
	PLACED(&s, F, 0x100, 0x200, 0x11200, 0x112ff);
}

static void min_and_max_bound_the_block(void **state)
{
	struct resource_space s = space(0, M);
	struct resource_range got;

	(void)state;
	assert_int_equal(take_within(&s, F, 0x1000, 1, 4 * GIB, M, &got), RESOURCE_OK);
	assert_int_equal(got.start, UINT64_C(0x100000000));
	assert_int_equal(take_within(&s, L, 0x1000, 0x1000, 0, 4 * GIB - 1, &got), RESOURCE_OK);
	assert_int_equal(got.start, 0xfffff000);
	assert_int_equal(got.last, 0xffffffff);
	assert_int_equal(take_within(&s, L, 8, 1, 0x11, 0x18, &got), RESOURCE_OK);
	assert_int_equal(got.start, 0x11);
	assert_int_equal(take_within(&s, F, 8, 1, 0x21, 0x28, &got), RESOURCE_OK);
	assert_int_equal(got.start, 0x21);
}

static void impossible_windows_are_told_apart(void **state)
{
	struct resource_space s = space(0x1000, 0x1fff);
	struct resource_range got;

	(void)state;
	REFUSED(&s, take_within(&s, F, 1, 1, 0x1001, 0x1000, &got), RESOURCE_BAD_RANGE);
	REFUSED(&s, take_within(&s, F, 1, 1, 0x2000, 0x3000, &got), RESOURCE_NO_SPACE);
	REFUSED(&s, take_within(&s, L, 1, 1, 0, 0xfff, &got), RESOURCE_NO_SPACE);
	REFUSED(&s, take_within(&s, F, 0x11, 1, 0x1100, 0x110f, &got), RESOURCE_NO_SPACE);
	REFUSED(&s, take_within(&s, L, 0x11, 1, 0x1100, 0x110f, &got), RESOURCE_NO_SPACE);
	assert_int_equal(take_within(&s, F, 1, 1, 0x1800, 0x1800, &got), RESOURCE_OK);
	assert_int_equal(got.start, 0x1800);
}

static void a_full_table_is_not_a_full_space(void **state)
{
	struct resource_space s = space(0, 2 * RESOURCE_RANGES_MAX);

	(void)state;
	for (uint64_t i = 0; i < RESOURCE_RANGES_MAX; i++)
		assert_int_equal(take_at(&s, 2 * i, 1), RESOURCE_OK);
	NOT_PLACED(&s, F, 1, 1, RESOURCE_FULL);
	NOT_PLACED(&s, L, 1, 1, RESOURCE_FULL);
	NOT_PLACED(&s, F, 3, 1, RESOURCE_NO_SPACE);
	REFUSED(&s, take_at(&s, 1, 1), RESOURCE_FULL);
	REFUSED(&s, take_at(&s, 2, 1), RESOURCE_BUSY);
	assert_int_equal(resource_free(&s, 4, 4), RESOURCE_OK);
	PLACED(&s, F, 3, 1, 3, 5);
	NOT_PLACED(&s, F, 1, 1, RESOURCE_FULL);
}

/* The first 128 KiB of an hvt guest on x86_64. */
static struct resource_space hvt_low_memory(void)
{
	struct resource_space s = space(0, 0x1ffff);

	assert_int_equal(resource_reserve(&s, 0, 0xfff, "zero page"), RESOURCE_OK);
	assert_int_equal(resource_reserve(&s, 0x1000, 0x1fff, "GDT"), RESOURCE_OK);
	assert_int_equal(resource_reserve(&s, 0x2000, 0x2fff, "PML4"), RESOURCE_OK);
	assert_int_equal(resource_reserve(&s, 0x3000, 0x3fff, "PDPT"), RESOURCE_OK);
	assert_int_equal(resource_reserve(&s, 0x4000, 0x7fff, "page directory"), RESOURCE_OK);
	assert_int_equal(resource_reserve(&s, 0x8000, 0x8fff, "page table"), RESOURCE_OK);
	return s;
}

static void what_is_left_of_low_memory_is_filled_upwards(void **state)
{
	struct resource_space s = hvt_low_memory();

	(void)state;
	PLACED(&s, F, 0x6000, 0x1000, 0x9000, 0xefff);
	PLACED(&s, F, 0x8000, 0x1000, 0xf000, 0x16fff);
	PLACED(&s, F, 0x8000, 0x1000, 0x17000, 0x1efff);
	assert_int_equal(resource_free(&s, 0, 0xfff), RESOURCE_OK);
	PLACED(&s, F, 0x1000, 0x1000, 0, 0xfff);	/* page 0 is free unless reserved */
}

static void a_reserved_boot_info_is_not_crossed(void **state)
{
	struct resource_space s = hvt_low_memory();

	(void)state;
	assert_int_equal(resource_reserve(&s, 0x10000, 0x10fff, "boot info"), RESOURCE_OK);
	PLACED(&s, F, 0x6000, 0x1000, 0x9000, 0xefff);
	PLACED(&s, F, 0x8000, 0x1000, 0x11000, 0x18fff);
}

static void who_is_in_the_way_can_be_named(void **state)
{
	struct resource_space s = hvt_low_memory();

	(void)state;
	REFUSED(&s, take_at(&s, 0x4000, 0x1000), RESOURCE_BUSY);
	assert_string_equal(resource_overlap(&s, 0x4000, 0x4fff)->owner, "page directory");
	assert_string_equal(resource_overlap(&s, 0x3fff, 0x4fff)->owner, "PDPT");
	assert_string_equal(resource_find(&s, 0x7fff)->owner, "page directory");
	assert_string_equal(resource_find(&s, 0x8000)->owner, "page table");
	assert_string_equal(resource_overlap(&s, 0x8fff, 0x1ffff)->owner, "page table");
	assert_null(resource_overlap(&s, 0x9000, 0x1ffff));
	assert_null(resource_overlap(&s, 0x5000, 0x4fff));
	assert_null(resource_find(&s, 0x9000));
}

static void a_sealed_space_changes_no_more_but_answers(void **state)
{
	struct resource_space s = hvt_low_memory();

	(void)state;
	resource_seal(&s);
	NOT_PLACED(&s, F, 1, 1, RESOURCE_SEALED);
	REFUSED(&s, take_at(&s, 0x9000, 1), RESOURCE_SEALED);
	REFUSED(&s, resource_reserve(&s, 0x9000, 0x9fff, "test"), RESOURCE_SEALED);
	REFUSED(&s, resource_free(&s, 0x1000, 0x1fff), RESOURCE_SEALED);
	assert_string_equal(resource_find(&s, 0x1000)->owner, "GDT");
	assert_string_equal(resource_overlap(&s, 0x2800, M)->owner, "PML4");
	assert_int_equal(s.n, 6);
}

static void golden_steps_1_to_11(struct resource_space *s)
{
	PLACED(s, F, 0x1000, 0x1000, 0x10000, 0x10fff);
	PLACED(s, F, 0x200, 0x100, 0x11000, 0x111ff);
	PLACED(s, L, 0x1000, 0x1000, 0x1f000, 0x1ffff);
	PLACED(s, F, 0x800, 0x800, 0x11800, 0x11fff);
	assert_int_equal(resource_alloc_at(s, 0x14000, 0x1000, 0x1000, "test"), RESOURCE_OK);
	PLACED(s, F, 0x4000, 0x4000, 0x18000, 0x1bfff);
	NOT_PLACED(s, F, 0x4000, 0x4000, RESOURCE_NO_SPACE);
	assert_int_equal(resource_free(s, 0x11000, 0x111ff), RESOURCE_OK);
	PLACED(s, F, 0x180, 0x80, 0x11000, 0x1117f);
	PLACED(s, F, 0x80, 0x80, 0x11180, 0x111ff);
	PLACED(s, F, 0x100, 0x100, 0x11200, 0x112ff);
}

static void golden_steps_12_to_19(struct resource_space *s)
{
	assert_int_equal(resource_free(s, 0x14000, 0x14fff), RESOURCE_OK);
	PLACED(s, L, 0x2000, 0x2000, 0x1c000, 0x1dfff);
	NOT_PLACED(s, F, 0x10000, 1, RESOURCE_NO_SPACE);
	REFUSED(s, take_at(s, 0x1f000, 0x1000), RESOURCE_BUSY);
	REFUSED(s, resource_free(s, 0x1f000, 0x1fffe), RESOURCE_NOT_ALLOCATED);
	assert_int_equal(resource_free(s, 0x1f000, 0x1ffff), RESOURCE_OK);
	PLACED(s, L, 0x1001, 0x1000, 0x1e000, 0x1f000);
	PLACED(s, L, 0x1000, 0x1000, 0x17000, 0x17fff);
}

static void the_golden_trace_is_repeated(void **state)
{
	static const uint64_t gaps[][2] = {
		{0x11300, 0x117ff}, {0x12000, 0x16fff}, {0x1f001, 0x1ffff},
	};
	struct resource_space s = space(0x10000, 0x1ffff);

	(void)state;
	golden_steps_1_to_11(&s);
	golden_steps_12_to_19(&s);
	for (size_t i = 0; i < sizeof gaps / sizeof gaps[0]; i++) {
		assert_null(resource_overlap(&s, gaps[i][0], gaps[i][1]));
		assert_non_null(resource_find(&s, gaps[i][0] - 1));
		if (gaps[i][1] < s.last)
			assert_non_null(resource_find(&s, gaps[i][1] + 1));
		assert_int_equal(take_at(&s, gaps[i][0], gaps[i][1] - gaps[i][0] + 1), RESOURCE_OK);
	}
	NOT_PLACED(&s, F, 1, 1, RESOURCE_NO_SPACE);
}

/* The model: one owner number per byte, 0 for free. */

#define BYTES 1024

struct model {
	uint64_t base;
	size_t n;			/* blocks */
	unsigned met;			/* a bit for every status that was expected so far */
	uint32_t next_owner;
	uint32_t owner[BYTES];
	uint32_t run[BYTES + 1];	/* free bytes in a row from here */
};

static uint64_t random_next(uint64_t *x)	/* xorshift64 */
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x >> 11;
}

/* Counts again from byte to downwards; below byte from, what is taken ends the change. */
static void model_count_runs(struct model *m, size_t from, size_t to)
{
	for (size_t i = to + 1; i-- > 0 && (i >= from || m->owner[i] == 0);)
		m->run[i] = m->owner[i] == 0 ? m->run[i + 1] + 1 : 0;
}

static void model_paint(struct model *m, size_t at, size_t size, uint32_t owner)
{
	for (size_t i = at; i < at + size; i++)
		m->owner[i] = owner;
	model_count_runs(m, at, at + size - 1);
}

static bool model_fits(const struct model *m, const struct resource_request *r, size_t at)
{
	uint64_t start = m->base + at;

	return m->run[at] >= r->size && (start & (r->align - 1)) == 0 && start >= r->min &&
	       start + (r->size - 1) <= r->max;
}

/* Tries every byte. BYTES if there is no place. */
static size_t model_place(const struct model *m, const struct resource_request *r)
{
	for (size_t i = 0; i < BYTES; i++) {
		size_t at = r->policy == RESOURCE_LAST ? BYTES - 1 - i : i;

		if (model_fits(m, r, at))
			return at;
	}
	return BYTES;
}

static void model_add(struct model *m, size_t at, size_t size)
{
	model_paint(m, at, size, ++m->next_owner);
	m->n++;
}

static struct resource_request random_request(const struct model *m, uint64_t *x, uint64_t max_size)
{
	struct resource_request r = {
		.size = 1 + random_next(x) % max_size,
		.align = UINT64_C(1) << random_next(x) % 6,
		.min = 0, .max = M, .owner = "random",
		.policy = random_next(x) % 2 ? RESOURCE_FIRST : RESOURCE_LAST,
	};

	if (random_next(x) % 4 == 0) {
		r.min = m->base + random_next(x) % BYTES;
		r.max = r.min + random_next(x) % (BYTES - (r.min - m->base));
	}
	return r;
}

static void step_alloc(struct resource_space *s, struct model *m, uint64_t *x, uint64_t max_size)
{
	const struct resource_request r = random_request(m, x, max_size);
	size_t at = model_place(m, &r);
	enum resource_status want = RESOURCE_OK;
	struct resource_range got;

	if (at == BYTES)
		want = RESOURCE_NO_SPACE;
	else if (m->n == RESOURCE_RANGES_MAX)
		want = RESOURCE_FULL;
	m->met |= 1u << want;
	assert_int_equal(resource_alloc(s, &r, &got), want);
	if (want != RESOURCE_OK)
		return;
	assert_int_equal(got.start, m->base + at);
	assert_int_equal(got.last, m->base + at + (r.size - 1));
	model_add(m, at, (size_t)r.size);
}

static enum resource_status model_says(const struct model *m, uint64_t start, uint64_t size,
				       uint64_t align)
{
	if (start % align != 0)
		return RESOURCE_UNALIGNED;
	if (start + (size - 1) < start)
		return RESOURCE_OVERFLOW;
	if (start < m->base || start + (size - 1) > m->base + (BYTES - 1))
		return RESOURCE_BAD_RANGE;
	if (m->run[start - m->base] < size)
		return RESOURCE_BUSY;
	return m->n == RESOURCE_RANGES_MAX ? RESOURCE_FULL : RESOURCE_OK;
}

static void step_alloc_at(struct resource_space *s, struct model *m, uint64_t *x,
			  uint64_t max_size)
{
	uint64_t start = m->base + random_next(x) % (BYTES + 16) - 8;
	uint64_t size = 1 + random_next(x) % max_size;
	uint64_t align = UINT64_C(1) << random_next(x) % 3;
	enum resource_status want = model_says(m, start, size, align);

	m->met |= 1u << want;
	assert_int_equal(resource_alloc_at(s, start, size, align, "random"), want);
	if (want == RESOURCE_OK)
		model_add(m, (size_t)(start - m->base), (size_t)size);
}

/* The owner of exactly these bytes, all of its own; 0 if there is none. */
static uint32_t model_exact(const struct model *m, size_t from, size_t to)
{
	uint32_t owner = m->owner[from];

	for (size_t i = from; i <= to; i++)
		if (m->owner[i] != owner)
			return 0;
	if ((from > 0 && m->owner[from - 1] == owner) ||
	    (to < BYTES - 1 && m->owner[to + 1] == owner))
		return 0;
	return owner;
}

/* Mostly a taken range as it is, sometimes not quite. */
static void step_free(struct resource_space *s, struct model *m, uint64_t *x)
{
	size_t from = (size_t)(random_next(x) % BYTES);
	size_t to = from + (size_t)(random_next(x) % (BYTES - from));
	enum resource_status want = RESOURCE_OK;

	if (s->n > 0 && random_next(x) % 8 != 0) {
		const struct resource_range *r = &s->taken[random_next(x) % s->n];

		from = (size_t)(r->start - m->base);
		to = (size_t)(r->last - m->base);
	}
	if (model_exact(m, from, to) == 0)
		want = RESOURCE_NOT_ALLOCATED;
	m->met |= 1u << want;
	assert_int_equal(resource_free(s, m->base + from, m->base + to), want);
	if (want != RESOURCE_OK)
		return;
	model_paint(m, from, to - from + 1, 0);
	m->n--;
}

/* Ascending, disjoint, inside; each range is one whole block of the model, and none is missing. */
static void assert_same(const struct resource_space *s, const struct model *m)
{
	size_t bytes = 0, model_bytes = 0;

	assert_int_equal(s->n, m->n);
	for (size_t i = 0; i < BYTES; i++)
		model_bytes += m->owner[i] != 0;
	for (size_t i = 0; i < s->n; i++) {
		const struct resource_range *r = &s->taken[i];
		uint32_t owner = m->owner[r->start - m->base];

		assert_true(r->start >= s->first && r->start <= r->last && r->last <= s->last);
		assert_true(i == 0 || s->taken[i - 1].last < r->start);
		assert_int_not_equal(owner, 0);
		for (uint64_t a = r->start; a != r->last; a++)
			assert_int_equal(m->owner[a - m->base], owner);
		bytes += (size_t)(r->last - r->start) + 1;
	}
	assert_int_equal(bytes, model_bytes);
}

static void assert_found(const struct resource_space *s, const struct model *m, size_t at)
{
	const struct resource_range *r = resource_find(s, m->base + at);

	assert_int_equal(r != NULL, m->owner[at] != 0);
	assert_true(r == NULL || (r->start <= m->base + at && m->base + at <= r->last));
}

/* Phases of small and large blocks, of filling and of emptying, so that every status is met. */
static void random_walk(uint64_t base, uint64_t seed, int steps)
{
	struct resource_space s = space(base, base + (BYTES - 1));
	struct model m = {.base = base};
	uint64_t x = seed, max_size = 64, frees = 4;

	model_count_runs(&m, 0, BYTES - 1);
	for (int i = 0; i < steps; i++) {
		uint64_t what = random_next(&x) % 10;

		if (i % 2048 == 0) {
			max_size = UINT64_C(1) << random_next(&x) % 7;
			frees = 3 + random_next(&x) % 4;
		}
		if (what < frees)
			step_free(&s, &m, &x);
		else if (what < 8)
			step_alloc(&s, &m, &x, max_size);
		else
			step_alloc_at(&s, &m, &x, max_size);
		assert_found(&s, &m, (size_t)(random_next(&x) % BYTES));
		if (i % 64 == 0)
			assert_same(&s, &m);
	}
	assert_same(&s, &m);
	assert_int_equal(m.met, 1u << RESOURCE_OK | 1u << RESOURCE_UNALIGNED |
			 1u << RESOURCE_BAD_RANGE | 1u << RESOURCE_BUSY |
			 1u << RESOURCE_NO_SPACE | 1u << RESOURCE_FULL |
			 1u << RESOURCE_NOT_ALLOCATED | (base == 0 || base + BYTES == 0 ?
			 1u << RESOURCE_OVERFLOW : 0));
}

static void a_million_random_calls_agree_with_a_byte_map(void **state)
{
	(void)state;
	random_walk(0, 1, 250000);
	random_walk(0x1003, 2, 250000);
	random_walk(M - (BYTES - 1), 3, 250000);
	random_walk(4 * GIB - BYTES / 2, 4, 250000);
}

static void iteration_is_ascending_and_accounts_for_every_byte(void **state)
{
	struct resource_space s = hvt_low_memory();
	uint64_t next = s.first, taken = 0, gaps = 0;

	(void)state;
	assert_int_equal(take_at(&s, 0x1ff00, 0x100), RESOURCE_OK);
	assert_int_equal(take_at(&s, 0x12345, 0x11), RESOURCE_OK);
	for (size_t i = 0; i < s.n; i++) {
		assert_true(s.taken[i].start >= next);
		assert_true(s.taken[i].last >= s.taken[i].start);
		gaps += s.taken[i].start - next;
		taken += s.taken[i].last - s.taken[i].start + 1;
		next = s.taken[i].last + 1;
	}
	gaps += s.last + 1 - next;
	assert_int_equal(taken, 0x9000 + 0x100 + 0x11);
	assert_int_equal(taken + gaps, s.last - s.first + 1);
}

static void every_refusal_leaves_the_space_as_it_was(void **state)
{
	struct resource_space s = space(0x1000, 0x1fff);
	struct resource_range got;

	(void)state;
	assert_int_equal(take_at(&s, 0x1100, 0x800), RESOURCE_OK);
	assert_int_equal(take_at(&s, 0x1f00, 0x100), RESOURCE_OK);
	NOT_PLACED(&s, F, 0, 1, RESOURCE_BAD_SIZE);
	NOT_PLACED(&s, L, 1, 6, RESOURCE_BAD_ALIGN);
	NOT_PLACED(&s, F, 0x601, 1, RESOURCE_NO_SPACE);
	NOT_PLACED(&s, L, M, 1, RESOURCE_NO_SPACE);
	NOT_PLACED(&s, F, 0x100, UINT64_C(1) << 63, RESOURCE_NO_SPACE);
	REFUSED(&s, take_within(&s, F, 1, 1, 2, 1, &got), RESOURCE_BAD_RANGE);
	REFUSED(&s, take_at(&s, 0x10ff, 2), RESOURCE_BUSY);
	REFUSED(&s, take_at(&s, 0x1000, M), RESOURCE_OVERFLOW);
	REFUSED(&s, take_at(&s, 0x2000, 1), RESOURCE_BAD_RANGE);
	REFUSED(&s, resource_free(&s, 0x1100, 0x1fff), RESOURCE_NOT_ALLOCATED);
}

static void invariant_5_taking_and_giving_back_restores_the_space(void **state)
{
	struct resource_space s = hvt_low_memory(), before;
	struct resource_range got;
	uint64_t x = 5;

	(void)state;
	memcpy(&before, &s, sizeof before);
	for (int i = 0; i < 1000; i++) {
		uint64_t size = 1 + random_next(&x) % 0x4000;
		uint64_t align = UINT64_C(1) << random_next(&x) % 12;

		assert_int_equal(take(&s, i % 2 ? F : L, size, align, &got), RESOURCE_OK);
		assert_int_equal(resource_free(&s, got.start, got.last), RESOURCE_OK);
		assert_int_equal(s.n, before.n);
		assert_memory_equal(s.taken, before.taken, s.n * sizeof s.taken[0]);
	}
}

static void invariant_6_freeing_in_any_order_empties_the_space(void **state)
{
	struct resource_space s = space(0, 0xfff);
	uint64_t x = 6;

	(void)state;
	for (int round = 0; round < 50; round++) {
		for (uint64_t i = 0; i < RESOURCE_RANGES_MAX; i++)
			PLACED(&s, F, 0x20, 0x20, i * 0x20, i * 0x20 + 0x1f);
		while (s.n > 0) {
			struct resource_range r = s.taken[random_next(&x) % s.n];

			assert_int_equal(resource_free(&s, r.start, r.last), RESOURCE_OK);
		}
		PLACED(&s, L, 0x1000, 0x1000, 0, 0xfff);
		assert_int_equal(resource_free(&s, 0, 0xfff), RESOURCE_OK);
	}
}

static void every_status_has_a_text_of_its_own(void **state)
{
	(void)state;
	for (int i = 0; i <= RESOURCE_IN_DISPATCH; i++)
		for (int k = 0; k < i; k++)
			assert_string_not_equal(resource_status_text((enum resource_status)i),
						resource_status_text((enum resource_status)k));
	assert_string_equal(resource_status_text((enum resource_status)(RESOURCE_IN_DISPATCH + 1)),
			    "unknown status");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_space_that_ends_before_it_starts_is_refused),
		cmocka_unit_test(the_whole_64_bit_space_is_legal),
		cmocka_unit_test(a_space_of_one_byte_at_either_end_serves_one_byte),
		cmocka_unit_test(size_zero_is_refused_by_every_policy),
		cmocka_unit_test(an_alignment_that_is_no_power_of_two_is_refused),
		cmocka_unit_test(the_largest_alignment_has_two_places),
		cmocka_unit_test(known_places_are_found_again),
		cmocka_unit_test(aligning_up_near_the_end_does_not_wrap),
		cmocka_unit_test(the_top_pages_are_usable_to_the_last_byte),
		cmocka_unit_test(the_last_four_bytes_are_handed_out_one_by_one),
		cmocka_unit_test(halves_of_the_whole_space_fit_around_its_last_byte),
		cmocka_unit_test(an_end_beyond_the_last_address_is_an_overflow),
		cmocka_unit_test(an_exact_place_may_end_at_the_last_byte_and_not_beyond),
		cmocka_unit_test(an_exact_start_must_have_the_alignment),
		cmocka_unit_test(exact_inside_a_taken_block_is_busy),
		cmocka_unit_test(exact_overlapping_in_any_way_is_busy),
		cmocka_unit_test(exact_between_two_neighbours_fits),
		cmocka_unit_test(exact_takes_the_last_byte_and_an_isolated_byte),
		cmocka_unit_test(last_fit_can_take_the_complete_space),
		cmocka_unit_test(aligning_down_below_the_gap_is_no_space),
		cmocka_unit_test(last_fit_of_more_than_a_low_gap_does_not_go_below_zero),
		cmocka_unit_test(a_range_is_freed_once),
		cmocka_unit_test(only_exactly_one_taken_range_is_freed),
		cmocka_unit_test(the_whole_space_is_freed_only_when_it_was_taken),
		cmocka_unit_test(a_middle_block_is_freed_once),
		cmocka_unit_test(ranges_one_byte_from_the_ends_come_and_go),
		cmocka_unit_test(single_bytes_grow_together_again),
		cmocka_unit_test(a_hole_is_used_before_what_follows),
		cmocka_unit_test(a_hole_is_used_from_its_first_aligned_byte),
		cmocka_unit_test(min_and_max_bound_the_block),
		cmocka_unit_test(impossible_windows_are_told_apart),
		cmocka_unit_test(a_full_table_is_not_a_full_space),
		cmocka_unit_test(what_is_left_of_low_memory_is_filled_upwards),
		cmocka_unit_test(a_reserved_boot_info_is_not_crossed),
		cmocka_unit_test(who_is_in_the_way_can_be_named),
		cmocka_unit_test(a_sealed_space_changes_no_more_but_answers),
		cmocka_unit_test(the_golden_trace_is_repeated),
		cmocka_unit_test(a_million_random_calls_agree_with_a_byte_map),
		cmocka_unit_test(iteration_is_ascending_and_accounts_for_every_byte),
		cmocka_unit_test(every_refusal_leaves_the_space_as_it_was),
		cmocka_unit_test(invariant_5_taking_and_giving_back_restores_the_space),
		cmocka_unit_test(invariant_6_freeing_in_any_order_empties_the_space),
		cmocka_unit_test(every_status_has_a_text_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
