/* SPDX-License-Identifier: ISC */
/*
 * resource.h: who owns what in the guest's machine, addresses and numbers alike.
 *
 * Bookkeeping only; dispatch is bus.h's. Closed intervals throughout, so that the whole
 * 64-bit space is legal. Only what is taken is stored, in one sorted array of fixed
 * capacity: gaps follow from it, and no call allocates. A call that fails changes nothing.
 * Not thread-safe: one thread owns a space.
 */
#ifndef HUSK_RESOURCE_H
#define HUSK_RESOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum resource_status {
	RESOURCE_OK = 0,
	RESOURCE_BAD_SIZE,	/* size 0 */
	RESOURCE_BAD_ALIGN,	/* alignment 0 or not a power of two */
	RESOURCE_UNALIGNED,	/* the exact start is not aligned as asked for */
	RESOURCE_BAD_RANGE,	/* outside the space, or first > last */
	RESOURCE_OVERFLOW,	/* start + size passes 2^64 */
	RESOURCE_BUSY,		/* a part of it is taken */
	RESOURCE_NO_SPACE,	/* no gap fits, no id is free */
	RESOURCE_FULL,		/* the table has no room for another entry */
	RESOURCE_NOT_ALLOCATED,	/* free of what is not taken, or not exactly so */
	RESOURCE_SEALED,	/* the guest's machine is complete: no more changes */
	RESOURCE_NEVER_ALLOCATED,	/* ids: free of an id that was never given out */
	RESOURCE_ALREADY_FREE,		/* ids: free of an id that has been freed */
	RESOURCE_IN_DISPATCH,	/* a handler tried to change the bus that is calling it */
};

/* A short lower-case phrase for messages; static storage. */
const char *resource_status_text(enum resource_status s);

/* Address spaces. */

#define RESOURCE_RANGES_MAX 64

struct resource_range {
	uint64_t start, last;	/* closed */
	const char *owner;	/* for messages and dumps; not owned, must outlive the space */
};

struct resource_space {
	uint64_t first, last;
	bool sealed;
	size_t n;
	struct resource_range taken[RESOURCE_RANGES_MAX];	/* ascending, disjoint */
};

enum resource_policy { RESOURCE_FIRST, RESOURCE_LAST };	/* lowest or highest start that fits */

struct resource_request {
	uint64_t size;		/* bytes, not 0; not rounded */
	uint64_t align;		/* of the start: a power of two */
	uint64_t min, max;	/* the block lies in [min, max]; 0 and UINT64_MAX: anywhere */
	enum resource_policy policy;
	const char *owner;
};

/* BAD_RANGE if first > last; *s is then left as it was. */
enum resource_status resource_space_init(struct resource_space *s, uint64_t first, uint64_t last);

/*
 * Finds a place and takes it; *out is the block. BAD_SIZE, BAD_ALIGN, BAD_RANGE (min > max),
 * NO_SPACE, SEALED, FULL (a gap fits, but the table has no entry left for it).
 */
enum resource_status resource_alloc(struct resource_space *s, const struct resource_request *r,
				    struct resource_range *out);

/*
 * Takes exactly [start, start+size-1]. BAD_SIZE, BAD_ALIGN, UNALIGNED, OVERFLOW, BAD_RANGE, BUSY,
 * FULL, SEALED.
 */
enum resource_status resource_alloc_at(struct resource_space *s, uint64_t start, uint64_t size,
				       uint64_t align, const char *owner);

/* Takes the closed interval [start, last]. BAD_RANGE, BUSY, FULL, SEALED. */
enum resource_status resource_reserve(struct resource_space *s, uint64_t start, uint64_t last,
				      const char *owner);

/* Gives back exactly one taken range. NOT_ALLOCATED, SEALED. */
enum resource_status resource_free(struct resource_space *s, uint64_t start, uint64_t last);

/* The taken range that holds addr, or NULL. Works after the seal. */
const struct resource_range *resource_find(const struct resource_space *s, uint64_t addr);

/*
 * The lowest taken range that overlaps [start, last], or NULL: names the owner for messages.
 * Nothing overlaps an empty interval (start > last). Works after the seal.
 */
const struct resource_range *resource_overlap(const struct resource_space *s, uint64_t start,
					      uint64_t last);

/* From here on alloc, reserve and free fail with SEALED. There is no unseal. */
void resource_seal(struct resource_space *s);

/*
 * Numbers: handles, slots, ports. A bitmap of at most RESOURCE_IDS_MAX ids. Round robin is for ids
 * that a peer may still use after they were freed, such as host ports of vsock.
 */

#define RESOURCE_IDS_MAX 4096

enum resource_reuse { RESOURCE_LOWEST, RESOURCE_ROUND_ROBIN };

struct resource_ids {
	uint32_t first, last;
	uint32_t next;		/* round robin: the id at which the search starts */
	enum resource_reuse reuse;
	bool sealed;
	uint64_t taken[RESOURCE_IDS_MAX / 64];	/* bit n: id first + n */
	uint64_t ever[RESOURCE_IDS_MAX / 64];	/* was given out at least once */
};

/* BAD_RANGE, *s as it was, if first > last or there are more than RESOURCE_IDS_MAX ids. */
enum resource_status resource_ids_init(struct resource_ids *s, uint32_t first, uint32_t last,
				       enum resource_reuse reuse);
/*
 * Lowest: the lowest id that is free. Round robin: the next free one after the last that was
 * given out here, so that a freed id comes back only after a full turn. NO_SPACE, SEALED.
 */
enum resource_status resource_ids_alloc(struct resource_ids *s, uint32_t *id);
/* That very id; does not move the round robin. BAD_RANGE (not in the range), BUSY, SEALED. */
enum resource_status resource_ids_alloc_at(struct resource_ids *s, uint32_t id);
/* All n or none: NO_SPACE, SEALED. n may be 0. */
enum resource_status resource_ids_alloc_many(struct resource_ids *s, uint32_t *ids, size_t n);
/* BAD_RANGE, NEVER_ALLOCATED, ALREADY_FREE, SEALED. */
enum resource_status resource_ids_free(struct resource_ids *s, uint32_t id);
/* False for ids outside the range. */
bool resource_ids_taken(const struct resource_ids *s, uint32_t id);
void resource_ids_seal(struct resource_ids *s);

#endif
