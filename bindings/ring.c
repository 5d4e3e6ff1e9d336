/* SPDX-License-Identifier: ISC */
/* ring.c: the guest's end of the network ring: frames that need not leave the guest one by one. */
#include "../include/ring_abi.h"
#include "bindings.h"
#include "cpu.h"

#define BUFFERS_MAX 64u			/* a power of two: frames that may be on their way */
#define BUFFER_ALIGN 64u		/* a cache line */
_Static_assert(BUFFERS_MAX < HVT_RING_SIZE, "a read finds a free entry whenever a write does");

static struct hvt_ring *shared;		/* NULL: every frame is a hypercall */
static const uint32_t no_ring = 1;
const uint32_t *ring_needs_kick = &no_ring;

/* The guest's own counters; what lies in the ring is a copy for the monitor. */
static uint32_t ent_tail, com_head;

/* Of the entry with the counter n, buffer n % n_buffers holds the frame to send. */
static uint8_t *buffers;
static size_t buffer_size;
static uint32_t n_buffers;		/* a power of two */

static uint32_t load(const uint32_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_ACQUIRE);
}

static void publish(uint32_t *counter, uint32_t value)
{
	__atomic_store_n(counter, value, __ATOMIC_RELEASE);
}

/*
 * All buffers have room for the largest frame: one that took another way could overtake those
 * before it.
 */
static bool take_buffers(struct solo5_start_info *info, size_t mtu)
{
	buffer_size = (mtu + SOLO5_NET_HLEN + NET_TAGS + BUFFER_ALIGN - 1) &
		~(size_t)(BUFFER_ALIGN - 1);
	for (n_buffers = BUFFERS_MAX; n_buffers > 0; n_buffers /= 2) {
		buffers = memory_take(info, n_buffers * buffer_size);
		if (buffers != NULL)
			return true;
	}
	return false;
}

/* Monitors without a ring use these eight bytes for something else, but always leave them zero. */
void ring_init(const struct hvt_boot_info *boot, struct solo5_start_info *info)
{
	size_t mtu = manifest_max_mtu();

	if ((boot->host_features & HVT_FEATURE_RING_IO) == 0 || boot->net_ring == 0 || mtu == 0)
		return;
	if (!take_buffers(info, mtu))
		return;
	shared = (struct hvt_ring *)boot->net_ring;
	ring_needs_kick = &shared->needs_kick;
}

/* Without the barrier, the monitor may miss the entry while the guest misses that it must kick. */
static void submit(enum hvt_ring_operation operation, solo5_handle_t handle, const uint8_t *data,
		   uint32_t len)
{
	shared->entries[ent_tail & HVT_RING_MASK] = (struct hvt_ring_entry){
		.operation = operation, .handle = (uint32_t)handle, .data = (uintptr_t)data,
		.len = len,
	};
	publish(&shared->ent_tail, ++ent_tail);
	cpu_store_load_barrier();
	if (load(&shared->needs_kick) != 0)
		cpu_ring_kick();
}

void ring_write(solo5_handle_t handle, const uint8_t *buf, size_t size)
{
	uint8_t *copy = buffers + (ent_tail & (n_buffers - 1)) * buffer_size;

	while (ent_tail - load(&shared->ent_head) >= n_buffers)
		cpu_relax();
	memcpy(copy, buf, size);
	submit(HVT_RING_NET_WRITE, handle, copy, (uint32_t)size);
}

/* At most one read is under way, so that the next completion is its. */
static struct hvt_ring_completion await_completion(void)
{
	struct hvt_ring_completion c;

	while (load(&shared->com_tail) == com_head)
		cpu_relax();
	c = shared->completions[com_head & HVT_RING_MASK];
	publish(&shared->com_head, ++com_head);
	return c;
}

solo5_result_t ring_read(solo5_handle_t handle, uint8_t *buf, size_t size, size_t *read_size)
{
	struct hvt_ring_completion c;

	submit(HVT_RING_NET_READ, handle, buf, size < UINT32_MAX ? (uint32_t)size : UINT32_MAX);
	c = await_completion();
	if (c.ret == HVT_OK)
		*read_size = c.len;
	return (solo5_result_t)c.ret;
}
