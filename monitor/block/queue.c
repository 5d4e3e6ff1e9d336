/* SPDX-License-Identifier: ISC */
/*
 * queue.c: serves the queues of block devices: all that is submitted, at the doorbell.
 *
 * The doorbell is an exit, and the vcpu's thread does the work before the guest goes on: any number of
 * requests for one exit, neighbours in one system call, and no thread between. So nothing is in flight
 * while the guest runs. A posting to the thread interrupts it between two transfers; what is left is
 * served when the doorbell is rung again in the next run.
 *
 * Requests are done one after the other, but a disk that is slow works on all reads of a batch at once:
 * the first that has to wait for it has the host told of the others.
 */
#include <errno.h>
#include <stdio.h>

#include "block.h"
#include "clock.h"
#include "iov.h"
#include "probe.h"
#include "request.h"

#define BATCH 64u			/* chains that are taken at once */

/* A read takes less from the page cache, and less than 1 ns for each byte; from flash it takes more. */
#define QUICK_NS 50000u

struct batch {
	struct virtqueue_chain chains[BATCH];
	struct block_request requests[BATCH];
	struct iovec spans[VIRTQ_SIZE_MAX], data[VIRTQ_SIZE_MAX];
	unsigned n;
	bool slow;			/* a read had to wait for the disk, and the host was told */
};

/* ---- doing ---- */

static bool writes(const struct block_request *r)
{
	return r->type == BLOCK_OUT;
}

/* Moves the bytes of neighbours. Returns how many were moved; fewer: *error, or 0 for a posting. */
static uint64_t move(struct block_device *dev, const struct block_request *r, unsigned n_iov,
		     uint64_t len, int *error)
{
	struct iovec rest[DISK_SPANS_MAX];
	uint64_t done = 0;
	size_t moved = 0;

	*error = 0;
	while (done < len && *error == 0) {
		const unsigned n = iov_slice(r->data, n_iov, done, len - done, rest);

		*error = (writes(r) ? disk_writev : disk_readv)(&dev->disk, r->offset + done, rest, n,
								&moved);
		dev->calls++;
		PROBE3(block, r->offset + done, moved, writes(r));
		if (moved == 0 && *error == 0 && core_wanted(dev->module->core))
			break;
		done += *error == 0 ? moved : 0;
	}
	return done;
}

static uint64_t bytes(const struct block_request *r, unsigned n)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += r[i].len;
	return sum;
}

/* Returns how many of n neighbours are over: all up to the one that failed; 0: none, for a posting. */
static unsigned transfer(struct block_device *dev, struct block_request *r, unsigned n)
{
	unsigned spans = 0, i;
	uint64_t done;
	int error;

	for (i = 0; i < n; i++)
		spans += r[i].n;
	done = move(dev, r, spans, bytes(r, n), &error);
	for (i = 0; i < n && done >= r[i].len; i++) {
		done -= r[i].len;
		block_account(dev, writes(r), r[i].len);
	}
	if (i == n || error == 0)
		return i;
	block_failed(dev, writes(r) ? "writing" : "reading", r[i].offset, error);
	r[i].status = BLOCK_IOERR;
	return i + 1;
}

static void do_other(struct block_device *dev, struct block_request *r)
{
	const char *verb = r->type == BLOCK_FLUSH ? "flushing" :
			   r->type == BLOCK_DISCARD ? "discarding" : "writing zeroes";
	int error;

	if (r->type == BLOCK_FLUSH)
		error = disk_flush(&dev->disk);
	else if (r->type == BLOCK_DISCARD)
		error = disk_discard(&dev->disk, r->offset, r->len);
	else
		error = disk_zero(&dev->disk, r->offset, r->len, r->unmap);
	++*(r->type == BLOCK_FLUSH ? &dev->flushes :
	    r->type == BLOCK_DISCARD ? &dev->discards : &dev->zeroes);
	dev->calls++;
	if (error == 0)
		return;
	block_failed(dev, verb, r->offset, error);
	r->status = BLOCK_IOERR;
}

