/* SPDX-License-Identifier: ISC */
/*
 * form_chrome.c: an event as an object of Chrome's trace format, which Perfetto and speedscope read.
 *
 * "Trace Event Format", JSON array: a missing end is accepted, so that what was written before a kill
 * can be read. Times are in us.
 */
#include <inttypes.h>
#include <string.h>

#include "form.h"
#include "json.h"

#define NS_PER_US 1000u
#define EXACT_MAX (UINT64_C(1) << 53)	/* viewers take numbers for floating point; larger ones are text */

static void open_event(struct json *j, FILE *out, const char *name, const char *phase,
		       enum event_row row)
{
	json_begin(j, out);
	json_string(j, "name", name);
	json_string(j, "ph", phase);
	json_number(j, "pid", 1);
	json_number(j, "tid", row);
}

static void close_event(struct json *j)
{
	json_close(j, '}');
	fputs(",\n", j->out);
}

static void time_us(struct json *j, const char *key, uint64_t ns)
{
	fprintf(j->out, ",\"%s\":%" PRIu64 ".%03" PRIu64, key, ns / NS_PER_US, ns % NS_PER_US);
}

/* Older versions of speedscope insist on a time here too. */
static void put_name(struct json *j, FILE *out, const char *what, enum event_row row, const char *name)
{
	open_event(j, out, what, "M", row);
	json_number(j, "ts", 0);
	json_open(j, "args", '{');
	json_string(j, "name", name);
	json_close(j, '}');
}

static void name_row(FILE *out, enum event_row row, const char *name)
{
	struct json j;

	put_name(&j, out, "thread_name", row, name);
	close_event(&j);
}

static void begin(FILE *out)
{
	fputs("[\n", out);
	name_row(out, ROW_GUEST, "guest");
	name_row(out, ROW_MONITOR, "monitor");
	name_row(out, ROW_IO_THREAD, "I/O thread");
}

static void text(struct json *j, const struct fact *f)
{
	char copy[FACT_BYTES_MAX + sizeof "..."];

	/* A zero would end it. */
	for (unsigned i = 0; i < f->n_bytes; i++)
		copy[i] = (char)(f->bytes[i] == 0 ? '?' : f->bytes[i]);
	strcpy(copy + f->n_bytes, f->value > f->n_bytes ? "..." : "");
	json_string(j, f->name, copy);
}

static void number(struct json *j, const char *key, const char *format, uint64_t value)
{
	char digits[32];

	snprintf(digits, sizeof digits, format, value);
	json_string(j, key, digits);
}

static void value(struct json *j, const char *key, const struct fact *f)
{
	switch (f->kind) {
	case FACT_NUMBER:
		if (f->value > EXACT_MAX)
			number(j, key, "%" PRIu64, f->value);
		else
			json_number(j, key, f->value);
		if (f->word != NULL)
			json_string(j, "device", f->word);
		break;
	case FACT_SIGNED:
		number(j, key, "%" PRId64, f->value);
		break;
	case FACT_ADDRESS:
		number(j, key, "0x%" PRIx64, f->value);
		break;
	case FACT_TIME:
		number(j, key, "%" PRIu64 "ns", f->value);
		break;
	case FACT_WORD:
		json_string(j, key, f->word);
		break;
	case FACT_TEXT:
		text(j, f);
		break;
	case FACT_NONE:
		break;
	}
}

/* Keys are unique: what came back has another if it has the name of what went in. */
static const char *key_of(const struct facts *f, unsigned i)
{
	for (unsigned k = 0; k < f->n_in && i >= f->n_in; k++)
		if (strcmp(f->list[k].name, f->list[i].name) == 0)
			return "got";
	return f->list[i].name;
}

static void arguments(struct json *j, const struct event *ev)
{
	const struct facts *f = ev->facts;

	/* Viewers show an empty list as a part of the name. */
	if (f == NULL && ev->outcome == NULL)
		return;
	json_open(j, "args", '{');
	for (unsigned i = 0; f != NULL && i < f->n; i++)
		value(j, key_of(f, i), &f->list[i]);
	if (ev->outcome != NULL)
		json_string(j, "result", ev->outcome);
	else if (f != NULL)
		value(j, "result", &f->result);
	json_close(j, '}');
}

static void event(FILE *out, const struct event *ev)
{
	const bool instant = ev->took == EVENT_INSTANT;
	struct json j;

	open_event(&j, out, ev->name, instant ? "i" : "X", ev->row);
	time_us(&j, "ts", ev->began);
	if (instant)
		json_string(&j, "s", "t");	/* of its row */
	else
		time_us(&j, "dur", ev->took);
	arguments(&j, ev);
	close_event(&j);
}

static void ran(FILE *out, uint64_t began, uint64_t took)
{
	const struct event ev = {.name = "run", .row = ROW_GUEST, .began = began, .took = took};

	event(out, &ev);
}

static void ended(FILE *out, uint64_t at, const char *how)
{
	const struct event ev = {
		.name = how, .row = ROW_GUEST, .began = at, .took = EVENT_INSTANT,
	};

	event(out, &ev);
}

/* The last event has no comma behind it. */
static void end(FILE *out)
{
	struct json j;

	put_name(&j, out, "process_name", ROW_GUEST, "husk");
	json_close(&j, '}');
	fputs("\n]\n", out);
}

const struct form form_chrome = {begin, event, ran, ended, end};
