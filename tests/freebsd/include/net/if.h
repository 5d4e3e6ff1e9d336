/* SPDX-License-Identifier: ISC */
/* net/if.h: what husk and its tests use of FreeBSD's <net/if.h>. */
#ifndef HUSK_FREEBSD_NET_IF_H
#define HUSK_FREEBSD_NET_IF_H

#include <sys/socket.h>

#define IFNAMSIZ 16
#define IFF_BROADCAST 0x2
#define IFF_DRV_RUNNING 0x40

struct ifreq {
	char ifr_name[IFNAMSIZ];
	union {
		struct sockaddr ifr_addr;
		short ifr_flags;
		int ifr_index;
		int ifr_mtu;
	};
};

#endif
