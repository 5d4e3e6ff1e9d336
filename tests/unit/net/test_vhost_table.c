/* SPDX-License-Identifier: ISC */
/* test_vhost_table.c: what of guest memory the kernel of the host is given. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../../include/hvt_abi.h"
#include "../../../monitor/net/vhost_table.h"

#define SIZE (8u << 20)
#define BASE ((uint64_t)HVT_GUEST_MIN_BASE)

static uint8_t ram[1];
static struct memory m;

static void declare(uint64_t start, uint64_t end, unsigned prot)
{
	struct husk_error e;

	assert_int_equal(memory_declare(&m, start, end - 1, prot, start == 0 ? "low memory" : "segment", &e), 0);
}

/* Text, rodata, data: of 0x9000, 0x1000 and 0x3000 bytes. */
static int set_up(void **state)
{
	(void)state;
	memory_init(&m, ram, SIZE);
	m.host_page = 0x1000;
	declare(0, BASE, MEMORY_R);
	declare(BASE, BASE + 0x9000, MEMORY_R | MEMORY_X);
	declare(BASE + 0x9000, BASE + 0xa000, MEMORY_R);
	declare(BASE + 0xa000, BASE + 0xd000, MEMORY_R | MEMORY_W);
	return 0;
}

static void expect(const struct vhost_region *wanted, int n)
{
	struct vhost_region got[VHOST_REGIONS_MAX];

	assert_int_equal(vhost_regions(&m, got, VHOST_REGIONS_MAX), n);
	assert_memory_equal(got, wanted, (size_t)n * sizeof *wanted);
}

static void low_memory_is_left_out(void **state)
{
	const struct vhost_region all = {BASE, SIZE - BASE};

	(void)state;
	expect(&all, 1);
}

/* The first 64 KiB of the image are text, rodata and data, which the host cannot tell apart. */
static void a_large_page_that_segments_share_is_left_out(void **state)
{
	const struct vhost_region rest = {BASE + 0x10000, SIZE - BASE - 0x10000};

	(void)state;
	m.host_page = 0x10000;
	expect(&rest, 1);
}

static void large_pages_of_text_alone_are_not(void **state)
{
	const struct vhost_region parts[] = {
		{BASE, 0x10000}, {BASE + 0x20000, SIZE - BASE - 0x20000},
	};

	(void)state;
	memory_init(&m, ram, SIZE);
	m.host_page = 0x10000;
	declare(0, BASE, MEMORY_R);
	declare(BASE, BASE + 0x11000, MEMORY_R | MEMORY_X);
	declare(BASE + 0x11000, BASE + 0x13000, MEMORY_R | MEMORY_W);
	expect(parts, 2);
}

static void a_hole_between_segments_is_the_guests(void **state)
{
	const struct vhost_region parts[] = {
		{BASE, 0x10000}, {BASE + 0x20000, 0xe0000}, {BASE + 0x110000, SIZE - BASE - 0x110000},
	};

	(void)state;
	memory_init(&m, ram, SIZE);
	m.host_page = 0x10000;
	declare(0, BASE, MEMORY_R);
	declare(BASE, BASE + 0x10001, MEMORY_R);
	declare(BASE + 0x101000, BASE + 0x102000, MEMORY_R);
	expect(parts, 3);
}

static void too_many_pieces_are_told(void **state)
{
	struct vhost_region one;

	(void)state;
	m.host_page = 0x10000;
	declare(BASE + 0x101000, BASE + 0x102000, MEMORY_R);
	assert_int_equal(vhost_regions(&m, &one, 1), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(low_memory_is_left_out, set_up),
		cmocka_unit_test_setup(a_large_page_that_segments_share_is_left_out, set_up),
		cmocka_unit_test_setup(large_pages_of_text_alone_are_not, set_up),
		cmocka_unit_test_setup(a_hole_between_segments_is_the_guests, set_up),
		cmocka_unit_test_setup(too_many_pieces_are_told, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
