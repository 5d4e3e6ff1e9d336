/* SPDX-License-Identifier: ISC */
/* heap.c: malloc's memory: all between the image and a share of memory that is the stack's. */
#include "newlib_parts.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#define STACK_MAX 0x800000ul		/* 8 MiB, as programs have elsewhere */
#define STACK_SHARE 4			/* one part in so many, where that is less */

void *sbrk(ptrdiff_t change);

static uintptr_t heap_start, heap_break, heap_end;

void libc_heap_init(const struct solo5_start_info *info)
{
	size_t stack = info->heap_size / STACK_SHARE;

	if (stack > STACK_MAX)
		stack = STACK_MAX;
	heap_start = info->heap_start;
	heap_break = heap_start;
	heap_end = heap_start + info->heap_size - stack;
}

void *sbrk(ptrdiff_t change)
{
	uintptr_t old = heap_break;

	if (change > 0 ? (size_t)change > heap_end - old : (size_t)-change > old - heap_start) {
		errno = ENOMEM;
		return (void *)-1;
	}
	heap_break = old + (uintptr_t)change;
	return (void *)old;
}
