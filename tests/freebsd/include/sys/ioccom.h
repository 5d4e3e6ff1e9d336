/* SPDX-License-Identifier: ISC */
/* sys/ioccom.h: what husk and its tests use of FreeBSD's <sys/ioccom.h>. */
#ifndef HUSK_FREEBSD_SYS_IOCCOM_H
#define HUSK_FREEBSD_SYS_IOCCOM_H

#define _IOC(direction, group, number, size) \
	((unsigned long)((direction) | ((size) & 0x1fff) << 16 | (group) << 8 | (number)))
#define _IOR(group, number, type) _IOC(0x40000000u, group, number, sizeof(type))
#define _IOW(group, number, type) _IOC(0x80000000u, group, number, sizeof(type))
#define _IOWR(group, number, type) _IOC(0xc0000000u, group, number, sizeof(type))

#endif
