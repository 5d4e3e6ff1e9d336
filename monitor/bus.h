/* SPDX-License-Identifier: ISC */
/*
 * bus.h: from the address of an I/O exit to the device that owns it.
 *
 * Two instances exist: port I/O (16 bit) and MMIO (64 bit). A whole access must lie in
 * one registered range; anything else is a bad access, which ends the guest. Ranges
 * side by side stay separate. Used by the vcpu's thread only.
 */
#ifndef HUSK_BUS_H
#define HUSK_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bus_access.h"
#include "error.h"
#include "resource.h"
#include "vmexit.h"

/*
 * Serves the whole access, all items of it. offset is counted from the range's start and is as the
 * guest gave it: alignment is for the handler to check. VMEXIT_FAIL fills e. A handler may neither
 * change the bus that calls it nor dispatch on it.
 */
typedef enum vmexit_result bus_handler(void *ctx, uint64_t offset, const struct bus_access *a,
				       struct husk_error *e);

#define BUS_RANGES_MAX 32

struct bus_range {
	uint64_t start, last;
	bus_handler *handler;	/* NULL: a doorbell, served by the kernel; other accesses are bad */
	void *ctx;
	const char *owner;	/* not owned */
	uint32_t id;		/* who registered it; ranges are removed by id */
};

struct bus {
	enum bus_kind kind;
	bool in_dispatch;
	size_t n;
	struct bus_range ranges[BUS_RANGES_MAX];	/* ascending, disjoint */
};

void bus_init(struct bus *b, enum bus_kind kind);

/*
 * All ranges or none. RESOURCE_BAD_RANGE (start > last, beyond the space), RESOURCE_BUSY (overlap
 * with another range or inside the list), RESOURCE_FULL, RESOURCE_IN_DISPATCH (from inside a
 * handler).
 */
enum resource_status bus_insert(struct bus *b, const struct bus_range *list, size_t n);

/* Removes every range of id. RESOURCE_NOT_ALLOCATED if there is none, RESOURCE_IN_DISPATCH. */
enum resource_status bus_remove(struct bus *b, uint32_t id);

/*
 * Moves the range of id that starts at start to [to, last], which may overlap its old place. For
 * devices whose window the guest places, as with PCI; not used yet. RESOURCE_NOT_ALLOCATED,
 * RESOURCE_BAD_RANGE (beyond the space, another length), RESOURCE_BUSY, RESOURCE_IN_DISPATCH; the
 * old range stays on failure.
 */
enum resource_status bus_move(struct bus *b, uint32_t id, uint64_t start, uint64_t to,
			      uint64_t last);

/* The range that holds addr, or NULL. */
const struct bus_range *bus_find(const struct bus *b, uint64_t addr);

/* The lowest range that overlaps [start, last], or NULL: names the owner for messages. */
const struct bus_range *bus_overlap(const struct bus *b, uint64_t start, uint64_t last);

/*
 * Finds the owner of the whole access and calls it. A bad access (width, count, no device there,
 * past the end of a range, a doorbell) is VMEXIT_FAIL with HUSK_E_GUEST and a message that starts
 * "Invalid guest port access: port=0x..." or "Invalid guest mmio access: mmio=0x... len=...". When
 * the handler fails, its own message comes first, then the device, offset and width.
 */
enum vmexit_result bus_dispatch(struct bus *b, const struct bus_access *a, struct husk_error *e);

/*
 * Fills e with a bad access and the reason why; returns VMEXIT_FAIL. For handlers that refuse an
 * access.
 */
enum vmexit_result bus_refuse(enum bus_kind kind, const struct bus_access *a, const char *why,
			      struct husk_error *e);

#endif
