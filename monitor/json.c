/* json.c: a writer of JSON without memory of its own. */
#include "json.h"

#include <inttypes.h>

static void quote(FILE *out, const char *text)
{
	fputc('"', out);
	for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++)
		if (*p == '"' || *p == '\\')
			fprintf(out, "\\%c", *p);
		else if (*p < 0x20 || *p > 0x7e)
			fprintf(out, "\\u%04x", *p);
		else
			fputc(*p, out);
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
