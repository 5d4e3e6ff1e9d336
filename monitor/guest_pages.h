/* SPDX-License-Identifier: ISC */
/*
 * guest_pages.h: page sizes of guest memory, and which pages are read-only.
 *
 * Policy; memory.h and the backend are the mechanism. Used while the machine is made.
 */
#ifndef HUSK_GUEST_PAGES_H
#define HUSK_GUEST_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "core.h"
#include "error.h"

enum guest_pages_huge {
	GUEST_PAGES_HOST,	/* as the host does, but small ones where most guests touch little */
	GUEST_PAGES_OFF,	/* small ones everywhere */
	GUEST_PAGES_ON,		/* huge ones wherever the host has any */
};

/*
 * Before anything is placed in memory. kernel_end: gpa behind the image. Every guest touches what
 * the monitor fills and the end of the stack: with a huge page for each, these would be most of an
 * idle guest's memory.
 */
void guest_pages_choose(const struct memory *m, uint64_t kernel_end, enum guest_pages_huge huge);

/*
 * After the image is loaded: protects, in the host, what it declares read-only or executable. Low
 * memory is left to the guest's tables. HUSK_E_HOST.
 */
int guest_pages_protect(struct core *c, struct husk_error *e);

/* Whether the host's page at this gpa is one of these. */
bool guest_pages_protected(const struct memory *m, uint64_t page);

#endif
