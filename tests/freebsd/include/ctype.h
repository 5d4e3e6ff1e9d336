/* SPDX-License-Identifier: ISC */
/* ctype.h: what husk and its tests use of FreeBSD's <ctype.h>. */
#ifndef HUSK_FREEBSD_CTYPE_H
#define HUSK_FREEBSD_CTYPE_H

int isxdigit(int c);

#endif
