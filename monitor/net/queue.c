/* SPDX-License-Identifier: ISC */
/* queue.c: frames between the chains of the two queues and the device. */
#include "queue.h"

#include <errno.h>
#include <stdlib.h>

#include "counter.h"
#include "iov.h"
#include "offload.h"

#define HEADER ((uint32_t)sizeof(struct net_header))

int net_queues_init(struct net_queues *q, struct netdev *dev, struct husk_error *e)
{
	*q = (struct net_queues){.dev = dev, .frame = malloc(dev->room + 1), .enough = 1};
	return q->frame != NULL ? 0 : husk_fail_sys(e, ENOMEM, "network queue");
}

void net_queues_fini(struct net_queues *q)
{
	if (q->dev != NULL)
		net_queues_take_back(q);
	free(q->frame);
	*q = (struct net_queues){.dev = NULL};
}

void net_queues_take_back(struct net_queues *q)
{
	for (unsigned i = 0; i < NET_QUEUES; i++)
		q->queues[i] = (struct virtqueue){.memory = NULL};
	if (q->dev->offloads != 0)
		(void)netdev_offload(q->dev, 0);
	q->starved = q->called = false;
}

static void publish(struct net_queues *q, enum net_queue_index index)
{
	q->called |= virtqueue_publish(&q->queues[index]);
}

/* ---- out ---- */

/* The frame behind the header in one piece: where it lies, or a copy; as much as shows that it is too long. */
static struct iovec in_one_piece(const struct net_queues *q, const struct virtqueue_chain *c)
{
	const size_t most = q->dev->room + 1;
	struct iovec pieces[VIRTQ_SIZE_MAX];
	const unsigned n = iov_slice(c->iov, c->n_readable, HEADER, most, pieces);

	if (n == 1)
		return pieces[0];
	return (struct iovec){q->frame, iov_gather(pieces, n, 0, q->frame, most)};
}

/* What the host is to finish is read where it lies. */
static void send_offloaded(struct net_queues *q, const struct virtqueue_chain *c,
			   const struct net_header *h)
{
	struct iovec pieces[VIRTQ_SIZE_MAX];
	const unsigned n = iov_slice(c->iov, c->n_readable, HEADER, NET_SEGMENTS_MAX + 1, pieces);
	struct offload o;

	if (!offload_check(&o, q->dev->offloads, h, pieces, n, iov_length(pieces, n))) {
		counter_add(&q->refused, 1);
		return;
	}
	counter_add(&q->offloaded_out, 1);
	netdev_send_parts(q->dev, &o.header, pieces, n, o.longest);
}

static void send_chain(struct net_queues *q, const struct virtqueue_chain *c)
{
	struct net_header h;

	if (c->n_writable != 0 || iov_gather(c->iov, c->n_readable, 0, &h, HEADER) != HEADER)
		counter_add(&q->refused, 1);
	else if (h.flags == 0 && h.gso_type == NET_GSO_NONE)
		netdev_send(q->dev, in_one_piece(q, c));
	else
		send_offloaded(q, c, &h);
}

int net_queues_send(struct net_queues *q, unsigned max, struct husk_error *e)
{
	struct virtqueue *tx = &q->queues[NET_QUEUE_TX];
	struct iovec iov[VIRTQ_SIZE_MAX];
	struct virtqueue_chain c;
	unsigned n = 0;
	int rc = 1;

	if (tx->memory == NULL)
		return 0;
	while (n < max && (rc = virtqueue_pop(tx, &c, 1, iov, VIRTQ_SIZE_MAX, e)) == 1) {
		send_chain(q, &c);
		virtqueue_push(tx, c.head, 0);
		n++;
	}
	counter_add(&q->sent, n);
	publish(q, NET_QUEUE_TX);
	return rc == -1 ? -1 : (int)n;
}

/* ---- in ---- */

/* Buffers for one frame; each has its spans behind those of the one before. */
struct buffers {
	struct virtqueue_chain chains[VIRTQ_SIZE_MAX];
	struct iovec iov[VIRTQ_SIZE_MAX];
	unsigned n, n_iov;
};

static bool is_buffer(const struct virtqueue_chain *c)
{
	return c->n_readable == 0 && c->writable >= NET_BUFFER_MIN;
}

/*
 * The first of n popped chains that have room for the longest frame. 1 if there are enough, 0 if not, or
 * *bad is one that is no buffer.
 */
static int choose(struct buffers *b, unsigned n, uint64_t longest, bool *bad)
{
	uint64_t room = 0;

	*bad = false;
	for (b->n = b->n_iov = 0; b->n < n && room < longest; b->n++) {
		*bad = !is_buffer(&b->chains[b->n]);
		if (*bad)
			return 0;
		room += b->chains[b->n].writable;
		b->n_iov += b->chains[b->n].n_writable;
	}
	return room >= longest;
}

/* The chain behind those chosen is no buffer: back with it, and with them. */
static void refuse(struct net_queues *q, const struct buffers *b, unsigned popped)
{
	struct virtqueue *rx = &q->queues[NET_QUEUE_RX];

	virtqueue_unpop(rx, popped - b->n - 1);
	for (unsigned i = 0; i <= b->n; i++)
		virtqueue_push(rx, b->chains[i].head, 0);
	counter_add(&q->refused, 1);
}

