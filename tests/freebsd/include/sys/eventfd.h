/* SPDX-License-Identifier: ISC */
/* sys/eventfd.h: what husk and its tests use of FreeBSD's <sys/eventfd.h>. */
#ifndef HUSK_FREEBSD_SYS_EVENTFD_H
#define HUSK_FREEBSD_SYS_EVENTFD_H

#include <sys/types.h>

#define EFD_NONBLOCK 0x00000004
#define EFD_CLOEXEC 0x00100000

int eventfd(unsigned initial, int flags);

#endif
