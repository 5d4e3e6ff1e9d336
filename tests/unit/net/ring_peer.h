/* SPDX-License-Identifier: ISC */
/*
 * ring_peer.h: the guest's end of the network ring, as a guest's bindings would play it.
 *
 *	ring_peer_init(&p, shared);
 *	kick = ring_peer_submit(&p, &(struct hvt_ring_entry){.operation = HVT_RING_NET_READ, ...});
 *	while (!ring_peer_take(&p, &completion))
 *		...
 *
 * One thread is the guest. What it owns of the ring may be changed by hand to play a hostile one.
 */
#ifndef RING_PEER_H
#define RING_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include "../../../include/ring_abi.h"

struct ring;

struct ring_peer {
	struct hvt_ring *ring;
	uint32_t ent_tail, com_head;	/* the guest's own */
};

/* Goes on where the shared counters are. */
void ring_peer_init(struct ring_peer *p, struct hvt_ring *shared);

/* Puts both ends at these counters, with nothing outstanding: before the first entry. */
void ring_peer_start_at(struct ring_peer *p, struct ring *r, uint32_t entries,
			uint32_t completions);

/* Entries that still fit. */
uint32_t ring_peer_room(const struct ring_peer *p);

/* Fills the next slot; the monitor does not see it before ring_peer_publish. */
void ring_peer_put(struct ring_peer *p, const struct hvt_ring_entry *entry);

/* Shows the monitor what was put; whether it must be kicked. */
bool ring_peer_publish(const struct ring_peer *p);

/* Both. */
bool ring_peer_submit(struct ring_peer *p, const struct hvt_ring_entry *entry);

/* Whether every entry has been consumed. */
bool ring_peer_idle(const struct ring_peer *p);

/* Takes one completion; false if there is none. */
bool ring_peer_take(struct ring_peer *p, struct hvt_ring_completion *completion);

#endif
