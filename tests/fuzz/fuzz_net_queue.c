/* SPDX-License-Identifier: ISC */
/*
 * fuzz_net_queue.c: what a guest can do to the queues of a network device, in steps of 8 bytes.
 *
 * Bit 7 of the first byte says which queue. The rest of it: 0 a descriptor (its number; address, length
 * and flags, 16 bits each, little-endian), 1 an entry of the available ring (its number; head), 2 so many
 * more are available, 3 the device sends, 4 it reads (the number of frames that have come; their length;
 * flags and type of segments in their header), 5 what is left to the host of checksums and segments (a set
 * of 16 bits at 2), 6 the queues are announced anew.
 * What is sent and what is read must be frames of the device, and nothing may be touched but the memory
 * that the guest may write.
 */
#include <stdlib.h>
#include <string.h>

#include "../../monitor/net/queue.h"

#define CHECK(condition) ((condition) ? (void)0 : abort())
#define STEP 8u
#define SIZE 16u
#define MEMORY 0x4000u
#define READ_ONLY 0x1000u		/* from there on, so many bytes */
#define PARTS(queue) (0x2000u + 0x400u * (queue))
#define MTU 300u
#define ROOM (MTU + UPLINK_HEADER + UPLINK_TAGS)
#define UNTOUCHED 0xee

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
	unsigned waiting;		/* frames that have come */
	size_t len;
	struct net_header header;	/* of them */
	uint64_t offloads;
} host;

static enum uplink_result take_frame(struct uplink *u, struct iovec buffer, size_t *len)
{
	(void)u;
	CHECK(buffer.iov_len == ROOM);
	if (host.waiting == 0)
		return UPLINK_AGAIN;
	host.waiting--;
	*len = host.len;
	if (host.len > buffer.iov_len)
		return UPLINK_TOO_LONG;
	memset(buffer.iov_base, 0x55, host.len);
	return UPLINK_OK;
}

static enum uplink_result give_frame(struct uplink *u, struct iovec frame)
{
	volatile uint8_t sum = 0;

	(void)u;
	CHECK(frame.iov_len >= UPLINK_HEADER && frame.iov_len <= ROOM);
	for (size_t i = 0; i < frame.iov_len; i++)
		sum = (uint8_t)(sum + ((const uint8_t *)frame.iov_base)[i]);
	return UPLINK_OK;
}

static enum uplink_result take_parts(struct uplink *u, struct net_header *h, const struct iovec *parts,
				     unsigned n, size_t *len)
{
	size_t room = 0;

	(void)u;
	CHECK(n <= UPLINK_PARTS && (host.offloads & NET_GUEST_CSUM) != 0);
	for (unsigned i = 0; i < n; i++)
		room += parts[i].iov_len;
	CHECK(room == ((host.offloads & NET_GUEST_TSO) != 0 ? NET_SEGMENTS_MAX : ROOM));
	if (host.waiting == 0)
		return UPLINK_AGAIN;
	host.waiting--;
	*h = host.header;
	*len = host.len;
	for (size_t left = host.len < room ? host.len : room; left > 0; parts++) {
		const size_t part = parts->iov_len < left ? parts->iov_len : left;

		memset(parts->iov_base, 0x55, part);
		left -= part;
	}
	return host.len > room ? UPLINK_TOO_LONG : UPLINK_OK;
}

/* What a kernel relies on is ours to have checked. */
static enum uplink_result give_parts(struct uplink *u, const struct net_header *h,
				     const struct iovec *parts, unsigned n)
{
	volatile uint8_t sum = 0;
	size_t len = 0;

	(void)u;
	for (unsigned i = 0; i < n; i++)
		for (size_t k = 0; k < parts[i].iov_len; k++, len++)
			sum = (uint8_t)(sum + ((const uint8_t *)parts[i].iov_base)[k]);
	CHECK(n <= UPLINK_PARTS && len >= UPLINK_HEADER && len <= NET_SEGMENTS_MAX);
	CHECK(h->flags == NET_NEEDS_CSUM && (host.offloads & NET_CSUM) != 0);
	CHECK(h->csum_start + (size_t)h->csum_offset + 2 <= len && h->num_buffers == 0);
	if (h->gso_type == NET_GSO_NONE)
		CHECK(len <= ROOM && h->hdr_len == 0);
	else
		CHECK((host.offloads & NET_HOST_TSO) != 0 && h->gso_size > 0 && h->hdr_len < len &&
		      (h->hdr_len + (size_t)h->gso_size <= ROOM || len <= ROOM));
	return UPLINK_OK;
}

