/* SPDX-License-Identifier: ISC */
/*
 * queue.h: the two queues of a network device: frames out of the guest's buffers and into them.
 *
 * Protocol only: when they are served, and by which thread, is queues.c's and ring_thread.h's. One thread
 * at a time owns the queues and the device. Layout and rules: include/net_abi.h. What is impossible in a
 * queue ends the run (virtqueue.h); what is only no frame or no buffer comes back, and is counted.
 */
#ifndef HUSK_NET_QUEUE_H
#define HUSK_NET_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "../../include/net_abi.h"
#include "error.h"
#include "netdev.h"
#include "virtqueue.h"

struct net_queues {
	struct netdev *dev;		/* not owned */
	struct virtqueue queues[NET_QUEUES];
	uint8_t *frame;			/* room for the longest one and a byte; owned */
	unsigned enough;		/* buffers that had room for the longest one the last time */
	bool starved;			/* there were too few: frames may wait on the host */
	bool called;			/* completions are there that the guest wants to be told of */
	uint64_t doorbells, sent, received, refused;
	uint64_t offloaded_out, offloaded_in;	/* of those: with something left to the host, to the guest */
};

/* HUSK_E_HOST, and there is nothing to free. */
int net_queues_init(struct net_queues *q, struct netdev *dev, struct husk_error *e);

/* Accepts a zeroed one. */
void net_queues_fini(struct net_queues *q);

/* Sends what was submitted, max frames at most; returns how many chains there were. HUSK_E_GUEST. */
int net_queues_send(struct net_queues *q, unsigned max, struct husk_error *e);

/* Reads what has come into the guest's buffers, as far as there are any. HUSK_E_GUEST. */
int net_queues_receive(struct net_queues *q, struct husk_error *e);

/* Whether net_queues_receive may have frames although the device's descriptor is not readable. */
bool net_queues_may_receive(const struct net_queues *q);

/* Neither is in use any more. */
void net_queues_take_back(struct net_queues *q);

#endif
