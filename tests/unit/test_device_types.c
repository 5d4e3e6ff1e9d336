/* SPDX-License-Identifier: ISC */
/* test_device_types.c: the table of device types, and the ranges of husk's own numbers. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "../../include/husk_abi.h"
#include "../../monitor/device_types.h"
#include "../../monitor/module.h"

static void rows_ascend_and_are_all_found(void **state)
{
	const struct device_type *t;
	uint32_t last = 0;
	size_t n = 0;

	(void)state;
	for (; (t = device_type_at(n)) != NULL; n++) {
		assert_true(t->number > last);
		assert_true(t->number < MFT_RESERVED_FIRST);
		assert_ptr_equal(device_type_of(t->number), t);
		assert_ptr_equal(device_type_named(t->name), t);
		last = t->number;
	}
	assert_true(n >= 2);
	assert_null(device_type_at(n + 1));
	assert_null(device_type_at(SIZE_MAX));
}

static void what_is_no_type_is_not_found(void **state)
{
	(void)state;
	assert_null(device_type_of(0));
	assert_null(device_type_of(MFT_RESERVED_FIRST));
	assert_null(device_type_of(UINT32_MAX));
	assert_null(device_type_named(""));
	assert_null(device_type_named("BLOCK_BASI"));
	assert_null(device_type_named("block_basic"));
}

/* A number is Solo5's, or in husk's range with nothing between. */
static void numbers_lie_in_their_ranges(void **state)
{
	const struct device_type *t;

	(void)state;
	for (size_t i = 0; (t = device_type_at(i)) != NULL; i++)
		assert_true(t->number <= MFT_DEV_NET_BASIC ||
			    (t->number >= HUSK_DEVICE_FIRST && t->number <= HUSK_DEVICE_LAST));
	assert_true(HVT_HYPERCALL_HALT < HUSK_HYPERCALL_FIRST);
	assert_true(HUSK_HYPERCALL_FIRST <= HUSK_HYPERCALL_LAST);
	assert_true(HUSK_DEVICE_LAST < MFT_RESERVED_FIRST);
}

static void modules_serve_what_the_table_says(void **state)
{
	(void)state;
	for (const struct module *const *m = modules; *m != NULL; m++) {
		const struct device_type *t = device_type_of((*m)->device_type);

		if ((*m)->device_type == 0)
			continue;
		assert_non_null(t);
		assert_string_equal(t->module, (*m)->name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_ascend_and_are_all_found),
		cmocka_unit_test(what_is_no_type_is_not_found),
		cmocka_unit_test(numbers_lie_in_their_ranges),
		cmocka_unit_test(modules_serve_what_the_table_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
