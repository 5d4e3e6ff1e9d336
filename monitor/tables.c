/* SPDX-License-Identifier: ISC */
/* tables.c: directories of 2 MiB blocks and tables of 4 KiB pages, from what memory declares. */
#include "tables.h"

#include <string.h>

#include "../include/hvt_abi.h"

#define BLOCK 0x200000ull
#define ENTRIES 512u

struct tables {
	const struct tables_format *f;
	const struct memory *m;
	struct resource_space *gpas;
	struct husk_error *e;
};

static bool declared(const struct memory *m, uint64_t addr, enum memory_prot prot)
{
	const struct memory_range *r = memory_range_at(m, addr);

	return r != NULL && (r->prot & prot) != 0;
}

static bool read_only(const struct memory_range *r)
{
	return r != NULL && r->start >= HVT_GUEST_MIN_BASE && (r->prot & MEMORY_W) == 0;
}

/*
 * Where the host cannot protect memory from the guest, these tables do, and a store is a page fault in
 * the guest. Where it can, it can only whole pages of its own, and a read-only range that shares such
 * a page with a writable one is left to these tables.
 */
static bool left_to_tables(const struct memory *m, uint64_t addr)
{
	uint64_t start = addr & ~(m->host_page - 1);

	if (!read_only(memory_range_at(m, addr)))
		return false;
	if (m->unbound)
		return true;
	for (addr = start; addr < start + m->host_page; addr += TABLES_PAGE)
		if (!read_only(memory_range_at(m, addr)))
			return true;
	return false;
}

/*
 * Whether this edge of a read-only range is in the 2 MiB block at addr, and inside a host page, which
 * may then be shared with another range.
 */
static bool shared_edge(const struct memory *m, uint64_t edge, uint64_t addr)
{
	return edge - addr < BLOCK && (m->unbound ? edge != addr : edge % m->host_page != 0);
}

/* Whether the whole 2 MiB block at addr has the rights of its first page. */
static bool uniform(const struct memory *m, uint64_t addr)
{
	uint64_t last = addr + BLOCK - 1;

	for (size_t i = 0; i < m->n_ranges; i++) {
		const struct memory_range *r = &m->ranges[i];

		if (read_only(r) &&
		    (shared_edge(m, r->start, addr) || shared_edge(m, r->last + 1, addr)))
			return false;
		if ((r->prot & MEMORY_X) != 0 && r->start <= last && r->last >= addr)
			return r->start <= addr && r->last >= last;
	}
	return true;
}

static uint64_t execution(const struct tables *t, uint64_t addr)
{
	return declared(t->m, addr, MEMORY_X) ? 0 : t->f->no_execute;
}

/*
 * Not present below the boot info, so that null pointers fault; read-only up to the image, except a
 * ring, and not executable, except where a vcpu starts. Above, what the host can protect is writable
 * here: then a store is an error that ends the run, instead of a page fault that the guest may handle.
 */
static uint64_t small_page(const struct tables *t, uint64_t addr)
{
	const struct tables_format *f = t->f;

	if (addr < HVT_BOOT_INFO_GPA)
		return 0;
	if (addr >= HVT_GUEST_MIN_BASE)
		return addr | (left_to_tables(t->m, addr) ? f->page_read_only : f->page) |
			execution(t, addr);
	if (addr == f->code)
		return addr | f->page_read_only;
	return addr | (declared(t->m, addr, MEMORY_RING) ? f->page : f->page_read_only) |
		f->no_execute;
}

static int write_page_table(const struct tables *t, uint64_t gpa, uint64_t addr)
{
	uint64_t pt[ENTRIES];

	for (unsigned i = 0; i < ENTRIES; i++)
		pt[i] = small_page(t, addr + i * TABLES_PAGE);
	return memory_place(t->m, gpa, pt, sizeof pt, t->e);
}

/* Takes a free page of low memory, which the guest cannot write, for another table. */
static int take_page(const struct tables *t, uint64_t *gpa)
{
	const struct resource_request rq = {
		.size = TABLES_PAGE, .align = TABLES_PAGE, .min = TABLES_PAGE,
		.max = HVT_GUEST_MIN_BASE - 1, .owner = "page table",
	};
	struct resource_range got;
	enum resource_status s = resource_alloc(t->gpas, &rq, &got);

	if (s != RESOURCE_OK)
		return husk_fail(t->e, HUSK_E_IMAGE,
				 "no room for another page table (%s): the image has too many "
				 "executable segments in different 2 MiB blocks",
				 resource_status_text(s));
	*gpa = got.start;
	return 0;
}

static int directory_entry(const struct tables *t, uint64_t addr, uint64_t *entry)
{
	uint64_t pt = t->f->first;

	if (addr != 0 && uniform(t->m, addr)) {
		*entry = addr | execution(t, addr) |
			 (left_to_tables(t->m, addr) ? t->f->block_read_only : t->f->block);
		return 0;
	}
	if (addr != 0 && take_page(t, &pt) == -1)
		return -1;
	*entry = pt | t->f->table;
	return write_page_table(t, pt, addr);
}

/* Directories beyond the end of memory stay zero: not present. */
int tables_write(const struct tables_format *f, const struct memory *m,
		 struct resource_space *gpas, struct husk_error *e)
{
	const struct tables t = {f, m, gpas, e};
	uint64_t directory[ENTRIES], addr = 0;

	for (unsigned d = 0; d < TABLES_DIRECTORIES && addr < m->size; d++) {
		memset(directory, 0, sizeof directory);
		for (unsigned i = 0; i < ENTRIES && addr < m->size; i++, addr += BLOCK)
			if (directory_entry(&t, addr, &directory[i]) == -1)
				return -1;
		if (memory_place(m, f->directories + d * TABLES_PAGE, directory, sizeof directory,
				 e) == -1)
			return -1;
	}
	return 0;
}

int tables_reserve(struct resource_space *gpas, const struct tables_place *places, size_t n,
		   struct husk_error *e)
{
	for (size_t i = 0; i < n; i++) {
		enum resource_status s = resource_alloc_at(gpas, places[i].start,
							   places[i].pages * TABLES_PAGE,
							   TABLES_PAGE, places[i].owner);

		if (s != RESOURCE_OK)
			return husk_fail(e, HUSK_E_IMAGE, "%s at gpa 0x%llx: %s", places[i].owner,
					 (unsigned long long)places[i].start,
					 resource_status_text(s));
	}
	return 0;
}
