/* SPDX-License-Identifier: ISC */
/* queues.c: the devices' queues come and go while their thread stands still; doorbells without an exit. */
#include "guest.h"
#include "queues.h"

static const enum bus_kind *const bell_kind = &cpu_hypercall_window.kind;

void doorbells_add(struct vsock_guest *g)
{
	struct core *c = g->module->core;
	const struct hv_doorbell_ops *ops = c->caps->doorbells;
	struct husk_error ignored;

	if (ops == NULL || ops->add_value == NULL)
		return;
	while (g->n_bells < VSOCK_QUEUES &&
	       ops->add_value(c->hv, *bell_kind, queues_bell_address(), sizeof(uint32_t),
			      HUSK_QUEUE_NUMBER(g->is.handle, g->n_bells), g->bell.fd,
			      &ignored) == 0)
		g->n_bells++;
}

void doorbells_remove(struct vsock_guest *g)
{
	struct core *c = g->module->core;

	while (g->n_bells > 0) {
		g->n_bells--;
		c->caps->doorbells->del_value(c->hv, *bell_kind, queues_bell_address(),
					      sizeof(uint32_t),
					      HUSK_QUEUE_NUMBER(g->is.handle, g->n_bells),
					      g->bell.fd);
	}
}

static const struct virtqueue *queue(void *ctx, unsigned index)
{
	const struct vsock_guest *g = ctx;

	return &g->device.queues[index];
}

static const char *what(void *ctx, unsigned index)
{
	const struct vsock_guest *g = ctx;

	return g->what[index];
}

static int announce(void *ctx, unsigned index, const struct virtqueue *q, struct husk_error *e)
{
	struct vsock_guest *g = ctx;

	if (serve_pause(g->module, e) == -1)
		return -1;
	g->device.queues[index] = *q;
	io_thread_resume(&g->module->thread);
	return 0;
}

static int take_back(void *ctx, struct husk_error *e)
{
	struct vsock_guest *g = ctx;

	if (serve_pause(g->module, e) == -1)
		return -1;
	vsock_device_reset(&g->device);
	io_thread_resume(&g->module->thread);
	return 0;
}

static enum vmexit_result ring(void *ctx, unsigned index, struct husk_error *e)
{
	struct vsock_guest *g = ctx;

	(void)index, (void)e;
	wake_signal(&g->bell);
	g->module->trapped++;
	return VMEXIT_RESUME;
}

const struct queue_ops vsock_queue_ops = {
	.feature = HUSK_FEATURE_VSOCK, .n = VSOCK_QUEUES, .queue = queue, .what = what,
	.announce = announce, .take_back = take_back, .ring = ring,
};
