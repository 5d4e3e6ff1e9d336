/* SPDX-License-Identifier: ISC */
/* resource.c: sorted tables of taken ranges; gaps are derived from them, not stored. */
#include "resource.h"

#include <string.h>

const char *resource_status_text(enum resource_status s)
{
	static const char *const text[] = {
		[RESOURCE_OK] = "no error",
		[RESOURCE_BAD_SIZE] = "the size is 0",
		[RESOURCE_BAD_ALIGN] = "the alignment is not a power of two",
		[RESOURCE_UNALIGNED] = "the start is not aligned",
		[RESOURCE_BAD_RANGE] = "not a range of this space",
		[RESOURCE_OVERFLOW] = "the end passes the last 64-bit address",
		[RESOURCE_BUSY] = "already taken",
		[RESOURCE_NO_SPACE] = "nothing free that fits",
		[RESOURCE_FULL] = "the table is full",
		[RESOURCE_NOT_ALLOCATED] = "not taken",
		[RESOURCE_SEALED] = "sealed, no more changes",
		[RESOURCE_NEVER_ALLOCATED] = "was never given out",
		[RESOURCE_ALREADY_FREE] = "has been freed already",
		[RESOURCE_IN_DISPATCH] = "a handler of the same bus is running",
	};

	if ((size_t)s >= sizeof text / sizeof text[0])
		return "unknown status";
	return text[s];
}

enum resource_status resource_space_init(struct resource_space *s, uint64_t first, uint64_t last)
{
	if (first > last)
		return RESOURCE_BAD_RANGE;
	*s = (struct resource_space){.first = first, .last = last};
	return RESOURCE_OK;
}

