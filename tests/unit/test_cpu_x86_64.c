/* SPDX-License-Identifier: ISC */
/* test_cpu_x86_64.c: descriptor table, first registers, and where hypercalls arrive. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "../../monitor/cpu.h"
#include "../../monitor/memory_host.h"

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

static void assert_segment(const struct cpu_segment *s, uint64_t descriptor, unsigned selector)
{
	/* Intel SDM vol. 3A 3.4.5, figure 3-8. */
	const uint32_t low = (uint32_t)descriptor, high = (uint32_t)(descriptor >> 32);
	const uint32_t limit = (low & 0xffff) | (high & 0xf0000);

	assert_int_equal(s->selector, selector);
	assert_true(s->base == ((low >> 16) | (high & 0xff) << 16 | (high & 0xff000000)));
	assert_int_equal(s->limit, (high >> 23 & 1) != 0 ? limit << 12 | 0xfff : limit);
	assert_int_equal(s->type, high >> 8 & 15);
	assert_int_equal(s->code_or_data, high >> 12 & 1);
	assert_int_equal(high >> 13 & 3, 0);
	assert_int_equal(s->present, high >> 15 & 1);
	assert_int_equal(s->long_mode, high >> 21 & 1);
	assert_int_equal(s->default_32, high >> 22 & 1);
	assert_int_equal(s->granular, high >> 23 & 1);
}

static void the_descriptor_table_has_null_code_and_data(void **state)
{
	static const uint8_t bytes[] = {
		0, 0, 0, 0, 0, 0, 0, 0,
		0xff, 0xff, 0, 0, 0, 0x99, 0xaf, 0,
		0xff, 0xff, 0, 0, 0, 0x93, 0xcf, 0,
	};
	static struct fixture f;
	uint64_t descriptors[3];

	(void)state;
	make(&f, 2 * MIB);
	assert_true(f.state.gdt_base == 0x1000);
	assert_int_equal(f.state.gdt_limit, 23);
	assert_memory_equal(f.ram + 0x1000, bytes, sizeof bytes);
	for (uint64_t gpa = 0x1000 + sizeof bytes; gpa < 0x2000; gpa++)
		assert_int_equal(f.ram[gpa], 0);
	memcpy(descriptors, f.ram + 0x1000, sizeof descriptors);
	assert_segment(&f.state.code, descriptors[1], 0x08);
	assert_segment(&f.state.data, descriptors[2], 0x10);
	destroy(&f);
}

static void the_task_register_is_a_busy_64_bit_tss(void **state)
{
	static struct fixture f;
	const struct cpu_segment *tss = &f.state.tss;

	(void)state;
	make(&f, 2 * MIB);
	assert_true(tss->base == 0 && tss->limit == 0 && tss->selector == 0);
	assert_int_equal(tss->type, 11);
	assert_true(tss->present);
	assert_false(tss->code_or_data || tss->long_mode || tss->default_32 || tss->granular);
	destroy(&f);
}

static void the_first_registers_are_those_of_the_abi(void **state)
{
	static const uint64_t sizes[] = {2 * MIB, 512 * MIB, 4 * GIB};

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		static struct fixture f;

		make(&f, sizes[i]);
		assert_true(f.state.rip == ENTRY);
		assert_true(f.state.rsp == sizes[i] - 8);
		assert_true(f.state.rdi == 0x10000);
		assert_true(f.state.rflags == 0x2);
		assert_true(f.state.cr0 == 0x80010021);
		assert_true(f.state.cr3 == 0x2000);
		assert_true(f.state.cr4 == 0x620);
		assert_true(f.state.efer == 0xd00);	/* the ABI's 0x500, and NXE for NX */
		destroy(&f);
	}
}

static void hypercalls_are_ports(void **state)
{
	(void)state;
	assert_int_equal(cpu_hypercall_window.kind, BUS_PIO);
	assert_true(cpu_hypercall_window.base == 0x500);
	assert_int_equal(cpu_hypercall_window.stride, 1);
	assert_int_equal(cpu_elf_machine, 62);
	assert_string_equal(cpu_ip_name, "rip");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_descriptor_table_has_null_code_and_data),
		cmocka_unit_test(the_task_register_is_a_busy_64_bit_tss),
		cmocka_unit_test(the_first_registers_are_those_of_the_abi),
		cmocka_unit_test(hypercalls_are_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
