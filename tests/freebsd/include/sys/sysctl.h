/* SPDX-License-Identifier: ISC */
/* sys/sysctl.h: what husk and its tests use of FreeBSD's <sys/sysctl.h>. */
#ifndef HUSK_FREEBSD_SYS_SYSCTL_H
#define HUSK_FREEBSD_SYS_SYSCTL_H

#include <sys/types.h>

int sysctlbyname(const char *name, void *old, size_t *old_len, const void *new, size_t new_len);

#endif
