/* SPDX-License-Identifier: ISC */
/* test_target_aarch64.c: registers are where gdb was seen to look for them. */
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
	{"x0", 0}, {"x30", 240}, {"sp", 248}, {"pc", 256}, {"cpsr", 264}, {"v0", 268}, {"v31", 764},
	{"fpsr", 780}, {"fpcr", 784}, {"SCTLR_EL1", 788}, {"FAR_EL1", 820}, {"TPIDR_EL0", 844},
};

static void registers_are_where_gdb_looks(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
		if (offset_of(wanted[i].name) != wanted[i].offset)
			fail_msg("%s is at %ld", wanted[i].name, offset_of(wanted[i].name));
	assert_int_equal(gdb_registers_size(), 852);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(registers_are_where_gdb_looks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
