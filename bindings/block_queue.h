/* SPDX-License-Identifier: ISC */
/* block_queue.h: several requests to a block device at a time (include/solo5x.h), and their queue. */
#ifndef BLOCK_QUEUE_H
#define BLOCK_QUEUE_H

#include "../include/solo5.h"

/* Takes memory for requests to every block device. */
void block_queue_init(struct solo5_start_info *info);

/* ---- block.c ---- */

/* Whether these are blocks of the device, at least one. */
bool block_has(solo5_handle_t handle, solo5_off_t offset, uint64_t size);

/* Before, and after, these bytes are changed by other means than solo5_block_write. */
void block_changes(solo5_handle_t handle, solo5_off_t offset, uint64_t size);

#endif
