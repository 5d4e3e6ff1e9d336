/* SPDX-License-Identifier: ISC */
/*
 * queues.c: who serves the devices' queues when.
 *
 * What comes is read into the guest's buffers by the vcpu's thread, in a POLL or for a doorbell, and needs
 * no exit of its own then. What is sent goes the way of the ring's entries (ring_thread.h): on the exit of
 * a doorbell, or by the I/O thread while that has the TX queues of all devices.
 */
#include <stdio.h>

#include "net.h"

/* ---- the TX queues of all devices, as ring_thread.h has them ---- */

/*
 * What was served has moved the event on that the guest compares with. Nothing submitted meanwhile is
 * missed: whoever serves looks for more before it lets go.
 */
static int send(struct net_module *s, struct net_device *d, unsigned max, struct husk_error *e)
{
	const int n = net_queues_send(&d->queues, max, e);

	if (n > 0 && s->asks)
		(void)virtqueue_arm(&d->queues.queues[NET_QUEUE_TX]);
	return n;
}

/* They take turns in being the first, so that none uses up what the others could do. */
static int serve(void *of, unsigned max, struct husk_error *e)
{
	struct net_module *s = of;
	const unsigned first = s->first++;
	unsigned all = 0;

	for (unsigned i = 0; i < s->set.n; i++) {
		struct net_device *d = device_set_at(&s->set, (first + i) % s->set.n);
		const int n = send(s, d, max - all, e);

		if (n == -1)
			return -1;
		all += (unsigned)n;
	}
	return (int)all;
}

static bool pending(const void *of)
{
	const struct net_module *s = of;

	for (unsigned i = 0; i < s->set.n; i++) {
		const struct net_device *d = device_set_at(&s->set, i);
		const struct virtqueue *tx = &d->queues.queues[NET_QUEUE_TX];

		if (tx->memory != NULL && virtqueue_pending(tx))
			return true;
	}
	return false;
}

/* Where no doorbell is wanted, the event that the guest compares with is in the past. */
static void ask_for_doorbells(void *of, bool ask)
{
	struct net_module *s = of;

	s->asks = ask;
	for (unsigned i = 0; i < s->set.n; i++) {
		struct net_device *d = device_set_at(&s->set, i);
		struct virtqueue *tx = &d->queues.queues[NET_QUEUE_TX];

		if (tx->memory == NULL)
			continue;
		if (ask)
			(void)virtqueue_arm(tx);
		else
			virtqueue_arm_beyond(tx, (uint16_t)(tx->next_avail - 1));
	}
}

const struct ring_work net_queues_work = {"network queues", serve, pending, ask_for_doorbells, NULL};

static uint64_t sent(const struct net_module *s)
{
	uint64_t all = 0;

	for (unsigned i = 0; i < s->set.n; i++) {
		const struct net_device *d = device_set_at(&s->set, i);

		all += d->queues.sent;
	}
	return all;
}

void net_tell_queues(void *ctx, bool by_thread)
{
	struct net_module *s = ctx;
	struct facts f = {.n = 0};
	uint64_t out;

	if (!core_is_noted(s->core))
		return;
	out = sent(s) - s->told_out;
	s->told_out += out;
	if (out == 0)
		return;
	facts_number(&f, "out", out);
	facts_number(&f, "by_thread", by_thread);
	core_note(s->core, "net_queues", &f);
}

/* ---- what comes ---- */

/* The I/O thread does not own the device. */
static int receive(struct net_device *d, struct husk_error *e)
{
	const struct core *c = d->module->core;
	const uint64_t before = d->queues.received;
	struct facts f = {.n = 0};

	if (net_queues_receive(&d->queues, e) == -1)
		return -1;
	if (!core_is_noted(c) || d->queues.received == before)
		return 0;
	facts_device(&f, d->is.handle, d->is.name);
	facts_number(&f, "in", d->queues.received - before);
	core_note(c, "net_queue", &f);
	return 0;
}

/* Without buffers it would poll readable again and again. */
int net_source_fd(void *ctx)
{
	const struct net_device *d = ctx;

	if (d->vhost.on)
		return net_vhost_fd(d);
	return d->queues.starved ? -1 : netdev_fd(&d->dev);
}

/*
 * A device is ready only if a frame was read that the guest will get. One with an RX queue: if the guest
 * wants to be told of one.
 */
int net_source_ready(void *ctx, bool readable, struct husk_error *e)
{
	struct net_device *d = ctx;
	struct net_queues *q = &d->queues;
	bool called;

	if (net_drain(d->module, e) == -1)
		return -1;
	if (d->vhost.on)
		return net_vhost_ready(d, readable, e);
	if (q->queues[NET_QUEUE_RX].memory == NULL && !q->called)
		return netdev_ready(&d->dev, readable);
	if ((readable || q->starved || net_queues_may_receive(q)) && receive(d, e) == -1)
		return -1;
	called = q->called;
	q->called = false;
	return called;
}

/* ---- what queues.h asks for ---- */

