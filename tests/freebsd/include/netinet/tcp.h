/* SPDX-License-Identifier: ISC */
/* tcp.h: what husk and its tests use of FreeBSD's <netinet/tcp.h>. */
#ifndef HUSK_FREEBSD_NETINET_TCP_H
#define HUSK_FREEBSD_NETINET_TCP_H

#define TCP_NODELAY 1

#endif
