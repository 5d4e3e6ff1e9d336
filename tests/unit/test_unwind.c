/* SPDX-License-Identifier: ISC */
/* test_unwind.c: chains of frame pointers, good ones and hostile ones. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../../monitor/unwind.h"
#include "regs.h"

#define SIZE 0x4000u
#define CODE 0x1000u		/* a page of it */
#define STACK 0x2000u
#define PC (CODE + 0x123)

/* A page of code, and of memory before and behind it nothing but zeros. */
static int set_up(void **state)
{
	struct memory *m = malloc(sizeof *m);
	struct husk_error e;

	memory_init(m, calloc(1, SIZE), SIZE);
	assert_int_equal(memory_declare(m, CODE, CODE + 0xfff, MEMORY_R | MEMORY_X, "code", &e), 0);
	*state = m;
	return 0;
}

static int tear_down(void **state)
{
	struct memory *m = *state;

	free(m->base);
	free(m);
	return 0;
}

static void put_frame(const struct memory *m, uint64_t at, uint64_t next, uint64_t address)
{
	const uint64_t frame[2] = {next, address};

	memcpy(m->base + at, frame, sizeof frame);
}

static size_t walk_from(const struct memory *m, uint64_t frame, uint64_t *places)
{
	const struct cpu_regs regs = regs_at(PC, STACK, frame);

	return unwind(m, &regs, 0, places);
}

static void a_chain_is_followed_to_its_end(void **state)
{
	const struct memory *m = *state;
	uint64_t places[UNWIND_MAX];

	put_frame(m, STACK, STACK + 0x40, CODE + 0x20);
	put_frame(m, STACK + 0x40, STACK + 0x100, CODE + 0x30);
	put_frame(m, STACK + 0x100, 0, 0);
	assert_int_equal(walk_from(m, STACK, places), 3);
	assert_int_equal(places[0], PC);
	assert_int_equal(places[1], CODE + 0x1f);
	assert_int_equal(places[2], CODE + 0x2f);
}

static void a_chain_ends_where_it_lies(void **state)
{
	static const uint64_t bad[] = {
		0, 1, STACK + 4, STACK, STACK - 0x10, SIZE - 8, SIZE - 15, SIZE, SIZE + 8,
		UINT64_MAX, UINT64_MAX - 7, UINT64_MAX - 15, (uint64_t)1 << 63,
	};
	const struct memory *m = *state;
	uint64_t places[UNWIND_MAX];

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		put_frame(m, STACK, bad[i], CODE + 0x20);
		assert_int_equal(walk_from(m, STACK, places), 2);
	}
}

static void a_frame_pointer_that_is_none_gives_the_place_alone(void **state)
{
	static const uint64_t bad[] = {
		0, 7, SIZE - 8, SIZE, SIZE + 8, UINT64_MAX, UINT64_MAX - 15, 0xfffffffffffff000,
	};
	const struct memory *m = *state;
	uint64_t places[UNWIND_MAX];

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(walk_from(m, bad[i], places), 1);
		assert_int_equal(places[0], PC);
	}
}

static void what_is_no_code_is_no_return_address(void **state)
{
	static const uint64_t bad[] = {0, 1, CODE, CODE + 0x1001, STACK + 8, SIZE + 1, 0xffffffff};
	const struct memory *m = *state;
	uint64_t places[UNWIND_MAX];

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		put_frame(m, STACK, STACK + 0x10, bad[i]);
		put_frame(m, STACK + 0x10, 0, CODE + 0x10);
		assert_int_equal(walk_from(m, STACK, places), 1);
	}
	/* The call may be the last instruction of all. */
	put_frame(m, STACK, 0, CODE + 0x1000);
	assert_int_equal(walk_from(m, STACK, places), 2);
}

static void a_deep_stack_is_cut(void **state)
{
	const struct memory *m = *state;
	uint64_t places[UNWIND_MAX + 1];

	places[UNWIND_MAX] = 42;
	for (uint64_t i = 0; i < 200; i++)
		put_frame(m, STACK + 16 * i, STACK + 16 * (i + 1), CODE + 0x20);
	assert_int_equal(walk_from(m, STACK, places), UNWIND_MAX);
	assert_int_equal(places[UNWIND_MAX - 1], CODE + 0x1f);
	assert_int_equal(places[UNWIND_MAX], 42);
}

static void a_pc_outside_memory_is_told_as_it_is(void **state)
{
	const struct memory *m = *state;
	const struct cpu_regs regs = regs_at(UINT64_MAX, UINT64_MAX, 0);
	uint64_t places[UNWIND_MAX];

	assert_int_equal(unwind(m, &regs, UINT64_MAX - 1, places), 1);
	assert_int_equal(unwind(m, &regs, 0, places), 1);
	assert_true(places[0] == UINT64_MAX);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_chain_is_followed_to_its_end),
		TEST(a_chain_ends_where_it_lies),
		TEST(a_frame_pointer_that_is_none_gives_the_place_alone),
		TEST(what_is_no_code_is_no_return_address),
		TEST(a_deep_stack_is_cut),
		TEST(a_pc_outside_memory_is_told_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
