/* SPDX-License-Identifier: ISC */
/* queues.c: the hypercall that announces queues, and their doorbells. */
#include <string.h>

#include "guest.h"
#include "nospec.h"

static const enum bus_kind *const bell_kind = &cpu_hypercall_window.kind;

static uint64_t bell_address(void)
{
	return *bell_kind == BUS_PIO ? HUSK_DOORBELL_PIO_BASE : HUSK_DOORBELL_MMIO_BASE;
}

/* ---- doorbells ---- */

static int ring(const struct vsock_module *s, uint32_t number)
{
	const struct vsock_guest *g = device_set_find(&s->set, number / HUSK_QUEUES_MAX);

	if (g == NULL || number % HUSK_QUEUES_MAX >= VSOCK_QUEUES)
		return -1;
	wake_signal(&g->bell);
	return 0;
}

static enum vmexit_result on_doorbell(void *ctx, uint64_t offset, const struct bus_access *a,
				      struct husk_error *e)
{
	struct vsock_module *s = ctx;
	const uint8_t *data = a->data;
	uint32_t number, last = 0;		/* 0 is the number of no queue */

	if (!a->write || a->width != sizeof number || offset != 0)
		return bus_refuse(*bell_kind, a, "a doorbell is one 32-bit store", e);
	for (uint32_t i = 0; i < a->count; i++, last = number) {
		memcpy(&number, data + (size_t)i * sizeof number, sizeof number);
		if ((number == 0 || number != last) && ring(s, number) == -1)
			return bus_refuse(*bell_kind, a, "no queue has the number of this doorbell",
					  e);
		s->trapped++;
	}
	return VMEXIT_RESUME;
}

int doorbells_attach(struct vsock_module *s, struct husk_error *e)
{
	const struct device_description what = {
		.name = "queue doorbells", .resources = &s->window, .n_resources = 1, .ctx = s,
	};

	s->window = (struct device_resource){
		.kind = *bell_kind == BUS_PIO ? DEVICE_PIO : DEVICE_MMIO,
		.start = bell_address(), .last = bell_address() + sizeof(uint32_t) - 1,
		.handler = on_doorbell,
	};
	return devices_add(&s->core->devices, &what, &s->window_id, e);
}

void doorbells_detach(struct vsock_module *s)
{
	struct husk_error ignored;

	if (s->window_id != 0)
		(void)devices_remove(&s->core->devices, s->window_id, &ignored);
	s->window_id = 0;
}

void doorbells_add(struct vsock_guest *g)
{
	struct core *c = g->module->core;
	const struct hv_doorbell_ops *ops = c->caps->doorbells;
	struct husk_error ignored;

	if (ops == NULL || ops->add_value == NULL)
		return;
	while (g->n_bells < VSOCK_QUEUES &&
	       ops->add_value(c->hv, *bell_kind, bell_address(), sizeof(uint32_t),
			      HUSK_QUEUE_NUMBER(g->is.handle, g->n_bells), g->bell.fd,
			      &ignored) == 0)
		g->n_bells++;
}

void doorbells_remove(struct vsock_guest *g)
{
	struct core *c = g->module->core;

	while (g->n_bells > 0) {
		g->n_bells--;
		c->caps->doorbells->del_value(c->hv, *bell_kind, bell_address(), sizeof(uint32_t),
					      HUSK_QUEUE_NUMBER(g->is.handle, g->n_bells),
					      g->bell.fd);
	}
}

/* ---- queues ---- */

/* No byte is of two queues, of whichever devices. */
static int check_apart(const struct vsock_module *s, const struct virtqueue *new,
		       struct husk_error *e)
{
	for (unsigned i = 0; i < s->set.n * VSOCK_QUEUES; i++) {
		const struct vsock_guest *g = device_set_at(&s->set, i / VSOCK_QUEUES);
		const struct virtqueue *q = &g->device.queues[i % VSOCK_QUEUES];

		if (q->memory != NULL && virtqueue_overlap(&q->layout, &new->layout))
			return husk_fail(e, HUSK_E_GUEST, "%s: it shares memory with %s", new->what,
					 q->what);
	}
	return 0;
}

static int announce(struct vsock_module *s, struct vsock_guest *g, const struct husk_queue *rq,
		    struct husk_error *e)
{
	const struct virtqueue_layout layout = {rq->desc, rq->avail, rq->used, rq->size};
	const size_t index = nospec_index(rq->index, VSOCK_QUEUES);
	struct virtqueue q;

	if (virtqueue_init(&q, g->what[index], &s->core->memory, &layout, e) == -1 ||
	    check_apart(s, &q, e) == -1 || serve_pause(s, e) == -1)
		return -1;
	g->device.queues[index] = q;
	io_thread_resume(&s->thread);
	return 0;
}

static int take_back(struct vsock_module *s, struct vsock_guest *g, struct husk_error *e)
{
	if (serve_pause(s, e) == -1)
		return -1;
	vsock_device_reset(&g->device);
	io_thread_resume(&s->thread);
	return 0;
}

enum vmexit_result queue_call(void *ctx, gpa_t arg, struct husk_error *e)
{
	struct vsock_module *s = ctx;
	const bool granted = (s->core->granted & HUSK_FEATURE_VSOCK) != 0;
	struct vsock_guest *g;
	struct husk_queue rq;

	if (MEMORY_GET(&s->core->memory, arg, &rq, e) == -1)
		return VMEXIT_FAIL;
	g = granted ? device_set_find(&s->set, rq.handle) : NULL;
	rq.ret = HVT_EINVAL;
	HYPERCALLS_KEEP(&s->core->hypercalls, &rq);
	if (g != NULL && rq.size == 0) {
		if (take_back(s, g, e) == -1)
			return VMEXIT_FAIL;
		rq.ret = HVT_OK;
	} else if (g != NULL && rq.index < VSOCK_QUEUES &&
		   g->device.queues[nospec_index(rq.index, VSOCK_QUEUES)].memory == NULL) {
		if (announce(s, g, &rq, e) == -1)
			return VMEXIT_FAIL;
		rq.ret = HVT_OK;
	}
	HYPERCALLS_KEEP(&s->core->hypercalls, &rq);
	return MEMORY_PUT_FIELD(&s->core->memory, arg, struct husk_queue, ret, &rq, e) == -1 ?
	       VMEXIT_FAIL : VMEXIT_RESUME;
}

void queue_describe(const void *ctx, const void *copy, struct facts *f)
{
	const struct vsock_module *s = ctx;
	const struct husk_queue *rq = copy;
	const struct vsock_guest *g;

	if (rq == NULL)
		return;
	g = device_set_find(&s->set, rq->handle);
	facts_device(f, rq->handle, g == NULL ? NULL : g->is.name);
	facts_number(f, "index", rq->index);
	facts_number(f, "size", rq->size);
	facts_address(f, "desc", rq->desc);
	facts_address(f, "avail", rq->avail);
	facts_address(f, "used", rq->used);
	facts_result_word(f, rq->ret);
}
