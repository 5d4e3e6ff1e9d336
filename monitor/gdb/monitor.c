/* SPDX-License-Identifier: ISC */
/* monitor.c: what gdb's command `monitor' can ask for: text in, text out. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "session.h"

struct page {
	char *text;
	size_t room, n;
};

static void append(struct page *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void append(struct page *p, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(p->text + p->n, p->room - p->n, fmt, ap);
	va_end(ap);
	if (n > 0)
		p->n += (size_t)n < p->room - p->n ? (size_t)n : p->room - p->n - 1;
}

static void stats(const struct gdb_session *s, struct page *p)
{
	const struct core *c = s->core;

	for (int k = 0; k < HV_EXIT_KINDS; k++)
		if (c->exits[k] > 0)
			append(p, "exits %s %llu\n", hv_exit_name((enum hv_exit_kind)k),
			    (unsigned long long)c->exits[k]);
	for (unsigned i = 0; i < HYPERCALLS_MAX; i++)
		if (c->hypercalls.table[i].count > 0)
			append(p, "hypercalls %s %llu\n", c->hypercalls.table[i].name,
			    (unsigned long long)c->hypercalls.table[i].count);
	append(p, "breakpoints %u\n", s->breaks.n);
	append(p, "points %u\n", s->breaks.n_points);
}

static void help(const struct gdb_session *s, struct page *p);

static const struct {
	const char *name, *help;
	void (*tell)(const struct gdb_session *s, struct page *p);
} own[] = {
	{"stats", "exits and hypercalls so far", stats},
	{"help", "this list", help},
};

/* Commands of other modules, which are there if an option has asked for them. */
static const struct {
	const char *name, *option;
} others[] = {
	{"dump", "--dumpcore=DIR"},
	{"trace", "--trace=FILE"},
};

#define COUNT(list) (sizeof (list) / sizeof (list)[0])

static void help(const struct gdb_session *s, struct page *p)
{
	const struct commands *all = &s->core->commands;
	const char *words;

	for (size_t i = 0; i < COUNT(own); i++)
		append(p, "%-8s%s\n", own[i].name, own[i].help);
	for (unsigned i = 0; i < all->n; i++)
		append(p, "%-8s%s\n", all->list[i].is->name, all->list[i].is->help);
	for (size_t i = 0; i < COUNT(others); i++)
		if (commands_find(all, others[i].name, &words) == NULL)
			append(p, "%-8sonly if husk was started with %s\n", others[i].name,
			       others[i].option);
}

static void add_line(void *to, const char *line)
{
	append(to, "%s\n", line);
}

/* What is made of guest memory has no breakpoints in it. */
static void obey(struct gdb_session *s, const struct command_slot *slot, const char *words,
		 struct page *p)
{
	const bool planted = !s->breaks.lifted;
	struct husk_error e;

	if (planted && gdb_breaks_lift(&s->breaks, &e) == -1)
		append(p, "%s\n", e.message);
	else
		slot->is->obey(slot->ctx, words, add_line, p);
	if (planted && gdb_breaks_plant(&s->breaks, &e) == -1)
		append(p, "%s\n", e.message);
}

static bool lacks(const char *text, struct page *p)
{
	const char *words;

	for (size_t i = 0; i < COUNT(others); i++)
		if (command_is(others[i].name, text, &words)) {
			append(p, "%s: husk was started without it: start it with %s\n", others[i].name,
			       others[i].option);
			return true;
		}
	return false;
}

void gdb_monitor(struct gdb_session *s, const char *text, char *answer, size_t room)
{
	struct page p = {answer, room, 0};
	const char *words;
	const struct command_slot *slot = commands_find(&s->core->commands, text, &words);

	answer[0] = '\0';
	for (size_t i = 0; i < COUNT(own); i++)
		if (strcmp(text, own[i].name) == 0) {
			own[i].tell(s, &p);
			return;
		}
	if (slot != NULL) {
		obey(s, slot, words, &p);
	} else if (!lacks(text, &p)) {
		append(&p, "no such command; there are:\n");
		help(s, &p);
	}
}
