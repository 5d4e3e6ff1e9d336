/* SPDX-License-Identifier: ISC */
/* sys/mount.h: what husk and its tests use of FreeBSD's <sys/mount.h>. */
#ifndef HUSK_FREEBSD_SYS_MOUNT_H
#define HUSK_FREEBSD_SYS_MOUNT_H

#include <sys/types.h>

#define MNT_NOWAIT 2

struct statfs {
	char f_mntfromname[1024];
};

int getmntinfo(struct statfs **all, int mode);

#endif
