/* SPDX-License-Identifier: ISC */
/* sys/param.h: what husk and its tests use of FreeBSD's <sys/param.h>. */
#ifndef HUSK_FREEBSD_SYS_PARAM_H
#define HUSK_FREEBSD_SYS_PARAM_H

#include <sys/types.h>

#endif
