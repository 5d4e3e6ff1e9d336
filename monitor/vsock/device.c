/* SPDX-License-Identifier: ISC */
/* device.c: moves packets between queues and connections. */
#include "device.h"

#include "iov.h"

struct budget {
	unsigned entries;
	uint32_t bytes;
};

static bool spend(struct budget *b, uint32_t bytes)
{
	b->entries--;
	b->bytes -= bytes < b->bytes ? bytes : b->bytes;
	return b->entries > 0 && b->bytes > 0;
}

/* One packet from the guest: 1 if there was one, 0 if there is none that can be taken. */
static int drain_one(struct vsock_device *d, uint64_t now, uint32_t *bytes, struct husk_error *e)
{
	struct virtqueue *q = &d->queues[VSOCK_QUEUE_TX];
	struct iovec iov[VIRTQ_SIZE_MAX];
	struct virtqueue_chain c;
	struct vsock_packet p;
	const int n = virtqueue_pop(q, &c, 1, iov, VIRTQ_SIZE_MAX, e);

	*bytes = 0;
	if (n != 1)
		return n;
	if (vsock_packet_parse_tx(&p, c.iov, c.n_readable, c.n_writable, VSOCK_PAYLOAD_MAX) !=
	    VSOCK_PACKET_OK) {
		d->malformed++;
	} else if (!vsock_mux_take(d->mux, &p, now)) {
		virtqueue_unpop(q, 1);
		return 0;
	}
	*bytes = c.readable;
	virtqueue_push(q, c.head, 0);
	return 1;
}

/* One packet for the guest: the same. */
static int fill_one(struct vsock_device *d, uint64_t now, uint32_t *bytes, struct husk_error *e)
{
	struct virtqueue *q = &d->queues[VSOCK_QUEUE_RX];
	struct iovec iov[VIRTQ_SIZE_MAX];
	struct virtqueue_chain c;
	struct vsock_packet p;
	uint32_t written = 0;
	int n;

	if (d->gated || !vsock_mux_has_packet(d->mux))
		return 0;
	n = virtqueue_pop(q, &c, 1, iov, VIRTQ_SIZE_MAX, e);
	if (n != 1)
		return n;
	if (vsock_packet_parse_rx(&p, c.iov, c.n_readable, c.n_writable, VSOCK_PAYLOAD_MAX) !=
	    VSOCK_PACKET_OK) {
		d->malformed++;
	} else if (!vsock_mux_give(d->mux, &p, now)) {
		virtqueue_unpop(q, 1);
		return 0;
	} else {
		written = vsock_packet_size(&p);
	}
	*bytes = written;
	vsock_calls_packet(&d->calls, written, vsock_mux_can_wait(d->mux));
	virtqueue_push(q, c.head, written);
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
		int (*one)(struct vsock_device *, uint64_t, uint32_t *, struct husk_error *),
		uint64_t now, struct husk_error *e)
{
	struct budget b = {IO_TURN_ENTRIES, IO_TURN_BYTES};
	uint32_t bytes = 0;
	int rc = 0;

	if (d->queues[queue].memory == NULL)
		return 0;
	while ((rc = one(d, now, &bytes, e)) == 1)
		if (!spend(&b, bytes))
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
	taken = work(d, VSOCK_QUEUE_TX, drain_one, now, e);
	if (taken == -1)
		return IO_FAILED;
	given = work(d, VSOCK_QUEUE_RX, fill_one, now, e);
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
	d->malformed += !d->gated;
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
	uint32_t bytes;

	/* What waits is in front of what comes, which goes straight to the sockets behind it. */
	vsock_mux_flush(d->mux, now);
	if (d->queues[VSOCK_QUEUE_TX].memory == NULL)
		return;
	for (unsigned i = 0; i < VIRTQ_SIZE_MAX; i++)
		if (drain_one(d, now, &bytes, &ignored) != 1)
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
