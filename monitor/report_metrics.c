/* SPDX-License-Identifier: ISC */
/* report_metrics.c: gathers figures, orders them by name, and writes them as OpenMetrics 1.0. */
#include "report_metrics.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FAMILY_MAX 48
#define LABEL_MAX 128

enum kind { COUNTER, GAUGE, UNKNOWN };

struct sample {
	char family[FAMILY_MAX];	/* without husk_ and _total */
	const char *label;		/* static */
	char value_of_label[LABEL_MAX];
	enum kind kind;
	bool us;			/* value is in us, and written in seconds */
	uint64_t value;
	size_t order;			/* in which they came */
};

struct samples {
	struct sample *list;		/* owned */
	size_t n, room;
	bool incomplete;		/* for want of memory */
};

/* Figures of these subjects are of one kind each, and their names say of what. */
static const struct subject {
	const char *name, *family, *label;
	enum kind kind;
} subjects[] = {
	{"exits", "exits", "kind", COUNTER},
	{"hypercalls", "hypercalls", "name", COUNTER},
	{"callers", "callers", "call", COUNTER},
	{"sandbox", "sandbox", "layer", GAUGE},
	{"time", "time_seconds", "in", COUNTER},
};

/* OpenMetrics 1.0, metricname. */
static void put_name(char *to, size_t size, const char *from)
{
	size_t n = 0;

	for (; from[n] != '\0' && n < size - 1; n++)
		to[n] = strchr("abcdefghijklmnopqrstuvwxyz0123456789_", from[n]) != NULL ? from[n] : '_';
	to[n] = '\0';
}

static void place(struct sample *s, const char *subject, const char *name)
{
	for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++)
		if (strcmp(subjects[i].name, subject) == 0) {
			s->kind = subjects[i].kind;
			s->label = subjects[i].label;
			s->us = strcmp(subject, "time") == 0;
			put_name(s->family, sizeof s->family, subjects[i].family);
			snprintf(s->value_of_label, sizeof s->value_of_label, "%.*s",
				 s->us ? (int)strcspn(name, "_") : LABEL_MAX, name);
			return;
		}
	s->kind = strcmp(name, "connections") == 0 ? UNKNOWN : COUNTER;
	s->label = "of";
	put_name(s->family, sizeof s->family, name);
	snprintf(s->value_of_label, sizeof s->value_of_label, "%s", subject);
}

static bool make_room(struct samples *all)
{
	const size_t room = all->room == 0 ? 64 : 2 * all->room;
	struct sample *more;

	if (all->n < all->room)
		return true;
	more = realloc(all->list, room * sizeof *more);
	if (more == NULL)
		return false;
	all->list = more;
	all->room = room;
	return true;
}

static void take(void *ctx, const char *subject, const char *name, uint64_t value)
{
	struct samples *all = ctx;

	if (!make_room(all)) {
		all->incomplete = true;
		return;
	}
	all->list[all->n] = (struct sample){.value = value, .order = all->n};
	place(&all->list[all->n], subject, name);
	all->n++;
}

static int compare(const void *a, const void *b)
{
	const struct sample *s = a, *t = b;
	int by_family = strcmp(s->family, t->family);

	return by_family != 0 ? by_family : (s->order > t->order) - (s->order < t->order);
}

static void put_label(FILE *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\\' || *text == '"')
			fputc('\\', out);
		fputc(*text == '\n' ? ' ' : *text, out);
	}
}

static void write_sample(const struct sample *s, bool first, FILE *out)
{
	static const char *const kinds[] = {
		[COUNTER] = "counter", [GAUGE] = "gauge", [UNKNOWN] = "unknown",
	};

	if (first)
		fprintf(out, "# TYPE husk_%s %s\n", s->family, kinds[s->kind]);
	fprintf(out, "husk_%s%s{%s=\"", s->family, s->kind == COUNTER ? "_total" : "", s->label);
	put_label(out, s->value_of_label);
	if (s->us)
		fprintf(out, "\"} %" PRIu64 ".%06" PRIu64 "\n", s->value / 1000000, s->value % 1000000);
	else
		fprintf(out, "\"} %" PRIu64 "\n", s->value);
}

void report_metrics(const struct husk *h, FILE *out)
{
	struct samples all = {0};

	husk_report(h, take, &all);
	if (all.n > 0)
		qsort(all.list, all.n, sizeof all.list[0], compare);
	for (size_t i = 0; i < all.n; i++)
		write_sample(&all.list[i], i == 0 || strcmp(all.list[i].family, all.list[i - 1].family) != 0,
			     out);
	if (!all.incomplete)
		fputs("# EOF\n", out);
	free(all.list);
}
