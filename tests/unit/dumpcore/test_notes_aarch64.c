/* SPDX-License-Identifier: ISC */
/* test_notes_aarch64.c: registers lie in a core file where Linux has them: asm/ptrace.h. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "../../../monitor/dumpcore/notes.h"

/* struct user_fpsimd_state; each register has a value of its own. */
static void vector_registers_are_where_linux_has_them(void **state)
{
	static const uint8_t status[16] = {0x10, 0, 0, 0x08, 0, 0, 0, 0x03};
	struct cpu_fp fp = {.fpsr = 0x08000010, .fpcr = 0x03000000};
	uint8_t note[NOTES_FP_MAX];

	(void)state;
	for (int i = 0; i < 32; i++)
		memset(fp.v[i], 0x20 + i, 16);
	memset(note, 0xff, sizeof note);
	notes_fp(&fp, note);
	assert_int_equal(notes_fp_size, 528);
	assert_int_equal(note[528], 0xff);
	assert_memory_equal(note, fp.v, 32 * 16);
	assert_memory_equal(note + 512, status, sizeof status);
}

/* struct user_pt_regs */
static void general_registers_are_where_linux_has_them(void **state)
{
	const struct remains r = {.regs = {.x = {1, 2, [29] = 3, [30] = 4}, .sp = 5, .pc = 6, .pstate = 7}};
	static const uint64_t wanted[34] = {1, 2, [29] = 3, 4, 5, 6, 7};
	uint64_t note[64];

	(void)state;
	notes_registers(&r, note);
	assert_int_equal(notes_registers_size, sizeof wanted);
	assert_memory_equal(note, wanted, sizeof wanted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vector_registers_are_where_linux_has_them),
		cmocka_unit_test(general_registers_are_where_linux_has_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
