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
} commands[] = {
	{"stats", "exits and hypercalls so far", stats},
	{"help", "this list", help},
};
#define N_COMMANDS (sizeof commands / sizeof commands[0])

static void help(const struct gdb_session *s, struct page *p)
{
	(void)s;
	for (size_t i = 0; i < N_COMMANDS; i++)
		append(p, "%-8s%s\n", commands[i].name, commands[i].help);
}

void gdb_monitor(const struct gdb_session *s, const char *text, char *answer, size_t room)
{
	struct page p = {answer, room, 0};

	answer[0] = '\0';
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (strcmp(text, commands[i].name) == 0) {
			commands[i].tell(s, &p);
			return;
		}
	append(&p, "no such command; there are:\n");
	help(s, &p);
}
