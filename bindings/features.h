/* SPDX-License-Identifier: ISC */
/* features.h: what the monitor has granted of husk's additions; see also include/solo5x.h. */
#ifndef FEATURES_H
#define FEATURES_H

#include <stdbool.h>
#include <stdint.h>

#include "../include/hvt_abi.h"

/* Looks for the monitor's answer, which stays where it is. */
void features_init(const struct hvt_boot_info *boot);

/* Entries that a queue may have, 0 if nothing is granted. */
uint32_t features_queue_size_max(void);

/*
 * Whether the image's own note (HUSK_IMAGE_WANTS) asks for this feature: a note that the bindings or
 * husk-manifest add is none.
 */
bool features_image_wants(uint32_t feature);

/*
 * The set of block devices to which nobody but this guest writes, and whether the monitor says that of
 * block devices at all.
 */
uint64_t features_block_alone(void);
bool features_tell_alone(void);

/*
 * Whether the monitor knows HUSK_HYPERCALL_NET_OFFLOADS, which is younger than the feature of network
 * devices: one that does not ends the guest for it. Younger still is net_direct, by which it is told.
 */
bool features_has_offloads(void);

/* The set of network devices whose doorbells are no exits: a frame had better go by its queue. */
uint64_t features_net_direct(void);

#endif
