/* SPDX-License-Identifier: ISC */
/* report.c: figures, as text for people or JSON for programs. */
#include <string.h>

#include "report.h"

void report_begin(struct report *r, bool json)
{
	*r = (struct report){.json = json};
	if (json)
		printf("{\n  \"figures\": [");
}

static void group_begin(struct report *r, const char *group)
{
	if (r->group != NULL && strcmp(r->group, group) == 0)
		return;
	if (!r->json)
		printf("%s%s\n", r->group == NULL ? "" : "\n", group);
	r->group = group;
}

static bool target_met(const struct figure *f)
{
	return (f->kind == TARGET_RATIO ? f->ratio : f->husk) <= f->target;
}

static bool target_judged(const struct figure *f)
{
	return f->kind != TARGET_NONE && (f->kind == TARGET_RATIO ? f->ratio : f->husk) > NONE;
}

/* Counts are whole, or something is worth a look; the rest has three digits that mean something. */
static int decimals(double value, const char *unit)
{
	if (unit[0] == '\0' && value > 0 && value < 0.1)
		return 4;
	if (unit[0] == '\0')
		return value < (double)(long)value + 0.01 ? 0 : 2;
	return value < 10 ? 2 : value < 100 ? 1 : 0;
}

static void text_value(const char *label, double value, const char *unit)
{
	if (value <= NONE)
		printf("  %s %12s", label, "-");
	else
		printf("  %s %8.*f %-3s", label, decimals(value, unit), value, unit);
}

static bool is_of(const struct figure *f, const char *group)
{
	return strcmp(f->group, group) == 0;
}

static const char *this_of(const struct figure *f)
{
	return is_of(f, QUEUES_GROUP) || is_of(f, OTHER_NET_GROUP) ? "queues" :
	       is_of(f, RING_GROUP) ? "ring" : "husk";
}

static const char *other_of(const struct figure *f)
{
	return is_of(f, RING_GROUP) || is_of(f, QUEUES_GROUP) ? "calls" :
	       is_of(f, OTHER_GROUP) || is_of(f, OTHER_NET_GROUP) ? "solo5-hvt" : "floor";
}

static void text_figure(const struct figure *f)
{
	const char *unit = f->kind == TARGET_RATIO ? "" : f->unit;

	printf("  %-46s", f->name);
	if (strcmp(f->group, FLOOR_GROUP) != 0)
		text_value(this_of(f), f->husk, f->unit);
	text_value(other_of(f), f->floor, f->unit);
	if (f->ratio > NONE)
		printf("  ratio %.3f", f->ratio);
	if (f->best > NONE)
		printf(" (best runs %.3f)", f->best);
	if (f->kind != TARGET_NONE)
		printf("  target <= %g%s%s", f->target, *unit != '\0' ? " " : "", unit);
	if (target_judged(f))
		printf(": %s", target_met(f) ? "met" : "not met");
	putchar('\n');
	fflush(stdout);
}

/* Names and units are ours: nothing in them needs an escape. */
static void json_string(const char *key, const char *value)
{
	printf("\"%s\": \"%s\", ", key, value);
}

static void json_number(const char *key, double value)
{
	if (value <= NONE)
		printf("\"%s\": null, ", key);
	else
		printf("\"%s\": %.6g, ", key, value);
}

static void json_figure(const struct figure *f)
{
	json_string("group", f->group);
	json_string("name", f->name);
	json_string("unit", f->unit);
	json_number(this_of(f), f->husk);
	json_number(other_of(f), f->floor);
	json_number("ratio", f->ratio);
	json_number("ratio_of_best_runs", f->best);
	json_number("target", f->kind == TARGET_NONE ? NONE : f->target);
	printf("\"met\": %s", !target_judged(f) ? "null" : target_met(f) ? "true" : "false");
}

void report_figure(struct report *r, const struct figure *f)
{
	group_begin(r, f->group);
	if (r->json) {
		printf("%s\n    {", r->n++ == 0 ? "" : ",");
		json_figure(f);
		putchar('}');
	} else {
		text_figure(f);
	}
}

void report_skip(struct report *r, const char *group, const char *what, const char *why)
{
	group_begin(r, group);
	if (r->json) {
		printf("%s\n    {", r->n++ == 0 ? "" : ",");
		json_string("group", group);
		json_string("name", what);
		printf("\"skipped\": \"%s\"}", why);
	} else {
		printf("  %-46s  skipped: %s\n", what, why);
	}
}

void report_end(struct report *r)
{
	if (r->json)
		printf("\n  ]\n}\n");
}
