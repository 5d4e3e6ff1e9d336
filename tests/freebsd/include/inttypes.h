/* SPDX-License-Identifier: ISC */
/* inttypes.h: what husk and its tests use of FreeBSD's <inttypes.h>. */
#ifndef HUSK_FREEBSD_INTTYPES_H
#define HUSK_FREEBSD_INTTYPES_H

#include <stdint.h>

#define PRId64 "ld"
#define PRIu64 "lu"
#define PRIx64 "lx"
#define PRIu32 "u"

#endif
