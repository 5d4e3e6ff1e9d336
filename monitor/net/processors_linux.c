/* SPDX-License-Identifier: ISC */
/* processors_linux.c: reads the affinity mask of a thread. */
#include <sched.h>

#include "processors.h"

bool processors_only_one(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) == 1;
}
