/* SPDX-License-Identifier: ISC */
/* walk_x86_64.c: reads page tables: Intel SDM vol. 3A 4.5. */
#include "walk.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#define ENTRY_PRESENT (1ull << 0)
#define ENTRY_WRITABLE (1ull << 1)
#define ENTRY_LARGE (1ull << 7)
#define ENTRY_NO_EXECUTE (1ull << 63)
#define ENTRY_ADDRESS 0x000ffffffffff000ull

const struct walk_place walk_places[] = {
	{0, 0xfff, "zero page"},
	{0x1000, 0x1fff, "descriptor table"},
	{0x2000, 0x2fff, "page map level 4"},
	{0x3000, 0x3fff, "page directory pointers"},
	{0x4000, 0x7fff, "page directory"},
	{0x8000, 0x8fff, "page table"},
};
const size_t walk_n_places = sizeof walk_places / sizeof walk_places[0];
const struct walk_place walk_code = {0};
const uint64_t walk_window = 0;

struct page walk(struct walk *w, uint64_t va)
{
	struct page p = {true, true, true, false, w->state->cr3};

	for (unsigned shift = 39; shift >= 12; shift -= 9) {
		const uint64_t offset = va & ((1ull << shift) - 1);
		uint64_t entry = walk_entry(w, p.gpa, va >> shift & 511);

		if (!(entry & ENTRY_PRESENT)) {
			assert_true(entry == 0);
			return (struct page){0};
		}
		assert_true((entry & ~(ENTRY_PRESENT | ENTRY_WRITABLE | ENTRY_LARGE |
				       ENTRY_NO_EXECUTE | ENTRY_ADDRESS)) == 0);
		p.writable &= (entry & ENTRY_WRITABLE) != 0;
		p.executable &= (entry & ENTRY_NO_EXECUTE) == 0;
		p.gpa = entry & ENTRY_ADDRESS;
		if (shift != 21)
			assert_true((entry & ENTRY_LARGE) == 0);
		else if ((entry & ENTRY_LARGE) != 0)
			assert_true(p.gpa % (1ull << shift) == 0);
		if (shift == 12 || (entry & ENTRY_LARGE) != 0) {
			p.gpa += offset;
			return p;
		}
	}
	fail_msg("there is no fifth level");
	return p;
}
