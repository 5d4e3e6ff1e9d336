/* SPDX-License-Identifier: ISC */
/* device.c: moves packets between queues and connections. */
#include "device.h"

#include "counter.h"
#include "iov.h"

/* What a turn may still move, and what one step of it has moved. */
struct amount {
	unsigned packets;
	uint32_t bytes;
};

/* False: the budget is spent. */
static bool spend(struct amount *budget, const struct amount *moved)
{
	budget->packets -= moved->packets < budget->packets ? moved->packets : budget->packets;
	budget->bytes -= moved->bytes < budget->bytes ? moved->bytes : budget->bytes;
	return budget->packets > 0 && budget->bytes > 0;
}

/* One packet from the guest: 1 if there was one, 0 if there is none that can be taken. */
static int drain(struct vsock_device *d, uint64_t now, struct amount *moved, struct husk_error *e)
{
	struct virtqueue *q = &d->queues[VSOCK_QUEUE_TX];
	struct iovec iov[VIRTQ_SIZE_MAX];
	struct virtqueue_chain c;
	struct vsock_packet p;
	const int n = virtqueue_pop(q, &c, 1, iov, VIRTQ_SIZE_MAX, e);

	if (n != 1)
		return n;
	if (vsock_packet_parse_tx(&p, c.iov, c.n_readable, c.n_writable, VSOCK_PAYLOAD_MAX) !=
	    VSOCK_PACKET_OK) {
		counter_add(&d->malformed, 1);
	} else if (!vsock_mux_take(d->mux, &p, now)) {
		virtqueue_unpop(q, 1);
		return 0;
	}
	*moved = (struct amount){1, c.readable};
	virtqueue_push(q, c.head, 0);
	return 1;
}

/* How many of the buffers are good for a packet for the guest, up to the first that is not. */
static unsigned parse(const struct virtqueue_chain *c, unsigned n, struct vsock_packet *p)
{
	unsigned i = 0;

	while (i < n && vsock_packet_parse_rx(&p[i], c[i].iov, c[i].n_readable, c[i].n_writable,
					      VSOCK_PAYLOAD_MAX) == VSOCK_PACKET_OK)
		i++;
	return i;
}

/* The first of n popped buffers is good for nothing, and comes back. */
static void refuse(struct vsock_device *d, uint16_t head, unsigned n, struct amount *moved)
{
	struct virtqueue *q = &d->queues[VSOCK_QUEUE_RX];

	virtqueue_unpop(q, n - 1);
	virtqueue_push(q, head, 0);
	counter_add(&d->malformed, 1);
	vsock_calls_packet(&d->calls, 0, false);
	*moved = (struct amount){.packets = 1};
}

/* Packets for the guest, in as many buffers as one read fills: the same. */
static int fill(struct vsock_device *d, uint64_t now, struct amount *moved, struct husk_error *e)
{
	struct virtqueue *q = &d->queues[VSOCK_QUEUE_RX];
	const unsigned wanted = d->gated ? 0 : vsock_mux_buffers(d->mux);
	struct virtqueue_chain c[VSOCK_BATCH];
	struct vsock_packet p[VSOCK_BATCH];
	struct iovec iov[VIRTQ_SIZE_MAX];
	const int n = wanted == 0 ? 0 : virtqueue_pop(q, c, wanted, iov, VIRTQ_SIZE_MAX, e);
	const unsigned good = n > 0 ? parse(c, (unsigned)n, p) : 0;

	if (n <= 0)
		return n;
	if (good == 0) {
		refuse(d, c->head, (unsigned)n, moved);
		return 1;
	}
	*moved = (struct amount){.packets = vsock_mux_give(d->mux, p, good, now)};
	virtqueue_unpop(q, (unsigned)n - moved->packets);
	if (moved->packets == 0)
		return 0;
	for (unsigned i = 0; i < moved->packets; i++) {
		virtqueue_push(q, c[i].head, vsock_packet_size(&p[i]));
		moved->bytes += vsock_packet_size(&p[i]);
	}
	vsock_calls_packet(&d->calls, moved->bytes, vsock_mux_can_wait(d->mux));
	return 1;
}

static void publish(struct vsock_device *d, unsigned queue)
{
	const bool asks = virtqueue_publish(&d->queues[queue]);

	if (vsock_calls_publish(&d->calls, asks, queue == VSOCK_QUEUE_RX))
		d->call(d->ctx);
}

