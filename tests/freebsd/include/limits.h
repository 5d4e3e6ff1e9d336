/* SPDX-License-Identifier: ISC */
/* limits.h: what husk and its tests use of FreeBSD's <limits.h>. */
#ifndef HUSK_FREEBSD_LIMITS_H
#define HUSK_FREEBSD_LIMITS_H

/* The numbers of C are the compiler's. */
#define PATH_MAX 1024
#define PIPE_BUF 512

#endif
