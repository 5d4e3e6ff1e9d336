/* SPDX-License-Identifier: ISC */
/* json.c: a writer of JSON without memory of its own. */
#include "json.h"

#include <inttypes.h>

/* Unicode 15.0, table 3-7: length of the UTF-8 sequence at p, 0 if it is invalid. */
static unsigned sequence(const unsigned char *p)
{
	unsigned char first = p[0], low = 0x80, high = 0xbf;
	unsigned len = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;

	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first > 0xf4)
		return 0;
	if (first == 0xe0)
		low = 0xa0;		/* below: written longer than needed */
	else if (first == 0xed)
		high = 0x9f;		/* above: surrogates */
	else if (first == 0xf0)
		low = 0x90;
	else if (first == 0xf4)
		high = 0x8f;		/* above: beyond the last character */
	if (p[1] < low || p[1] > high)
		return 0;
	for (unsigned i = 2; i < len; i++)
		if (p[i] < 0x80 || p[i] > 0xbf)
			return 0;
	return len;
}

/*
 * C0, DEL and, as two bytes, C1: control characters of terminals. Returns the character, -1 for
 * others.
 */
static int control(const unsigned char *p, unsigned len)
{
	if (len == 1 && (*p < 0x20 || *p == 0x7f))
		return *p;
	return len == 2 && p[0] == 0xc2 && p[1] < 0xa0 ? p[1] : -1;
}

static void quote(FILE *out, const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	fputc('"', out);
	while (*p != '\0') {
		unsigned len = sequence(p);

		if (len == 0)
			fputs("\\ufffd", out);
		else if (*p == '"' || *p == '\\')
			fprintf(out, "\\%c", *p);
		else if (control(p, len) >= 0)
			fprintf(out, "\\u%04x", (unsigned)control(p, len));
		else
			fwrite(p, 1, len, out);
		p += len == 0 ? 1 : len;
	}
	fputc('"', out);
}

static void lead(struct json *j, const char *key)
{
	if (j->comma)
		fputc(',', j->out);
	j->comma = true;
	if (key != NULL) {
		quote(j->out, key);
		fputc(':', j->out);
	}
}

void json_begin(struct json *j, FILE *out)
{
	*j = (struct json){.out = out};
	json_open(j, NULL, '{');
}

void json_end(struct json *j)
{
	json_close(j, '}');
	fputc('\n', j->out);
}

void json_open(struct json *j, const char *key, char bracket)
{
	lead(j, key);
	fputc(bracket, j->out);
	j->comma = false;
}

void json_close(struct json *j, char bracket)
{
	fputc(bracket, j->out);
	j->comma = true;
}

void json_number(struct json *j, const char *key, uint64_t value)
{
	lead(j, key);
	fprintf(j->out, "%" PRIu64, value);
}

void json_string(struct json *j, const char *key, const char *value)
{
	lead(j, key);
	quote(j->out, value);
}
