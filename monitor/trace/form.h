/* SPDX-License-Identifier: ISC */
/* form.h: how an event of a trace is written: as a line of text, or for Chrome's viewers. */
#ifndef HUSK_TRACE_FORM_H
#define HUSK_TRACE_FORM_H

#include <stdint.h>
#include <stdio.h>

#include "facts.h"

/* Who was at work. The numbers are those of the rows in a viewer. */
enum event_row {
	ROW_GUEST = 1,
	ROW_MONITOR = 2,
	ROW_IO_THREAD = 3,
};

#define EVENT_INSTANT UINT64_MAX	/* the duration of what has none, or whose is not known */

struct event {
	const char *name;		/* "block_read" */
	enum event_row row;
	uint64_t began, took;		/* ns since the guest was first entered; ns */
	const struct facts *facts;	/* NULL: none */
	const char *outcome;		/* instead of a result, or NULL */
};

/* Each writes whole lines to out. begin and end are called once each; either may write nothing. */
struct form {
	void (*begin)(FILE *out);
	void (*event)(FILE *out, const struct event *ev);

	/* The guest ran, from began on. */
	void (*ran)(FILE *out, uint64_t began, uint64_t took);

	/* How the run ended, in words. */
	void (*ended)(FILE *out, uint64_t at, const char *how);
	void (*end)(FILE *out);
};

extern const struct form form_lines, form_chrome;

#endif
