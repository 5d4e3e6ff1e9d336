/* SPDX-License-Identifier: ISC */
/* test_unwind_aarch64.c: callers at the first and last instructions of functions, on aarch64. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "../../include/hvt_abi.h"
#include "../../monitor/unwind.h"
#include "regs.h"

#define SIZE 0x4000u
#define BEGIN 0x1100u
#define STACK 0x2000u
#define CALLER 0x1200u
#define OLDER 0x1300u
#define SIGNED UINT64_C(0x7f550000000000)	/* a pointer authentication code */

static uint8_t bytes[SIZE];
static struct memory memory;

static int set_up(void **state)
{
	static const uint64_t frame[] = {0, SIGNED | OLDER};
	struct husk_error e;

	(void)state;
	memset(bytes, 0, sizeof bytes);
	memory_init(&memory, bytes, SIZE);
	assert_int_equal(memory_declare(&memory, 0x1000, 0x1fff, MEMORY_R | MEMORY_X, "code", &e), 0);
	memcpy(bytes + STACK, frame, sizeof frame);
	return 0;
}

static const uint32_t usual[] = {0xa9bf7bfd, 0x910003fd, 0xd65f03c0};	/* stp -16; mov x29, sp */
static const uint32_t guarded[] = {0xd503245f, 0xd503233f, 0xa9b17bfd, 0x910003fd};
static const uint32_t mixed[] = {0xa9bd7bfd, 0x52800020, 0x910083fd, 0x52800021};
static const uint32_t without[] = {0x52800000, 0x52800001, 0xd65f03c0};

static void expect(const uint32_t *code, size_t n, uint64_t in, bool caller)
{
	struct cpu_regs regs = regs_at(BEGIN + 4 * in, STACK, STACK);
	uint64_t places[UNWIND_MAX];
	size_t found;

	regs.x[30] = SIGNED | CALLER;
	memcpy(bytes + BEGIN, code, n);
	found = unwind(&memory, &regs, BEGIN, places);
	assert_int_equal(found, caller ? 3 : 2);
	if (caller)
		assert_int_equal(places[1], CALLER - 1);
	assert_int_equal(places[found - 1], OLDER - 1);
}

static void the_caller_is_in_x30_until_the_frame_is_made(void **state)
{
	(void)state;
	expect(usual, sizeof usual, 0, true);
	expect(usual, sizeof usual, 1, true);
	expect(usual, sizeof usual, 2, true);	/* the return */
	expect(guarded, sizeof guarded, 0, true);
	expect(guarded, sizeof guarded, 1, true);
	expect(guarded, sizeof guarded, 2, true);
	expect(guarded, sizeof guarded, 3, true);
	expect(guarded, sizeof guarded, 4, false);
	expect(mixed, sizeof mixed, 2, true);
	expect(mixed, sizeof mixed, 3, false);
	expect(without, sizeof without, 0, true);
	expect(without, sizeof without, 1, false);
	expect(without, sizeof without, 2, true);
}

/* All of them where husk's bindings have left them, the place alone where Solo5's have not. */
static void registers_of_an_exception_are_those_that_the_guest_left(void **state)
{
	const struct hvt_trap_frame_aarch64 left = {.x = {[0] = 1, [30] = 2}, .sp = 3, .pc = 4, .pstate = 5};
	const struct cpu_system system = {.elr_el1 = 6};
	struct cpu_regs regs = {.x = {[0] = 7}};

	(void)state;
	memcpy(bytes + STACK, &left, sizeof left);
	assert_false(unwind_to_trap(&memory, (gpa_t){0}, NULL, &regs));
	assert_true(unwind_to_trap(&memory, (gpa_t){0}, &system, &regs));
	assert_true(regs.pc == 6 && regs.x[0] == 7);
	assert_true(unwind_to_trap(&memory, (gpa_t){SIZE}, &system, &regs) && regs.x[0] == 7);
	assert_true(unwind_to_trap(&memory, (gpa_t){STACK}, &system, &regs));
	assert_true(regs.x[0] == 1 && regs.x[30] == 2 && regs.sp == 3 && regs.pc == 4 && regs.pstate == 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_caller_is_in_x30_until_the_frame_is_made, set_up),
		cmocka_unit_test_setup(registers_of_an_exception_are_those_that_the_guest_left, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
