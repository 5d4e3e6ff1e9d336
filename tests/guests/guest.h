/* SPDX-License-Identifier: ISC */
/* guest.h: the few things that every test guest does: print, compare, read a command line. */
#ifndef GUEST_H
#define GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "solo5.h"

static inline bool same(const char *a, const char *b)
{
	while (*a != '\0' && *a == *b)
		a++, b++;
	return *a == *b;
}

static inline void say(const char *s)
{
	solo5_console_write(s, strlen(s));
}

static inline void say_number(uint64_t n)
{
	char digits[20];
	size_t at = sizeof digits;

	do
		digits[--at] = (char)('0' + n % 10);
	while ((n /= 10) != 0);
	solo5_console_write(digits + at, sizeof digits - at);
}

/* If the text at *s starts with word and a blank or the end, steps over both. */
static inline bool take_word(const char **s, const char *word)
{
	size_t n = strlen(word);

	for (size_t i = 0; i < n; i++)
		if ((*s)[i] != word[i])
			return false;
	if ((*s)[n] != '\0' && (*s)[n] != ' ')
		return false;
	*s += n + ((*s)[n] == ' ');
	return true;
}

/* A decimal number, which may be negative or as large as 2^64 - 1, and the blank behind it. */
static inline uint64_t take_number(const char **s)
{
	bool negative = **s == '-';
	uint64_t n = 0;

	*s += negative;
	while (**s >= '0' && **s <= '9')
		n = n * 10 + (uint64_t)(*(*s)++ - '0');
	*s += **s == ' ';
	return negative ? -n : n;
}

static inline int succeed(void)
{
	say("SUCCESS\n");
	return SOLO5_EXIT_SUCCESS;
}

#endif
