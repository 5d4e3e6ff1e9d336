/* SPDX-License-Identifier: ISC */
/*
 * ring.h: the monitor's end of the network ring: entries in, completions out.
 *
 * The monitor's positions are private; what lies in guest memory is a copy for the guest to read,
 * and every field that the guest writes is hostile. Protocol only: who calls it, and when, is
 * ring_thread.h's. One thread at a time owns a ring. Layout: include/ring_abi.h.
 */
#ifndef HUSK_RING_H
#define HUSK_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "../../include/ring_abi.h"
#include "error.h"
#include "memory.h"
#include "netdev.h"

struct ring {
	struct hvt_ring *shared;	/* in guest memory; atomics and one-time copies only */
	const struct memory *memory;
	struct netdev *(*device)(void *ctx, uint64_t handle);	/* NULL: no such device */
	void *ctx;
	uint32_t ent_head, com_tail;
	bool stalled;		/* the next entry waits for room for its completion */
	bool kicked;		/* the next batch is what a kick was for; false again after it */
	uint64_t entries, batches;	/* served; times that there was something to serve */
	uint64_t out, in;	/* of the entries: to send, and to receive */
};

/*
 * The ring lies at gpa, zeroed; it asks for a kick from the start. HUSK_E_IMAGE if outside memory.
 */
int ring_init(struct ring *r, const struct memory *m, uint64_t gpa,
	      struct netdev *(*device)(void *ctx, uint64_t handle), void *ctx,
	      struct husk_error *e);

/*
 * Serves at most max entries, in order, and returns how many. Stops early, without an error, where
 * the guest has left no room for a completion. HUSK_E_GUEST: more entries or completions
 * outstanding than the ring holds, or a buffer outside memory or in read-only memory; the
 * entry in question is not consumed.
 */
int ring_serve(struct ring *r, unsigned max, struct husk_error *e);

/* Whether the guest has submitted something that can be served. */
bool ring_pending(const struct ring *r);

/*
 * Says whether submissions must be followed by a kick; on return the guest's next one will see it.
 */
void ring_ask_for_kicks(struct ring *r, bool ask);

#endif
