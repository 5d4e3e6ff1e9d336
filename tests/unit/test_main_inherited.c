/* SPDX-License-Identifier: ISC */
/* test_main_inherited.c: closed descriptors and small stacks; every host call fails once. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "../../monitor/main_inherited.h"
#include "../../monitor/main_stack.h"

static struct {
	int fails, calls;	/* the call that fails, counted from 1; 0: none */
	rlim_t stack;		/* what the limit is said to be */
	bool ample;		/* that it is, is known beforehand */
	int mapped;		/* pieces of memory that were not given back */
} host;

bool __real_stack_is_ample(size_t size);
bool __wrap_stack_is_ample(size_t size);
int __real_pipe(int ends[2]);
int __wrap_pipe(int ends[2]);
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __real_getrlimit(int what, struct rlimit *limit);
int __wrap_getrlimit(int what, struct rlimit *limit);
void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset);
int __real_munmap(void *at, size_t len);
int __wrap_munmap(void *at, size_t len);
int __real_mprotect(void *at, size_t len, int prot);
int __wrap_mprotect(void *at, size_t len, int prot);
int __real_getcontext(ucontext_t *to);
int __wrap_getcontext(ucontext_t *to);
int __real_swapcontext(ucontext_t *from, const ucontext_t *to);
int __wrap_swapcontext(ucontext_t *from, const ucontext_t *to);

static bool fails(void)
{
	errno = ENOMEM;
	return ++host.calls == host.fails;
}

bool __wrap_stack_is_ample(size_t size)
{
	assert_int_equal(size, 256u << 10);
	return host.ample;
}

int __wrap_pipe(int ends[2])
{
	return fails() ? -1 : __real_pipe(ends);
}

int __wrap_open(const char *path, int flags, ...)
{
	return fails() ? -1 : __real_open(path, flags);
}

int __wrap_getrlimit(int what, struct rlimit *limit)
{
	/* A sanitizer asks too, before there is a test. */
	if (what != RLIMIT_STACK || host.stack == 0)
		return __real_getrlimit(what, limit);
	*limit = (struct rlimit){host.stack, RLIM_INFINITY};
	return 0;
}

void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
	void *p = fails() ? MAP_FAILED : __real_mmap(at, len, prot, flags, fd, offset);

	host.mapped += p != MAP_FAILED;
	return p;
}

int __wrap_munmap(void *at, size_t len)
{
	host.mapped--;
	return __real_munmap(at, len);
}

int __wrap_mprotect(void *at, size_t len, int prot)
{
	return fails() ? -1 : __real_mprotect(at, len, prot);
}

int __wrap_getcontext(ucontext_t *to)
{
	return fails() ? -1 : __real_getcontext(to);
}

int __wrap_swapcontext(ucontext_t *from, const ucontext_t *to)
{
	return fails() ? -1 : __real_swapcontext(from, to);
}

static int set_up(void **state)
{
	(void)state;
	memset(&host, 0, sizeof host);
	return 0;
}

/* ---- descriptors ---- */

/* For a child: 0, or what is not as it should be. */
static int stands_in(unsigned closed)
{
	char byte;

	for (int fd = 0; fd < 3; fd++) {
		if ((closed >> fd & 1) == 0)
			continue;
		if (fcntl(fd, F_GETFD) == -1)
			return 1;
		if (write(fd, "x", 1) != -1 || errno != EBADF)
			return 2;
		if (read(fd, &byte, 1) != 0)
			return 3;
	}
	return open("/dev/null", O_RDONLY) > 2 ? 0 : 4;
}

static int try_closed(unsigned closed, int failing)
{
	struct husk_error e = {0};

	for (int fd = 0; fd < 3; fd++)
		if ((closed >> fd & 1) != 0)
			close(fd);
	host.fails = failing;
	if (inherited_descriptors(&e) == 0)
		return stands_in(closed);
	return strstr(e.message, "placeholder for closed descriptor") != NULL ? 50 : 51;
}

static int in_child(unsigned closed, int failing)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0)
		_exit(try_closed(closed, failing));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void closed_descriptors_are_stood_in_for(void **state)
{
	(void)state;
	for (unsigned closed = 0; closed < 8; closed++) {
		assert_int_equal(in_child(closed, 0), 0);
		for (int nth = 1; nth <= __builtin_popcount(closed); nth++)
			assert_int_equal(in_child(closed, nth), 50);
	}
}

/* ---- the stack ---- */

static struct {
	int calls;
	uintptr_t at;		/* where the body's variables are */
} seen;

static int body(void *ctx)
{
	const size_t needed = 64u << 10;
	volatile char *much = __builtin_alloca(needed);

	for (size_t i = 0; i < needed; i += 1024)
		much[i] = 1;
	seen.calls++;
	seen.at = (uintptr_t)much;
	return *(int *)ctx;
}

static bool is_near(uintptr_t a, uintptr_t b)
{
	return (a > b ? a - b : b - a) < 1u << 20;
}

static int call(rlim_t stack, int wanted, struct husk_error *e)
{
	memset(&seen, 0, sizeof seen);
	host.stack = stack;
	host.calls = host.mapped = 0;
	return inherited_stack(body, &wanted, e);
}

static void a_stack_that_is_too_small_is_replaced(void **state)
{
	struct husk_error e = {0};
	int here = 0;

	(void)state;
	for (rlim_t stack = 4096; stack < 256u << 10; stack *= 2) {
		assert_int_equal(call(stack, 7, &e), 7);
		assert_int_equal(seen.calls, 1);
		assert_false(is_near(seen.at, (uintptr_t)&here));
		assert_int_equal(host.mapped, 0);
	}
}

static void one_that_suffices_is_used(void **state)
{
	static const rlim_t stacks[] = {256u << 10, 8u << 20, RLIM_INFINITY};
	struct husk_error e = {0};
	int here = 0;

	(void)state;
	for (size_t i = 0; i < sizeof stacks / sizeof stacks[0]; i++) {
		assert_int_equal(call(stacks[i], 7, &e), 7);
		assert_true(is_near(seen.at, (uintptr_t)&here));
		assert_int_equal(host.calls, 0);
	}
}

static void what_is_known_is_not_asked_for(void **state)
{
	struct husk_error e = {0};
	int here = 0;

	(void)state;
	assert_false(__real_stack_is_ample(SIZE_MAX));
	host.ample = true;
	assert_int_equal(call(16384, 7, &e), 7);
	assert_true(is_near(seen.at, (uintptr_t)&here));
	assert_int_equal(host.calls, 0);
}

static void nothing_is_called_where_there_is_none(void **state)
{
	struct husk_error e = {0};

	(void)state;
	for (host.fails = 1; call(16384, 7, &e) == -1; host.fails++) {
		assert_int_equal(seen.calls, 0);
		assert_int_equal(e.sys, ENOMEM);
		assert_non_null(strstr(e.message, "a stack of our own"));
		assert_int_equal(host.mapped, 0);
	}
	assert_int_equal(host.fails, 5);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(closed_descriptors_are_stood_in_for),
		TEST(a_stack_that_is_too_small_is_replaced),
		TEST(one_that_suffices_is_used),
		TEST(what_is_known_is_not_asked_for),
		TEST(nothing_is_called_where_there_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
