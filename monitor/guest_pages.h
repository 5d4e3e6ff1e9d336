/*
 * guest_pages.h: what kind of pages a guest's memory has, and which of them it may not write.
 *
 * Policy, on what memory.h and the backend offer. Used while the machine is made.
 */
#ifndef HUSK_GUEST_PAGES_H
#define HUSK_GUEST_PAGES_H

#include <stdint.h>

#include "core.h"
#include "error.h"

enum guest_pages_huge {
	GUEST_PAGES_HOST,	/* as the host does, but small ones where most guests touch little */
	GUEST_PAGES_OFF,	/* small ones everywhere */
	GUEST_PAGES_ON,		/* huge ones wherever the host has any */
};

/*
 * Before anything is placed in memory. kernel_end: gpa behind the image. What the monitor fills and the
 * stack's end are touched by every guest, and a huge page each would be most of what an idle one holds.
 */
void guest_pages_choose(const struct memory *m, uint64_t kernel_end, enum guest_pages_huge huge);

/*
 * After the image is loaded: what it declares read-only or executable, below the guest. Low memory is
 * the tables' affair. HUSK_E_HOST.
 */
int guest_pages_protect(struct core *c, struct husk_error *e);

#endif
