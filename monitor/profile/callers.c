/* SPDX-License-Identifier: ISC */
/* callers.c: a table of hypercalls and functions, with open addressing. */
#include "callers.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

int callers_init(struct callers *c, struct husk_error *e)
{
	*c = (struct callers){.list = calloc(CALLERS_MAX, sizeof c->list[0])};
	return c->list != NULL ? 0 : husk_fail_sys(e, ENOMEM, "module profile");
}

void callers_free(struct callers *c)
{
	free(c->list);
	*c = (struct callers){0};
}

uint64_t callers_weigh(struct callers *c)
{
	if (c->list == NULL)
		return 0;
	if (++c->seen <= CALLERS_EACH)
		return 1;
	return (c->seen - CALLERS_EACH) % CALLERS_STRIDE == 0 ? CALLERS_STRIDE : 0;
}

/* Names are static, so that their addresses tell them apart. */
static uint32_t slot_of(const char *call, uint64_t function)
{
	const uint64_t h = ((uintptr_t)call * 0xff51afd7ed558ccdu ^ function) * 0x9e3779b97f4a7c15u;

	return (uint32_t)(h >> 32) % CALLERS_MAX;
}

void callers_count(struct callers *c, const char *call, uint64_t function, uint64_t calls)
{
	uint32_t slot = slot_of(call, function);

	for (unsigned i = 0; i < CALLERS_MAX; i++, slot = (slot + 1) % CALLERS_MAX) {
		struct caller *k = &c->list[slot];

		if (k->call == NULL)
			*k = (struct caller){call, function, 0};
		if (k->call == call && k->function == function) {
			k->calls += calls;
			return;
		}
	}
	c->lost += calls;
}

/* The one with most calls of those that come behind last, NULL: the first of all. */
static const struct caller *next(const struct callers *c, const struct caller *last)
{
	const struct caller *best = NULL;

	for (const struct caller *k = c->list; k < c->list + CALLERS_MAX; k++) {
		if (k->call == NULL || (last != NULL && (k->calls > last->calls ||
							 (k->calls == last->calls && k <= last))))
			continue;
		if (best == NULL || k->calls > best->calls)
			best = k;
	}
	return best;
}

void callers_report(const struct callers *c, const struct symbols *symbols, module_figure *tell,
		    void *ctx)
{
	const struct caller *k = NULL;
	char name[100];
	uint64_t offset;

	for (unsigned i = 0; i < CALLERS_TOLD && (k = next(c, k)) != NULL; i++) {
		const char *function = symbols_at(symbols, k->function, &offset);

		if (function != NULL)
			snprintf(name, sizeof name, "%s:%.70s", k->call, function);
		else
			snprintf(name, sizeof name, "%s:0x%" PRIx64, k->call, k->function);
		tell(ctx, "callers", name, k->calls);
	}
	if (c->lost > 0)
		tell(ctx, "callers", "lost", c->lost);
}
