/* SPDX-License-Identifier: ISC */
/* print.c: lines of facts, without a C library. */
#include "facts.h"

static char line[200];
static size_t length;

size_t text_length(const char *text)
{
	size_t n = 0;

	while (text[n] != '\0')
		n++;
	return n;
}

static void put(char c)
{
	if (length < sizeof line - 1)
		line[length++] = c;
}

static void put_text(const char *text)
{
	while (*text != '\0')
		put(*text++);
}

static void put_number(uint64_t v, unsigned base)
{
	char digits[24];
	unsigned n = 0;

	do {
		digits[n++] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v != 0);
	while (n > 0)
		put(digits[--n]);
}

static void begin(const char *name)
{
	length = 0;
	put_text(name);
	put(' ');
}

static void end(void)
{
	put('\n');
	host_print(line, length);
}

void fact(const char *name, long value)
{
	begin(name);
	if (value < 0)
		put_text(host_error(-value));
	else
		put_number((uint64_t)value, 10);
	end();
}

void fact_hex(const char *name, uint64_t value)
{
	begin(name);
	put_text("0x");
	put_number(value, 16);
	end();
}

void fact_is(const char *name, bool yes)
{
	begin(name);
	put_text(yes ? "yes" : "no");
	end();
}

const char *numbered(const char *name, int number)
{
	static char text[60];
	size_t n = 0;

	for (; name[n] != '\0' && n < sizeof text - 4; n++)
		text[n] = name[n];
	if (number >= 10)
		text[n++] = (char)('0' + number / 10 % 10);
	text[n++] = (char)('0' + number % 10);
	text[n] = '\0';
	return text;
}
