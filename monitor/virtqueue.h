/* SPDX-License-Identifier: ISC */
/*
 * virtqueue.h: the device's side of a virtqueue: chains of buffers out of guest memory and back.
 *
 * Knows nothing of what the buffers mean. The device's positions are private; every field that the
 * guest writes is hostile, is loaded once, and is checked in the copy. Layout and rules:
 * include/virtq_abi.h. One thread at a time owns a queue.
 *
 * What a guest can get wrong here is an impossible structure and ends the run (HUSK_E_GUEST): a
 * buffer outside memory, or to be written where the guest may not write (read-only memory, the
 * network ring's pages); a head or next beyond the queue; a chain that is longer than the queue, or
 * than 4 GiB; a readable buffer behind a writable one; more chains outstanding than entries. The
 * offending chain is not consumed, so that the next call fails in the same way.
 *
 * To sleep until there is something: pop until nothing comes, virtqueue_publish, and sleep only if
 * virtqueue_arm says that nothing came meanwhile. While the owner is awake the driver rings no
 * doorbell, because the event that it compares with lies in the past.
 */
#ifndef HUSK_VIRTQUEUE_H
#define HUSK_VIRTQUEUE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "../include/virtq_abi.h"
#include "error.h"
#include "memory.h"

/* Where a guest says that its queue lies: gpas. */
struct virtqueue_layout {
	uint64_t desc, avail, used;
	uint32_t size;			/* entries */
};

struct virtqueue {
	const struct memory *memory;	/* NULL: not in use */
	const char *what;		/* "vsock service, queue 1", for messages; not owned */
	struct virtqueue_layout layout;	/* checked */
	const struct virtq_desc *desc;	/* in guest memory, as the next two; one-time copies and */
	struct virtq_avail *avail;	/* atomics only */
	struct virtq_used *used;
	uint16_t size;
	uint16_t next_avail;		/* the next chain to pop */
	uint16_t next_used;		/* the next to push; those before published are visible */
	uint16_t published;
	uint16_t in_flight;		/* popped, not pushed yet */
};

/* One popped chain: what the device may read, then what it may write. */
struct virtqueue_chain {
	const struct iovec *iov;	/* n_readable spans, then n_writable; none is empty */
	uint16_t head;			/* for virtqueue_push */
	uint16_t n_readable, n_writable;
	uint32_t readable, writable;	/* bytes */
};

/*
 * Checks where the queue lies and starts at index 0. Its parts must be aligned, lie apart, in
 * memory that the guest may write. HUSK_E_GUEST, and q is not in use. Writes nothing to the guest.
 */
int virtqueue_init(struct virtqueue *q, const char *what, const struct memory *m,
		   const struct virtqueue_layout *layout, struct husk_error *e);

/* Whether two queues, whose layouts were checked, share a byte. */
bool virtqueue_overlap(const struct virtqueue_layout *a, const struct virtqueue_layout *b);

/*
 * Takes up to max chains in the order of their submission, with their spans one after the other in
 * iov. Returns how many; 0 if nothing is submitted. Fewer are taken where the next would not fit
 * into the rest of n_iov, which is at least the queue's size, so that one always does. HUSK_E_GUEST
 * as above, but not before the chains in front of the bad one were taken.
 */
int virtqueue_pop(struct virtqueue *q, struct virtqueue_chain *chains, unsigned max,
		  struct iovec *iov, unsigned n_iov, struct husk_error *e);

/* Undoes the pop of the last n chains, none of which has been pushed. */
void virtqueue_unpop(struct virtqueue *q, unsigned n);

/*
 * Returns a popped chain, in any order, with the number of bytes written to it. The driver sees it
 * after virtqueue_publish, so that several can become visible at once.
 */
void virtqueue_push(struct virtqueue *q, uint16_t head, uint32_t written);

/* Makes what was pushed visible. Returns whether the driver wants to be called for it. */
bool virtqueue_publish(struct virtqueue *q);

/*
 * Asks for a doorbell at the next submission. Returns false if chains are there already: then the
 * doorbell may not ring for them, and the owner must check again before it sleeps.
 */
bool virtqueue_arm(struct virtqueue *q);

/* Whether something is submitted that was not popped. Asks for nothing. */
bool virtqueue_pending(const struct virtqueue *q);

/*
 * How many chains were ever submitted, modulo 2^16, popped or not; and asking for a doorbell when
 * more are, for an owner that waits for the driver and not for its chains. It must check again,
 * too.
 */
uint16_t virtqueue_submitted(const struct virtqueue *q);
void virtqueue_arm_beyond(struct virtqueue *q, uint16_t submitted);

/*
 * Of a queue that another serves, as the host's kernel does, and that is only looked at here: whether all
 * that was ever submitted is back; and whether a doorbell is wanted for what came after *told, which is
 * then what has come.
 */
bool virtqueue_all_back(const struct virtqueue *q);
bool virtqueue_wants_doorbell(const struct virtqueue *q, uint16_t *told);

/*
 * The other has stopped: what it has not given back is there to be popped. By an index that the guest may
 * have written: a wrong one harms it alone.
 */
void virtqueue_continue(struct virtqueue *q);

/* What a snapshot keeps of a queue. Nothing may be in flight or unpublished. */
struct virtqueue_state {
	struct virtqueue_layout layout;
	uint16_t next_avail, next_used;
};

void virtqueue_save(const struct virtqueue *q, struct virtqueue_state *state);

/*
 * virtqueue_init with the positions of a saved queue, which are not taken from guest memory. The
 * owner then acts as if the doorbell had rung, and calls the driver: notifications that were
 * pending when the state was saved are not repeated.
 */
int virtqueue_restore(struct virtqueue *q, const char *what, const struct memory *m,
		      const struct virtqueue_state *state, struct husk_error *e);

#endif
