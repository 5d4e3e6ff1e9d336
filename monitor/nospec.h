/* nospec.h: indices that a guest chose, out of bounds not even in speculation. */
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

	__asm__("" : "+r"(index));	/* nothing known about it is left to build a branch from */
	out = (ptrdiff_t)(index | (size - 1 - index)) >> (sizeof out * CHAR_BIT - 1);
	return index & ~(size_t)out;
}

#endif
