/* SPDX-License-Identifier: ISC */
/* symbols_find.c: names for a few addresses, read from the file when they are wanted. */
#include <stdbool.h>

#include "symbols_file.h"

struct search {
	struct symbol_query *q;
	size_t n;
};

static bool is_better(const struct symbol_query *q, const struct symbol_seen *s)
{
	if (q->rank == 0 || s->start != q->start)
		return q->rank == 0 || s->start > q->start;
	return s->rank + 1 > q->rank || (s->rank + 1 == q->rank && s->name_at < q->name_at);
}

/* A rank of 0 means that nothing was found yet. */
static int look(void *ctx, const struct symbol_seen *s, struct husk_error *e)
{
	struct search *search = ctx;

	(void)e;
	for (size_t i = 0; i < search->n; i++) {
		struct symbol_query *q = &search->q[i];

		if (s->start <= q->addr && s->start > q->last)
			q->last = s->start;
		if (!symbol_reaches(s->start, s->size, q->addr) || !is_better(q, s))
			continue;
		q->start = s->start;
		q->size = s->size;
		q->name_at = s->name_at;
		q->rank = s->rank + 1;
	}
	return 0;
}

/* A function of unknown size ends where the next one begins. */
static bool is_found(const struct symbol_query *q)
{
	return q->rank > 0 && (q->size != 0 || q->last == q->start);
}

static int name_all(const struct symbol_file *f, const struct symbol_table *t,
		    struct symbol_query *q, size_t n, struct husk_error *e)
{
	for (size_t i = 0; i < n; i++)
		if (is_found(&q[i]) && symbol_file_name(f, t, q[i].name_at, q[i].name, e) == -1)
			return -1;
	return 0;
}

int symbols_find(const struct symbol_file *f, struct symbol_query *q, size_t n,
		 struct husk_error *e)
{
	struct search search = {q, n};
	struct symbol_table t;

	for (size_t i = 0; i < n; i++)
		q[i] = (struct symbol_query){.addr = q[i].addr};
	if (symbol_file_unchanged(f, e) == -1 || symbol_file_table(f, &t, e) == -1 ||
	    symbol_file_each(f, &t, look, &search, e) == -1)
		return -1;
	return name_all(f, &t, q, n, e);
}
