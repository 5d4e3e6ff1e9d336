/* SPDX-License-Identifier: ISC */
/* sys/random.h: what husk and its tests use of FreeBSD's <sys/random.h>. */
#ifndef HUSK_FREEBSD_SYS_RANDOM_H
#define HUSK_FREEBSD_SYS_RANDOM_H

#include <sys/types.h>

ssize_t getrandom(void *buf, size_t len, unsigned flags);

#endif
