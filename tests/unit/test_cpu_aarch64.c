/* SPDX-License-Identifier: ISC */
/* test_cpu_aarch64.c: first registers, and where hypercalls arrive. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/mman.h>

#include "../../monitor/cpu.h"
#include "../../monitor/memory_host.h"
#include "start_aarch64.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])
#define MIB (1ull << 20)
#define GIB (1ull << 30)
#define ENTRY 0x123456ull

struct fixture {
	uint8_t *ram;
	uint64_t size;
	struct cpu_state state;
};

static void make(struct fixture *f, uint64_t size)
{
	struct husk_error e = {0};
	struct resource_space gpas;
	struct memory m;

	f->size = size;
	f->ram = mmap(NULL, size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | memory_host_unused, -1, 0);
	assert_ptr_not_equal(f->ram, MAP_FAILED);
	memory_init(&m, f->ram, size);
	assert_int_equal(resource_space_init(&gpas, 0, size - 1), RESOURCE_OK);
	if (cpu_boot(&m, &gpas, ENTRY, &f->state, &e) != 0)
		fail_msg("%s", e.message);
}

static void destroy(struct fixture *f)
{
	munmap(f->ram, f->size);
}

/* When the code of the start is done. The numbers are the ABI's own. */
static void the_first_registers_are_those_of_the_abi(void **state)
{
	static const uint64_t sizes[] = {2 * MIB, 512 * MIB, 4 * GIB};

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		static struct fixture f;
		struct start_registers r;

		make(&f, sizes[i]);
		r = start_run(f.ram, &f.state);
		assert_true(r.pc == ENTRY);
		assert_true(f.state.sp == sizes[i] - 16);
		assert_true(f.state.x0 == 0x10000);
		assert_true(f.state.pstate == 0x3c5);
		assert_true(r.cpacr == 3u << 20);
		assert_true(r.mair == 0x0000bbff440c0400);
		assert_true(r.tcr == 0x32b5183518);
		assert_true(r.ttbr0 == 0x1000);
		assert_true(r.sctlr == 0x1005);
		destroy(&f);
	}
}

/* What an image for the ABI may rely on, bit for bit; what is not executable has PXN besides. */
static void entries_are_those_of_the_abi(void **state)
{
	static const struct { uint64_t gpa, entry; } wanted[] = {
		{0x1000, 0x2003},
		{0x2000, 0x3003}, {0x2008, 0x4003}, {0x2010, 0},
		{0x2020, 0x0060000100000705},
		{0x3000, 0x7003}, {0x3008, 0x0060000000200711}, {0x3ff8, 0x006000003fe00711},
		{0x4000, 0x0060000040000711}, {0x4008, 0},
		{0x7078, 0}, {0x7080, 0x0060000000010793}, {0x77f8, 0x00600000000ff793},
		{0x77e8, 0x00600000000fd793}, {0x77f0, 0x00400000000fe793}, {0x7800, 0x0060000000100713}, {0x7ff8, 0x00600000001ff713},
	};
	static struct fixture f;

	(void)state;
	make(&f, GIB + 2 * MIB);
	for (size_t i = 0; i < COUNT(wanted); i++) {
		const uint64_t *at = (const void *)(f.ram + wanted[i].gpa);

		if (*at != wanted[i].entry)
			fail_msg("0x%llx holds 0x%llx", (unsigned long long)wanted[i].gpa,
				 (unsigned long long)*at);
	}
	destroy(&f);
}

static void there_is_a_level_2_table_for_each_gib(void **state)
{
	static const struct { uint64_t size; unsigned tables; } cases[] = {
		{2 * MIB, 1}, {GIB, 1}, {GIB + 2 * MIB, 2}, {2 * GIB, 2}, {4 * GIB - 2 * MIB, 4},
		{4 * GIB, 4},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		static struct fixture f;
		const uint64_t *level1;

		make(&f, cases[i].size);
		level1 = (const void *)(f.ram + 0x2000);
		for (unsigned k = 0; k < 4; k++)
			assert_true(level1[k] == (k < cases[i].tables ? 0x3003 + k * 0x1000 : 0));
		destroy(&f);
	}
}

static void hypercalls_are_stores_behind_all_memory(void **state)
{
	(void)state;
	assert_int_equal(cpu_hypercall_window.kind, BUS_MMIO);
	assert_true(cpu_hypercall_window.base == 0x100000000);
	assert_int_equal(cpu_hypercall_window.stride, 8);
	assert_int_equal(cpu_ring_kick.kind, BUS_MMIO);
	assert_true(cpu_ring_kick.base == 0x100000100);
	assert_int_equal(cpu_elf_machine, 183);
	assert_string_equal(cpu_ip_name, "pc");
}

static void the_hosts_counter_advances(void **state)
{
	const uint64_t before = cpu_ticks();

	(void)state;
	for (unsigned i = 0; i < 1000000 && cpu_ticks() == before; i++)
		cpu_relax();
	assert_true(cpu_ticks() > before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_registers_are_those_of_the_abi),
		cmocka_unit_test(entries_are_those_of_the_abi),
		cmocka_unit_test(there_is_a_level_2_table_for_each_gib),
		cmocka_unit_test(hypercalls_are_stores_behind_all_memory),
		cmocka_unit_test(the_hosts_counter_advances),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
