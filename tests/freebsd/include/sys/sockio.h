/* SPDX-License-Identifier: ISC */
/* sys/sockio.h: what husk and its tests use of FreeBSD's <sys/sockio.h>. */
#ifndef HUSK_FREEBSD_SYS_SOCKIO_H
#define HUSK_FREEBSD_SYS_SOCKIO_H

#include <sys/ioccom.h>

#define SIOCGIFFLAGS _IOWR('i', 17, struct ifreq)
#define SIOCGIFINDEX _IOWR('i', 32, struct ifreq)
#define SIOCGIFMTU _IOWR('i', 51, struct ifreq)
#define SIOCIFDESTROY _IOW('i', 121, struct ifreq)

#endif
