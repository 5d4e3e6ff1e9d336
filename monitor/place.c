/* SPDX-License-Identifier: ISC */
/* place.c: where the guest is, in the words of its source: functions, callers, registers. */
#include <stdio.h>
#include <string.h>

#include "machine.h"
#include "unwind.h"

typedef unsigned long long ull;

/* So many callers are named on the command line for lines of the source. */
#define LINES_MAX 16u

#define STATUS_ABORT 255	/* include/solo5.h, SOLO5_EXIT_ABORT */

struct place {
	struct cpu_regs regs;
	size_t n;
	struct symbol_query at[UNWIND_MAX];	/* where the guest is, and where from it was called */
	bool unreadable;			/* there are no names, as e says */
	struct husk_error e;
};

static bool get_regs(const struct husk *h, struct cpu_regs *regs)
{
	const struct hv_register_ops *ops = h->core.caps->registers;
	struct husk_error ignored;

	return ops != NULL && ops->get(h->core.hv, regs, &ignored) == 0;
}

/* Without names, and -1, if the file that has them cannot be read. */
static int name_all(const struct husk *h, struct symbol_query *q, size_t n, struct husk_error *e)
{
	int rc = 0;

	for (size_t i = 0; i < n; i++)
		q[i].name[0] = '\0';
	if (symbol_file_is_there(&h->symbols))
		rc = symbols_find(&h->symbols, q, n, e);
	for (size_t i = 0; rc == -1 && i < n; i++)
		q[i].name[0] = '\0';
	return rc;
}

/* The guest's own function comes first: its beginning helps to find who called it. */
static void find(const struct husk *h, struct place *p)
{
	uint64_t places[UNWIND_MAX];

	p->at[0].addr = unwind_pc(&p->regs);
	(void)name_all(h, p->at, 1, &p->e);
	p->n = unwind(&h->core.memory, &p->regs, p->at[0].name[0] != '\0' ? p->at[0].start : 0, places);
	for (size_t i = 0; i < p->n; i++)
		p->at[i].addr = places[i];
	p->unreadable = name_all(h, p->at, p->n, &p->e) == -1;
}

/* "main+0x1c (0x100123)"; a caller's place is behind the call. */
static void write_place(const struct symbol_query *q, bool caller, char *text, size_t size)
{
	const ull at = q->addr + caller;

	if (q->name[0] == '\0')
		snprintf(text, size, "0x%llx", at);
	else
		snprintf(text, size, "%s+0x%llx (0x%llx)", q->name, at - q->start, at);
}

static void tell_places(const struct place *p, husk_line *line, void *ctx)
{
	char where[SYMBOL_NAME_MAX + 48], text[sizeof where + 32];

	write_place(&p->at[0], false, where, sizeof where);
	snprintf(text, sizeof text, "guest is at %s", where);
	line(ctx, text);
	for (size_t i = 1; i < p->n; i++) {
		write_place(&p->at[i], true, where, sizeof where);
		snprintf(text, sizeof text, "called from %s", where);
		line(ctx, text);
	}
}

static void tell_registers(const struct place *p, husk_line *line, void *ctx)
{
	const uint8_t *bytes = (const uint8_t *)&p->regs;
	char text[200];
	size_t len = 0;

	for (size_t i = 0; i < cpu_n_registers; i++) {
		uint64_t value;

		memcpy(&value, bytes + cpu_registers[i].place, sizeof value);
		len += (size_t)snprintf(text + len, sizeof text - len, "%s%s=0x%llx",
					len == 0 ? "registers: " : " ", cpu_registers[i].name, (ull)value);
		if (i % 4 == 3 || i + 1 == cpu_n_registers) {
			line(ctx, text);
			len = 0;
		}
	}
}

/* The file that has the names has the lines too. */
static const char *symbols_path(const struct husk *h)
{
	return h->symbols.copy.name != NULL ? h->symbols.copy.name : h->image.name;
}

/* What is put around a path so that a shell takes it for one word; such paths are rare. */
static const char *quote(const char *path)
{
	return strpbrk(path, " \t\"$`\\*?[](){}<>|&;~#!") == NULL ? "" : "'";
}

static bool has_names(const struct place *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->at[i].name[0] != '\0')
			return true;
	return false;
}

