/* SPDX-License-Identifier: ISC */
/* test_memory_host.c: address space for a guest, and what the host is told about it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../monitor/guest_pages.h"
#include "../../monitor/memory_host.h"
#include "emulated.h"

static struct {
	unsigned calls, fail_at;	/* the fail_at-th call fails, 0 = none */
	int error;			/* with this errno */
	int mapped;			/* mappings that are not unmapped yet */
	size_t size;			/* of the last one */
	size_t shift;			/* bytes by which it misses what the kernel would return */
} host;

void *__real_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset);
int __real_mprotect(void *addr, size_t len, int prot);
int __wrap_mprotect(void *addr, size_t len, int prot);
int __real_munmap(void *addr, size_t len);
int __wrap_munmap(void *addr, size_t len);

void *__wrap_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
	uint8_t *map;

	if (++host.calls == host.fail_at) {
		errno = host.error;
		return MAP_FAILED;
	}
	host.mapped++;
	host.size = len;
	assert_int_equal(flags, MAP_PRIVATE | MAP_ANONYMOUS | memory_host_unused);
	map = __real_mmap(addr, len + host.shift, prot, flags, fd, offset);
	if (map != MAP_FAILED && host.shift > 0) {
		assert_int_equal(__real_munmap(map, host.shift), 0);
		map += host.shift;
	}
	return map;
}

int __wrap_mprotect(void *addr, size_t len, int prot)
{
	if (++host.calls == host.fail_at) {
		errno = host.error;
		return -1;
	}
	return __real_mprotect(addr, len, prot);
}

int __wrap_munmap(void *addr, size_t len)
{
	host.mapped--;
	assert_int_equal(len, host.size);
	return __real_munmap(addr, len);
}

static int allocate(struct memory_host *h, uint64_t size, struct husk_error *e)
{
	if (memory_host_reserve(h, size, e) == -1)
		return -1;
	if (memory_host_commit(h, e) == 0)
		return 0;
	memory_host_release(h);
	return -1;
}

static void host_memory_is_aligned_and_zero(void **state)
{
	static const size_t shifts[] = {0, 0x1000, 0x1ff000, 0x200000, 0x201000};
	struct husk_error e = {0};
	struct memory_host h;
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof shifts / sizeof shifts[0]; i++) {
		memset(&host, 0, sizeof host);
		host.shift = shifts[i];
		assert_int_equal(allocate(&h, 0x200000, &e), 0);
		assert_int_equal(host.calls, 2);
		assert_int_equal((uintptr_t)h.base % 0x200000, 0);
		assert_true(h.base - (uint8_t *)h.map >= 0x200000);
		assert_true((uint8_t *)h.map + h.map_size - (h.base + 0x200000) >= 0x200000);
		for (k = 0; k < 0x200000; k += 0x1000)
			assert_int_equal(h.base[k], 0);
		h.base[0] = h.base[0x1fffff] = 1;
		memory_host_release(&h);
		assert_int_equal(host.mapped, 0);
	}
}

static void releasing_twice_or_never_allocated_does_nothing(void **state)
{
	struct memory_host h = {0};
	struct husk_error e;

	(void)state;
	memset(&host, 0, sizeof host);
	memory_host_release(&h);
	assert_int_equal(host.mapped, 0);
	assert_int_equal(allocate(&h, 0x200000, &e), 0);
	memory_host_release(&h);
	assert_null(h.map);
	assert_null(h.base);
	memory_host_release(&h);
	assert_int_equal(host.mapped, 0);
}

/* The kernel looks, so that nothing has to crash. */
static bool accessible(uint8_t *at)
{
	int fds[2];
	bool yes;

	assert_int_equal(pipe(fds), 0);
	yes = write(fds[1], at, 1) == 1 && read(fds[0], at, 1) == 1;
	if (!yes)
		assert_int_equal(errno, EFAULT);
	close(fds[0]);
	close(fds[1]);
	return yes;
}

static void guards_lie_on_both_sides(void **state)
{
	struct husk_error e = {0};
	struct memory_host h;

	(void)state;
	assert_int_equal(allocate(&h, 0x200000, &e), 0);
	assert_true(accessible(h.base));
	assert_true(accessible(h.base + 0x1fffff));
	assert_false(accessible(h.base - 1));
	assert_false(accessible(h.base - 0x200000));
	assert_false(accessible(h.base + 0x200000));
	assert_false(accessible(h.base + 0x3fffff));
	memory_host_release(&h);
}

static void assert_fails(int error, unsigned fail_at, const char *message)
{
	struct husk_error e = {0};
	struct memory_host h;

	memset(&host, 0, sizeof host);
	host.error = error;
	host.fail_at = fail_at;
	assert_int_equal(allocate(&h, 0x400000, &e), -1);
	assert_int_equal(e.kind, HUSK_E_HOST);
	assert_int_equal(e.sys, error);
	assert_string_equal(e.message, message);
	assert_int_equal(host.mapped, 0);
	assert_null(h.map);
	memory_host_release(&h);
	memset(&host, 0, sizeof host);
}

static void every_host_call_may_fail(void **state)
{
	unsigned k;

	(void)state;
	for (k = 1; k <= 2; k++) {
		assert_fails(ENOMEM, k, "Cannot reserve 4 MiB of guest memory: Cannot "
			     "allocate memory: give the guest less, or raise the host's limits");
		assert_fails(EPERM, k, "Cannot reserve 4 MiB of guest memory: Operation "
			     "not permitted");
	}
}

