/* SPDX-License-Identifier: ISC */
/* sys/time.h: what husk and its tests use of FreeBSD's <sys/time.h>. */
#ifndef HUSK_FREEBSD_SYS_TIME_H
#define HUSK_FREEBSD_SYS_TIME_H

#include <sys/types.h>
#include <time.h>

#define ITIMER_REAL 0

struct timeval {
	time_t tv_sec;
	suseconds_t tv_usec;
};

struct itimerval {
	struct timeval it_interval, it_value;
};

int setitimer(int which, const struct itimerval *value, struct itimerval *old);

#endif
