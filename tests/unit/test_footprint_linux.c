/* SPDX-License-Identifier: ISC */
/* test_footprint_linux.c: memory that is touched is seen, and what cannot be read is no figure. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../monitor/footprint.h"

#define TOUCHED ((size_t)16 << 20)

static void what_is_touched_is_in_use(void **state)
{
	const int fd = footprint_open();
	uint64_t before, after;
	char *memory;

	(void)state;
	assert_int_not_equal(fd, -1);
	assert_true(footprint_read(fd, &before));
	assert_true(before > 0);
	memory = mmap(NULL, TOUCHED, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(memory, MAP_FAILED);
	memset(memory, 1, TOUCHED);
	assert_true(footprint_read(fd, &after));
	assert_true(after >= before + TOUCHED / 2);
	munmap(memory, TOUCHED);
	close(fd);
}

static void what_says_nothing_is_no_figure(void **state)
{
	static const char *const texts[] = {"", "17", "17 ", "x y z"};
	uint64_t bytes = 7;
	int fd;

	(void)state;
	assert_false(footprint_read(-1, &bytes));
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		fd = memfd_create("statm", MFD_CLOEXEC);
		assert_int_equal(write(fd, texts[i], strlen(texts[i])), strlen(texts[i]));
		assert_false(footprint_read(fd, &bytes));
		close(fd);
		assert_false(footprint_read(fd, &bytes));
	}
	assert_int_equal(bytes, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_touched_is_in_use),
		cmocka_unit_test(what_says_nothing_is_no_figure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
