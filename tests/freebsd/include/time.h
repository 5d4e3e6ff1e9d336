/* SPDX-License-Identifier: ISC */
/* time.h: what husk and its tests use of FreeBSD's <time.h>. */
#ifndef HUSK_FREEBSD_TIME_H
#define HUSK_FREEBSD_TIME_H

#include <sys/types.h>

#include <sys/_timespec.h>

#define CLOCK_REALTIME 0
#define CLOCK_MONOTONIC 4

time_t time(time_t *now);
int clock_gettime(clockid_t clock, struct timespec *now);
int nanosleep(const struct timespec *time, struct timespec *left);

#endif
