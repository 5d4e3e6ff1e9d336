/* SPDX-License-Identifier: ISC */
/* ring_peer.c: the guest's end of the network ring. */
#include "ring_peer.h"

#include <string.h>

#include "../../../monitor/net/ring.h"

static uint32_t load(const uint32_t *shared)
{
	return __atomic_load_n(shared, __ATOMIC_ACQUIRE);
}

static void publish(uint32_t *shared, uint32_t value)
{
	__atomic_store_n(shared, value, __ATOMIC_RELEASE);
}

void ring_peer_init(struct ring_peer *p, struct hvt_ring *shared)
{
	*p = (struct ring_peer){shared, load(&shared->ent_tail), load(&shared->com_head)};
}

void ring_peer_start_at(struct ring_peer *p, struct ring *r, uint32_t entries,
			uint32_t completions)
{
	r->ent_head = entries;
	r->com_tail = completions;
	publish(&r->shared->ent_head, entries);
	publish(&r->shared->ent_tail, entries);
	publish(&r->shared->com_head, completions);
	publish(&r->shared->com_tail, completions);
	ring_peer_init(p, r->shared);
}

uint32_t ring_peer_room(const struct ring_peer *p)
{
	return HVT_RING_SIZE - (p->ent_tail - load(&p->ring->ent_head));
}

void ring_peer_put(struct ring_peer *p, const struct hvt_ring_entry *entry)
{
	memcpy(&p->ring->entries[p->ent_tail & HVT_RING_MASK], entry, sizeof *entry);
	p->ent_tail++;
}

/*
 * The monitor stores needs_kick, then loads ent_tail; here it is the other way round. An exchange
 * for the same reason as there.
 */
bool ring_peer_publish(const struct ring_peer *p)
{
	(void)__atomic_exchange_n(&p->ring->ent_tail, p->ent_tail, __ATOMIC_SEQ_CST);
	return __atomic_load_n(&p->ring->needs_kick, __ATOMIC_SEQ_CST) != 0;
}

bool ring_peer_submit(struct ring_peer *p, const struct hvt_ring_entry *entry)
{
	ring_peer_put(p, entry);
	return ring_peer_publish(p);
}

bool ring_peer_idle(const struct ring_peer *p)
{
	return load(&p->ring->ent_head) == p->ent_tail;
}

bool ring_peer_take(struct ring_peer *p, struct hvt_ring_completion *completion)
{
	if (load(&p->ring->com_tail) == p->com_head)
		return false;
	memcpy(completion, &p->ring->completions[p->com_head & HVT_RING_MASK], sizeof *completion);
	p->com_head++;
	publish(&p->ring->com_head, p->com_head);
	return true;
}
