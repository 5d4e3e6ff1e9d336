/* SPDX-License-Identifier: ISC */
/* sys/cdefs.h: what husk and its tests use of FreeBSD's <sys/cdefs.h>. */
#ifndef HUSK_FREEBSD_SYS_CDEFS_H
#define HUSK_FREEBSD_SYS_CDEFS_H

#define __dead2 __attribute__((__noreturn__))
#define __printflike(format, first) __attribute__((__format__(__printf__, format, first)))

#endif
