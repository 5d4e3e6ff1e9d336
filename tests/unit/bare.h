/* SPDX-License-Identifier: ISC */
/*
 * bare.h: a bare machine of the real backend, for tests: code and page tables, no image, no core.
 *
 * Memory is BARE_MEMORY; the guest's tables map twice as much, so that it can reach the hole
 * behind it.
 */
#ifndef BARE_H
#define BARE_H

#include "../../monitor/hv.h"
#include "../../monitor/memory.h"
#include "../../monitor/resource.h"
#include "code.h"

#define BARE_MEMORY 0x200000ull
#define BARE_TEXT 0x100000ull		/* a host's page, executable and for the guest read-only */
#define BARE_DATA 0x110000ull
#define BARE_HOLE BARE_MEMORY

struct bare {
	struct hv *hv;
	struct memory m;
	struct resource_space gpas;
	struct code code;
	uint64_t first;		/* where the vcpu starts: at the code, or at what leads there */
	struct hv_exit exit;	/* the last one */
	struct husk_error e;
};

/* Returns -1 on failure; b->e says why. */
int bare_make(struct bare *b);

/* Places the code that was written so far and points the vcpu at it. */
int bare_start(struct bare *b);

/* What run returns; the exit is in b. */
int bare_run(struct bare *b);

/* Where the vcpu is; 0 if that cannot be had. */
uint64_t bare_ip(struct bare *b);

void *bare_at(const struct bare *b, uint64_t gpa);

void bare_free(struct bare *b);

/* Why this host can make no machine at all, NULL if it can; in bare_<backend>.c. */
const char *bare_lacks(void);

/* If it can make none: says so as a TAP plan and returns 1. */
int bare_skip_all(void);

#endif
