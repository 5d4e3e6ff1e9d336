/* SPDX-License-Identifier: ISC */
/*
 * string_x86_64.c: the functions that compilers call on their own, second half: copying
 * and filling by the CPU's string instructions, which are short and quick enough, and
 * cannot be mistaken by the compiler for a call of themselves.
 *
 * All are weak, so that an application's own win.
 */
#include "libc/string.h"

#include <stdint.h>

#define WEAK __attribute__((weak))

#define WORD 8u

/* By words: a hypervisor that emulates instructions does one repetition at a time. */
static void copy_up(void *to, const void *from, size_t n)
{
	size_t words = n / WORD, rest = n % WORD;

	__asm__ __volatile__("rep movsq" : "+D" (to), "+S" (from), "+c" (words) : : "memory");
	__asm__ __volatile__("rep movsb" : "+D" (to), "+S" (from), "+c" (rest) : : "memory");
}

static void copy_down(void *to, const void *from, size_t n)
{
	uint8_t *to_end = (uint8_t *)to + n - 1;
	const uint8_t *from_end = (const uint8_t *)from + n - 1;

	__asm__ __volatile__("std; rep movsb; cld"
		: "+D" (to_end), "+S" (from_end), "+c" (n)
		:
		: "memory");
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
	size_t words = n / WORD, rest = n % WORD;
	void *at = to;

	__asm__ __volatile__("rep stosq" : "+D" (at), "+c" (words) : "a" (pattern) : "memory");
	__asm__ __volatile__("rep stosb" : "+D" (at), "+c" (rest) : "a" (pattern) : "memory");
	return to;
}
