/* SPDX-License-Identifier: ISC */
/* test_tables.c: boot tables, walked as the processor does. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "../../monitor/boot.h"
#include "../../monitor/cpu.h"
#include "../../monitor/memory_host.h"
#include "walk.h"
#include "expect.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])
#define PAGE WALK_PAGE
#define MIB (1ull << 20)
#define GIB (1ull << 30)
#define LOW WALK_LOW		/* where the image's memory begins */
#define ENTRY 0x123456ull
#define X (MEMORY_R | MEMORY_X)
#define R MEMORY_R
#define RW (MEMORY_R | MEMORY_W)
#define BOOT_FILLER 0xb0

/* ---- a machine as it is when its tables are written ---- */

struct fixture {
	uint8_t *ram;
	uint64_t size;		/* of the mapping; a page behind it cannot be touched */
	struct memory m;
	struct resource_space gpas;
	struct manifest mft;
	struct cpu_state state;
	struct husk_error e;
	uint64_t boot_last;
	struct walk walk;
};

static void make(struct fixture *f, uint64_t size, unsigned devices)
{
	memset(f, 0, sizeof *f);
	f->size = size;
	f->ram = mmap(NULL, size + PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | memory_host_unused, -1, 0);
	assert_ptr_not_equal(f->ram, MAP_FAILED);
	assert_int_equal(mprotect(f->ram + size, PAGE, PROT_NONE), 0);
	f->walk = (struct walk){.ram = f->ram, .state = &f->state};
	memory_init(&f->m, f->ram, size);
	f->m.host_page = PAGE;
	assert_int_equal(resource_space_init(&f->gpas, 0, size - 1), RESOURCE_OK);
	f->mft.header = (struct mft_header){MFT_VERSION, devices + 1};
	assert_int_equal(boot_reserve(&f->gpas, &f->mft, &f->e), 0);
	f->boot_last = resource_find(&f->gpas, HVT_BOOT_INFO_GPA)->last;
	memset(f->ram + HVT_BOOT_INFO_GPA, BOOT_FILLER, f->boot_last + 1 - HVT_BOOT_INFO_GPA);
}

static void destroy(struct fixture *f)
{
	munmap(f->ram, f->size + PAGE);
}

/* Under one of two names in turn, so that neighbours stay apart. */
static void declare(struct fixture *f, uint64_t start, uint64_t last, unsigned prot)
{
	const char *what = f->m.n_ranges % 2 == 0 ? "even" : "odd";

	if (memory_declare(&f->m, start, last, prot, what, &f->e) != 0)
		fail_msg("%s", f->e.message);
}

static void boot(struct fixture *f)
{
	if (cpu_boot(&f->m, &f->gpas, ENTRY, &f->state, &f->e) != 0)
		fail_msg("%s", f->e.message);
	assert_int_equal(f->e.kind, HUSK_E_NONE);
}

static void assert_refused(struct fixture *f, const char *message)
{
	assert_int_equal(cpu_boot(&f->m, &f->gpas, ENTRY, &f->state, &f->e), -1);
	assert_error(&f->e, HUSK_E_IMAGE, message);
}

/* ---- layouts, and what their pages should be ---- */

struct range {
	uint64_t start, last;
	unsigned prot;
};

struct layout {
	const char *name;
	uint64_t size;
	unsigned tables;	/* page tables of the lowest level */
	struct range ranges[8];
};

/* In low memory, the only place that is executable. */
static bool start_code(uint64_t va)
{
	return walk_code.owner != NULL && va >= walk_code.start && va <= walk_code.last;
}

/* R or X of declared memory, where the image may lie. */
static bool declared_read_only(const struct layout *l, uint64_t va)
{
	for (size_t i = 0; i < COUNT(l->ranges); i++)
		if (va >= LOW && l->ranges[i].start <= va && va <= l->ranges[i].last)
			return l->ranges[i].prot == R || l->ranges[i].prot == X;
	return false;
}

