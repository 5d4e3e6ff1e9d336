/* SPDX-License-Identifier: ISC */
/* features.h: what the monitor has granted of husk's additions; see also include/solo5x.h. */
#ifndef FEATURES_H
#define FEATURES_H

#include <stdint.h>

#include "../include/hvt_abi.h"

/* Looks for the monitor's answer, which stays where it is. */
void features_init(const struct hvt_boot_info *boot);

/* Entries that a queue may have, 0 if nothing is granted. */
uint32_t features_queue_size_max(void);

#endif
