/* SPDX-License-Identifier: ISC */
/* sys/un.h: what husk and its tests use of FreeBSD's <sys/un.h>. */
#ifndef HUSK_FREEBSD_SYS_UN_H
#define HUSK_FREEBSD_SYS_UN_H

#include <sys/types.h>

struct sockaddr_un {
	unsigned char sun_len;
	sa_family_t sun_family;
	char sun_path[104];
};

#endif
