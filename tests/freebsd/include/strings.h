/* SPDX-License-Identifier: ISC */
/* strings.h: what husk and its tests use of FreeBSD's <strings.h>. */
#ifndef HUSK_FREEBSD_STRINGS_H
#define HUSK_FREEBSD_STRINGS_H

#include <sys/types.h>

int strncasecmp(const char *a, const char *b, size_t len);

#endif