/* The host can protect none of its page, or all; with UNBOUND, nothing that binds the guest. */
#define UNBOUND 0
static bool host_protects(const struct layout *l, uint64_t page, uint64_t va)
{
	if (page == UNBOUND)
		return false;
	for (uint64_t a = va / page * page; a < (va / page + 1) * page; a += PAGE)
		if (!declared_read_only(l, a))
			return false;
	return true;
}

static struct page expected(const struct layout *l, uint64_t host_page, uint64_t va)
{
	struct page p = {va >= 0x10000 && va < l->size, va >= LOW, false, false, va};

	if (!p.present)
		return (struct page){0};
	for (size_t i = 0; i < COUNT(l->ranges); i++)
		if (l->ranges[i].start <= va && va <= l->ranges[i].last)
			p.executable = l->ranges[i].prot == X;
	if (declared_read_only(l, va))
		p.writable = host_protects(l, host_page, va);
	p.executable |= start_code(va);
	return p;
}

static void assert_page(struct fixture *f, const struct layout *l, uint64_t va)
{
	struct page got = walk(&f->walk, va);
	struct page want = expected(l, f->m.unbound ? UNBOUND : f->m.host_page, va);

	if (got.present == want.present && got.writable == want.writable &&
	    got.executable == want.executable && !got.device && got.gpa == want.gpa)
		return;
	fail_msg("%s: 0x%llx is %s%s%s at 0x%llx", l->name, (unsigned long long)va,
		 got.present ? "present " : "absent ", got.writable ? "writable " : "",
		 got.executable ? "executable " : "", (unsigned long long)got.gpa);
}

/* Every page of the 4 GiB that a guest can have, and the rest of what the top levels can say. */
static void assert_all_pages(struct fixture *f, const struct layout *l)
{
	for (uint64_t va = 0; va < l->size; va += PAGE)
		assert_page(f, l, va);
	assert_page(f, l, l->size - 1);
	for (uint64_t va = l->size; va < 4 * GIB; va += 2 * MIB)
		assert_page(f, l, va);
	for (uint64_t i = 4; i < 512; i++)
		if (walk_window == 0 || i << 30 != walk_window)
			assert_false(walk(&f->walk, i << 30).present);
	for (uint64_t i = 1; i < 512; i++)
		assert_false(walk(&f->walk, i << 39).present);
}

static unsigned owned_by(const struct fixture *f, const char *owner)
{
	unsigned n = 0;

	for (size_t i = 0; i < f->gpas.n; i++)
		n += strcmp(f->gpas.taken[i].owner, owner) == 0;
	return n;
}

/* Tables lie where they are registered; boot info and the memory of the image stay untouched. */
static void assert_low_memory(const struct fixture *f)
{
	for (uint64_t gpa = 0; gpa < LOW; gpa += PAGE) {
		const struct resource_range *r = resource_find(&f->gpas, gpa);
		bool table = f->walk.is_table[gpa / PAGE];

		assert_false(table && (r == NULL || strcmp(r->owner, "zero page") == 0 ||
				       strcmp(r->owner, "boot info") == 0));
		if (start_code(gpa))
			continue;
		for (uint64_t i = gpa; i < gpa + PAGE && !table && gpa != PAGE; i++)
			if (f->ram[i] != (i >= HVT_BOOT_INFO_GPA && i <= f->boot_last ? BOOT_FILLER : 0))
				fail_msg("0x%llx was written", (unsigned long long)i);
	}
	for (uint64_t i = LOW; i < 2 * MIB; i++)
		if (f->ram[i] != 0)
			fail_msg("0x%llx was written", (unsigned long long)i);
}

static void assert_layout(const struct layout *l, uint64_t host_page)
{
	static struct fixture f;

	make(&f, l->size, 3);
	f.m.unbound = host_page == UNBOUND;
	f.m.host_page = host_page == UNBOUND ? PAGE : host_page;
	for (size_t i = 0; i < COUNT(l->ranges); i++)
		if (l->ranges[i].last != 0)
			declare(&f, l->ranges[i].start, l->ranges[i].last, l->ranges[i].prot);
	boot(&f);
	assert_all_pages(&f, l);
	assert_low_memory(&f);
	if (owned_by(&f, "page table") != l->tables)
		fail_msg("%s: %u page tables", l->name, owned_by(&f, "page table"));
	destroy(&f);
}

