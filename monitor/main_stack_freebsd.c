/* SPDX-License-Identifier: ISC */
/* main_stack_freebsd.c: nothing is known. */
#include "main_stack.h"

bool stack_is_ample(size_t size)
{
	(void)size;
	return false;
}
