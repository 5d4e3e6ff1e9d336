/* SPDX-License-Identifier: ISC */
/*
 * fuzz_ring.c: what a guest can do to the network ring, in records of two bytes, counted from '0'
 * so that text makes seeds. n: the number becomes numbers[second]. w: 32-bit word number second of
 * the ring becomes the number. f: the host sends a frame. All else: at most second entries are
 * served.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "../../monitor/net/ring.h"
#include "../unit/net/wire.h"

#define CHECK(condition) ((condition) ? (void)0 : abort())
#define MEMORY 0x18000u
#define RING 0x2000u		/* what lies before it and up to RAM is read-only */
#define RAM 0x10000u

static const uint32_t numbers[] = {
	0, 1, 2, 3, 4, 5, 8, 13, 14, 60, 1023, 1024, 1025, 1514, 1515, RING - 1, RING, RING + 128,
	RAM - 1, RAM, RAM + 1, MEMORY - 60, MEMORY - 59, MEMORY - 14, MEMORY - 1, MEMORY, MEMORY + 1,
	1u << 31, UINT32_MAX - 1023, UINT32_MAX - 1, UINT32_MAX,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct netdev *device_of(void *ctx, uint64_t handle)
{
	return handle == 1 ? ctx : NULL;
}

static void serve(struct ring *r, unsigned max)
{
	static uint8_t before[RAM];
	const uint8_t *base = r->memory->base;
	struct ring was = *r;
	struct husk_error e = {0};
	int n;

	memcpy(before, base, RAM);
	n = ring_serve(r, max, &e);
	CHECK(n >= -1 && n <= (int)max && (n != -1 || e.kind == HUSK_E_GUEST));
	CHECK(r->ent_head - was.ent_head <= max && (n == -1 || r->ent_head - was.ent_head == (uint32_t)n));
	CHECK(r->com_tail - was.com_tail <= r->ent_head - was.ent_head);
	CHECK(r->ent_head == was.ent_head || r->shared->ent_head == r->ent_head);
	CHECK(r->com_tail == was.com_tail || r->shared->com_tail == r->com_tail);
	CHECK(memcmp(before, base, RING + 64) == 0 && memcmp(before + RING + 72, base + RING + 72,
	      offsetof(struct hvt_ring, completions) - 72) == 0);
	CHECK(memcmp(before + RING + sizeof *r->shared, base + RING + sizeof *r->shared,
	      RAM - RING - sizeof *r->shared) == 0);
}

static void make(struct memory *m, struct wire *w, struct netdev *dev)
{
	struct husk_error e;

	signal(SIGPIPE, SIG_IGN);
	wire_make(w);
	memory_init(m, aligned_alloc(0x1000, MEMORY), MEMORY);
	CHECK(netdev_open(dev, "net", &(struct uplink_request){.where = w->where}, 0, &e) == 0);
	CHECK(memory_declare(m, 0, RING - 1, MEMORY_R, "low", &e) == 0);
	CHECK(memory_declare(m, RING, RAM - 1, MEMORY_R | MEMORY_RING, "ring", &e) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t frame[WIRE_FRAME_MAX];
	static struct memory m;
	static struct wire w;
	static struct netdev dev;
	struct husk_error e;
	struct ring r;
	uint32_t number = 0;

	if (m.base == NULL)
		make(&m, &w, &dev);
	memset(m.base, 0, MEMORY);
	CHECK(ring_init(&r, &m, RING, device_of, &dev, &e) == 0);
	for (; size >= 2; data += 2, size -= 2) {
		uint8_t second = (uint8_t)(data[1] - '0');

		if (data[0] == 'n')
			number = numbers[second % (sizeof numbers / sizeof numbers[0])];
		else if (data[0] == 'w')
			memcpy(m.base + RING + second * sizeof number, &number, sizeof number);
		else if (data[0] == 'f')
			(void)wire_send(&w, frame, second * 8u);
		else
			serve(&r, second);
		while (wire_receive(&w, frame) != -1)
			;
	}
	while (netdev_receive(&dev, (struct iovec){frame, sizeof frame}, &(size_t){0}) == HVT_OK)
		;
	return 0;
}