static void assert_layouts(const struct layout *l, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_layout(&l[i], PAGE);
}

static void nothing_is_executable_unless_declared(void **state)
{
	static const struct layout layouts[] = {
		{"2 MiB", 2 * MIB, 1, {{0}}},
		{"4 MiB", 4 * MIB, 1, {{0}}},
		{"1 GiB", 1 * GIB, 1, {{0}}},
		{"1 GiB and a little", GIB + 2 * MIB, 1, {{0}}},
		{"4 GiB", 4 * GIB, 1, {{0}}},
		{"a read-only block", 6 * MIB, 1, {{0x200000, 0x3fffff, R}}},
		{"data across blocks", 6 * MIB, 1, {{0x1ff000, 0x400fff, RW}}},
	};

	(void)state;
	assert_layouts(layouts, COUNT(layouts));
}

static void text_in_the_first_2_mib_is_executable(void **state)
{
	static const struct layout layouts[] = {
		{"a page", 2 * MIB, 1, {{0x100000, 0x100fff, X}}},
		{"the last page", 2 * MIB, 1, {{0x1ff000, 0x1fffff, X}}},
		{"all of it", 2 * MIB, 1, {{0x100000, 0x1fffff, X}}},
		{"as images are", 4 * MIB, 1, {{0x100000, 0x104fff, X}, {0x105000, 0x107fff, R},
					       {0x108000, 0x108fff, RW}}},
		{"with gaps", 4 * MIB, 1, {{0x102000, 0x102fff, X}, {0x104000, 0x105fff, X},
					   {0x10a000, 0x10afff, X}}},
	};

	(void)state;
	assert_layouts(layouts, COUNT(layouts));
}

static void text_that_crosses_2_mib_is_executable(void **state)
{
	static const struct layout layouts[] = {
		{"crossing", 4 * MIB, 2, {{0x180000, 0x27ffff, X}}},
		{"two pages", 4 * MIB, 2, {{0x1ff000, 0x200fff, X}}},
		{"crossing twice", 8 * MIB, 2, {{0x1ff000, 0x400fff, X}}},
		{"crossing a GiB", GIB + 2 * MIB, 3, {{0x3ffff000, 0x40000fff, X}}},
	};

	(void)state;
	assert_layouts(layouts, COUNT(layouts));
}

static void whole_blocks_take_no_table(void **state)
{
	static const struct layout layouts[] = {
		{"a block", 6 * MIB, 1, {{0x200000, 0x3fffff, X}}},
		{"two blocks", 8 * MIB, 1, {{0x200000, 0x5fffff, X}}},
		{"the last block", 4 * MIB, 1, {{0x200000, 0x3fffff, X}}},
		{"from a page before", 6 * MIB, 1, {{0x1ff000, 0x3fffff, X}}},
		{"from a page later", 6 * MIB, 2, {{0x201000, 0x3fffff, X}}},
		{"to a page earlier", 6 * MIB, 2, {{0x200000, 0x3fefff, X}}},
		{"to a page later", 6 * MIB, 2, {{0x200000, 0x400fff, X}}},
		{"two halves", 6 * MIB, 2, {{0x200000, 0x2fffff, X}, {0x300000, 0x3fffff, X}}},
		{"only the second half", 6 * MIB, 2, {{0x300000, 0x3fffff, X}}},
		{"between data", 8 * MIB, 1, {{0x1ff000, 0x1fffff, RW}, {0x200000, 0x3fffff, X},
					      {0x400000, 0x400fff, R}}},
	};

	(void)state;
	assert_layouts(layouts, COUNT(layouts));
}

