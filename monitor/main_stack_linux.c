/* SPDX-License-Identifier: ISC */
/* main_stack_linux.c: the C library has asked for the limit already, for the stacks of threads. */
#include "main_stack.h"

#include <pthread.h>

/* pthread_attr_setstacksize(3): glibc's default is RLIMIT_STACK at the start; musl's is a small constant. */
bool stack_is_ample(size_t size)
{
	pthread_attr_t standard;
	size_t its = 0;

	if (pthread_getattr_default_np(&standard) != 0)
		return false;
	(void)pthread_attr_getstacksize(&standard, &its);
	(void)pthread_attr_destroy(&standard);
	return its >= size;
}
