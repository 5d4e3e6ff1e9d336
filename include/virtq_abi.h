/* SPDX-License-Identifier: ISC */
/*
 * virtq_abi.h: the queues that a guest and its monitor share: virtio's split virtqueues.
 *
 * Virtual I/O Device (VIRTIO) Version 1.2, section 2.7, always with VIRTIO_F_EVENT_IDX (2.7.7.2,
 * 2.7.10): both event fields exist, and both sides write them. No indirect descriptors, no packed
 * layout. The guest (the driver) allocates a queue's three parts and announces their addresses;
 * the monitor (the device) reads the first two and writes the third.
 *
 * Indices run free and wrap at 2^16; a slot is an index modulo the queue's size. Integers are
 * little-endian. Serves C11 and C++; layout frozen.
 */
#ifndef VIRTQ_ABI_H
#define VIRTQ_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define VIRTQ_LAYOUT(cond) static_assert(cond, "virtqueue layout")
#else
#define VIRTQ_LAYOUT(cond) _Static_assert(cond, "virtqueue layout")
#endif

#define VIRTQ_SIZE_MAX 256u		/* entries; a size is a power of two */

/* 2.7: where the parts may lie. */
#define VIRTQ_DESC_ALIGN 16u
#define VIRTQ_AVAIL_ALIGN 2u
#define VIRTQ_USED_ALIGN 4u

enum virtq_desc_flags {			/* 2.7.5 */
	VIRTQ_DESC_NEXT = 1,		/* the chain goes on at next */
	VIRTQ_DESC_WRITE = 2,		/* the device writes; otherwise it reads */
	VIRTQ_DESC_INDIRECT = 4		/* refused */
};

struct virtq_desc {
	uint64_t addr;			/* gpa */
	uint32_t len;			/* bytes */
	uint16_t flags;			/* enum virtq_desc_flags */
	uint16_t next;
};
VIRTQ_LAYOUT(sizeof(struct virtq_desc) == 16);

struct virtq_avail {			/* 2.7.6: written by the driver */
	uint16_t flags;			/* 0: the events say more */
	uint16_t idx;			/* chains submitted */
	uint16_t ring[];		/* heads of chains; used_event lies behind the last */
};
VIRTQ_LAYOUT(sizeof(struct virtq_avail) == 4);

struct virtq_used_elem {
	uint32_t id;			/* head of a chain */
	uint32_t len;			/* bytes that the device wrote */
};
VIRTQ_LAYOUT(sizeof(struct virtq_used_elem) == 8);

struct virtq_used {			/* 2.7.8: written by the device */
	uint16_t flags;			/* 0 */
	uint16_t idx;			/* chains completed */
	struct virtq_used_elem ring[];	/* avail_event lies behind the last */
};
VIRTQ_LAYOUT(sizeof(struct virtq_used) == 4);

/* Bytes of the parts of a queue of so many entries, event fields included. */
#define VIRTQ_DESC_BYTES(size) (16u * (size))
#define VIRTQ_AVAIL_BYTES(size) (6u + 2u * (size))
#define VIRTQ_USED_BYTES(size) (6u + 8u * (size))

/* The completion after which the driver wants a call: the index before it. */
static inline uint16_t *virtq_used_event(struct virtq_avail *avail, uint16_t size)
{
	return &avail->ring[size];
}

/* The submission after which the device wants a doorbell. */
static inline uint16_t *virtq_avail_event(struct virtq_used *used, uint16_t size)
{
	return (uint16_t *)(void *)&used->ring[size];
}

/*
 * Whether an index that went from before to now has passed the event that the other side asked
 * for. 2.7.10.1; to be asked after the index is visible, with a full barrier between.
 */
static inline int virtq_passes(uint16_t event, uint16_t now, uint16_t before)
{
	return (uint16_t)(now - event - 1) < (uint16_t)(now - before);
}

#endif
