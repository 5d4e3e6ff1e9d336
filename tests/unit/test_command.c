/* SPDX-License-Identifier: ISC */
/* test_command.c: commands that modules offer are found by their first word. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "../../monitor/command.h"

static void obey(void *ctx, const char *words, command_answer *answer, void *to)
{
	(void)ctx, (void)words, (void)answer, (void)to;
}

static const struct command dump = {"dump", "a", obey}, dumper = {"dumper", "b", obey};

static void a_command_is_its_first_word(void **state)
{
	struct commands all = {.n = 0};
	struct husk_error e;
	const char *words;
	int ctx;

	(void)state;
	assert_null(commands_find(&all, "dump", &words));
	assert_int_equal(commands_add(&all, &dump, &ctx, &e), 0);
	assert_int_equal(commands_add(&all, &dumper, NULL, &e), 0);
	assert_ptr_equal(commands_find(&all, "dump", &words)->ctx, &ctx);
	assert_string_equal(words, "");
	assert_ptr_equal(commands_find(&all, "dumper  on now", &words)->is, &dumper);
	assert_string_equal(words, "on now");
	assert_null(commands_find(&all, "dum", &words));
	assert_null(commands_find(&all, "dump,", &words));
	assert_null(commands_find(&all, "", &words));
	commands_remove(&all, &dump);
	commands_remove(&all, &dump);
	assert_null(commands_find(&all, "dump", &words));
	assert_non_null(commands_find(&all, "dumper", &words));
}

static void there_is_room_for_a_few(void **state)
{
	struct commands all = {.n = 0};
	struct husk_error e;

	(void)state;
	for (unsigned i = 0; i < COMMANDS_MAX; i++)
		assert_int_equal(commands_add(&all, &dump, NULL, &e), 0);
	assert_int_equal(commands_add(&all, &dumper, NULL, &e), -1);
	assert_int_equal(e.kind, HUSK_E_HOST);
	assert_non_null(strstr(e.message, "`dumper'"));
	commands_remove(&all, &dump);
	assert_int_equal(all.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_command_is_its_first_word),
		cmocka_unit_test(there_is_room_for_a_few),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
