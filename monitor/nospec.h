/* SPDX-License-Identifier: ISC */
/* nospec.h: guest-chosen indices that stay in bounds even in speculation. */
#ifndef HUSK_NOSPEC_H
#define HUSK_NOSPEC_H

#include <limits.h>
#include <stddef.h>

/*
 * index if it is below size, else 0, without a branch that could be predicted wrong: to be put
 * between the check and the use. Both at most SIZE_MAX / 2. Linux Documentation/staging/speculation.rst.
 */
static inline size_t nospec_index(size_t index, size_t size)
{
	ptrdiff_t out;

	__asm__("" : "+r"(index));	/* hides its value, so that no branch can be derived */
	out = (ptrdiff_t)(index | (size - 1 - index)) >> (sizeof out * CHAR_BIT - 1);
	return index & ~(size_t)out;
}

#endif
