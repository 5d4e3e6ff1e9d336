/* SPDX-License-Identifier: ISC */
/* test_nospec.c: what is in bounds stays, what is not is 0, at every edge. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../monitor/nospec.h"

static void what_is_in_bounds_stays(void **state)
{
	(void)state;
	for (size_t size = 1; size <= 300; size++)
		for (size_t i = 0; i < size; i++)
			assert_int_equal(nospec_index(i, size), i);
	assert_int_equal(nospec_index(SIZE_MAX / 2 - 1, SIZE_MAX / 2), SIZE_MAX / 2 - 1);
}

static void what_is_not_is_0(void **state)
{
	static const size_t sizes[] = {0, 1, 2, 64, 65536, SIZE_MAX / 4, SIZE_MAX / 2};

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		const size_t size = sizes[i];
		const size_t beyond[] = {
			size, size + 1, size + 0x1000, SIZE_MAX / 2, SIZE_MAX / 2 + 1,
			SIZE_MAX / 2 + 1 + size, SIZE_MAX - 1, SIZE_MAX,
		};

		for (size_t k = 0; k < sizeof beyond / sizeof beyond[0]; k++)
			assert_int_equal(nospec_index(beyond[k], size), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_in_bounds_stays),
		cmocka_unit_test(what_is_not_is_0),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
