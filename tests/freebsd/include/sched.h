/* SPDX-License-Identifier: ISC */
/* sched.h: what husk and its tests use of FreeBSD's <sched.h>. */
#ifndef HUSK_FREEBSD_SCHED_H
#define HUSK_FREEBSD_SCHED_H

#include <sys/types.h>

int sched_yield(void);

#endif