static uint64_t offload(struct uplink *u, uint64_t wanted)
{
	(void)u;
	host.offloads = wanted;
	return wanted;
}

static const struct uplink_ops ops = {
	.read = take_frame, .write = give_frame, .read_parts = take_parts, .write_parts = give_parts,
	.offload = offload,
};

static uint16_t number(const uint8_t *at)
{
	return (uint16_t)(at[0] | at[1] << 8);
}

/* As after an announcement: the rings are as the guest has left them. */
static void make_queue(struct net_queues *q, const struct memory *m, unsigned index)
{
	const struct virtqueue_layout at = {
		PARTS(index), PARTS(index) + VIRTQ_DESC_BYTES(SIZE), PARTS(index) + 0x200, SIZE,
	};
	struct husk_error e;

	CHECK(virtqueue_init(&q->queues[index], "queue", m, &at, &e) == 0);
}

/* False: the guest is at fault. */
static bool step(struct net_queues *q, const struct memory *m, uint8_t *memory, const uint8_t *at)
{
	const unsigned index = at[0] >> 7, n = at[1] % SIZE;
	struct virtq_desc *desc = (struct virtq_desc *)(void *)(memory + PARTS(index));
	struct virtq_avail *avail = (struct virtq_avail *)(void *)(desc + SIZE);
	struct husk_error e = {0};

	switch (at[0] & 0x7f) {
	case 0:
		desc[n] = (struct virtq_desc){number(at + 2), number(at + 4), number(at + 6),
					      (uint16_t)(at[1] / SIZE)};
		return true;
	case 1:
		avail->ring[n] = number(at + 2);
		return true;
	case 2:
		avail->idx = (uint16_t)(avail->idx + at[1]);
		return true;
	case 3:
		return net_queues_send(q, at[1], &e) != -1 || (CHECK(e.kind == HUSK_E_GUEST), false);
	case 4:
		host.waiting = at[1];
		host.len = number(at + 2);
		host.header = (struct net_header){.flags = at[4], .gso_type = at[5]};
		if (net_queues_receive(q, &e) == -1)
			return CHECK(e.kind == HUSK_E_GUEST), false;
		CHECK(host.waiting == 0 || q->starved || host.len > MTU + UPLINK_HEADER);
		return true;
	case 5:
		(void)netdev_offload(q->dev, number(at + 2));
		return true;
	case 6:
		net_queues_take_back(q);
		CHECK(host.offloads == 0);
		for (unsigned i = 0; i < NET_QUEUES; i++) {
			memset(memory + PARTS(i), 0, 0x400);
			make_queue(q, m, i);
		}
		return true;
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct uplink uplink = {.ops = &ops, .fd = 77, .header = 12};
	struct netdev dev = {.name = "service", .uplink = &uplink, .mtu = MTU, .room = ROOM};
	uint8_t *memory = aligned_alloc(64, MEMORY);	/* exactly, for the address sanitizer */
	struct net_queues q;
	struct husk_error e;
	struct memory m;
	bool goes_on = true;

	host.offloads = 0;
	CHECK(memory != NULL && net_queues_init(&q, &dev, &e) == 0);
	memset(memory, 0, MEMORY);
	memset(memory + READ_ONLY, UNTOUCHED, READ_ONLY);
	memory_init(&m, memory, MEMORY);
	CHECK(memory_declare(&m, READ_ONLY, 2 * READ_ONLY - 1, MEMORY_R, "text", &e) == 0);
	for (unsigned i = 0; i < NET_QUEUES; i++)
		make_queue(&q, &m, i);
	for (; size >= STEP && goes_on; data += STEP, size -= STEP)
		goes_on = step(&q, &m, memory, data);
	for (unsigned i = 0; i < READ_ONLY; i++)
		CHECK(memory[READ_ONLY + i] == UNTOUCHED);
	for (unsigned i = 0; i < NET_QUEUES; i++)
		CHECK(q.queues[i].in_flight == 0 || !goes_on);
	net_queues_fini(&q);
	free(memory);
	return 0;
}
