/* SPDX-License-Identifier: ISC */
/* test_error.c: how failures are filled in and extended. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "../../monitor/error.h"

#define ROOM (sizeof((struct husk_error *)0)->message - 1)

/* Longer than a message can be: "0123456789012..." */
static char endless[1000];

static int make_endless(void **state)
{
	size_t k;

	(void)state;
	for (k = 0; k < sizeof endless - 1; k++)
		endless[k] = (char)('0' + k % 10);
	return 0;
}

static void failing_is_one_line(void **state)
{
	struct husk_error e = {.kind = HUSK_E_HOST, .sys = EIO, .message = "old"};

	(void)state;
	assert_int_equal(husk_fail(&e, HUSK_E_IMAGE, "%s is %d", "it", 7), -1);
	assert_int_equal(e.kind, HUSK_E_IMAGE);
	assert_int_equal(e.sys, 0);
	assert_string_equal(e.message, "it is 7");
}

static void a_failed_host_call_says_why(void **state)
{
	struct husk_error e = {.kind = HUSK_E_GUEST, .message = "old"};

	(void)state;
	assert_int_equal(husk_fail_sys(&e, ENOENT, "/dev/%s", "kvm"), -1);
	assert_int_equal(e.kind, HUSK_E_HOST);
	assert_int_equal(e.sys, ENOENT);
	assert_string_equal(e.message, "/dev/kvm: No such file or directory");
}

static void a_limit_of_open_files_is_to_be_raised(void **state)
{
	struct husk_error e;

	(void)state;
	husk_fail_sys(&e, EMFILE, "KVM_CREATE_VM");
	assert_string_equal(e.message, "KVM_CREATE_VM: Too many open files: raise the limit of open "
			    "files, ulimit -n");
	husk_fail_sys(&e, ENFILE, "open");
	assert_string_equal(e.message, "open: Too many open files in system: the whole host has too "
			    "many files open; raise its limit");
}

static void context_goes_before_and_a_remedy_behind(void **state)
{
	struct husk_error e;

	(void)state;
	husk_fail_sys(&e, EACCES, "open");
	assert_int_equal(husk_wrap(&e, "%s", "/dev/kvm"), -1);
	assert_int_equal(husk_hint(&e, "join the group %s", "kvm"), -1);
	assert_int_equal(e.kind, HUSK_E_HOST);
	assert_int_equal(e.sys, EACCES);
	assert_string_equal(e.message, "/dev/kvm: open: Permission denied: join the group kvm");
}

static void a_message_may_use_all_room(void **state)
{
	struct husk_error e;

	(void)state;
	husk_fail(&e, HUSK_E_USAGE, "%.*s", (int)ROOM, endless);
	assert_int_equal(strlen(e.message), ROOM);
	assert_memory_equal(e.message, endless, ROOM);
}

static void a_long_message_is_cut_and_not_lost(void **state)
{
	struct husk_error e;

	(void)state;
	assert_int_equal(husk_fail(&e, HUSK_E_USAGE, "%s", endless), -1);
	assert_int_equal(strlen(e.message), ROOM);
	assert_memory_equal(e.message, endless, ROOM);
	assert_int_equal(husk_fail_sys(&e, EIO, "%s", endless), -1);
	assert_int_equal(strlen(e.message), ROOM);
	assert_memory_equal(e.message, endless, ROOM);
	assert_int_equal(e.sys, EIO);
}

static void long_context_and_hints_are_cut(void **state)
{
	struct husk_error e;

	(void)state;
	husk_fail(&e, HUSK_E_GUEST, "problem");
	assert_int_equal(husk_wrap(&e, "%s", endless), -1);
	assert_int_equal(strlen(e.message), ROOM);
	assert_memory_equal(e.message, endless, ROOM);
	husk_fail(&e, HUSK_E_GUEST, "problem");
	assert_int_equal(husk_hint(&e, "%s", endless), -1);
	assert_int_equal(strlen(e.message), ROOM);
	assert_memory_equal(e.message, "problem: 0123", 13);
}

static void a_full_message_takes_no_more(void **state)
{
	struct husk_error e;

	(void)state;
	husk_fail(&e, HUSK_E_GUEST, "%.*s", (int)ROOM, endless);
	husk_hint(&e, "more");
	assert_int_equal(strlen(e.message), ROOM);
	assert_memory_equal(e.message, endless, ROOM);
	assert_int_equal(e.kind, HUSK_E_GUEST);
}

static void percent_signs_pass_through(void **state)
{
	struct husk_error e;

	(void)state;
	husk_fail(&e, HUSK_E_IMAGE, "first");
	husk_wrap(&e, "%d%%", 100);
	assert_string_equal(e.message, "100%: first");
	husk_hint(&e, "%s", "100%");
	assert_string_equal(e.message, "100%: first: 100%");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failing_is_one_line),
		cmocka_unit_test(a_failed_host_call_says_why),
		cmocka_unit_test(a_limit_of_open_files_is_to_be_raised),
		cmocka_unit_test(context_goes_before_and_a_remedy_behind),
		cmocka_unit_test(a_message_may_use_all_room),
		cmocka_unit_test(a_long_message_is_cut_and_not_lost),
		cmocka_unit_test(long_context_and_hints_are_cut),
		cmocka_unit_test(a_full_message_takes_no_more),
		cmocka_unit_test(percent_signs_pass_through),
	};

	return cmocka_run_group_tests(tests, make_endless, NULL);
}