static void too_much_memory_is_refused(void **state)
{
	static const uint64_t sizes[] = {UINT64_MAX, UINT64_MAX - 0xfff, UINT64_MAX - 0x5fffff,
					 UINT64_C(1) << 62};
	struct husk_error e;
	struct memory_host h;
	size_t k;

	(void)state;
	for (k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
		assert_int_equal(allocate(&h, sizes[k], &e), -1);
		assert_int_equal(e.kind, HUSK_E_HOST);
		assert_int_equal(e.sys, ENOMEM);
		assert_null(h.map);
	}
}

/* ---- what the host is told: proc_pid_smaps(5), VmFlags ---- */

/* Whether the mapping at an address has a flag; -1 if this host does not tell. */
static int has_flag(const void *at, const char *flag)
{
	FILE *maps = fopen("/proc/self/smaps", "re");
	char line[512];
	bool here = false;
	int has = -1;

	if (maps == NULL)
		return -1;
	while (has == -1 && fgets(line, sizeof line, maps) != NULL) {
		unsigned long start, end;

		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			here = start <= (uintptr_t)at && (uintptr_t)at < end;
		else if (here && strncmp(line, "VmFlags:", 8) == 0)
			has = strstr(line, flag) != NULL;
	}
	fclose(maps);
	return has;
}

static void assert_flag(const void *at, const char *flag, bool expected)
{
	int has = has_flag(at, flag);

	if (has == -1 || emulated()) {
		print_message("# a host that does not tell, or an emulator's own mappings\n");
		skip();
	}
	assert_int_equal(has, expected);
}

static void nothing_is_accessible_before_it_is_committed(void **state)
{
	struct husk_error e = {0};
	struct memory_host h;

	(void)state;
	assert_int_equal(memory_host_reserve(&h, 0x200000, &e), 0);
	assert_true(h.size == 0x200000);
	assert_false(accessible(h.base));
	assert_int_equal(memory_host_commit(&h, &e), 0);
	assert_true(accessible(h.base));
	memory_host_release(&h);
}

/* What a guest holds is nobody's business who looks at the monitor's core. */
static void core_files_leave_it_out(void **state)
{
	struct husk_error e = {0};
	struct memory_host h;

	(void)state;
	assert_int_equal(allocate(&h, 0x400000, &e), 0);
	assert_flag(h.base, " dd", true);
	assert_flag(h.base + 0x3fffff, " dd", true);
	memory_host_release(&h);
}

#define MIB 0x100000ull

/* Which of the places shall have small pages, and which huge ones. */
static void assert_pages(uint64_t size, uint64_t kernel_end, enum guest_pages_huge huge,
			 const uint64_t *small, const uint64_t *others)
{
	struct husk_error e = {0};
	struct memory_host h;
	struct memory m;

	assert_int_equal(allocate(&h, size, &e), 0);
	memory_init(&m, h.base, size);
	guest_pages_choose(&m, kernel_end, huge);
	for (; *small != UINT64_MAX; small++)
		assert_flag(h.base + *small, " nh", true);
	for (; *others != UINT64_MAX; others++) {
		assert_flag(h.base + *others, " nh", false);
		assert_flag(h.base + *others, " hg", huge == GUEST_PAGES_ON);
	}
	memory_host_release(&h);
}

#define PLACES(...) ((const uint64_t[]){__VA_ARGS__, UINT64_MAX})

static void what_every_guest_touches_has_small_pages(void **state)
{
	(void)state;
	assert_pages(32 * MIB, MIB + 1, GUEST_PAGES_HOST, PLACES(0, 2 * MIB - 1, 30 * MIB, 32 * MIB - 1),
		     PLACES(2 * MIB, 30 * MIB - 1));
	assert_pages(32 * MIB, 9 * MIB, GUEST_PAGES_HOST, PLACES(0, 10 * MIB - 1, 30 * MIB),
		     PLACES(10 * MIB, 30 * MIB - 1));
	assert_pages(32 * MIB, 31 * MIB, GUEST_PAGES_HOST, PLACES(0, 16 * MIB, 32 * MIB - 1),
		     PLACES(UINT64_MAX));
	assert_pages(2 * MIB, MIB + 1, GUEST_PAGES_HOST, PLACES(0, 2 * MIB - 1), PLACES(UINT64_MAX));
}

static void a_user_can_have_one_kind_everywhere(void **state)
{
	(void)state;
	assert_pages(32 * MIB, MIB, GUEST_PAGES_OFF, PLACES(0, 16 * MIB, 32 * MIB - 1),
		     PLACES(UINT64_MAX));
	assert_pages(32 * MIB, MIB, GUEST_PAGES_ON, PLACES(UINT64_MAX),
		     PLACES(0, 16 * MIB, 32 * MIB - 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(host_memory_is_aligned_and_zero),
		cmocka_unit_test(releasing_twice_or_never_allocated_does_nothing),
		cmocka_unit_test(guards_lie_on_both_sides),
		cmocka_unit_test(every_host_call_may_fail),
		cmocka_unit_test(too_much_memory_is_refused),
		cmocka_unit_test(nothing_is_accessible_before_it_is_committed),
		cmocka_unit_test(core_files_leave_it_out),
		cmocka_unit_test(what_every_guest_touches_has_small_pages),
		cmocka_unit_test(a_user_can_have_one_kind_everywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
