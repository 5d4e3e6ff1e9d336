/* SPDX-License-Identifier: ISC */
/* test_memory_host_linux.c: which pages of zeros a host has, by what it says about huge ones. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../monitor/memory_host.h"
#include "expect.h"

static const char *says;	/* what is in the file; NULL: there is none */

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);

int __wrap_open(const char *path, int flags, ...)
{
	int fd;

	if (strcmp(path, "/sys/kernel/mm/transparent_hugepage/use_zero_page") != 0)
		return __real_open(path, flags);
	if (says == NULL) {
		errno = ENOENT;
		return -1;
	}
	fd = memfd_create("says", MFD_CLOEXEC);
	assert_int_equal(pwrite(fd, says, strlen(says), 0), strlen(says));
	return fd;
}

static enum memory_host_pages zeros(const char *what)
{
	says = what;
	return memory_host_zeros();
}

static void huge_zeros_are_used_where_there_are_any(void **state)
{
	const int before = open_descriptors();

	(void)state;
	assert_int_equal(zeros("1\n"), MEMORY_HOST_HUGE);
	assert_int_equal(zeros("0\n"), MEMORY_HOST_SMALL);
	assert_int_equal(zeros(""), MEMORY_HOST_SMALL);
	assert_int_equal(zeros(NULL), MEMORY_HOST_SMALL);
	assert_int_equal(open_descriptors(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(huge_zeros_are_used_where_there_are_any),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
