/* SPDX-License-Identifier: ISC */
/* disk_lock.h: the locks of a disk that has been opened; a part of disk_open. */
#ifndef HUSK_DISK_LOCK_H
#define HUSK_DISK_LOCK_H

#include "disk.h"

/*
 * Locks d and the other files with its bytes. The locks taken are noted in d, also on failure; an
 * inherited descriptor's own lock is neither changed nor noted. HUSK_E_HOST, HUSK_E_USAGE.
 */
int disk_lock(struct disk *d, const char *where, struct husk_error *e);

/* The number in @N, which disk_find has accepted. */
int disk_descriptor(const char *where);

#endif
