/* SPDX-License-Identifier: ISC */
/*
 * report_metrics.c: writes figures as OpenMetrics 1.0, name by name.
 *
 * They are asked for anew for each name, as a confined husk has no memory to keep them in for sure.
 */
#include "report_metrics.h"

#include <inttypes.h>
#include <string.h>

#define FAMILY_MAX 48
#define LABEL_MAX 128
#define FAMILIES_MAX 128

enum kind { COUNTER, GAUGE, UNKNOWN };

struct sample {
	char family[FAMILY_MAX];	/* without husk_ and _total */
	const char *label;		/* static */
	char value_of_label[LABEL_MAX];
	enum kind kind;
	bool us;			/* value is in us, and written in seconds */
	uint64_t value;
};

struct families {
	char names[FAMILIES_MAX][FAMILY_MAX];	/* in the order in which they came */
	unsigned n;
	unsigned now;			/* the one that is written */
	bool begun;			/* it has a sample already */
	FILE *out;
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

/* Of subjects that have figures of several kinds. */
static enum kind kind_of(const char *name)
{
	static const char *const gauges[] = {"link_up", "resident_bytes", "guest_bytes"};

	for (size_t i = 0; i < sizeof gauges / sizeof gauges[0]; i++)
		if (strcmp(gauges[i], name) == 0)
			return GAUGE;
	return strcmp(name, "connections") == 0 ? UNKNOWN : COUNTER;
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
	s->kind = kind_of(name);
	s->label = "of";
	put_name(s->family, sizeof s->family, name);
	snprintf(s->value_of_label, sizeof s->value_of_label, "%s", subject);
}

/* One too many is left out, with its figures. */
static void note_family(void *ctx, const char *subject, const char *name, uint64_t value)
{
	struct families *all = ctx;
	struct sample s = {.value = value};

	place(&s, subject, name);
	for (unsigned i = 0; i < all->n; i++)
		if (strcmp(all->names[i], s.family) == 0)
			return;
	if (all->n < FAMILIES_MAX)
		memcpy(all->names[all->n++], s.family, sizeof s.family);
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

static void write_of_family(void *ctx, const char *subject, const char *name, uint64_t value)
{
	struct families *all = ctx;
	struct sample s = {.value = value};

	place(&s, subject, name);
	if (strcmp(all->names[all->now], s.family) != 0)
		return;
	write_sample(&s, !all->begun, all->out);
	all->begun = true;
}

void report_metrics(const struct husk *h, FILE *out)
{
	struct families all = {.out = out};

	husk_report(h, note_family, &all);
	for (all.now = 0; all.now < all.n; all.now++) {
		all.begun = false;
		husk_report(h, write_of_family, &all);
	}
	fputs("# EOF\n", out);
}
