/* SPDX-License-Identifier: ISC */
/* test_sandbox_limit_kvm.c: what Linux's sandbox does where the host refuses a part of it, and the heap that is left. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include "../../monitor/main_sandbox_host.h"
#include "../../monitor/sandbox.h"

static bool none_to_come;	/* no new privileges: prctl(2) was asked for that */

int __wrap_prctl(int op, ...);
long __wrap_syscall(long nr, ...);

int __wrap_prctl(int op, ...)
{
	none_to_come |= op == PR_SET_NO_NEW_PRIVS;
	return 0;
}

/* capset, landlock's calls */
long __wrap_syscall(long nr, ...)
{
	(void)nr;
	errno = EPERM;
	return -1;
}

static void without_capset_there_are_no_new_privileges_still(void **state)
{
	const struct sandbox_request rq = {0};
	struct sandbox_layers l;
	struct husk_error e;
	struct sandbox s;

	(void)state;
	if (!sandbox_built_in) {
		print_message("this husk has no sandbox\n");
		skip();
	}
	sandbox_init(&s);
	none_to_come = false;
	assert_int_equal(sandbox_limit(&s, &rq, &l, &e), 0);
	assert_true(none_to_come);
	assert_false(l.privileges);
}

static void what_is_allocated_later_is_not_mapped(void **state)
{
	size_t before;
	void *volatile large;

	(void)state;
	sandbox_host_settle_heap();
	before = mallinfo2().hblks;
	large = malloc(1 << 20);
	assert_non_null(large);
	assert_int_equal(mallinfo2().hblks, before);
	free(large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_capset_there_are_no_new_privileges_still),
		cmocka_unit_test(what_is_allocated_later_is_not_mapped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
