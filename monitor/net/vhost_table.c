/* SPDX-License-Identifier: ISC */
/* vhost_table.c: guest memory without the pages that only the guest's own tables protect. */
#include "vhost_table.h"

#include "../../include/hvt_abi.h"
#include "guest_pages.h"

struct table {
	struct vhost_region *out;
	size_t n, max;			/* n may come to be more than max */
	uint64_t next;			/* what lies below is decided */
};

static void add(struct table *t, uint64_t end)
{
	if (t->next >= end)
		return;
	if (t->n < t->max)
		t->out[t->n] = (struct vhost_region){t->next, end - t->next};
	t->n++;
}

static void leave_out(struct table *t, uint64_t start, uint64_t end)
{
	add(t, start);
	if (t->next < end)
		t->next = end;
}

/* In a segment only the first page and the last can be shared. */
static void leave_out_shared(struct table *t, const struct memory *m, uint64_t page)
{
	if (!guest_pages_protected(m, page))
		leave_out(t, page, page + m->host_page);
}

int vhost_regions(const struct memory *m, struct vhost_region *out, size_t max)
{
	const uint64_t mask = m->host_page - 1;
	struct table t = {.out = out, .max = max};

	for (size_t i = 0; i < m->n_ranges; i++) {
		const struct memory_range *r = &m->ranges[i];

		if ((r->prot & MEMORY_W) != 0)
			continue;
		if (r->start < HVT_GUEST_MIN_BASE) {
			leave_out(&t, r->start & ~mask, (r->last | mask) + 1);
			continue;
		}
		leave_out_shared(&t, m, r->start & ~mask);
		leave_out_shared(&t, m, r->last & ~mask);
	}
	add(&t, m->size);
	return t.n <= max ? (int)t.n : -1;
}
