/* SPDX-License-Identifier: ISC */
/* test_unwind_x86_64.c: callers at the first and last instructions of functions, on x86_64. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "../../monitor/unwind.h"
#include "regs.h"

#define SIZE 0x4000u
#define BEGIN 0x1100u
#define STACK 0x2000u
#define CALLER 0x1200u
#define OLDER 0x1300u

static uint8_t bytes[SIZE];
static struct memory memory;

/* On the stack: a word, the caller's address, another word; older frames are in rbp's chain. */
static int set_up(void **state)
{
	static const uint64_t stack[] = {0x1111, CALLER, CALLER + 8};
	static const uint64_t frame[] = {0, OLDER};
	struct husk_error e;

	(void)state;
	memset(bytes, 0, sizeof bytes);
	memory_init(&memory, bytes, SIZE);
	assert_int_equal(memory_declare(&memory, 0x1000, 0x1fff, MEMORY_R | MEMORY_X, "code", &e), 0);
	memcpy(bytes + STACK, stack, sizeof stack);
	memcpy(bytes + STACK + 0x100, frame, sizeof frame);
	return 0;
}

static const uint8_t usual[] = {0x55, 0x48, 0x89, 0xe5};
static const uint8_t guarded[] = {0xf3, 0x0f, 0x1e, 0xfa, 0x55, 0x48, 0x89, 0xe5};
/* As gcc mixes them: push %rbp; mov $1, %edi; mov %rsp, %rbp */
static const uint8_t mixed[] = {0x55, 0xbf, 1, 0, 0, 0, 0x48, 0x89, 0xe5};
static const uint8_t without[] = {0x53, 0x48, 0x89, 0xfb, 0x90, 0x90};

static void expect(const uint8_t *code, size_t n, uint64_t in, uint64_t sp, uint64_t caller)
{
	const struct cpu_regs regs = regs_at(BEGIN + in, sp, STACK + 0x100);
	uint64_t places[UNWIND_MAX];
	size_t found;

	memcpy(bytes + BEGIN, code, n);
	found = unwind(&memory, &regs, BEGIN, places);
	assert_int_equal(found, caller != 0 ? 3 : 2);
	if (caller != 0)
		assert_int_equal(places[1], caller - 1);
	assert_int_equal(places[found - 1], OLDER - 1);
}

static void the_caller_is_on_the_stack_until_the_frame_is_made(void **state)
{
	(void)state;
	expect(usual, sizeof usual, 0, STACK + 8, CALLER);
	expect(usual, sizeof usual, 1, STACK, CALLER);
	expect(usual, sizeof usual, 4, STACK, 0);
	expect(guarded, sizeof guarded, 0, STACK + 8, CALLER);
	expect(guarded, sizeof guarded, 4, STACK + 8, CALLER);
	expect(guarded, sizeof guarded, 5, STACK, CALLER);
	expect(guarded, sizeof guarded, 8, STACK, 0);
	expect(mixed, sizeof mixed, 0, STACK + 8, CALLER);
	expect(mixed, sizeof mixed, 1, STACK, CALLER);
	expect(mixed, sizeof mixed, 6, STACK, CALLER);
	expect(mixed, sizeof mixed, 9, STACK, 0);
	expect(without, sizeof without, 0, STACK + 8, CALLER);
	expect(without, sizeof without, 1, STACK, 0);
	expect(without, sizeof without, 4, STACK, 0);
}

static void the_caller_is_on_the_stack_at_a_return(void **state)
{
	static const uint8_t end[] = {0x55, 0x48, 0x89, 0xe5, 0x5d, 0xc3};

	(void)state;
	expect(end, sizeof end, 5, STACK + 8, CALLER);
}

static void a_function_without_a_frame_has_the_caller_on_top(void **state)
{
	static const uint8_t calls[][7] = {
		{0x90, 0x90, 0xe8, 1, 2, 3, 4}, {0x90, 0x90, 0x90, 0x90, 0x90, 0xff, 0xd0},
		{0x90, 0x90, 0x90, 0x90, 0xff, 0x50, 8}, {0x90, 0xff, 0x90, 1, 2, 3, 4},
		{0x90, 0xff, 0x15, 1, 2, 3, 4},
	};
	static const uint8_t jump[] = {0x90, 0x90, 0xe9, 1, 2, 3, 4};

	(void)state;
	for (unsigned i = 0; i < sizeof calls / sizeof calls[0]; i++) {
		memcpy(bytes + CALLER - 7, calls[i], 7);
		expect(without, sizeof without, 4, STACK + 8, CALLER);
		expect(usual, sizeof usual, 4, STACK + 8, 0);
		expect(guarded, sizeof guarded, 8, STACK + 8, 0);
	}
	memcpy(bytes + CALLER - 7, jump, 7);
	expect(without, sizeof without, 4, STACK + 8, 0);
}

static void a_stack_outside_memory_has_no_caller(void **state)
{
	(void)state;
	expect(usual, sizeof usual, 0, SIZE - 7, 0);
	expect(usual, sizeof usual, 0, UINT64_MAX, 0);
	expect(usual, sizeof usual, 1, UINT64_MAX, 0);
	expect(usual, sizeof usual, 1, UINT64_MAX - 7, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_caller_is_on_the_stack_until_the_frame_is_made, set_up),
		cmocka_unit_test_setup(the_caller_is_on_the_stack_at_a_return, set_up),
		cmocka_unit_test_setup(a_function_without_a_frame_has_the_caller_on_top, set_up),
		cmocka_unit_test_setup(a_stack_outside_memory_has_no_caller, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