/* Index of the lowest taken range that ends at addr or above; s->n if there is none. */
static size_t lower_bound(const struct resource_space *s, uint64_t addr)
{
	size_t from = 0, to = s->n;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (s->taken[mid].last < addr)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

const struct resource_range *resource_overlap(const struct resource_space *s, uint64_t start,
					      uint64_t last)
{
	size_t i = lower_bound(s, start);

	if (start > last || i == s->n || s->taken[i].start > last)
		return NULL;
	return &s->taken[i];
}

const struct resource_range *resource_find(const struct resource_space *s, uint64_t addr)
{
	return resource_overlap(s, addr, addr);
}

/* The caller has checked that the range is free. */
static enum resource_status put(struct resource_space *s, const struct resource_range *r)
{
	size_t i = lower_bound(s, r->start);

	if (s->n == RESOURCE_RANGES_MAX)
		return RESOURCE_FULL;
	memmove(&s->taken[i + 1], &s->taken[i], (s->n - i) * sizeof s->taken[0]);
	s->taken[i] = *r;
	s->n++;
	return RESOURCE_OK;
}

enum resource_status resource_reserve(struct resource_space *s, uint64_t start, uint64_t last,
				      const char *owner)
{
	struct resource_range range = {.start = start, .last = last, .owner = owner};

	if (s->sealed)
		return RESOURCE_SEALED;
	if (start > last || start < s->first || last > s->last)
		return RESOURCE_BAD_RANGE;
	if (resource_overlap(s, start, last) != NULL)
		return RESOURCE_BUSY;
	return put(s, &range);
}

static enum resource_status check_shape(uint64_t size, uint64_t align)
{
	if (size == 0)
		return RESOURCE_BAD_SIZE;
	if (align == 0 || (align & (align - 1)) != 0)
		return RESOURCE_BAD_ALIGN;
	return RESOURCE_OK;
}

enum resource_status resource_alloc_at(struct resource_space *s, uint64_t start, uint64_t size,
				       uint64_t align, const char *owner)
{
	enum resource_status st = check_shape(size, align);

	if (s->sealed)
		return RESOURCE_SEALED;
	if (st != RESOURCE_OK)
		return st;
	if ((start & (align - 1)) != 0)
		return RESOURCE_UNALIGNED;
	if (size - 1 > UINT64_MAX - start)
		return RESOURCE_OVERFLOW;
	return resource_reserve(s, start, start + (size - 1), owner);
}

/*
 * The gap below taken[i], or above all of them for i == s->n. False if it is empty: then
 * the neighbours touch, and the sums below could wrap at the ends of the 64-bit space.
 */
static bool gap_at(const struct resource_space *s, size_t i, uint64_t *lo, uint64_t *hi)
{
	if (i > 0 && s->taken[i - 1].last == s->last)
		return false;
	if (i < s->n && s->taken[i].start == s->first)
		return false;
	*lo = i > 0 ? s->taken[i - 1].last + 1 : s->first;
	*hi = i < s->n ? s->taken[i].start - 1 : s->last;
	return *lo <= *hi;
}

/* The lowest or highest aligned start in [lo, hi] at which r->size bytes still fit. */
static bool fit(const struct resource_request *r, uint64_t lo, uint64_t hi, uint64_t *start)
{
	uint64_t mask = r->align - 1;

	if (hi - lo < r->size - 1)
		return false;
	if (r->policy == RESOURCE_LAST) {
		*start = (hi - (r->size - 1)) & ~mask;
		return *start >= lo;
	}
	if (mask > UINT64_MAX - lo)
		return false;
	*start = (lo + mask) & ~mask;
	return *start <= hi && hi - *start >= r->size - 1;
}

static bool fit_in_gap(const struct resource_space *s, const struct resource_request *r, size_t i,
		       uint64_t *start)
{
	uint64_t lo, hi;

	if (!gap_at(s, i, &lo, &hi))
		return false;
	lo = lo > r->min ? lo : r->min;
	hi = hi < r->max ? hi : r->max;
	return lo <= hi && fit(r, lo, hi, start);
}

static bool find_place(const struct resource_space *s, const struct resource_request *r,
		       uint64_t *start)
{
	for (size_t k = 0; k <= s->n; k++) {
		size_t i = r->policy == RESOURCE_LAST ? s->n - k : k;

		if (fit_in_gap(s, r, i, start))
			return true;
	}
	return false;
}

enum resource_status resource_alloc(struct resource_space *s, const struct resource_request *r,
				    struct resource_range *out)
{
	enum resource_status st = check_shape(r->size, r->align);
	struct resource_range range = {.owner = r->owner};

	if (s->sealed)
		return RESOURCE_SEALED;
	if (st != RESOURCE_OK)
		return st;
	if (r->min > r->max)
		return RESOURCE_BAD_RANGE;
	if (!find_place(s, r, &range.start))
		return RESOURCE_NO_SPACE;
	range.last = range.start + (r->size - 1);
	st = put(s, &range);
	if (st == RESOURCE_OK)
		*out = range;
	return st;
}

enum resource_status resource_free(struct resource_space *s, uint64_t start, uint64_t last)
{
	size_t i = lower_bound(s, start);

	if (s->sealed)
		return RESOURCE_SEALED;
	if (i == s->n || s->taken[i].start != start || s->taken[i].last != last)
		return RESOURCE_NOT_ALLOCATED;
	s->n--;
	memmove(&s->taken[i], &s->taken[i + 1], (s->n - i) * sizeof s->taken[0]);
	return RESOURCE_OK;
}

void resource_seal(struct resource_space *s)
{
	s->sealed = true;
}

enum resource_status resource_ids_init(struct resource_ids *s, uint32_t first, uint32_t last,
				       enum resource_reuse reuse)
{
	if (first > last || last - first >= RESOURCE_IDS_MAX)
		return RESOURCE_BAD_RANGE;
	*s = (struct resource_ids){.first = first, .last = last, .next = first, .reuse = reuse};
	return RESOURCE_OK;
}

static bool ids_hold(const struct resource_ids *s, uint32_t id)
{
	return id >= s->first && id <= s->last;
}

static bool ids_bit(const struct resource_ids *s, const uint64_t *map, uint32_t id)
{
	uint32_t bit = id - s->first;

	return map[bit / 64] >> bit % 64 & 1;
}

static void ids_take(struct resource_ids *s, uint32_t id)
{
	uint32_t bit = id - s->first;

	s->taken[bit / 64] |= UINT64_C(1) << bit % 64;
	s->ever[bit / 64] |= UINT64_C(1) << bit % 64;
}

/* The lowest free id that is not below from. */
static bool ids_search(const struct resource_ids *s, uint32_t from, uint32_t *id)
{
	uint32_t bit = from - s->first, last = s->last - s->first;
	uint64_t skip = (UINT64_C(1) << bit % 64) - 1;

	for (uint32_t word = bit / 64; word <= last / 64; word++, skip = 0) {
		uint64_t free_bits = ~(s->taken[word] | skip);

		if (free_bits == 0)
			continue;
		bit = word * 64 + (uint32_t)__builtin_ctzll(free_bits);
		*id = s->first + bit;
		return bit <= last;
	}
	return false;
}

enum resource_status resource_ids_alloc(struct resource_ids *s, uint32_t *id)
{
	uint32_t from = s->reuse == RESOURCE_ROUND_ROBIN ? s->next : s->first;
	uint32_t found;

	if (s->sealed)
		return RESOURCE_SEALED;
	if (!ids_search(s, from, &found) && !ids_search(s, s->first, &found))
		return RESOURCE_NO_SPACE;
	ids_take(s, found);
	s->next = found == s->last ? s->first : found + 1;
	*id = found;
	return RESOURCE_OK;
}

enum resource_status resource_ids_alloc_at(struct resource_ids *s, uint32_t id)
{
	if (s->sealed)
		return RESOURCE_SEALED;
	if (!ids_hold(s, id))
		return RESOURCE_BAD_RANGE;
	if (ids_bit(s, s->taken, id))
		return RESOURCE_BUSY;
	ids_take(s, id);
	return RESOURCE_OK;
}

static size_t ids_count_free(const struct resource_ids *s)
{
	size_t n = (size_t)(s->last - s->first) + 1;

	for (size_t i = 0; i < RESOURCE_IDS_MAX / 64; i++)
		n -= (size_t)__builtin_popcountll(s->taken[i]);
	return n;
}

enum resource_status resource_ids_alloc_many(struct resource_ids *s, uint32_t *ids, size_t n)
{
	if (s->sealed)
		return RESOURCE_SEALED;
	if (n > ids_count_free(s))
		return RESOURCE_NO_SPACE;
	for (size_t i = 0; i < n; i++)
		(void)resource_ids_alloc(s, &ids[i]);	/* cannot fail: counted */
	return RESOURCE_OK;
}

enum resource_status resource_ids_free(struct resource_ids *s, uint32_t id)
{
	if (s->sealed)
		return RESOURCE_SEALED;
	if (!ids_hold(s, id))
		return RESOURCE_BAD_RANGE;
	if (!ids_bit(s, s->ever, id))
		return RESOURCE_NEVER_ALLOCATED;
	if (!ids_bit(s, s->taken, id))
		return RESOURCE_ALREADY_FREE;
	s->taken[(id - s->first) / 64] ^= UINT64_C(1) << (id - s->first) % 64;
	return RESOURCE_OK;
}

bool resource_ids_taken(const struct resource_ids *s, uint32_t id)
{
	return ids_hold(s, id) && ids_bit(s, s->taken, id);
}

void resource_ids_seal(struct resource_ids *s)
{
	s->sealed = true;
}
