/* SPDX-License-Identifier: ISC */
/* sys/ioctl.h: what husk and its tests use of FreeBSD's <sys/ioctl.h>. */
#ifndef HUSK_FREEBSD_SYS_IOCTL_H
#define HUSK_FREEBSD_SYS_IOCTL_H

#include <sys/ioccom.h>
#include <sys/types.h>

int ioctl(int fd, unsigned long request, ...);

#endif