static const struct virtqueue *queue(void *ctx, unsigned index)
{
	const struct net_device *d = ctx;

	return d->vhost.on ? &d->vhost.queues[index] : &d->queues.queues[index];
}

static const char *what(void *ctx, unsigned index)
{
	const struct net_device *d = ctx;

	return d->what[index];
}

/* What avail holds already is sent before the guest goes on. */
static int announce(void *ctx, unsigned index, const struct virtqueue *q, struct husk_error *e)
{
	struct net_device *d = ctx;

	if (net_drain(d->module, e) == -1)
		return -1;
	if (d->vhost.on)
		return net_vhost_announce(d, index, q, e);
	d->queues.queues[index] = *q;
	ask_for_doorbells(d->module, true);
	return net_drain(d->module, e);
}

static int take_back(void *ctx, struct husk_error *e)
{
	struct net_device *d = ctx;

	if (net_drain(d->module, e) == -1)
		return -1;
	if (d->vhost.on)
		net_vhost_take_back(d);
	else
		net_queues_take_back(&d->queues);
	return 0;
}

static enum vmexit_result ring(void *ctx, unsigned index, struct husk_error *e)
{
	struct net_device *d = ctx;

	if (d->vhost.on) {
		net_vhost_ring(d, index);
		return VMEXIT_RESUME;
	}
	d->queues.doorbells++;
	if (index == NET_QUEUE_TX)
		return ring_thread_kick(&d->module->thread, e) == -1 ? VMEXIT_FAIL : VMEXIT_RESUME;
	return net_drain(d->module, e) == -1 || receive(d, e) == -1 ? VMEXIT_FAIL : VMEXIT_RESUME;
}

static const struct queue_ops queue_ops = {
	.feature = HUSK_FEATURE_NET, .n = NET_QUEUES, .queue = queue, .what = what,
	.announce = announce, .take_back = take_back, .ring = ring,
};

/* Frames have it all from the first one on: before there is a queue. */
int net_queues_offload(struct net_module *s, struct husk_net_offloads *rq, struct husk_error *e)
{
	struct net_device *d = device_set_find(&s->set, rq->handle);

	rq->granted = 0;
	rq->ret = HVT_EINVAL;
	if (d == NULL || !s->has_queues)
		return 0;
	for (unsigned i = 0; i < NET_QUEUES; i++)
		if (queue(d, i)->memory != NULL)
			return 0;
	if (net_drain(s, e) == -1)
		return -1;
	rq->granted = netdev_offload(&d->dev, rq->wanted);
	rq->ret = HVT_OK;
	return 0;
}

/* ---- the run ---- */

static int drain(void *ctx, struct husk_error *e)
{
	return net_drain(ctx, e);
}

static void resume(void *ctx)
{
	net_vhost_resume(ctx);
}

static int quiesce(void *ctx, struct husk_error *e)
{
	const int rc = net_vhost_quiesce(ctx, e);

	return net_drain(ctx, e) == -1 ? -1 : rc;
}

static const struct core_client queues_client = {.resume = resume, .attend = drain, .quiesce = quiesce};

/* ---- beginning and end ---- */

bool net_queues_wanted(const struct net_module *s, const struct core *c)
{
	return (c->wanted & HUSK_FEATURE_NET) != 0 && !s->no_queues && s->set.n > 0;
}

static int attach_device(struct net_module *s, struct net_device *d, struct husk_error *e)
{
	static const char *const names[NET_QUEUES] = {"RX", "TX"};

	for (unsigned i = 0; i < NET_QUEUES; i++)
		snprintf(d->what[i], sizeof d->what[i], "network device %s, %s queue", d->is.name,
			 names[i]);
	if (net_queues_init(&d->queues, &d->dev, e) == -1)
		return -1;
	return queues_add(s->core, d->is.handle, d->is.name, &queue_ops, d, e);
}

int net_queues_attach(struct net_module *s, struct husk_error *e)
{
	s->has_queues = true;
	if (net_vhost_attach(s, e) == -1) {
		net_queues_detach(s);
		return -1;
	}
	for (unsigned i = 0; i < s->set.n; i++)
		if (attach_device(s, device_set_at(&s->set, i), e) == -1) {
			net_queues_detach(s);
			return -1;
		}
	if (core_add_client(s->core, &queues_client, s, &s->client, e) == -1) {
		net_queues_detach(s);
		return -1;
	}
	s->core->granted |= HUSK_FEATURE_NET;
	return 0;
}

void net_queues_detach(struct net_module *s)
{
	if (!s->has_queues)
		return;
	core_remove_client(s->core, s->client);
	s->client = CORE_NO_CLIENT;
	net_vhost_detach(s);
	for (unsigned i = 0; i < s->set.n; i++) {
		struct net_device *d = device_set_at(&s->set, i);

		if (s->core->queues.devices[d->is.handle].ctx == d)
			queues_remove(s->core, d->is.handle);
		net_queues_fini(&d->queues);
	}
	s->has_queues = false;
}
