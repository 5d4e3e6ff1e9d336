/* SPDX-License-Identifier: ISC */
/* form_lines.c: an event as a line: when, what with what, = what came of it, and how long it took. */
#include <inttypes.h>

#include "form.h"

#define NS_PER_US 1000u
#define NS_PER_S 1000000000u

static void begin(FILE *out)
{
	(void)out;
}

static void stamp(FILE *out, uint64_t ns)
{
	fprintf(out, "%" PRIu64 ".%06" PRIu64 " ", ns / NS_PER_S, ns % NS_PER_S / NS_PER_US);
}

/* 250ns, 1.5us, 2ms, 10s: no digit that says nothing. */
static void duration(FILE *out, uint64_t ns)
{
	static const struct {
		uint64_t ns;
		const char *name;
	} units[] = {{NS_PER_S, "s"}, {1000000, "ms"}, {NS_PER_US, "us"}, {1, "ns"}};
	unsigned u = 0;

	if (ns >= INT64_MAX) {
		fputs("forever", out);
		return;
	}
	while (u < 3 && ns < units[u].ns)
		u++;
	if (u < 3 && ns % units[u].ns * 10 >= units[u].ns && ns < 100 * units[u].ns)
		fprintf(out, "%" PRIu64 ".%" PRIu64 "%s", ns / units[u].ns,
			ns % units[u].ns * 10 / units[u].ns, units[u].name);
	else
		fprintf(out, "%" PRIu64 "%s", ns / units[u].ns, units[u].name);
}

/* As C would have it. */
static void quote_byte(FILE *out, uint8_t c)
{
	static const char escapes[] = "\"\"\\\\\nn\tt\rr";

	for (unsigned i = 0; i < sizeof escapes - 1; i += 2)
		if (c == (uint8_t)escapes[i]) {
			fprintf(out, "\\%c", escapes[i + 1]);
			return;
		}
	if (c < 0x20 || c > 0x7e)
		fprintf(out, "\\x%02x", c);
	else
		fputc(c, out);
}

static void text(FILE *out, const struct fact *f)
{
	fputc('"', out);
	for (unsigned i = 0; i < f->n_bytes; i++)
		quote_byte(out, f->bytes[i]);
	fputs(f->value > f->n_bytes ? "\"..." : "\"", out);
}

static void value(FILE *out, const struct fact *f)
{
	switch (f->kind) {
	case FACT_NUMBER:
		fprintf(out, "%" PRIu64, f->value);
		if (f->word != NULL)
			fprintf(out, " \"%s\"", f->word);
		break;
	case FACT_SIGNED:
		fprintf(out, "%" PRId64, (int64_t)f->value);
		break;
	case FACT_ADDRESS:
		fprintf(out, "0x%" PRIx64, f->value);
		break;
	case FACT_TIME:
		duration(out, f->value);
		break;
	case FACT_WORD:
		fputs(f->word, out);
		break;
	case FACT_TEXT:
		text(out, f);
		break;
	case FACT_NONE:
		break;
	}
}

static void values(FILE *out, const struct facts *f, unsigned from, unsigned to, const char *between)
{
	for (unsigned i = from; i < to; i++) {
		fprintf(out, "%s%s=", i == from && from == 0 ? "" : between, f->list[i].name);
		value(out, &f->list[i]);
	}
}

static void event(FILE *out, const struct event *ev)
{
	const struct facts *f = ev->facts;

	stamp(out, ev->began);
	fprintf(out, "%s(", ev->name);
	if (f != NULL)
		values(out, f, 0, f->n_in, ", ");
	fputc(')', out);
	if (ev->outcome != NULL) {
		fprintf(out, " = %s", ev->outcome);
	} else if (f != NULL && f->result.kind != FACT_NONE) {
		fputs(" = ", out);
		value(out, &f->result);
		values(out, f, f->n_in, f->n, ", ");
	}
	if (ev->took != EVENT_INSTANT) {
		fputs(" <", out);
		duration(out, ev->took);
		fputc('>', out);
	}
	fputc('\n', out);
}

static void ran(FILE *out, uint64_t began, uint64_t took)
{
	(void)out, (void)began, (void)took;
}

static void ended(FILE *out, uint64_t at, const char *how)
{
	stamp(out, at);
	fprintf(out, "%s\n", how);
}

static void end(FILE *out)
{
	(void)out;
}

const struct form form_lines = {begin, event, ran, ended, end};
