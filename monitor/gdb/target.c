/* SPDX-License-Identifier: ISC */
/* target.c: registers by gdb's numbers, and their description, from the architecture's table. */
#include "target.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Where a register is held; NULL if that cannot be had. */
static const uint8_t *home(const struct gdb_values *v, const struct gdb_register *r)
{
	switch (r->home) {
	case GDB_REGS:
		return (const uint8_t *)&v->regs + r->offset;
	case GDB_FP:
	case GDB_FP_TAGS:
		return v->has_fp ? (const uint8_t *)&v->fp + r->offset : NULL;
	case GDB_SYSTEM:
		return v->has_system ? (const uint8_t *)&v->system + r->offset : NULL;
	}
	return NULL;
}

bool gdb_register_get(const struct gdb_values *v, unsigned n, uint8_t *bytes)
{
	const struct gdb_register *r = &gdb_registers[n];
	const uint8_t *from = home(v, r);
	uint16_t tags;

	memset(bytes, 0, r->size);
	if (from == NULL)
		return false;
	if (r->home != GDB_FP_TAGS) {
		memcpy(bytes, from, r->width);
		return true;
	}
	tags = gdb_tags(v);
	memcpy(bytes, &tags, sizeof tags);
	return true;
}

/* System registers are only told: a wrong value would end the machine in the monitor's name. */
bool gdb_register_set(struct gdb_values *v, unsigned n, const uint8_t *bytes)
{
	const struct gdb_register *r = &gdb_registers[n];
	uint16_t tags;

	switch (r->home) {
	case GDB_REGS:
		memcpy((uint8_t *)&v->regs + r->offset, bytes, r->width);
		return true;
	case GDB_FP:
		memcpy((uint8_t *)&v->fp + r->offset, bytes, r->width);
		return v->has_fp;
	case GDB_FP_TAGS:
		memcpy(&tags, bytes, sizeof tags);
		gdb_set_tags(v, tags);
		return v->has_fp;
	case GDB_SYSTEM:
		break;
	}
	return false;
}

size_t gdb_registers_size(void)
{
	size_t size = 0;

	for (unsigned i = 0; i < gdb_n_registers; i++)
		size += gdb_registers[i].size;
	return size;
}

/* ---- the description: "Debugging with GDB", appendix G ---- */

struct text {
	char *at;
	size_t room, n;		/* n: what would have been written so far */
};

static void append(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void append(struct text *t, const char *fmt, ...)
{
	const bool fits = t->n < t->room;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(fits ? t->at + t->n : NULL, fits ? t->room - t->n : 0, fmt, ap);
	va_end(ap);
	t->n += n > 0 ? (size_t)n : 0;
}

static void append_feature(struct text *t, const struct gdb_feature *f)
{
	append(t, "<feature name=\"%s\">%s", f->name, f->types);
	for (unsigned i = f->first; i < f->first + f->n; i++) {
		const struct gdb_register *r = &gdb_registers[i];

		append(t, "<reg name=\"%s\" bitsize=\"%u\" type=\"%s\"", r->name, 8u * r->size, r->type);
		if (f->group != NULL)
			append(t, " group=\"%s\"", f->group);
		append(t, "/>");
	}
	append(t, "</feature>");
}

size_t gdb_description(char *text, size_t room)
{
	struct text t = {text, room, 0};

	append(&t, "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\">"
	    "<target version=\"1.0\"><architecture>%s</architecture><osabi>none</osabi>",
	    gdb_architecture);
	for (unsigned i = 0; i < gdb_n_features; i++)
		append_feature(&t, &gdb_features[i]);
	append(&t, "</target>");
	return t.n;
}

/* ---- to and from the vcpu ---- */

int gdb_values_load(const struct hv_caps *caps, struct hv *hv, struct gdb_values *v,
		    struct husk_error *e)
{
	const struct hv_register_ops *r = caps->registers;

	*v = (struct gdb_values){.has_fp = r->get_fp != NULL, .has_system = r->get_system != NULL};
	if (r->get(hv, &v->regs, e) == -1 || (v->has_fp && r->get_fp(hv, &v->fp, e) == -1) ||
	    (v->has_system && r->get_system(hv, &v->system, e) == -1))
		return -1;
	return 0;
}

int gdb_values_store(const struct hv_caps *caps, struct hv *hv, const struct gdb_values *v,
		     struct husk_error *e)
{
	const struct hv_register_ops *r = caps->registers;

	if (r->set(hv, &v->regs, e) == -1)
		return -1;
	return v->has_fp && r->set_fp != NULL ? r->set_fp(hv, &v->fp, e) : 0;
}