/* Does the first of n requests, with its neighbours. Returns how many are over. */
static unsigned do_some(struct block_device *dev, struct block_request *r, unsigned n)
{
	const unsigned neighbours = block_request_neighbours(r, n);

	if (r->status != BLOCK_OK) {
		dev->refused++;
		if (r->denied)
			block_failed(dev, "writing", r->offset, EROFS);
		return 1;
	}
	if (r->type == BLOCK_IN || r->type == BLOCK_OUT)
		return transfer(dev, r, neighbours);
	do_other(dev, r);
	return 1;
}

/* ---- what is to come ---- */

static bool reads(const struct block_request *r)
{
	return r->status == BLOCK_OK && r->type == BLOCK_IN;
}

/* Tells the host of the reads among these, neighbours at once, until something is posted. */
static void tell_ahead(struct block_device *dev, const struct block_request *r, unsigned n)
{
	unsigned some;

	for (; n > 0 && !dev->deaf && !core_wanted(dev->module->core); r += some, n -= some) {
		some = block_request_neighbours(r, n);
		if (!reads(r))
			continue;
		dev->deaf = disk_expect(&dev->disk, r->offset, bytes(r, some)) != 0;
		dev->told_ahead += !dev->deaf;
		dev->calls++;
	}
}

/* As do_some, of what the batch has from done on; has the others told of if that was slow. */
static unsigned do_next(struct block_device *dev, struct batch *b, unsigned done)
{
	struct block_request *r = &b->requests[done];
	const unsigned left = b->n - done;
	const bool timed = reads(r) && left > 1 && !b->slow && !dev->deaf;
	const uint64_t begun = timed ? clock_now_ns() : 0;
	const unsigned some = do_some(dev, r, left);

	if (timed && clock_now_ns() - begun > QUICK_NS + bytes(r, some)) {
		tell_ahead(dev, r + some, left - some);
		b->slow = true;
	}
	return some;
}

/* ---- taking and giving back ---- */

static int take(struct block_device *dev, struct batch *b, struct husk_error *e)
{
	const struct block_limits limits = {dev->disk.capacity, dev->disk.read_only};
	struct iovec *data = b->data;
	int n = virtqueue_pop(&dev->queue, b->chains, BATCH, b->spans, VIRTQ_SIZE_MAX, e);

	for (int i = 0; i < n; i++) {
		struct block_request *r = &b->requests[i];

		if (block_request_parse(r, &b->chains[i], &limits, data, dev->what, e) == -1)
			return -1;
		data += r->n;
	}
	b->n = n < 0 ? 0 : (unsigned)n;
	b->slow = false;
	return n < 0 ? -1 : 0;
}

static void note(const struct block_device *dev, unsigned n)
{
	const struct core *c = dev->module->core;
	struct facts f = {0};

	if (!core_is_noted(c) || n == 0)
		return;
	facts_device(&f, dev->is.handle, dev->is.name);
	facts_number(&f, "requests", n);
	core_note(c, "block_queue", &f);
}

/* False: something is left, for a posting. */
static bool do_batch(struct block_device *dev, struct batch *b)
{
	unsigned done = 0, some = 1;

	while (done < b->n && some > 0 && !(done > 0 && core_wanted(dev->module->core))) {
		some = do_next(dev, b, done);
		for (unsigned i = done; i < done + some; i++)
			virtqueue_push(&dev->queue, b->requests[i].head,
				       block_request_finish(&b->requests[i]));
		done += some;
	}
	virtqueue_unpop(&dev->queue, b->n - done);
	dev->called |= virtqueue_publish(&dev->queue);
	dev->requests += done;
	note(dev, done);
	return done == b->n;
}

static enum vmexit_result serve(struct block_device *dev, struct husk_error *e)
{
	struct batch b;

	if (dev->queue.memory == NULL)
		return VMEXIT_RESUME;
	do {
		if (take(dev, &b, e) == -1)
			return VMEXIT_FAIL;
		if (!do_batch(dev, &b) || (b.n > 0 && core_wanted(dev->module->core)))
			return VMEXIT_RETRY;
	} while (b.n > 0 || !virtqueue_arm(&dev->queue));
	return VMEXIT_RESUME;
}

