/* SPDX-License-Identifier: ISC */
/* processors_freebsd.c: reads the processors of a thread. */
#include <sys/param.h>
#include <sys/cpuset.h>

#include "processors.h"

bool processors_only_one(void)
{
	cpuset_t set;

	return cpuset_getaffinity(CPU_LEVEL_WHICH, CPU_WHICH_TID, -1, sizeof set, &set) == 0 &&
	       CPU_COUNT(&set) == 1;
}
