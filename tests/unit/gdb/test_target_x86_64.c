/* SPDX-License-Identifier: ISC */
/* test_target_x86_64.c: registers are where gdb was seen to look for them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "offsets.h"

/* "maint print remote-registers" of gdb 13.1 */
static const struct {
	const char *name;
	long offset;
} wanted[] = {
	{"rax", 0}, {"rsp", 56}, {"r15", 120}, {"rip", 128}, {"eflags", 136}, {"cs", 140}, {"gs", 160},
	{"st0", 164}, {"st7", 234}, {"fctrl", 244}, {"fop", 272}, {"xmm0", 276}, {"xmm15", 516},
	{"mxcsr", 532}, {"fs_base", 536}, {"gs_base", 544}, {"cr0", 552}, {"cr4", 576}, {"efer", 584},
};

static void registers_are_where_gdb_looks(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
		if (offset_of(wanted[i].name) != wanted[i].offset)
			fail_msg("%s is at %ld", wanted[i].name, offset_of(wanted[i].name));
	assert_int_equal(gdb_registers_size(), 592);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(registers_are_where_gdb_looks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
