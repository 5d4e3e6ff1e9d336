/* SPDX-License-Identifier: ISC */
/*
 * picture_svg.c: a flame graph: a bar for each function as it was called, upon its caller's, as wide as
 * the time that was spent in it. Static: what a bar is, its <title> says, which browsers show.
 */
#include <inttypes.h>
#include <string.h>

#include "picture.h"
#include "unwind.h"

#define WIDTH 1200u		/* px */
#define BAR 17u			/* from one to the next */
#define MARGIN 10u
#define HEAD 40u
#define FONT_TENTHS 66u		/* px/10: the width of a character of 11 px monospace */
#define NARROWEST 1000u		/* bars below 1/1000 of all are left out */
#define DEPTH_MAX (UNWIND_MAX + 3)
#define TEXT_MIN 3u		/* characters that are worth writing */

struct drawing {
	const struct sampler *s;
	struct sink *to;
	uint64_t all;		/* samples in the root */
	unsigned height;
};

static const char *name_of(const struct drawing *d, uint32_t place, char text[64])
{
	return sampler_name(d->s, &d->s->tree.places[place].is, text, 64);
}

static bool by_name(void *ctx, uint32_t place, uint32_t than)
{
	char a[64], b[64];

	return strcmp(name_of(ctx, place, a), name_of(ctx, than, b)) < 0;
}

/* XML 1.0, 2.2 and 2.4; most bytes to come are those of names in C. */
static void put_escaped(FILE *out, const char *text, size_t n)
{
	for (; *text != '\0' && n > 0; text++, n--) {
		if (strchr("&<>\"", *text) != NULL)
			fprintf(out, "&#%d;", *text);
		else
			fputc(*text < ' ' || *text > '~' ? '?' : *text, out);
	}
}

/* Warm for the guest's code, cold for waits, green for the monitor; the same for the same name. */
static void put_colour(FILE *out, enum place_kind kind, const char *name)
{
	unsigned h = 5381;

	while (*name != '\0')
		h = h * 33 + (unsigned char)*name++;
	if (kind == PLACE_WAIT || kind == PLACE_OFF)
		fputs("#b8c4d6", out);
	else if (kind == PLACE_CODE)
		fprintf(out, "#%02x%02x%02x", 225 + h % 30, 120 + h / 30 % 100, 70 + h / 3000 % 40);
	else if (kind == PLACE_ROOT)
		fputs("#d8d8d8", out);
	else
		fprintf(out, "#8cc%02x8", 0x40 + h % 0x40);
}

/* In tenths of px, from the left. */
static uint64_t scaled(const struct drawing *d, uint64_t samples)
{
	return samples * 10 * (WIDTH - 2 * MARGIN) / d->all;
}

static void put_bar(const struct drawing *d, uint32_t node, uint64_t before, unsigned depth)
{
	const struct tree_node *n = &d->s->tree.nodes[node];
	const uint64_t x = 10 * MARGIN + scaled(d, before), width = scaled(d, n->total);
	const uint64_t room = width > 60 ? (width - 60) / FONT_TENTHS : 0;
	const uint64_t permille = n->total * 1000 / d->all;
	const unsigned y = d->height - MARGIN - (depth + 1) * BAR;
	FILE *out = d->to->line;
	char text[64];
	const char *name = name_of(d, n->place, text);

	fputs("<g><title>", out);
	put_escaped(out, name, SYMBOL_NAME_MAX);
	fprintf(out, ": %" PRIu64 " sample%s, %" PRIu64 ".%" PRIu64 " %%</title><rect x=\"%" PRIu64
		".%" PRIu64 "\" y=\"%u\" width=\"%" PRIu64 ".%" PRIu64 "\" height=\"%u\" fill=\"",
		n->total, n->total == 1 ? "" : "s", permille / 10, permille % 10, x / 10, x % 10, y,
		width / 10, width % 10, BAR - 1);
	put_colour(out, d->s->tree.places[n->place].is.kind, name);
	fputs("\"/>", out);
	if (room >= TEXT_MIN) {
		fprintf(out, "<text x=\"%" PRIu64 ".%" PRIu64 "\" y=\"%u\">", x / 10 + 3, x % 10,
			y + 12);
		put_escaped(out, name, strlen(name) <= room ? room : room - 2);
		fputs(strlen(name) <= room ? "</text>" : "..</text>", out);
	}
	fputs("</g>\n", out);
	sink_put(d->to);
}

/* Calls draw for each bar, parents before their children, those from the left to the right. */
static unsigned each_bar(const struct drawing *d,
			 void (*draw)(const struct drawing *d, uint32_t node, uint64_t before,
				      unsigned depth))
{
	const struct tree_node *nodes = d->s->tree.nodes;
	uint64_t before[DEPTH_MAX];
	unsigned depth = 0, deepest = 0;
	uint32_t node = 0;

	before[0] = 0;
	for (;;) {
		draw(d, node, before[depth], depth);
		deepest = depth > deepest ? depth : deepest;
		if (nodes[node].first != TREE_NONE) {
			before[depth + 1] = before[depth];
			depth++;
			node = nodes[node].first;
			continue;
		}
		while (node != 0 && nodes[node].next == TREE_NONE) {
			node = nodes[node].parent;
			depth--;
		}
		if (node == 0)
			return deepest;
		before[depth] += nodes[node].total;
		node = nodes[node].next;
	}
}

static void put_nothing(const struct drawing *d, uint32_t node, uint64_t before, unsigned depth)
{
	(void)d, (void)node, (void)before, (void)depth;
}

static void put_head(const struct drawing *d)
{
	const struct tree *t = &d->s->tree;
	FILE *out = d->to->line;

	fprintf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %u %u\" width=\"%u\" "
		"height=\"%u\" font-family=\"monospace\" font-size=\"11\">\n", WIDTH, d->height, WIDTH,
		d->height);
	fprintf(out, "<rect width=\"%u\" height=\"%u\" fill=\"#fffdf8\"/>\n", WIDTH, d->height);
	fprintf(out, "<text x=\"%u\" y=\"24\" font-size=\"15\">Where the guest's time went: %" PRIu64
		" samples in %" PRIu64 ".%03" PRIu64 " s</text>\n", MARGIN, t->samples,
		t->samples * d->s->period_ns / 1000000000,
		t->samples * d->s->period_ns / 1000000 % 1000);
	sink_put(d->to);
}

uint64_t picture_svg(struct sampler *s, struct sink *to)
{
	struct drawing d = {.s = s, .to = to, .all = s->tree.nodes[0].total};

	if (d.all == 0)
		d.all = 1;
	tree_link(&s->tree, d.all / NARROWEST + 1, by_name, &d);
	d.height = HEAD + 2 * MARGIN + BAR * (each_bar(&d, put_nothing) + 1);
	put_head(&d);
	(void)each_bar(&d, put_bar);
	fputs("</svg>\n", to->line);
	sink_put(to);
	return 0;
}
