/* SPDX-License-Identifier: ISC */
/*
 * string.c: the functions that compilers call on their own, first half: those that are
 * written in C for every architecture.
 *
 * All are weak, so that an application's own win.
 */
#include "libc/string.h"

#define WEAK __attribute__((weak))

WEAK int memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *p = a, *q = b;

	for (size_t i = 0; i < n; i++) {
		if (p[i] != q[i])
			return p[i] < q[i] ? -1 : 1;
	}
	return 0;
}

WEAK size_t strlen(const char *s)
{
	size_t n = 0;

	while (s[n] != '\0')
		n++;
	return n;
}
