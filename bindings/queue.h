/* SPDX-License-Identifier: ISC */
/* queue.h: what of a device's queues goes through the monitor: their announcement and doorbells. */
#ifndef QUEUE_H
#define QUEUE_H

#include "../include/solo5.h"
#include "virtqueue.h"

/* The address by which the monitor knows this memory. */
uint64_t queue_gpa(const void *memory);

/* Tells the monitor where queue number index of the device is. False: it does not want it. */
bool queue_announce(solo5_handle_t handle, uint32_t index, const struct virtq *q);

/* Takes all queues of the device back; what they and their chains lie in is then the guest's. */
void queue_take_back(solo5_handle_t handle);

/* Makes visible what was added to the queue, and rings its doorbell if the monitor wants that. */
void queue_submit(solo5_handle_t handle, uint32_t index, struct virtq *q);

#endif
