/* SPDX-License-Identifier: ISC */
/* disk_trial.h: checks a disk that has been opened and measured; a part of disk_open. */
#ifndef HUSK_DISK_TRIAL_H
#define HUSK_DISK_TRIAL_H

#include "disk.h"

#define DISK_READ_ONLY_HINT "--block-ro attaches it without writing"

/*
 * Reads the first and last bytes, and tries a write of nothing. HUSK_E_HOST, with the reason that
 * opening did not show.
 */
int disk_try(const struct disk *d, const char *where, struct husk_error *e);

#endif
