/* SPDX-License-Identifier: ISC */
/* guest_pages.c: chooses page sizes, and write-protects what the image declares read-only. */
#include "guest_pages.h"

#include "memory_host.h"

#define HUGE ((uint64_t)MEMORY_HOST_ALIGN)

static void prefer(const struct memory *m, uint64_t start, uint64_t end,
		   enum memory_host_pages pages)
{
	if (start < end)
		memory_host_prefer(m->base + start, (size_t)(end - start), pages);
}

void guest_pages_choose(const struct memory *m, uint64_t kernel_end, enum guest_pages_huge huge)
{
	uint64_t low = (kernel_end + HUGE - 1) & ~(HUGE - 1);
	uint64_t stack = m->size < HUGE ? 0 : (m->size - 1) & ~(HUGE - 1);

	if (huge != GUEST_PAGES_HOST) {
		prefer(m, 0, m->size, huge == GUEST_PAGES_ON ? MEMORY_HOST_HUGE : MEMORY_HOST_SMALL);
	} else if (low >= stack) {
		prefer(m, 0, m->size, MEMORY_HOST_SMALL);
	} else {
		prefer(m, 0, low, MEMORY_HOST_SMALL);
		prefer(m, stack, m->size, MEMORY_HOST_SMALL);
	}
}

static bool guarded(const struct memory_range *r)
{
	return r->start >= HVT_GUEST_MIN_BASE && (r->prot & MEMORY_W) == 0;
}

/*
 * The host protects whole pages, which may be larger than the guest's: in one that the guest may
 * also write to, protection is left to the guest's tables.
 */
static int protect_whole(struct core *c, uint64_t start, uint64_t last, uint64_t page,
			 struct husk_error *e)
{
	uint64_t from = (start + page - 1) & ~(page - 1), to = (last + 1) & ~(page - 1);

	return from < to ? c->ops->protect(c->hv, from, to - 1, MEMORY_R, e) : 0;
}

/* Adjacent segments such as text and rodata are one range: the host gives both the same rights. */
int guest_pages_protect(struct core *c, struct husk_error *e)
{
	const struct memory *m = &c->memory;
	size_t i = 0;

	while (i < m->n_ranges) {
		const struct memory_range *first = &m->ranges[i++];
		uint64_t last = first->last;

		if (!guarded(first))
			continue;
		for (; i < m->n_ranges && guarded(&m->ranges[i]) && m->ranges[i].start == last + 1; i++)
			last = m->ranges[i].last;
		if (protect_whole(c, first->start, last, m->host_page, e) == -1)
			return -1;
	}
	return 0;
}

bool guest_pages_protected(const struct memory *m, uint64_t page)
{
	const uint64_t end = page + m->host_page;

	while (page < end) {
		const struct memory_range *r = memory_range_at(m, page);

		if (r == NULL || !guarded(r))
			return false;
		page = r->last + 1;
	}
	return true;
}
