/* SPDX-License-Identifier: ISC */
/*
 * string_aarch64.c: the functions that compilers call on their own, second half: copying
 * and filling by words, which need not be aligned.
 *
 * All are weak, so that an application's own win.
 */
#include "libc/string.h"

#include <stdint.h>

#define WEAK __attribute__((weak))

typedef uint64_t word __attribute__((aligned(1), may_alias));

#define WORD sizeof(word)

/* Keeps the compiler from taking a loop for what it is, and replacing it by a call of itself. */
#define OPAQUE() __asm__ __volatile__("" : : : "memory")

static void copy_up(uint8_t *to, const uint8_t *from, size_t n)
{
	for (; n >= 2 * WORD; n -= 2 * WORD, to += 2 * WORD, from += 2 * WORD) {
		uint64_t low = ((const word *)from)[0], high = ((const word *)from)[1];

		((word *)to)[0] = low;
		((word *)to)[1] = high;
		OPAQUE();
	}
	for (; n > 0; n--) {
		*to++ = *from++;
		OPAQUE();
	}
}

static void copy_down(uint8_t *to, const uint8_t *from, size_t n)
{
	for (; n % WORD != 0; n--) {
		to[n - 1] = from[n - 1];
		OPAQUE();
	}
	for (; n > 0; n -= WORD) {
		*(word *)(to + n - WORD) = *(const word *)(from + n - WORD);
		OPAQUE();
	}
}

WEAK void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
	copy_up(to, from, n);
	return to;
}

WEAK void *memmove(void *to, const void *from, size_t n)
{
	if ((uintptr_t)to - (uintptr_t)from >= n)	/* below, or wholly above */
		copy_up(to, from, n);
	else
		copy_down(to, from, n);
	return to;
}

WEAK void *memset(void *to, int byte, size_t n)
{
	uint64_t pattern = (uint8_t)byte * UINT64_C(0x0101010101010101);
	uint8_t *at = to;

	for (; n >= 2 * WORD; n -= 2 * WORD, at += 2 * WORD) {
		((word *)at)[0] = pattern;
		((word *)at)[1] = pattern;
		OPAQUE();
	}
	for (; n > 0; n--) {
		*at++ = (uint8_t)pattern;
		OPAQUE();
	}
	return to;
}
