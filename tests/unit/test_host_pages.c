/* SPDX-License-Identifier: ISC */
/* test_host_pages.c: an image on hosts whose pages are larger than the guest's. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "../../monitor/machine.h"
#include "hv_fake.h"
#include "image.h"

#define KIB 1024u
#define TEXT 0x100000u
#define RODATA 0x110000u
#define DATA 0x125000u		/* shares a page of 16 KiB with the end of rodata */
#define ISLAND 0x133000u	/* read-only, alone among what can be written */
#define BOTH 0x140000u		/* a page of 64 KiB, of text and rodata */

static long host_page;

long __real_sysconf(int name);
long __wrap_sysconf(int name);

long __wrap_sysconf(int name)
{
	return name == _SC_PAGESIZE ? host_page : __real_sysconf(name);
}

extern const struct module module_core;
static const struct module *const mods[] = {&module_core, NULL};

static uint8_t bytes[0x15000];

static const char *image_make(struct image *i)
{
	static const struct { uint64_t at; size_t len; uint32_t flags; } segments[] = {
		{TEXT, RODATA - TEXT, PF_X}, {RODATA, DATA - RODATA, PF_R},
		{DATA, 0x1000, PF_R | PF_W}, {ISLAND, 0x1000, PF_R},
		{BOTH, 0x3000, PF_R | PF_X}, {BOTH + 0x3000, 0xd000, PF_R},
	};

	image_init(i, cpu_elf_machine);
	i->ehdr.e_entry = TEXT;
	for (size_t k = 0; k < sizeof segments / sizeof segments[0]; k++)
		image_segment(i, segments[k].at, segments[k].flags, bytes, segments[k].len);
	image_abi(i, 1, 2);
	image_manifest(i, NULL, 0);
	return image_save(i);
}

struct range {
	uint64_t start, last;
};

static void assert_protected(long page, const struct range *wanted, unsigned n)
{
	const struct husk_config config = {.console_fd = STDOUT_FILENO};
	struct husk_error e = {0};
	struct image i;
	struct husk *h;

	host_page = page;
	h = machine_create(&config, &hv_fake_ops, mods, &e);
	assert_non_null(h);
	if (husk_option(h, "--mem=4", &e) == -1 || husk_load(h, image_make(&i), 0, NULL, &e) == -1)
		fail_msg("%s", e.message);
	assert_int_equal(h->core.hv->n_protected, n);
	for (unsigned k = 0; k < n; k++) {
		assert_int_equal(h->core.hv->protected[k].start, wanted[k].start);
		assert_int_equal(h->core.hv->protected[k].last, wanted[k].last);
		assert_int_equal(h->core.hv->protected[k].prot, MEMORY_R);
	}
	husk_destroy(h);
	image_free(&i);
}

static void pages_of_4_kib_are_protected_to_the_last(void **state)
{
	static const struct range wanted[] = {
		{TEXT, DATA - 1}, {ISLAND, ISLAND + 0xfff}, {BOTH, BOTH + 0xffff},
	};

	(void)state;
	assert_protected(4 * KIB, wanted, 3);
}

static void what_shares_a_page_of_16_kib_with_data_stays_writable(void **state)
{
	static const struct range wanted[] = {{TEXT, 0x123fff}, {BOTH, BOTH + 0xffff}};

	(void)state;
	assert_protected(16 * KIB, wanted, 2);
}

static void what_shares_a_page_of_64_kib_with_data_stays_writable(void **state)
{
	static const struct range wanted[] = {{TEXT, 0x11ffff}, {BOTH, BOTH + 0xffff}};

	(void)state;
	assert_protected(64 * KIB, wanted, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_of_4_kib_are_protected_to_the_last),
		cmocka_unit_test(what_shares_a_page_of_16_kib_with_data_stays_writable),
		cmocka_unit_test(what_shares_a_page_of_64_kib_with_data_stays_writable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
