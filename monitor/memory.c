/* SPDX-License-Identifier: ISC */
/* memory.c: guest memory: checks every access to it, copies in and out. */
#include "memory.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

#include "nospec.h"

void memory_init(struct memory *m, void *base, uint64_t size)
{
	*m = (struct memory){
		.base = base, .size = size, .host_page = (uint64_t)sysconf(_SC_PAGESIZE),
	};
}

static bool inside(const struct memory *m, uint64_t gpa, uint64_t len)
{
	return len <= m->size && gpa <= m->size - len;
}

/* Index of the first range that does not end below gpa. */
static size_t range_from(const struct memory *m, uint64_t gpa)
{
	size_t low = 0, high = m->n_ranges;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (m->ranges[mid].last < gpa)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool joins(const struct memory_range *a, const struct memory_range *b)
{
	return a->last + 1 == b->start && a->prot == b->prot && strcmp(a->what, b->what) == 0;
}

static void ranges_insert(struct memory *m, size_t at, const struct memory_range *r)
{
	memmove(&m->ranges[at + 1], &m->ranges[at], (m->n_ranges - at) * sizeof m->ranges[0]);
	m->ranges[at] = *r;
	m->n_ranges++;
}

static void ranges_remove(struct memory *m, size_t at)
{
	m->n_ranges--;
	memmove(&m->ranges[at], &m->ranges[at + 1], (m->n_ranges - at) * sizeof m->ranges[0]);
}

/* Extends a range next to the place `at` by r; true if that was possible. */
static bool ranges_merge(struct memory *m, size_t at, const struct memory_range *r)
{
	bool below = at > 0 && joins(&m->ranges[at - 1], r);
	bool above = at < m->n_ranges && joins(r, &m->ranges[at]);

	if (below) {
		m->ranges[at - 1].last = above ? m->ranges[at].last : r->last;
		if (above)
			ranges_remove(m, at);
	} else if (above) {
		m->ranges[at].start = r->start;
	}
	return below || above;
}

static int declare_failed(const struct memory_range *r, struct husk_error *e, const char *why,
			  const char *what)
{
	return husk_fail(e, HUSK_E_IMAGE, "%s at 0x%llx-0x%llx %s%s", r->what,
			 (unsigned long long)r->start, (unsigned long long)r->last, why, what);
}

int memory_declare(struct memory *m, uint64_t start, uint64_t last, unsigned prot,
		   const char *what, struct husk_error *e)
{
	struct memory_range r = {.start = start, .last = last, .prot = prot, .what = what};
	size_t at;

	assert((prot & (MEMORY_W | MEMORY_X)) != (MEMORY_W | MEMORY_X));
	if (start > last || last >= m->size)
		return declare_failed(&r, e, "is outside guest memory", "");
	at = range_from(m, start);
	if (at < m->n_ranges && m->ranges[at].start <= last)
		return declare_failed(&r, e, "overlaps ", m->ranges[at].what);
	if (ranges_merge(m, at, &r))
		return 0;
	if (m->n_ranges == MEMORY_RANGES_MAX)
		return declare_failed(&r, e, "is one protected range too many", "");
	ranges_insert(m, at, &r);
	return 0;
}

int memory_declare_rest(struct memory *m, uint64_t start, uint64_t last, unsigned prot,
			const char *what, struct husk_error *e)
{
	for (uint64_t next; start <= last; start = next) {
		size_t at = range_from(m, start);
		bool clear = at == m->n_ranges || m->ranges[at].start > last;

		next = clear ? last + 1 : m->ranges[at].last + 1;
		if (!clear && m->ranges[at].start <= start)
			continue;
		if (memory_declare(m, start, clear ? last : m->ranges[at].start - 1, prot, what,
				   e) == -1)
			return -1;
	}
	return 0;
}

const struct memory_range *memory_range_at(const struct memory *m, uint64_t gpa)
{
	size_t at = range_from(m, gpa);

	if (at == m->n_ranges || m->ranges[at].start > gpa)
		return NULL;
	return &m->ranges[at];
}

/* The lowest range that forbids a write to len bytes at gpa, which lie inside memory. */
static const struct memory_range *write_obstacle(const struct memory *m, uint64_t gpa,
						 uint64_t len)
{
	size_t at = range_from(m, gpa);

	if (len == 0)
		return NULL;
	for (; at < m->n_ranges && m->ranges[at].start <= gpa + (len - 1); at++) {
		if ((m->ranges[at].prot & MEMORY_W) == 0)
			return &m->ranges[at];
	}
	return NULL;
}

static int outside(const struct memory *m, enum husk_error_class kind, uint64_t gpa, uint64_t len,
		   struct husk_error *e)
{
	return husk_fail(e, kind, "Invalid %s access: gpa=0x%llx, sz=%llu: "
			 "outside guest memory of %llu bytes",
			 kind == HUSK_E_GUEST ? "guest" : "image",
			 (unsigned long long)gpa, (unsigned long long)len,
			 (unsigned long long)m->size);
}

static int check_read(const struct memory *m, uint64_t gpa, uint64_t len, struct husk_error *e)
{
	return inside(m, gpa, len) ? 0 : outside(m, HUSK_E_GUEST, gpa, len, e);
}

static int check_write(const struct memory *m, uint64_t gpa, uint64_t len, struct husk_error *e)
{
	const struct memory_range *r;

	if (!inside(m, gpa, len))
		return outside(m, HUSK_E_GUEST, gpa, len, e);
	r = write_obstacle(m, gpa, len);
	if (r == NULL)
		return 0;
	return husk_fail(e, HUSK_E_GUEST, "Invalid guest access: gpa=0x%llx, sz=%llu: "
			 "inside read-only %s", (unsigned long long)gpa, (unsigned long long)len,
			 r->what);
}

static int check_place(const struct memory *m, uint64_t gpa, uint64_t len, struct husk_error *e)
{
	return inside(m, gpa, len) ? 0 : outside(m, HUSK_E_IMAGE, gpa, len, e);
}

/* Of a gpa that was checked; where that check was only predicted, still inside memory or at its end. */
static uint8_t *host_address(const struct memory *m, uint64_t gpa)
{
	return m->base + nospec_index(gpa, m->size + 1);
}

/* Not for memory without a base: even adding 0 to a null pointer is undefined. */
static struct iovec span(const struct memory *m, uint64_t gpa, uint64_t len)
{
	return (struct iovec){
		.iov_base = m->base == NULL ? NULL : host_address(m, gpa),
		.iov_len = len,
	};
}

static void copy_out(const struct memory *m, uint64_t gpa, const void *src, size_t len)
{
	if (len > 0)
		memcpy(host_address(m, gpa), src, len);
}

int memory_read(const struct memory *m, gpa_t gpa, void *dst, size_t len, struct husk_error *e)
{
	if (check_read(m, gpa.v, len, e) != 0)
		return -1;
	if (len > 0)
		memcpy(dst, host_address(m, gpa.v), len);
	/* Keeps the compiler from fetching a field from the guest again after its check. */
	__asm__ __volatile__("" ::: "memory");
	return 0;
}

int memory_write(const struct memory *m, gpa_t gpa, const void *src, size_t len,
		 struct husk_error *e)
{
	if (check_write(m, gpa.v, len, e) != 0)
		return -1;
	copy_out(m, gpa.v, src, len);
	return 0;
}

int memory_source(const struct memory *m, gpa_t gpa, uint64_t len, struct iovec *iov,
		  struct husk_error *e)
{
	if (check_read(m, gpa.v, len, e) != 0)
		return -1;
	*iov = span(m, gpa.v, len);
	return 0;
}

int memory_sink(const struct memory *m, gpa_t gpa, uint64_t len, struct iovec *iov,
		struct husk_error *e)
{
	if (check_write(m, gpa.v, len, e) != 0)
		return -1;
	*iov = span(m, gpa.v, len);
	return 0;
}

int memory_place(const struct memory *m, uint64_t gpa, const void *src, size_t len,
		 struct husk_error *e)
{
	if (check_place(m, gpa, len, e) != 0)
		return -1;
	copy_out(m, gpa, src, len);
	return 0;
}

int memory_place_span(const struct memory *m, uint64_t gpa, uint64_t len, struct iovec *iov,
		      struct husk_error *e)
{
	if (check_place(m, gpa, len, e) != 0)
		return -1;
	*iov = span(m, gpa, len);
	return 0;
}
