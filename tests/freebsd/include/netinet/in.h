/* SPDX-License-Identifier: ISC */
/* netinet/in.h: what husk and its tests use of FreeBSD's <netinet/in.h>. */
#ifndef HUSK_FREEBSD_NETINET_IN_H
#define HUSK_FREEBSD_NETINET_IN_H

#include <sys/socket.h>

struct in_addr {
	uint32_t s_addr;
};

struct sockaddr_in {
	uint8_t sin_len;
	sa_family_t sin_family;
	uint16_t sin_port;
	struct in_addr sin_addr;
	char sin_zero[8];
};

#endif