/* ---- what queues.h asks for ---- */

static const struct virtqueue *queue(void *ctx, unsigned index)
{
	const struct block_device *dev = ctx;

	(void)index;
	return &dev->queue;
}

static const char *what(void *ctx, unsigned index)
{
	const struct block_device *dev = ctx;

	(void)index;
	return dev->what;
}

/* What avail holds already is served before the guest goes on. */
static int announce(void *ctx, unsigned index, const struct virtqueue *q, struct husk_error *e)
{
	struct block_device *dev = ctx;

	(void)index, (void)e;
	dev->queue = *q;
	dev->due = true;
	core_post(dev->module->core, dev->module->client);
	return 0;
}

static int take_back(void *ctx, struct husk_error *e)
{
	struct block_device *dev = ctx;

	(void)e;
	dev->queue = (struct virtqueue){.memory = NULL};
	dev->called = false;
	return 0;
}

static enum vmexit_result ring(void *ctx, unsigned index, struct husk_error *e)
{
	struct block_device *dev = ctx;

	(void)index;
	dev->doorbells++;
	return serve(dev, e);
}

static const struct queue_ops queue_ops = {
	.feature = HUSK_FEATURE_BLOCK, .n = BLOCK_QUEUES, .queue = queue, .what = what,
	.announce = announce, .take_back = take_back, .ring = ring,
};

static int ready(void *ctx, bool readable, struct husk_error *e)
{
	struct block_device *dev = ctx;
	const bool called = dev->called;

	(void)readable, (void)e;
	dev->called = false;
	return called;
}

/* Queues for which no doorbell has rung. */
static int attend(void *ctx, struct husk_error *e)
{
	struct block_module *s = ctx;

	for (unsigned i = 0; i < s->set.n; i++) {
		struct block_device *dev = device_set_at(&s->set, i);
		enum vmexit_result result = dev->due ? serve(dev, e) : VMEXIT_RESUME;

		if (result == VMEXIT_FAIL)
			return -1;
		dev->due = result == VMEXIT_RETRY;
		if (dev->due)
			core_post(s->core, s->client);
	}
	return 0;
}

static const struct core_client run_client = {.attend = attend};

/* ---- beginning and end ---- */

static int attach_device(struct block_module *s, struct block_device *dev, struct husk_error *e)
{
	const struct event_source source = {.ready = ready, .ctx = dev};

	snprintf(dev->what, sizeof dev->what, "block device %s, queue 0", dev->is.name);
	if (events_add(&s->core->events, dev->is.handle, &source, e) == -1)
		return -1;
	if (queues_add(s->core, dev->is.handle, dev->is.name, &queue_ops, dev, e) == 0)
		return 0;
	events_remove(&s->core->events, dev->is.handle);
	return -1;
}

static int attach_all(struct block_module *s, struct husk_error *e)
{
	for (unsigned i = 0; i < s->set.n; i++)
		if (attach_device(s, device_set_at(&s->set, i), e) == -1)
			return -1;
	return core_add_client(s->core, &run_client, s, &s->client, e);
}

int block_queues_attach(struct block_module *s, struct husk_error *e)
{
	if ((s->core->wanted & HUSK_FEATURE_BLOCK) == 0)
		return 0;
	if (attach_all(s, e) == 0)
		return 0;
	block_queues_detach(s);
	return -1;
}

void block_queues_detach(struct block_module *s)
{
	for (unsigned i = 0; i < s->set.n; i++) {
		const struct block_device *dev = device_set_at(&s->set, i);

		if (s->core->queues.devices[dev->is.handle].ctx != dev)
			continue;
		queues_remove(s->core, dev->is.handle);
		events_remove(&s->core->events, dev->is.handle);
	}
	core_remove_client(s->core, s->client);
	s->client = CORE_NO_CLIENT;
}
