/* SPDX-License-Identifier: ISC */
/* sys/statvfs.h: what husk and its tests use of FreeBSD's <sys/statvfs.h>. */
#ifndef HUSK_FREEBSD_SYS_STATVFS_H
#define HUSK_FREEBSD_SYS_STATVFS_H

#include <sys/types.h>

struct statvfs {
	fsblkcnt_t f_bavail, f_bfree, f_blocks;
};

int fstatvfs(int fd, struct statvfs *fs);

#endif
