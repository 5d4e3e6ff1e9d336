/* SPDX-License-Identifier: ISC */
/* symbols_name.c: symbols of OCaml as they are called in its sources. */
#include <stdbool.h>
#include <string.h>

#include "symbols.h"

/*
 * OCaml, asmcomp (Compilenv.make_symbol, Emitaux): "caml", the module with "__" between the parts of
 * its path, "__" or "." in front of the function, "_" and a number behind it; what is neither letter
 * nor digit is "$" and two hexadecimal digits.
 */
#define PREFIX "caml"

/* Names are shown to users: what would affect a terminal or a file's format is replaced. */
static char harmless(char c)
{
	return (unsigned char)c < ' ' || c == 0x7f ? '?' : c;
}

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int hex_digit(char c)
{
	return is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 :
	       c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Length without the stamp, which is not the whole name. */
static size_t without_stamp(const char *name, size_t len)
{
	size_t at = len;

	while (at > 0 && is_digit(name[at - 1]))
		at--;
	return at < len && at > 1 && name[at - 1] == '_' ? at - 1 : len;
}

/* One character of the source, and how many of the symbol it took. */
static size_t one(const char *from, size_t left, char *c)
{
	const int high = left >= 3 && from[0] == '$' ? hex_digit(from[1]) : -1;
	const int low = high >= 0 ? hex_digit(from[2]) : -1;

	*c = from[0];
	if (low >= 0) {
		*c = (char)(high << 4 | low);
		return 3;
	}
	if (left > 2 && from[0] == '_' && from[1] == '_') {
		*c = '.';
		return 2;
	}
	return 1;
}

void symbol_readable(const char *name, char *out, size_t size)
{
	const size_t skip = strlen(PREFIX);
	const bool ocaml = strncmp(name, PREFIX, skip) == 0 && is_upper(name[skip]);
	size_t len = strnlen(name, size - 1), at = 0;

	if (ocaml)
		len = without_stamp(name, len);
	for (size_t i = ocaml ? skip : 0; i < len; at++) {
		i += ocaml ? one(name + i, len - i, &out[at]) : 1;
		out[at] = harmless(ocaml ? out[at] : name[at]);
	}
	out[at] = '\0';
}