static void tell_command(const struct husk *h, const struct place *p, husk_line *line, void *ctx)
{
	char text[sizeof ((struct husk_error *)0)->message];
	const char *path = symbols_path(h), *q = quote(path);
	size_t len;

	if (has_names(p))
		len = (size_t)snprintf(text, sizeof text, "lines of the source: addr2line -ipfe %s%.100s%s",
				       q, path, q);
	else
		len = (size_t)snprintf(text, sizeof text, "%.100s has no names for that; with a COPY that "
				       "was not stripped: --symbols=COPY, or addr2line -ipfe COPY",
				       path);
	for (size_t i = 0; i < p->n && i < LINES_MAX && len < sizeof text; i++)
		len += (size_t)snprintf(text + len, sizeof text - len, " 0x%llx", (ull)p->at[i].addr);
	line(ctx, text);
}

void husk_place(const struct husk *h, husk_line *line, void *ctx)
{
	struct place p;

	if (!h->loaded || !get_regs(h, &p.regs)) {
		line(ctx, "where the guest is is not known");
		return;
	}
	find(h, &p);
	tell_places(&p, line, ctx);
	tell_registers(&p, line, ctx);
	if (p.unreadable)
		line(ctx, p.e.message);
	else
		tell_command(h, &p, line, ctx);
}

/* "in main+0x1c; addr2line ...", or why there is no name; nothing if the function has none. */
static void name_place(const struct husk *h, uint64_t addr, char *text, size_t size)
{
	const char *path = symbols_path(h), *mark = quote(path);
	struct symbol_query q = {.addr = addr};
	struct husk_error e;

	text[0] = '\0';
	if (name_all(h, &q, 1, &e) == -1)
		snprintf(text, size, "%.250s", e.message);
	else if (q.name[0] != '\0')
		snprintf(text, size, "in %.100s+0x%llx; addr2line -ife %s%.100s%s 0x%llx", q.name,
			 (ull)(addr - q.start), mark, path, mark, (ull)addr);
}

void machine_add_place(const struct husk *h, struct husk_error *e)
{
	const struct core *c = &h->core;
	char text[300];
	uint64_t ip;

	if ((e->kind != HUSK_E_GUEST && c->last.kind != HV_EXIT_ERROR) || !c->ops->ip(c->hv, &ip))
		return;
	name_place(h, ip, text, sizeof text);
	if (text[0] != '\0')
		husk_hint(e, "%s", text);
}

/* An exception is an abort with a frame; where that says nothing sensible, nothing is told. */
static bool is_trap(const struct core *c, struct cpu_regs *regs)
{
	const struct hv_register_ops *ops = c->caps->registers;
	const struct memory_range *r;
	struct cpu_system system;
	struct husk_error ignored;
	bool known;

	if (c->exit_status != STATUS_ABORT)
		return false;
	known = unwind_needs_system && ops != NULL && ops->get_system != NULL &&
		ops->get_system(c->hv, &system, &ignored) == 0;
	if (!unwind_to_trap(&c->memory, c->cookie, known ? &system : NULL, regs))
		return false;
	r = memory_range_at(&c->memory, unwind_pc(regs));
	return r != NULL && (r->prot & MEMORY_X) != 0;
}

void machine_tell_trap(const struct husk *h)
{
	struct cpu_regs regs;
	char text[300];

	if (!is_trap(&h->core, &regs))
		return;
	name_place(h, unwind_pc(&regs), text, sizeof text);
	machine_say(h, "guest ended by an exception at %s=0x%llx%s%s", cpu_ip_name,
		    (ull)unwind_pc(&regs), text[0] == '\0' ? "" : ": ", text);
}

bool machine_address(const struct husk *h, uint64_t *address)
{
	struct cpu_regs regs;

	if (!h->loaded)
		return false;
	if (h->how != HUSK_HOW_ABORT || !is_trap(&h->core, &regs))
		return h->core.ops->ip(h->core.hv, address);
	*address = unwind_pc(&regs);
	return true;
}

void machine_name(const struct husk *h, struct symbol_query *q)
{
	struct husk_error ignored;

	(void)name_all(h, q, 1, &ignored);
}