static void segments_may_lie_anywhere_in_4_gib(void **state)
{
	static const struct layout layouts[] = {
		{"in each GiB", 4 * GIB, 5, {{0x100000, 0x100fff, X}, {0x200000, 0x200fff, X},
					     {0x40001000, 0x40001fff, X},
					     {0x80000000, 0x803fffff, X},
					     {0x80400000, 0x80400fff, X},
					     {0x80401000, 0x80402fff, R},
					     {0x80403000, 0x80ffffff, RW},
					     {0xfffff000, 0xffffffff, X}}},
		{"the last page", 64 * MIB, 2, {{0x3fff000, 0x3ffffff, X}}},
	};

	(void)state;
	assert_layouts(layouts, COUNT(layouts));
}

/* What the host can protect is writable here: a store ends the run instead of faulting. */
static void what_the_host_cannot_protect_is_read_only(void **state)
{
	static const struct layout layouts[] = {
		{"as images are", 4 * MIB, 1, {{0x100000, 0x104fff, X}, {0x105000, 0x105fff, R},
					       {0x106000, 0x106fff, RW}}},
		{"nothing shared", 6 * MIB, 1, {{0x200000, 0x20ffff, R}, {0x210000, 0x210fff, RW}}},
		{"shared with what is not declared", 6 * MIB, 2, {{0x200000, 0x204fff, R}}},
		{"the third block alone", 8 * MIB, 2, {{0x400000, 0x404fff, R}}},
		{"shared at the front", 6 * MIB, 2, {{0x200000, 0x200fff, RW},
						     {0x201000, 0x21ffff, R}}},
		{"text across blocks", 8 * MIB, 3, {{0x3ff000, 0x400fff, X}}},
		{"to the end of a block", 8 * MIB, 2, {{0x201000, 0x3fffff, R}}},
		{"neighbours", 6 * MIB, 2, {{0x200000, 0x200fff, X}, {0x201000, 0x20ffff, R}}},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(layouts); i++) {
		assert_layout(&layouts[i], 0x4000);
		assert_layout(&layouts[i], 0x10000);
	}
}

static void where_the_host_binds_no_guest_its_tables_do(void **state)
{
	static const struct layout layouts[] = {
		{"as images are", 4 * MIB, 1, {{0x100000, 0x104fff, X}, {0x105000, 0x107fff, R},
					       {0x108000, 0x108fff, RW}}},
		{"a block", 6 * MIB, 1, {{0x200000, 0x3fffff, R}}},
		{"a block of text", 6 * MIB, 1, {{0x200000, 0x3fffff, X}}},
		{"blocks and a page", 8 * MIB, 2, {{0x1ff000, 0x400fff, R}}},
		{"the end of a block", 6 * MIB, 2, {{0x300000, 0x3fffff, R}}},
		{"its beginning", 6 * MIB, 2, {{0x200000, 0x2fffff, R}}},
		{"text, then data", 6 * MIB, 2, {{0x200000, 0x2fffff, X}, {0x300000, 0x3fffff, R}}},
		{"writable blocks", 6 * MIB, 1, {{0x200000, 0x3fffff, RW}}},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(layouts); i++)
		assert_layout(&layouts[i], UNBOUND);
}

/* Whatever else is declared, and before it. */
static void low_memory_need_not_be_declared(void **state)
{
	static struct fixture f;

	(void)state;
	make(&f, 6 * MIB, 0);
	memory_init(&f.m, f.ram, 6 * MIB);
	declare(&f, 2 * MIB, 3 * MIB - 1, X);
	boot(&f);
	for (uint64_t va = 0x10000; va < f.size; va += PAGE)
		assert_int_equal(walk(&f.walk, va).executable,
				 start_code(va) || (va >= 2 * MIB && va < 3 * MIB));
	assert_int_equal(owned_by(&f, "page table"), 2);
	destroy(&f);
}

/* Low memory is read-only but for a ring, which the guest writes itself. */
static void a_ring_in_low_memory_is_writable(void **state)
{
	static struct fixture f;

	(void)state;
	make(&f, 4 * MIB, 0);
	declare(&f, 0x20000, 0x2cfff, RW | MEMORY_RING);
	boot(&f);
	for (uint64_t va = 0x10000; va < LOW; va += PAGE) {
		const struct page p = walk(&f.walk, va);

		assert_true(p.present && p.executable == start_code(va) && p.gpa == va);
		assert_int_equal(p.writable, va >= 0x20000 && va < 0x2d000);
	}
	destroy(&f);
}

