/* SPDX-License-Identifier: ISC */
/* picture_folded.c: the lines that flamegraph.pl, inferno and speedscope read. */
#include <inttypes.h>
#include <string.h>

#include "picture.h"
#include "unwind.h"

#define DEPTH_MAX (UNWIND_MAX + 2)

/* What ends a function's name here is no part of one. */
static void put_name(FILE *out, const char *name)
{
	for (size_t n; *name != '\0'; name += n) {
		n = strcspn(name, ";");
		fwrite(name, 1, n, out);
		if (name[n] == ';') {
			fputc(':', out);
			n++;
		}
	}
}

static void put_stack(const struct sampler *s, uint32_t node, FILE *out)
{
	const struct tree *t = &s->tree;
	uint32_t path[DEPTH_MAX];
	unsigned n = 0;
	char text[64];

	for (; node != 0 && n < DEPTH_MAX; node = t->nodes[node].parent)
		path[n++] = t->nodes[node].place;
	while (n-- > 0) {
		put_name(out, sampler_name(s, &t->places[path[n]].is, text, sizeof text));
		fputc(n > 0 ? ';' : ' ', out);
	}
}

uint64_t picture_folded(struct sampler *s, struct sink *to)
{
	const struct tree *t = &s->tree;
	uint64_t bytes = 0, left_out = 0;

	for (uint32_t i = 1; i < t->n_nodes; i++) {
		if (t->nodes[i].self == 0)
			continue;
		if (bytes > PICTURE_FOLDED_MAX) {
			left_out += t->nodes[i].self;
			continue;
		}
		put_stack(s, i, to->line);
		fprintf(to->line, "%" PRIu64 "\n", t->nodes[i].self);
		bytes += (uint64_t)ftell(to->line);
		sink_put(to);
	}
	if (t->lost + left_out > 0)
		fprintf(to->line, "[lost] %" PRIu64 "\n", t->lost + left_out);
	sink_put(to);
	return left_out;
}