/* One way, as far as it goes: 1 if the budget has ended it. */
static int work(struct vsock_device *d, unsigned queue,
		int (*step)(struct vsock_device *, uint64_t, struct amount *, struct husk_error *),
		uint64_t now, struct husk_error *e)
{
	struct amount budget = {IO_TURN_ENTRIES, IO_TURN_BYTES}, moved;
	int rc = 0;

	if (d->queues[queue].memory == NULL)
		return 0;
	while ((rc = step(d, now, &moved, e)) == 1)
		if (!spend(&budget, &moved))
			break;
	publish(d, queue);
	return rc;
}

/* The guest has given a buffer of the event queue since the event. */
static bool event_is_noted(const struct vsock_device *d)
{
	return virtqueue_submitted(&d->queues[VSOCK_QUEUE_EVENT]) != d->events_submitted;
}

/* Whether the device may sleep: whatever it waits for will ring. */
static bool may_sleep(struct vsock_device *d)
{
	struct virtqueue *q = d->queues;
	bool sleeps = true;

	/* Without room for an answer, the packet that waits is tried again after one was given. */
	if (q[VSOCK_QUEUE_TX].memory != NULL && !virtqueue_arm(&q[VSOCK_QUEUE_TX]))
		sleeps = vsock_mux_is_full(d->mux);
	if (d->gated) {
		virtqueue_arm_beyond(&q[VSOCK_QUEUE_EVENT], d->events_submitted);
		return sleeps && !event_is_noted(d);
	}
	if (vsock_mux_has_packet(d->mux) && q[VSOCK_QUEUE_RX].memory != NULL)
		sleeps &= virtqueue_arm(&q[VSOCK_QUEUE_RX]);
	return sleeps;
}

enum io_turn vsock_device_turn(struct vsock_device *d, uint64_t now, struct husk_error *e)
{
	int taken, given;

	if (d->gated && event_is_noted(d))
		d->gated = false;
	if (vsock_mux_deadline(d->mux) <= now)
		vsock_mux_expire(d->mux, now);
	taken = work(d, VSOCK_QUEUE_TX, drain, now, e);
	if (taken == -1)
		return IO_FAILED;
	given = work(d, VSOCK_QUEUE_RX, fill, now, e);
	if (given == -1)
		return IO_FAILED;
	return taken == 1 || given == 1 || !may_sleep(d) ? IO_MORE : IO_IDLE;
}

void vsock_device_rest(struct vsock_device *d, uint64_t began, uint64_t now)
{
	if (vsock_calls_rest(&d->calls, began, now))
		d->call(d->ctx);
}

uint64_t vsock_device_deadline(const struct vsock_device *d)
{
	const uint64_t mux = vsock_mux_deadline(d->mux), call = vsock_calls_deadline(&d->calls);

	return mux < call ? mux : call;
}

int vsock_device_reset_transport(struct vsock_device *d, struct husk_error *e)
{
	const struct vsock_event event = {.id = VSOCK_EVENT_TRANSPORT_RESET};
	struct virtqueue *q = &d->queues[VSOCK_QUEUE_EVENT];
	struct iovec iov[VIRTQ_SIZE_MAX];
	struct virtqueue_chain c;
	int n = 0;

	vsock_mux_reset(d->mux);
	if (q->memory != NULL)
		n = virtqueue_pop(q, &c, 1, iov, VIRTQ_SIZE_MAX, e);
	if (n != 1)
		return n;
	d->gated = c.writable >= sizeof event;
	counter_add(&d->malformed, !d->gated);
	d->events_submitted = virtqueue_submitted(q);
	if (d->gated)
		(void)iov_scatter(c.iov + c.n_readable, c.n_writable, 0, &event, sizeof event);
	virtqueue_push(q, c.head, d->gated ? sizeof event : 0);
	publish(d, VSOCK_QUEUE_EVENT);
	return 0;
}

void vsock_device_finish(struct vsock_device *d, uint64_t now)
{
	struct husk_error ignored;
	struct amount moved;

	/* What waits is in front of what comes, which goes straight to the sockets behind it. */
	vsock_mux_flush(d->mux, now);
	if (d->queues[VSOCK_QUEUE_TX].memory == NULL)
		return;
	for (unsigned i = 0; i < VIRTQ_SIZE_MAX; i++)
		if (drain(d, now, &moved, &ignored) != 1)
			break;
	vsock_mux_flush(d->mux, now);
}

void vsock_device_reset(struct vsock_device *d)
{
	vsock_mux_reset(d->mux);
	for (unsigned i = 0; i < VSOCK_QUEUES; i++)
		d->queues[i].memory = NULL;
	d->calls = (struct vsock_calls){.asked = false};
	d->gated = false;
}