/* ---- room for tables ---- */

/* Boot info, and what every guest has. */
#define MOST_ISLANDS (RESOURCE_RANGES_MAX - 1 - (unsigned)walk_n_places - (walk_code.owner != NULL))

/* Behind the fixed tables, up to the boot info. */
static uint64_t free_from(void)
{
	return walk_places[walk_n_places - 1].last + 1;
}

static void make_islands(struct fixture *f, unsigned n, unsigned devices)
{
	make(f, 256 * MIB, devices);
	for (unsigned i = 1; i <= n; i++)
		declare(f, i * 2 * MIB + PAGE, i * 2 * MIB + 2 * PAGE - 1, X);
}

/* More than there is room for below boot info, and a manifest that is as large as it can be. */
static void tables_lie_around_the_boot_info(void **state)
{
	static struct fixture f;
	unsigned above = 0;

	(void)state;
	make_islands(&f, MOST_ISLANDS, MFT_MAX_ENTRIES - 1);
	boot(&f);
	for (uint64_t va = 0; va < f.size; va += PAGE)
		assert_int_equal(walk(&f.walk, va).executable, start_code(va) ||
				 (va >= 2 * MIB && va % (2 * MIB) == PAGE &&
				  va < (MOST_ISLANDS + 1) * 2 * MIB));
	assert_low_memory(&f);
	assert_int_equal(owned_by(&f, "page table"), MOST_ISLANDS + 1);
	for (uint64_t gpa = f.boot_last + 1; gpa < LOW; gpa++)
		above += gpa % PAGE == 0 && f.walk.is_table[gpa / PAGE];
	assert_int_equal(above, MOST_ISLANDS - (HVT_BOOT_INFO_GPA - free_from()) / PAGE);
	destroy(&f);
}

static void too_many_islands_are_refused(void **state)
{
	static struct fixture f;
	char message[200];

	(void)state;
	make_islands(&f, MOST_ISLANDS + 1, 0);
	snprintf(message, sizeof message, "no room for another page table (%s): the image has too "
		 "many executable segments in different 2 MiB blocks",
		 resource_status_text(RESOURCE_FULL));
	assert_refused(&f, message);
	destroy(&f);
}

/* Behind the last page that tables may lie in, if keep_end was called. */
static uint64_t free_to(void)
{
	return walk_code.owner != NULL ? walk_code.start : LOW;
}

static void keep_end(struct fixture *f)
{
	if (walk_code.owner != NULL && walk_code.last + 1 < LOW)
		resource_reserve(&f->gpas, walk_code.last + 1, LOW - 1, "somebody");
}

/* Only pages that the guest cannot write will do. */
static void tables_do_not_leave_low_memory(void **state)
{
	static struct fixture f;

	(void)state;
	make_islands(&f, 2, 0);
	resource_reserve(&f.gpas, free_from(), 0xefff, "somebody");
	keep_end(&f);
	resource_reserve(&f.gpas, f.boot_last + 1, free_to() - 1, "somebody");
	assert_refused(&f, resource_status_text(RESOURCE_NO_SPACE));
	destroy(&f);
	make_islands(&f, 2, 0);
	resource_reserve(&f.gpas, free_from(), 0xefff, "somebody");
	keep_end(&f);
	resource_reserve(&f.gpas, f.boot_last + 1, free_to() - 1 - PAGE, "somebody");
	boot(&f);
	assert_true(walk(&f.walk, 2 * MIB + PAGE).executable);
	assert_true(walk(&f.walk, 4 * MIB + PAGE).executable);
	assert_true(f.walk.is_table[0xf] && f.walk.is_table[free_to() / PAGE - 1]);
	destroy(&f);
}

