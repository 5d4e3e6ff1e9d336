/* SPDX-License-Identifier: ISC */
/* sys/cpuset.h: what husk and its tests use of FreeBSD's <sys/cpuset.h>. */
#ifndef HUSK_FREEBSD_SYS_CPUSET_H
#define HUSK_FREEBSD_SYS_CPUSET_H

#include <sys/types.h>

#define CPU_LEVEL_WHICH 3
#define CPU_WHICH_TID 1

typedef struct cpuset {
	long bits[16];
} cpuset_t;

#define CPU_COUNT(set) (__builtin_popcountl((unsigned long)(set)->bits[0]))

int cpuset_getaffinity(int level, int which, int64_t id, size_t size, cpuset_t *mask);

#endif
