/* SPDX-License-Identifier: ISC */
/* test_sink.c: lines through a buffer, and those that there is no room for. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "../../monitor/sink.h"

static void a_line_that_is_too_long_is_counted(void **state)
{
	struct husk_error e;
	struct sink s;

	(void)state;
	assert_int_equal(sink_init(&s, &e), 0);
	sink_put(&s);
	assert_true(s.lines == 0 && s.dropped == 0);
	for (unsigned i = 0; i < 2 * SINK_LINE_MAX; i++)
		fputc('x', s.line);
	sink_put(&s);
	assert_true(s.lines == 1 && s.dropped == 1);
	fputs("short\n", s.line);
	sink_put(&s);
	assert_true(s.lines == 2 && s.dropped == 1 && s.n == strlen("short\n"));
	assert_memory_equal(s.buffer, "short\n", s.n);
	fputs("never put", s.line);	/* sink_fini has to do with that too */
	sink_fini(&s);
	sink_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_that_is_too_long_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
