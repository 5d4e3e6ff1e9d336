/* SPDX-License-Identifier: ISC */
/* sys/_timespec.h: struct timespec, for the headers that have a part in it. */
#ifndef HUSK_FREEBSD_SYS__TIMESPEC_H
#define HUSK_FREEBSD_SYS__TIMESPEC_H

#include <sys/types.h>

struct timespec {
	time_t tv_sec;
	long tv_nsec;
};

#endif
