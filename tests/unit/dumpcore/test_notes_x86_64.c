/* SPDX-License-Identifier: ISC */
/* test_notes_x86_64.c: registers lie in a core file where Linux has them: asm/user_64.h, elfcore.h. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "../../../monitor/dumpcore/notes.h"

/* The bytes at an offset, as a number of that size. */
static uint64_t at(const uint8_t *note, size_t offset, size_t size)
{
	uint64_t n = 0;

	memcpy(&n, note + offset, size);
	return n;
}

/* What FXSAVE stores; each register has a value of its own. */
static void vector_registers_are_where_linux_has_them(void **state)
{
	struct cpu_fp fp = {.fcw = 0x037f, .fsw = 0x1122, .ftw = 0x81, .fop = 0x0334, .fip = 0x5566778899,
			    .fdp = 0xaabbccddee, .mxcsr = 0x1f80};
	uint8_t note[NOTES_FP_MAX];

	(void)state;
	for (int i = 0; i < 8; i++)
		memset(fp.st[i], 0x10 + i, 10);
	for (int i = 0; i < 16; i++)
		memset(fp.xmm[i], 0x20 + i, 16);
	memset(note, 0xff, sizeof note);
	notes_fp(&fp, note);
	assert_int_equal(notes_fp_size, 512);
	assert_int_equal(note[512], 0xff);
	assert_int_equal(at(note, 0, 2), 0x037f);
	assert_int_equal(at(note, 2, 2), 0x1122);
	assert_int_equal(at(note, 4, 2), 0x81);
	assert_int_equal(at(note, 6, 2), 0x0334);
	assert_int_equal(at(note, 8, 8), 0x5566778899);
	assert_int_equal(at(note, 16, 8), 0xaabbccddee);
	assert_int_equal(at(note, 24, 4), 0x1f80);
	assert_memory_equal(note + 32, fp.st, 8 * 16);
	assert_memory_equal(note + 160, fp.xmm, 16 * 16);
}

static void general_registers_are_where_linux_has_them(void **state)
{
	const struct remains r = {
		.regs = {.rax = 1, .rbx = 2, .rcx = 3, .rdx = 4, .rsi = 5, .rdi = 6, .rsp = 7, .rbp = 8,
			 .r8 = 9, .r15 = 10, .rip = 11, .rflags = 12},
		.system = {.cs = 13, .ss = 14, .fs_base = 15, .gs_base = 16, .ds = 17, .gs = 18},
	};
	static const struct {
		size_t place;		/* among them */
		uint64_t value;
	} wanted[] = {
		{0, 10}, {4, 8}, {5, 2}, {9, 9}, {10, 1}, {11, 3}, {12, 4}, {13, 5}, {14, 6},
		{15, UINT64_MAX}, {16, 11}, {17, 13}, {18, 12}, {19, 7}, {20, 14}, {21, 15}, {22, 16},
		{23, 17}, {26, 18},
	};
	uint64_t note[64];

	(void)state;
	notes_registers(&r, note);
	assert_int_equal(notes_registers_size, 27 * 8);
	for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
		if (note[wanted[i].place] != wanted[i].value)
			fail_msg("%zu is %llx", wanted[i].place, (unsigned long long)note[wanted[i].place]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vector_registers_are_where_linux_has_them),
		cmocka_unit_test(general_registers_are_where_linux_has_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