static void what_low_memory_is_used_for_has_a_name(void **state)
{
	static struct fixture f;

	(void)state;
	make(&f, 4 * MIB, 0);
	declare(&f, 2 * MIB, 2 * MIB + PAGE - 1, X);
	boot(&f);
	assert_int_equal(f.gpas.n, walk_n_places + 2 + (walk_code.owner != NULL));
	for (size_t i = 0; i < walk_n_places; i++) {
		assert_true(f.gpas.taken[i].start == walk_places[i].start);
		assert_true(f.gpas.taken[i].last == walk_places[i].last);
		assert_string_equal(f.gpas.taken[i].owner, walk_places[i].owner);
	}
	assert_true(f.gpas.taken[walk_n_places].start == free_from());
	assert_true(f.gpas.taken[walk_n_places].last == free_from() + PAGE - 1);
	assert_string_equal(f.gpas.taken[walk_n_places].owner, "page table");
	assert_true(f.gpas.taken[walk_n_places + 1].start == HVT_BOOT_INFO_GPA);
	if (walk_code.owner != NULL) {
		assert_true(f.gpas.taken[walk_n_places + 2].start == walk_code.start);
		assert_true(f.gpas.taken[walk_n_places + 2].last == walk_code.last);
		assert_string_equal(f.gpas.taken[walk_n_places + 2].owner, walk_code.owner);
	}
	destroy(&f);
}

static void assert_needed(const struct walk_place *place)
{
	static struct fixture f;
	char message[100];

	make(&f, 2 * MIB, 0);
	resource_reserve(&f.gpas, place->last, place->last, "somebody");
	snprintf(message, sizeof message, "%s at gpa 0x%llx: %s", place->owner,
		 (unsigned long long)place->start, resource_status_text(RESOURCE_BUSY));
	assert_refused(&f, message);
	destroy(&f);
}

static void a_place_that_is_taken_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < walk_n_places; i++)
		assert_needed(&walk_places[i]);
	if (walk_code.owner != NULL)
		assert_needed(&walk_code);
}

/* Whatever is missing of the bytes that every guest's tables need. */
static void memory_without_room_for_tables_is_refused(void **state)
{
	static struct fixture f;

	(void)state;
	make(&f, 2 * MIB, 0);
	for (uint64_t size = 0; size < free_from(); size += 8) {
		f.e = (struct husk_error){0};
		resource_space_init(&f.gpas, 0, LOW - 1);
		memory_init(&f.m, f.ram + 2 * MIB - size, size);
		assert_refused(&f, "Invalid image access");
	}
	destroy(&f);
}

/* ---- the hypercall window ---- */

static void the_window_is_a_device_whatever_the_size_of_memory(void **state)
{
	static const uint64_t sizes[] = {2 * MIB, GIB, 4 * GIB};

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		static struct fixture f;

		make(&f, sizes[i], 0);
		boot(&f);
		for (uint64_t va = walk_window; walk_window != 0 && va < walk_window + GIB; va += MIB) {
			const struct page p = walk(&f.walk, va + 8);

			assert_true(p.present && p.writable && p.device && !p.executable);
			assert_true(p.gpa == va + 8);
		}
		destroy(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_executable_unless_declared),
		cmocka_unit_test(text_in_the_first_2_mib_is_executable),
		cmocka_unit_test(text_that_crosses_2_mib_is_executable),
		cmocka_unit_test(whole_blocks_take_no_table),
		cmocka_unit_test(segments_may_lie_anywhere_in_4_gib),
		cmocka_unit_test(what_the_host_cannot_protect_is_read_only),
		cmocka_unit_test(where_the_host_binds_no_guest_its_tables_do),
		cmocka_unit_test(low_memory_need_not_be_declared),
		cmocka_unit_test(a_ring_in_low_memory_is_writable),
		cmocka_unit_test(tables_lie_around_the_boot_info),
		cmocka_unit_test(too_many_islands_are_refused),
		cmocka_unit_test(tables_do_not_leave_low_memory),
		cmocka_unit_test(what_low_memory_is_used_for_has_a_name),
		cmocka_unit_test(a_place_that_is_taken_is_refused),
		cmocka_unit_test(memory_without_room_for_tables_is_refused),
		cmocka_unit_test(the_window_is_a_device_whatever_the_size_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
