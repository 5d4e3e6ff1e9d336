/* SPDX-License-Identifier: ISC */
/*
 * net_queue.h: frames by the queues of their device (include/net_abi.h), where the monitor grants them.
 *
 * A frame that comes lies in a buffer of the guest's before it is asked for. One that is sent is a
 * hypercall while the monitor wants a doorbell for each, which takes a copy less; but where others that
 * have come are not read yet, it is held back, to leave together with the answers to these; and so is one
 * that comes behind many others.
 */
#ifndef NET_QUEUE_H
#define NET_QUEUE_H

#include "../include/solo5.h"

/* Takes memory for the queues of all network devices, if the monitor grants them and there is enough. */
void net_queue_init(struct solo5_start_info *info);

/* Hands the queues of this network device to the monitor, if it has any, and not a second time. */
void net_queue_acquire(solo5_handle_t handle);

/* Whether the next two serve this device. */
bool net_queue_has(solo5_handle_t handle);

/* A frame that fits the device. */
solo5_result_t net_queue_write(solo5_handle_t handle, const uint8_t *buf, size_t size);

/* The next frame that fits into buf. */
solo5_result_t net_queue_read(solo5_handle_t handle, uint8_t *buf, size_t size, size_t *read_size);

/* ---- net.c ---- */

/* Whether a frame is within the MTU and the tags that it has; of frame, NET_TAGGED bytes are looked at. */
#define NET_TAGGED (SOLO5_NET_HLEN + NET_TAGS)
bool net_fits(const uint8_t *frame, size_t size, size_t mtu);

solo5_result_t net_write_by_call(solo5_handle_t handle, const uint8_t *buf, size_t size);
solo5_result_t net_read_by_call(solo5_handle_t handle, uint8_t *buf, size_t size, size_t *read_size);

#endif
