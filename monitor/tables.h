/* SPDX-License-Identifier: ISC */
/*
 * tables.h: the guest's first translation tables, the part that is common to all architectures.
 *
 * Identity, in tables of 512 64-bit entries: directories of 2 MiB blocks, and lowest tables of 4
 * KiB pages where the right to execute changes within a block.
 */
#ifndef HUSK_TABLES_H
#define HUSK_TABLES_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "memory.h"
#include "resource.h"

#define TABLES_PAGE 0x1000ull
#define TABLES_DIRECTORIES 4u	/* 1 GiB each: HVT_MEM_MAX */

/* What an entry holds beside an address. */
struct tables_format {
	uint64_t table;		/* points to a table of the next level */
	uint64_t block;		/* maps 2 MiB, writable and executable */
	uint64_t block_read_only;
	uint64_t page;		/* maps 4 KiB, the same */
	uint64_t page_read_only;
	uint64_t no_execute;	/* added to one of the last four */
	uint64_t directories;	/* gpa of TABLES_DIRECTORIES pages */
	uint64_t first;		/* gpa of the table of the first 2 MiB */
	uint64_t code;		/* gpa of a page of low memory that is executable, 0: there is none */
};

/* A fixed place in low memory. */
struct tables_place {
	uint64_t start, pages;
	const char *owner;
};

/* Takes the places from gpas. HUSK_E_IMAGE. */
int tables_reserve(struct resource_space *gpas, const struct tables_place *places, size_t n,
		   struct husk_error *e);

/*
 * Writes directories and lowest tables for all of m; tables beside the first come from gpas.
 * HUSK_E_IMAGE if there is no room for them.
 */
int tables_write(const struct tables_format *f, const struct memory *m,
		 struct resource_space *gpas, struct husk_error *e);

#endif
