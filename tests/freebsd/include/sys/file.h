/* SPDX-License-Identifier: ISC */
/* sys/file.h: what husk and its tests use of FreeBSD's <sys/file.h>. */
#ifndef HUSK_FREEBSD_SYS_FILE_H
#define HUSK_FREEBSD_SYS_FILE_H

#include <fcntl.h>

#endif
