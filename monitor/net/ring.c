/* SPDX-License-Identifier: ISC */
/*
 * ring.c: consumes submissions and produces completions; everything that the guest writes is
 * checked.
 */
#include "ring.h"

#include <string.h>

#include "counter.h"

static uint32_t load(const uint32_t *shared)
{
	return __atomic_load_n(shared, __ATOMIC_ACQUIRE);
}

static void publish(uint32_t *shared, uint32_t value)
{
	__atomic_store_n(shared, value, __ATOMIC_RELEASE);
}

int ring_init(struct ring *r, const struct memory *m, uint64_t gpa,
	      struct netdev *(*device)(void *ctx, uint64_t handle), void *ctx,
	      struct husk_error *e)
{
	struct iovec place;

	if (memory_place_span(m, gpa, sizeof *r->shared, &place, e) == -1)
		return -1;
	*r = (struct ring){.shared = place.iov_base, .memory = m, .device = device, .ctx = ctx};
	publish(&r->shared->needs_kick, 1);
	return 0;
}

/*
 * The guest stores ent_tail, then loads needs_kick; here it is the other way round. Sequential
 * consistency by the accesses themselves: the thread sanitizer does not know fences. An exchange,
 * because QEMU's TCG lets an aarch64 load-acquire come before an earlier store-release, which the
 * Arm ARM DDI 0487, B2.3 forbids: a kick would be lost in emulated machines.
 */
bool ring_pending(const struct ring *r)
{
	if (__atomic_load_n(&r->shared->ent_tail, __ATOMIC_SEQ_CST) == r->ent_head)
		return false;
	return !r->stalled || r->com_tail - load(&r->shared->com_head) != HVT_RING_SIZE;
}

void ring_ask_for_kicks(struct ring *r, bool ask)
{
	(void)__atomic_exchange_n(&r->shared->needs_kick, (uint32_t)ask, __ATOMIC_SEQ_CST);
}

/* Copied in once; later changes of the slot by the guest have no effect. */
static struct hvt_ring_entry take_entry(const struct ring *r)
{
	struct hvt_ring_entry entry;

	memcpy(&entry, &r->shared->entries[r->ent_head & HVT_RING_MASK], sizeof entry);
	__asm__ __volatile__("" ::: "memory");
	return entry;
}

static void consume(struct ring *r)
{
	r->ent_head++;
	counter_add(&r->entries, 1);
	r->stalled = false;
	publish(&r->shared->ent_head, r->ent_head);
}

static void complete(struct ring *r, uint32_t id, enum hvt_result ret, size_t len)
{
	const struct hvt_ring_completion c = {.id = id, .ret = (int32_t)ret, .len = (uint32_t)len};

	memcpy(&r->shared->completions[r->com_tail & HVT_RING_MASK], &c, sizeof c);
	r->com_tail++;
	publish(&r->shared->com_tail, r->com_tail);
}

static void count_entry(const struct ring *r, struct netdev *dev)
{
	const uint64_t batch = r->batches + 1;

	counter_add(&dev->counters.ring_entries, 1);
	if (dev->last_batch == batch)
		return;
	dev->last_batch = batch;
	counter_add(&dev->counters.ring_batches, 1);
	counter_add(&dev->counters.ring_kicks, r->kicked);
}

static int bad_buffer(const struct netdev *dev, struct husk_error *e)
{
	return husk_wrap_device(e, "network ring, device", dev->name);
}

static int serve_write(struct ring *r, const struct hvt_ring_entry *entry, struct husk_error *e)
{
	struct netdev *dev = r->device(r->ctx, entry->handle);
	struct iovec frame;

	if (dev != NULL && memory_source(r->memory, (gpa_t){entry->data}, entry->len, &frame,
					 e) == -1)
		return bad_buffer(dev, e);
	if (dev != NULL) {
		count_entry(r, dev);
		netdev_send(dev, frame);
	}
	counter_add(&r->out, 1);
	consume(r);
	return 1;
}

/* 1 if there is room for one more completion, 0 if not. */
static int completion_room(const struct ring *r, struct husk_error *e)
{
	uint32_t outstanding = r->com_tail - load(&r->shared->com_head);

	if (outstanding > HVT_RING_SIZE)
		return husk_fail(e, HUSK_E_GUEST, "network ring: the guest claims to have consumed "
				 "completions that it was not given");
	return outstanding < HVT_RING_SIZE;
}

static int serve_read(struct ring *r, const struct hvt_ring_entry *entry, struct husk_error *e)
{
	struct netdev *dev = r->device(r->ctx, entry->handle);
	enum hvt_result ret = HVT_EINVAL;
	struct iovec buffer;
	size_t len = 0;
	int room = completion_room(r, e);

	r->stalled = room == 0;
	if (room != 1)
		return room;
	if (dev != NULL && memory_sink(r->memory, (gpa_t){entry->data}, entry->len, &buffer,
				       e) == -1)
		return bad_buffer(dev, e);
	if (dev != NULL) {
		count_entry(r, dev);
		ret = netdev_receive(dev, buffer, &len);
	}
	complete(r, entry->id, ret, ret == HVT_OK ? len : 0);
	counter_add(&r->in, 1);
	consume(r);
	return 1;
}

/* One entry: 1 if it was consumed, 0 if it must wait, -1 if it ends the guest. */
static int serve_one(struct ring *r, struct husk_error *e)
{
	const struct hvt_ring_entry entry = take_entry(r);

	switch (entry.operation) {
	case HVT_RING_NET_WRITE:
		return serve_write(r, &entry, e);
	case HVT_RING_NET_READ:
		return serve_read(r, &entry, e);
	}
	consume(r);
	return 1;
}

int ring_serve(struct ring *r, unsigned max, struct husk_error *e)
{
	uint32_t waiting = load(&r->shared->ent_tail) - r->ent_head;
	unsigned done = 0;
	int rc = 1;

	if (waiting > HVT_RING_SIZE)
		return husk_fail(e, HUSK_E_GUEST, "network ring: %u entries outstanding, it holds %u",
				 waiting, HVT_RING_SIZE);
	if (waiting < max)
		max = waiting;
	while (done < max && (rc = serve_one(r, e)) == 1)
		done++;
	counter_add(&r->batches, done > 0);
	r->kicked = false;
	return rc == -1 ? -1 : (int)done;
}