/*
 * Pops up to max chains. 1 if b has room for a frame, 0 if they are too few, -1 with e. A queue that is
 * all bad is passed in as many turns as it has entries: more of them come from who changes it meanwhile.
 */
static int pop_buffers(struct net_queues *q, struct buffers *b, unsigned max, struct husk_error *e)
{
	struct virtqueue *rx = &q->queues[NET_QUEUE_RX];
	bool bad = true;
	int n, rc = 0;

	for (unsigned turns = rx->size + 1u; bad && turns > 0; turns--) {
		n = virtqueue_pop(rx, b->chains, max, b->iov, VIRTQ_SIZE_MAX, e);
		if (n <= 0)
			return n;
		rc = choose(b, (unsigned)n, HEADER + netdev_longest(q->dev), &bad);
		if (bad)
			refuse(q, b, (unsigned)n);
		else
			virtqueue_unpop(rx, (unsigned)n - (rc == 1 ? b->n : 0));
	}
	return rc;
}

/* As many as the last frame had; if these are not enough, whatever there is. */
static int take_buffers(struct net_queues *q, struct buffers *b, struct husk_error *e)
{
	int rc = pop_buffers(q, b, q->enough, e);

	if (rc == 0)
		rc = pop_buffers(q, b, VIRTQ_SIZE_MAX, e);
	if (rc == 1)
		q->enough = b->n;
	return rc;
}

/* A whole one into one piece, or by way of a copy. */
static enum hvt_result read_whole(struct net_queues *q, const struct iovec *pieces, unsigned n, size_t *len)
{
	const struct iovec whole = {q->frame, q->dev->room};
	const enum hvt_result result = netdev_receive(q->dev, n == 1 ? pieces[0] : whole, len);

	if (result == HVT_OK && n != 1)
		(void)iov_scatter(pieces, n, 0, q->frame, *len);
	return result;
}

static enum hvt_result read_once(struct net_queues *q, const struct iovec *pieces, unsigned n,
				 struct net_header *h, size_t *len)
{
	*h = (struct net_header){.num_buffers = 0};
	if ((q->dev->offloads & NET_GUEST_CSUM) != 0)
		return netdev_receive_parts(q->dev, h, pieces, n, len);
	return read_whole(q, pieces, n, len);
}

/* One frame into the buffers, behind room for the header. */
static enum hvt_result read_frame(struct net_queues *q, const struct buffers *b, struct net_header *h,
				  size_t *len)
{
	struct iovec pieces[VIRTQ_SIZE_MAX];
	const unsigned n = iov_slice(b->iov, b->n_iov, HEADER, netdev_longest(q->dev), pieces);
	enum hvt_result result = read_once(q, pieces, n, h, len);

	for (unsigned i = 0; result == HVT_AGAIN && netdev_waiting(q->dev) && i < NETDEV_TURNS; i++)
		result = read_once(q, pieces, n, h, len);
	return result;
}

/* The buffers are whoever's reads them; how many they are is ours to say. */
static void give_frame(struct net_queues *q, const struct buffers *b, struct net_header h, size_t len)
{
	struct virtqueue *rx = &q->queues[NET_QUEUE_RX];
	size_t left = HEADER + len;

	h.num_buffers = 0;
	counter_add(&q->offloaded_in, h.flags != 0 || h.gso_type != NET_GSO_NONE);
	for (unsigned i = 0; left > 0; i++, h.num_buffers++) {
		const size_t part = left < b->chains[i].writable ? left : b->chains[i].writable;

		virtqueue_push(rx, b->chains[i].head, (uint32_t)part);
		left -= part;
	}
	(void)iov_scatter(b->iov, b->n_iov, 0, &h, HEADER);
	virtqueue_unpop(rx, b->n - h.num_buffers);
	counter_add(&q->received, 1);
}

/*
 * A guest that stands still has no more buffers than its queue has entries. One whose buffers lie on the
 * queue itself, so that frames are more of them, gets the rest in the next turn.
 */
int net_queues_receive(struct net_queues *q, struct husk_error *e)
{
	unsigned turns = q->queues[NET_QUEUE_RX].size + 1u;
	struct net_header h;
	struct buffers b;
	size_t len;
	int rc = 1;

	q->starved = false;
	if (q->queues[NET_QUEUE_RX].memory == NULL)
		return 0;
	while (turns-- > 0 && (rc = take_buffers(q, &b, e)) == 1) {
		if (read_frame(q, &b, &h, &len) != HVT_OK) {
			virtqueue_unpop(&q->queues[NET_QUEUE_RX], b.n);
			break;
		}
		give_frame(q, &b, h, len);
	}
	q->starved = rc == 0;
	publish(q, NET_QUEUE_RX);
	return rc == -1 ? -1 : 0;
}

bool net_queues_may_receive(const struct net_queues *q)
{
	return netdev_fd(q->dev) == -1 || netdev_waiting(q->dev);
}
