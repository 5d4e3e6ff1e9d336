/* SPDX-License-Identifier: ISC */
/* net_queue_parts.h: what the files about queues of network devices share. */
#ifndef NET_QUEUE_PARTS_H
#define NET_QUEUE_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../include/net_abi.h"
#include "../include/solo5.h"
#include "virtqueue.h"

#define HEADER ((uint32_t)sizeof(struct net_header))
#define RX_UNIT 2048u

/* The memory of descriptor n of TX is the n-th unit of its memory; that of RX is any that is free. */
struct net_queue {
	struct virtq rx, tx;
	uint8_t *rx_units, *tx_units;
	uint32_t rx_unit, tx_unit;
	uint16_t rx_full;		/* entries for which rx has memory */
	uint8_t unit_of[VIRTQ_SIZE_MAX];	/* by descriptor of RX */
	solo5_handle_t handle;
	bool direct;			/* its doorbells are no exits, and nobody waits for them */
	bool tried, there;		/* the queues were announced; the monitor has them */
	bool begun;			/* a frame was read or written, or tried to be */
	bool looked;			/* it has looked for frames since the guest was told that there are none */
	uint16_t held;			/* frames for which no doorbell has rung, as one was wanted */
	uint64_t touched;		/* when the last frame was sent or added */
	uint32_t row;			/* frames in a row, that one included */
	uint64_t price;			/* ticks, recent mean; 0: not known */
	uint32_t pause, next_pause;	/* frames that are not to be held back; the next time */
	uint64_t offloads;		/* enum net_offload: granted */
};

/* What is in a buffer that came back, from its start or behind the header. */
struct net_part {
	const uint8_t *at;
	size_t size;			/* 0: there is nothing to speak of */
	uint16_t more;			/* buffers that the frame has behind this one */
	struct net_header header;	/* of the first */
};

/* The queues of a device that net_queue_has; otherwise NULL. */
struct net_queue *net_queue_of(solo5_handle_t handle);

/* Posts all buffers, and hands the queues, which are as virtq_init leaves them, to the monitor. */
void net_queue_announce(solo5_handle_t handle, struct net_queue *q);

/* False: there is none. The buffer is the guest's until it is posted. */
bool net_queue_take(struct net_queue *q, bool first, struct net_part *p);

/* The buffer that this byte is in is the monitor's again, as soon as it is shown. */
void net_queue_post(struct net_queue *q, const uint8_t *in);
void net_queue_show(struct net_queue *q);	/* if they are many */

/* Before a frame is looked for. */
void net_queue_begin_read(solo5_handle_t handle, struct net_queue *q);

/* There is no frame: true if the monitor has looked for one now, false if it has a short while ago. */
bool net_queue_look(solo5_handle_t handle, struct net_queue *q);

/* Of TX: has the monitor look now; takes back what is done. */
void net_queue_ring(solo5_handle_t handle, struct net_queue *q);
void net_queue_take_back(struct net_queue *q);

#endif
