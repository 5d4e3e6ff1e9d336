/* SPDX-License-Identifier: ISC */
/*
 * fuzz_net_queue.c: what a guest can do to the queues of a network device, in steps of 8 bytes.
 *
 * Bit 7 of the first byte says which queue. The rest of it: 0 a descriptor (its number; address, length
 * and flags, 16 bits each, little-endian), 1 an entry of the available ring (its number; head), 2 so many
 * more are available, 3 the device sends, 4 it reads (the number of frames that have come; their length).
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

static const struct uplink_ops ops = {.read = take_frame, .write = give_frame};

static uint16_t number(const uint8_t *at)
{
	return (uint16_t)(at[0] | at[1] << 8);
}

static void make_queue(struct net_queues *q, const struct memory *m, unsigned index)
{
	const struct virtqueue_layout at = {
		PARTS(index), PARTS(index) + VIRTQ_DESC_BYTES(SIZE), PARTS(index) + 0x200, SIZE,
	};
	struct husk_error e;

	CHECK(virtqueue_init(&q->queues[index], "queue", m, &at, &e) == 0);
}

/* False: the guest is at fault. */
static bool step(struct net_queues *q, uint8_t *memory, const uint8_t *at)
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
		if (net_queues_receive(q, &e) == -1)
			return CHECK(e.kind == HUSK_E_GUEST), false;
		CHECK(host.waiting == 0 || q->starved || host.len > MTU + UPLINK_HEADER);
		return true;
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct uplink uplink = {.ops = &ops, .fd = 77};
	struct netdev dev = {.name = "service", .uplink = &uplink, .mtu = MTU, .room = ROOM};
	uint8_t *memory = aligned_alloc(64, MEMORY);	/* exactly, for the address sanitizer */
	struct net_queues q;
	struct husk_error e;
	struct memory m;
	bool goes_on = true;

	CHECK(memory != NULL && net_queues_init(&q, &dev, &e) == 0);
	memset(memory, 0, MEMORY);
	memset(memory + READ_ONLY, UNTOUCHED, READ_ONLY);
	memory_init(&m, memory, MEMORY);
	CHECK(memory_declare(&m, READ_ONLY, 2 * READ_ONLY - 1, MEMORY_R, "text", &e) == 0);
	for (unsigned i = 0; i < NET_QUEUES; i++)
		make_queue(&q, &m, i);
	for (; size >= STEP && goes_on; data += STEP, size -= STEP)
		goes_on = step(&q, memory, data);
	for (unsigned i = 0; i < READ_ONLY; i++)
		CHECK(memory[READ_ONLY + i] == UNTOUCHED);
	for (unsigned i = 0; i < NET_QUEUES; i++)
		CHECK(q.queues[i].in_flight == 0 || !goes_on);
	net_queues_fini(&q);
	free(memory);
	return 0;
}
