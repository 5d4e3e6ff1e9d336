/* SPDX-License-Identifier: ISC */
/* net/if_tap.h: what husk and its tests use of FreeBSD's <net/if_tap.h>. */
#ifndef HUSK_FREEBSD_NET_IF_TAP_H
#define HUSK_FREEBSD_NET_IF_TAP_H

#include <net/if.h>
#include <sys/ioccom.h>

struct tapinfo {
	int baudrate;
	unsigned short mtu;
	unsigned char type;
	unsigned char dummy;
};

#define TAPGIFINFO _IOR('t', 92, struct tapinfo)
#define TAPGIFNAME _IOR('t', 93, struct ifreq)
#define TAPSVNETHDR _IOW('t', 91, int)
#define TAPGVNETHDR _IOR('t', 94, int)

#endif
