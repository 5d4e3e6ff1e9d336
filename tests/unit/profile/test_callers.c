/* SPDX-License-Identifier: ISC */
/* test_callers.c: hypercalls are counted for who made them, few of them by a look each. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "../../../monitor/profile/callers.h"

static const char poll_name[] = "poll", puts_name[] = "puts";
static char names[] = "main\0loop";
static struct symbol list[] = {{0x1000, 0x100, 0}, {0x2000, 0x100, 5}};
static const struct symbols symbols = {.n = 2, .list = list, .text = names, .text_len = sizeof names};

static char told[2000];

static void take(void *ctx, const char *subject, const char *name, uint64_t value)
{
	const size_t len = strlen(told);

	(void)ctx;
	assert_string_equal(subject, "callers");
	snprintf(told + len, sizeof told - len, "%s %llu;", name, (unsigned long long)value);
}

static const char *report(const struct callers *c)
{
	told[0] = '\0';
	callers_report(c, &symbols, take, NULL);
	return told;
}

static int set_up(void **state)
{
	static struct callers c;
	struct husk_error e;

	*state = &c;
	return callers_init(&c, &e);
}

static int tear_down(void **state)
{
	callers_free(*state);
	callers_free(*state);
	return 0;
}

static void who_calls_most_comes_first(void **state)
{
	struct callers *c = *state;

	assert_string_equal(report(c), "");
	callers_count(c, poll_name, 0x1000, 3);
	callers_count(c, puts_name, 0x1000, 17);
	callers_count(c, poll_name, 0x2000, 3);
	callers_count(c, puts_name, 0x5000, 1);
	callers_count(c, puts_name, 0x1000, 2);
	assert_int_equal(strncmp(report(c), "puts:main 19;poll:", 18), 0);
	assert_non_null(strstr(told, ";poll:main 3;"));
	assert_non_null(strstr(told, ";poll:loop 3;"));
	assert_string_equal(told + strlen(told) - strlen(";puts:0x5000 1;"), ";puts:0x5000 1;");
}

static void looks_stand_for_about_all_calls(void **state)
{
	struct callers *c = *state;
	uint64_t looks = 0, calls = 0;

	for (unsigned i = 0; i < 10000; i++) {
		const uint64_t n = callers_weigh(c);

		looks += n != 0;
		calls += n;
	}
	assert_in_range(looks, 800, 900);
	assert_in_range(calls, 10000 - CALLERS_STRIDE, 10000);
}

static void a_full_table_counts_what_finds_no_room(void **state)
{
	struct callers *c = *state;
	unsigned lines = 0;

	for (unsigned i = 0; i < CALLERS_MAX + 5; i++)
		callers_count(c, poll_name, 0x10000 + i, i + 1);
	callers_count(c, poll_name, 0x10000, 10000);
	report(c);
	for (const char *t = told; (t = strchr(t, ';')) != NULL; t++)
		lines++;
	assert_int_equal(lines, CALLERS_TOLD + 1);
	assert_int_equal(strncmp(told, "poll:0x10000 10001;poll:0x103ff 1024;", 37), 0);
	assert_non_null(strstr(told, ";lost 5135;"));
}

static void nothing_is_looked_at_without_a_table(void **state)
{
	struct callers none = {0};

	(void)state;
	assert_int_equal(callers_weigh(&none), 0);
	callers_free(&none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(who_calls_most_comes_first, set_up, tear_down),
		cmocka_unit_test_setup_teardown(looks_stand_for_about_all_calls, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_full_table_counts_what_finds_no_room, set_up, tear_down),
		cmocka_unit_test(nothing_is_looked_at_without_a_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
