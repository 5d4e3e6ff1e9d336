/* SPDX-License-Identifier: ISC */
/* picture_speedscope.c: frames, stacks of their numbers, and how long each was there. */
#include <inttypes.h>

#include "json.h"
#include "picture.h"
#include "unwind.h"

#define DEPTH_MAX (UNWIND_MAX + 2)
#define SCHEMA "https://www.speedscope.app/file-format-schema.json"

static void put_frames(const struct sampler *s, struct sink *to)
{
	const struct tree *t = &s->tree;
	struct json j;
	char text[64];

	fputs("{\"$schema\":\"" SCHEMA "\",\"exporter\":\"husk\",\"shared\":{\"frames\":[\n", to->line);
	sink_put(to);
	for (uint32_t i = 0; i < t->n_places; i++) {
		fputs(i == 0 ? "" : ",\n", to->line);
		j = (struct json){.out = to->line};
		json_open(&j, NULL, '{');
		json_string(&j, "name", sampler_name(s, &t->places[i].is, text, sizeof text));
		json_close(&j, '}');
		sink_put(to);
	}
	fputs("\n]},\n", to->line);
}

static void put_stack(const struct tree *t, uint32_t node, FILE *out)
{
	uint32_t path[DEPTH_MAX];
	unsigned n = 0;

	for (; node != 0 && n < DEPTH_MAX; node = t->nodes[node].parent)
		path[n++] = t->nodes[node].place;
	fputc('[', out);
	while (n-- > 0)
		fprintf(out, "%" PRIu32 "%s", path[n], n > 0 ? "," : "");
	fputc(']', out);
}

/* The two lists have the same order, so that both are made by a walk like this. */
static void put_list(const struct sampler *s, struct sink *to, bool stacks)
{
	const struct tree *t = &s->tree;
	const char *comma = "";

	for (uint32_t i = 1; i < t->n_nodes; i++) {
		const uint64_t ns = t->nodes[i].self * s->period_ns;

		if (ns == 0)
			continue;
		fputs(comma, to->line);
		if (stacks)
			put_stack(t, i, to->line);
		else
			fprintf(to->line, "%" PRIu64 ".%09" PRIu64, ns / 1000000000,
				ns % 1000000000);
		comma = ",\n";
		sink_put(to);
	}
}

uint64_t picture_speedscope(struct sampler *s, struct sink *to)
{
	const uint64_t ns = (s->tree.samples - s->tree.lost) * s->period_ns;

	put_frames(s, to);
	fprintf(to->line, "\"profiles\":[{\"type\":\"sampled\",\"name\":\"guest\",\"unit\":\"seconds\","
		"\"startValue\":0,\"endValue\":%" PRIu64 ".%09" PRIu64 ",\"samples\":[\n",
		ns / 1000000000, ns % 1000000000);
	sink_put(to);
	put_list(s, to, true);
	fputs("\n],\"weights\":[\n", to->line);
	sink_put(to);
	put_list(s, to, false);
	fputs("\n]}]}\n", to->line);
	sink_put(to);
	return 0;
}
