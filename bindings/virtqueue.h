/* SPDX-License-Identifier: ISC */
/*
 * virtqueue.h: the guest's side of a virtqueue: buffers to the monitor and back.
 *
 * What the monitor gives back is checked to be what it was given: otherwise the queue is broken, and
 * nothing comes back any more. Layout and rules: include/virtq_abi.h.
 *
 * Before the guest waits for completions: virtq_take until there is none, then wait only if
 * virtq_arm says that none has come meanwhile.
 */
#ifndef VIRTQUEUE_H
#define VIRTQUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../include/virtq_abi.h"

struct virtq_span {
	uintptr_t addr;			/* what it holds must stay until the chain is back */
	uint32_t len;
};

struct virtq {
	struct virtq_desc *desc;	/* descriptors that are not in use form a chain of their own */
	struct virtq_avail *avail;
	struct virtq_used *used;
	uint16_t size;
	uint16_t n_free, free;		/* unused descriptors; the first of them */
	uint16_t added, submitted;	/* chains put into avail; made visible */
	uint16_t taken;			/* chains taken from used */
	bool broken;			/* by the monitor */
	uint8_t heads[VIRTQ_SIZE_MAX / 8];	/* set of the chains that are not back */
};

/* Bytes of memory that a queue of so many entries takes. */
size_t virtq_memory(uint16_t size);

/* Lays the queue out in memory, zero-filled and aligned to 16; size is a power of two. */
void virtq_init(struct virtq *q, uint16_t size, void *memory);

/*
 * Adds one chain, n_readable spans for the monitor to read and then n_writable to write, at least
 * one in all. Returns the number by which it comes back, below size and its own until then; -1 if
 * there are not as many descriptors left.
 */
int virtq_add(struct virtq *q, const struct virtq_span *spans, uint16_t n_readable,
	      uint16_t n_writable);

/* Makes what was added visible. True: the monitor wants its doorbell rung. */
bool virtq_submit(struct virtq *q);

/* Whether a chain is back. */
bool virtq_has(const struct virtq *q);

/*
 * The next chain that is back, and how many bytes the monitor says that it wrote to it; -1 if there
 * is none, or the queue is broken.
 */
int virtq_take(struct virtq *q, uint32_t *written);

/* Asks for a call at the next completion. False: one is there already, do not wait. */
bool virtq_arm(struct virtq *q);

#endif
