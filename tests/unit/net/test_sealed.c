/* SPDX-License-Identifier: ISC */
/* test_sealed.c: arguments that nobody can change once they are sealed. */
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

#include "../../../monitor/net/sealed.h"

static bool mmap_fails, mprotect_fails;

void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset);
int __real_mprotect(void *at, size_t len, int prot);
int __wrap_mprotect(void *at, size_t len, int prot);

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

static void what_is_put_in_stays_where_it_is(void **state)
{
	struct sealed s = {0};
	struct husk_error e;
	void *first, *second;

	(void)state;
	mmap_fails = mprotect_fails = false;
	assert_int_equal(sealed_put(&s, "one", 4, &first, &e), 0);
	assert_int_equal(sealed_put(&s, "another", 8, &second, &e), 0);
	assert_true((uint8_t *)second >= (uint8_t *)first + 4);
	assert_int_equal((uintptr_t)second % SEALED_ALIGN, 0);
	assert_int_equal(sealed_protect(&s, &e), 0);
	assert_string_equal(first, "one");
	assert_string_equal(second, "another");
	sealed_free(&s);
	sealed_free(&s);
	assert_null(s.bytes);
	assert_int_equal(sealed_protect(&s, &e), 0);
}

/* Asked of the kernel, so that the answer is no signal. */
static bool refuses_writes(uint8_t *at)
{
	int ends[2];
	ssize_t n;

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	n = read(ends[0], at, 1);
	assert_true(n == 1 || errno == EFAULT);
	close(ends[0]);
	close(ends[1]);
	return n == -1;
}

static void a_write_is_a_fault(void **state)
{
	struct sealed s = {0};
	struct husk_error e;
	void *at;

	(void)state;
	assert_int_equal(sealed_put(&s, "one", 4, &at, &e), 0);
	assert_false(refuses_writes(at));
	assert_int_equal(sealed_protect(&s, &e), 0);
	assert_true(refuses_writes(at));
	assert_true(refuses_writes(s.bytes + SEALED_SIZE - 1));
	assert_string_equal(at, "xne");
	sealed_free(&s);
}

static void it_holds_something_for_every_device(void **state)
{
	const uint8_t object[112] = {1};	/* a struct sockaddr_un */
	struct sealed s = {0};
	struct husk_error e;
	void *at;
	int n = 0;

	(void)state;
	while (sealed_put(&s, object, sizeof object, &at, &e) == 0) {
		assert_true((uint8_t *)at + sizeof object <= s.bytes + SEALED_SIZE);
		n++;
	}
	assert_true(n >= 63);
	assert_int_equal(e.sys, ENOMEM);
	sealed_free(&s);
}

static void what_the_host_refuses_is_told(void **state)
{
	struct sealed s = {0};
	struct husk_error e;
	void *at;

	(void)state;
	mmap_fails = true;
	assert_int_equal(sealed_put(&s, "one", 4, &at, &e), -1);
	assert_int_equal(e.kind, HUSK_E_HOST);
	assert_int_equal(e.sys, ENOMEM);
	assert_null(s.bytes);
	mmap_fails = false;
	assert_int_equal(sealed_put(&s, "one", 4, &at, &e), 0);
	mmap_fails = mprotect_fails = true;
	assert_int_equal(sealed_protect(&s, &e), -1);
	assert_int_equal(e.sys, EACCES);
	mmap_fails = mprotect_fails = false;
	sealed_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_put_in_stays_where_it_is),
		cmocka_unit_test(a_write_is_a_fault),
		cmocka_unit_test(it_holds_something_for_every_device),
		cmocka_unit_test(what_the_host_refuses_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
