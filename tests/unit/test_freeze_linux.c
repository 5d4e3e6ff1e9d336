/* SPDX-License-Identifier: ISC */
/* test_freeze_linux.c: memory that is filled once stays as it is, whoever has the process. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../monitor/freeze.h"

#define ROOM 65536u

static bool file_fails, mmap_fails, mprotect_fails;

int __real_memfd_create(const char *name, unsigned flags);
int __wrap_memfd_create(const char *name, unsigned flags);
void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset);
int __real_mprotect(void *at, size_t len, int prot);
int __wrap_mprotect(void *at, size_t len, int prot);

int __wrap_memfd_create(const char *name, unsigned flags)
{
	errno = ENOSYS;
	return file_fails ? -1 : __real_memfd_create(name, flags);
}

void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
	errno = ENOMEM;
	return mmap_fails ? MAP_FAILED : __real_mmap(at, len, prot, flags, fd, offset);
}

int __wrap_mprotect(void *at, size_t len, int prot)
{
	errno = EACCES;
	return mprotect_fails ? -1 : __real_mprotect(at, len, prot);
}

static char *fill(void)
{
	char *at = __real_mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(at != MAP_FAILED);
	memcpy(at, "first", 6);
	memcpy(at + ROOM - 5, "last", 5);
	return at;
}

static void expect_contents(char *at)
{
	assert_string_equal(at, "first");
	assert_string_equal(at + ROOM - 5, "last");
	assert_int_equal(munmap(at, ROOM), 0);
}

static int writable(char *at)
{
	return __real_mprotect(at, ROOM, PROT_READ | PROT_WRITE);
}

/* A guest that has husk may call mprotect while there is a debugger (rules of the module gdb). */
static void what_is_frozen_cannot_be_made_writable(void **state)
{
	char *at = fill();
	struct husk_error e;

	(void)state;
	assert_int_equal(freeze(at, ROOM, &e), 0);
	assert_int_equal(writable(at), -1);
	assert_int_equal(errno, EACCES);
	expect_contents(at);
}

/* Linux before 5.1, and starters that forbid such files. */
static void without_such_files_it_is_read_only(void **state)
{
	char *at = fill();
	struct husk_error e;
	int ends[2];

	(void)state;
	file_fails = true;
	assert_int_equal(freeze(at, ROOM, &e), 0);
	file_fails = false;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_int_equal(read(ends[0], at, 1), -1);
	assert_int_equal(errno, EFAULT);
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(writable(at), 0);
	expect_contents(at);
}

static void what_the_host_refuses_is_told(void **state)
{
	char *at = fill();
	struct husk_error e;

	(void)state;
	mmap_fails = mprotect_fails = true;
	assert_int_equal(freeze(at, ROOM, &e), -1);
	mmap_fails = mprotect_fails = false;
	assert_int_equal(e.kind, HUSK_E_HOST);
	assert_int_equal(e.sys, EACCES);
	expect_contents(at);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_frozen_cannot_be_made_writable),
		cmocka_unit_test(without_such_files_it_is_read_only),
		cmocka_unit_test(what_the_host_refuses_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
