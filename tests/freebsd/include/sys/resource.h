/* SPDX-License-Identifier: ISC */
/* sys/resource.h: what husk and its tests use of FreeBSD's <sys/resource.h>. */
#ifndef HUSK_FREEBSD_SYS_RESOURCE_H
#define HUSK_FREEBSD_SYS_RESOURCE_H

#include <sys/time.h>

#define RLIMIT_FSIZE 1
#define RLIMIT_STACK 3
#define RLIMIT_NOFILE 8
#define RLIM_INFINITY ((rlim_t)INT64_MAX)

struct rlimit {
	rlim_t rlim_cur, rlim_max;
};

struct rusage {
	struct timeval ru_utime, ru_stime;
	long ru_maxrss;
};

int getrlimit(int resource, struct rlimit *limit);
int setrlimit(int resource, const struct rlimit *limit);

#endif
