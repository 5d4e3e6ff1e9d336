/* SPDX-License-Identifier: ISC */
/* walk.c: the part of reading translation tables that is the same on every architecture. */
#include "walk.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

uint64_t walk_entry(struct walk *w, uint64_t table, uint64_t index)
{
	uint64_t entry;

	assert_true(table % WALK_PAGE == 0 && table < WALK_LOW);
	w->is_table[table / WALK_PAGE] = true;
	memcpy(&entry, w->ram + table + index * sizeof entry, sizeof entry);
	return entry;
}
