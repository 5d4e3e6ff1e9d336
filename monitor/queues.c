/* SPDX-License-Identifier: ISC */
/* queues.c: finds the device whose queues are meant, and checks what the guest says of them. */
#include "queues.h"

#include <string.h>

#include "core.h"
#include "nospec.h"

static const enum bus_kind *const bell_kind = &cpu_hypercall_window.kind;

uint64_t queues_bell_address(void)
{
	return *bell_kind == BUS_PIO ? HUSK_DOORBELL_PIO_BASE : HUSK_DOORBELL_MMIO_BASE;
}

static const struct queue_device *find(const struct queues *s, uint64_t handle)
{
	const struct queue_device *d;

	if (handle >= MFT_MAX_ENTRIES)
		return NULL;
	d = &s->devices[nospec_index(handle, MFT_MAX_ENTRIES)];
	return d->ops != NULL ? d : NULL;
}

/* ---- doorbells ---- */

static enum vmexit_result ring(const struct queues *s, uint32_t number, const struct bus_access *a,
			       struct husk_error *e)
{
	const struct queue_device *d = find(s, number / HUSK_QUEUES_MAX);

	if (d == NULL || number % HUSK_QUEUES_MAX >= d->ops->n)
		return bus_refuse(*bell_kind, a, "no queue has the number of this doorbell", e);
	return d->ops->ring(d->ctx, (unsigned)nospec_index(number % HUSK_QUEUES_MAX, d->ops->n), e);
}

/* An access of several items that is to be tried again rings them all again, which does no harm. */
static enum vmexit_result on_doorbell(void *ctx, uint64_t offset, const struct bus_access *a,
				      struct husk_error *e)
{
	const struct core *c = ctx;
	const uint8_t *data = a->data;
	enum vmexit_result result = VMEXIT_RESUME;
	uint32_t number, last = 0;		/* 0 is the number of no queue */

	if (!a->write || a->width != sizeof number || offset != 0)
		return bus_refuse(*bell_kind, a, "a doorbell is one 32-bit store", e);
	for (uint32_t i = 0; i < a->count && result == VMEXIT_RESUME; i++, last = number) {
		memcpy(&number, data + (size_t)i * sizeof number, sizeof number);
		if (number == 0 || number != last)
			result = ring(&c->queues, number, a, e);
	}
	return result;
}

static int add_window(struct core *c, struct husk_error *e)
{
	struct queues *s = &c->queues;
	const struct device_description what = {
		.name = "queue doorbells", .resources = &s->window, .n_resources = 1, .ctx = c,
	};

	s->window = (struct device_resource){
		.kind = *bell_kind == BUS_PIO ? DEVICE_PIO : DEVICE_MMIO,
		.start = queues_bell_address(),
		.last = queues_bell_address() + sizeof(uint32_t) - 1,
		.handler = on_doorbell,
	};
	return devices_add(&c->devices, &what, &s->window_id, e);
}

/* ---- the hypercall ---- */

static int check_apart(const struct queues *s, const struct virtqueue *new, struct husk_error *e)
{
	for (unsigned h = 0; h < MFT_MAX_ENTRIES; h++) {
		const struct queue_device *d = &s->devices[h];

		for (unsigned i = 0; d->ops != NULL && i < d->ops->n; i++) {
			const struct virtqueue *q = d->ops->queue(d->ctx, i);

			if (q->memory != NULL && virtqueue_overlap(&q->layout, &new->layout))
				return husk_fail(e, HUSK_E_GUEST, "%s: it shares memory with %s",
						 new->what, q->what);
		}
	}
	return 0;
}

static int announce(struct core *c, const struct queue_device *d, const struct husk_queue *rq,
		    struct husk_error *e)
{
	const struct virtqueue_layout layout = {rq->desc, rq->avail, rq->used, rq->size};
	const unsigned index = (unsigned)nospec_index(rq->index, d->ops->n);
	struct virtqueue q;

	if (virtqueue_init(&q, d->ops->what(d->ctx, index), &c->memory, &layout, e) == -1 ||
	    check_apart(&c->queues, &q, e) == -1)
		return -1;
	return d->ops->announce(d->ctx, index, &q, e);
}

/* Sets rq->ret; -1: the run ends. */
static int serve(struct core *c, struct husk_queue *rq, struct husk_error *e)
{
	const struct queue_device *d = find(&c->queues, rq->handle);

	rq->ret = HVT_EINVAL;
	if (d == NULL || (c->granted & d->ops->feature) == 0)
		return 0;
	if (rq->size == 0) {
		rq->ret = HVT_OK;
		return d->ops->take_back(d->ctx, e);
	}
	if (rq->index >= d->ops->n ||
	    d->ops->queue(d->ctx, (unsigned)nospec_index(rq->index, d->ops->n))->memory != NULL)
		return 0;
	rq->ret = HVT_OK;
	return announce(c, d, rq, e);
}

static enum vmexit_result queue_call(void *ctx, gpa_t arg, struct husk_error *e)
{
	struct core *c = ctx;
	struct husk_queue rq;

	if (MEMORY_GET(&c->memory, arg, &rq, e) == -1)
		return VMEXIT_FAIL;
	HYPERCALLS_KEEP(&c->hypercalls, &rq);
	if (serve(c, &rq, e) == -1)
		return VMEXIT_FAIL;
	HYPERCALLS_KEEP(&c->hypercalls, &rq);
	return MEMORY_PUT_FIELD(&c->memory, arg, struct husk_queue, ret, &rq, e) == -1 ?
	       VMEXIT_FAIL : VMEXIT_RESUME;
}

static void describe(const void *ctx, const void *copy, struct facts *f)
{
	const struct core *c = ctx;
	const struct husk_queue *rq = copy;
	const struct queue_device *d;

	if (rq == NULL)
		return;
	d = find(&c->queues, rq->handle);
	facts_device(f, rq->handle, d == NULL ? NULL : d->name);
	facts_number(f, "index", rq->index);
	facts_number(f, "size", rq->size);
	facts_address(f, "desc", rq->desc);
	facts_address(f, "avail", rq->avail);
	facts_address(f, "used", rq->used);
	facts_result_word(f, rq->ret);
}

/* ---- beginning and end ---- */

/* The bus may be sealed; then it is the machine's end that clears it. */
static void remove_all(struct core *c)
{
	struct husk_error ignored;

	core_unregister_hypercall(c, HUSK_HYPERCALL_QUEUE);
	if (c->queues.window_id != 0)
		(void)devices_remove(&c->devices, c->queues.window_id, &ignored);
	c->queues.window_id = 0;
}

static int add_all(struct core *c, struct husk_error *e)
{
	if (core_register_hypercall(c, HUSK_HYPERCALL_QUEUE, "queue", queue_call, c, e) == -1)
		return -1;
	hypercalls_can_describe(&c->hypercalls, HUSK_HYPERCALL_QUEUE, describe);
	if (add_window(c, e) == 0)
		return 0;
	remove_all(c);
	return -1;
}

int queues_add(struct core *c, unsigned handle, const char *name, const struct queue_ops *ops,
	       void *ctx, struct husk_error *e)
{
	if (c->queues.n == 0 && add_all(c, e) == -1)
		return -1;
	c->queues.devices[handle] = (struct queue_device){name, ops, ctx};
	c->queues.n++;
	return 0;
}

void queues_remove(struct core *c, unsigned handle)
{
	if (c->queues.devices[handle].ops == NULL)
		return;
	c->queues.devices[handle].ops = NULL;
	if (--c->queues.n == 0)
		remove_all(c);
}
