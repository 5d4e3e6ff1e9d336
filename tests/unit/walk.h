/* SPDX-License-Identifier: ISC */
/*
 * walk.h: reads a guest's translation tables as its processor does, for tests.
 *
 * Independent of what writes them: walk_<architecture>.c follows the architecture's manual. What
 * no guest's table may hold fails the test.
 */
#ifndef WALK_H
#define WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../monitor/cpu.h"

#define WALK_PAGE 0x1000ull
#define WALK_LOW 0x100000ull		/* tables lie below */

struct walk {
	const uint8_t *ram;
	const struct cpu_state *state;	/* where the vcpu starts */
	bool is_table[WALK_LOW / WALK_PAGE];	/* pages that a walk went through */
	uint64_t root, attributes;	/* what the first walk finds out about where to begin */
};

struct page {
	bool present, writable, executable, device;
	uint64_t gpa;
};

struct page walk(struct walk *w, uint64_t va);

/* One entry of a table; for walk itself. */
uint64_t walk_entry(struct walk *w, uint64_t table, uint64_t index);

/* Where fixed tables lie, from gpa 0 without gaps; the last is that of the first 2 MiB. */
struct walk_place {
	uint64_t start, last;
	const char *owner;
};

extern const struct walk_place walk_places[];
extern const size_t walk_n_places;

/* The code that a vcpu starts with, in low memory; no owner if there is none. */
extern const struct walk_place walk_code;

/* Where the hypercall window is mapped, 0 if it is not in memory at all; it has 1 GiB. */
extern const uint64_t walk_window;

#endif
