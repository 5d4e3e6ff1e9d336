/* SPDX-License-Identifier: ISC */
/* netinet/in.h: what husk and its tests use of FreeBSD's <netinet/in.h>. */
#ifndef HUSK_FREEBSD_NETINET_IN_H
#define HUSK_FREEBSD_NETINET_IN_H

#include <sys/socket.h>

#define IPPROTO_TCP 6
#define INADDR_LOOPBACK 0x7f000001u

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

uint32_t htonl(uint32_t number);
uint16_t htons(uint16_t number);
uint16_t ntohs(uint16_t number);

#endif
