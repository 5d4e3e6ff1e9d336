/* SPDX-License-Identifier: ISC */
/* sys/disk.h: what husk and its tests use of FreeBSD's <sys/disk.h>. */
#ifndef HUSK_FREEBSD_SYS_DISK_H
#define HUSK_FREEBSD_SYS_DISK_H

#include <sys/ioctl.h>

#define DIOCGSECTORSIZE _IOR('d', 128, u_int)
#define DIOCGMEDIASIZE _IOR('d', 129, off_t)
#define DIOCGDELETE _IOW('d', 136, off_t[2])

#endif
