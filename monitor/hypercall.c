/* SPDX-License-Identifier: ISC */
/* hypercall.c: from a store in the hypercall window to the handler of its number. */
#include "hypercall.h"

#include "nospec.h"
#include "probe.h"

#define ARGUMENT_WIDTH 4u	/* a 32-bit gpa */

static bool in_range(int nr)
{
	return (nr > HVT_HYPERCALL_RESERVED && nr < HVT_HYPERCALL_MAX) ||
	       (nr >= (int)HUSK_HYPERCALL_FIRST && nr <= (int)HUSK_HYPERCALL_LAST);
}

int hypercalls_register(struct hypercalls *h, int nr, const char *name,
			hypercall_handler *handler, void *ctx, struct husk_error *e)
{
	if (!in_range(nr))
		return husk_fail(e, HUSK_E_HOST, "hypercall %s: number %d is out of range", name, nr);
	if (h->table[nr].handler != NULL)
		return husk_fail(e, HUSK_E_HOST, "hypercall %s: number %d already serves %s", name,
				 nr, h->table[nr].name);
	h->table[nr] = (struct hypercall){.name = name, .handler = handler, .ctx = ctx};
	return 0;
}

void hypercalls_unregister(struct hypercalls *h, int nr)
{
	if (in_range(nr))
		h->table[nr] = (struct hypercall){0};
}

void hypercalls_can_describe(struct hypercalls *h, int nr, hypercall_describe *describe)
{
	h->table[nr].describe = describe;
}

void hypercalls_describe(const struct hypercalls *h, uint64_t nr, struct facts *f)
{
	const struct hypercall *c = &h->table[nospec_index(nr, HYPERCALLS_MAX)];

	*f = (struct facts){.n = 0};
	if (nr < HYPERCALLS_MAX && c->describe != NULL)
		c->describe(c->ctx, h->copy.kept ? h->copy.bytes : NULL, f);
}

const char *hypercalls_name(const struct hypercalls *h, uint64_t nr)
{
	return nr < HYPERCALLS_MAX ? h->table[nospec_index(nr, HYPERCALLS_MAX)].name : NULL;
}

void hypercalls_observe(struct hypercalls *h, hypercall_observer *observer, void *ctx)
{
	h->observer = observer;
	h->observer_ctx = ctx;
}

static enum vmexit_result call(struct hypercalls *h, uint64_t nr, uint32_t arg,
			       struct husk_error *e)
{
	struct hypercall *c = &h->table[nospec_index(nr, HYPERCALLS_MAX)];
	enum vmexit_result r;

	if (c->handler == NULL) {
		husk_fail(e, HUSK_E_GUEST, "Invalid guest hypercall: num=%llu",
			  (unsigned long long)nr);
		return VMEXIT_FAIL;
	}
	PROBE2(hypercall_entry, nr, arg);
	r = c->handler(c->ctx, (gpa_t){arg}, e);
	PROBE3(hypercall_return, nr, arg, r);
	c->count += r != VMEXIT_RETRY;
	if (h->observer != NULL && r != VMEXIT_RETRY) {
		h->observer(h->observer_ctx, nr, (gpa_t){arg}, r);
		h->copy.kept = false;
	}
	return r;
}

/*
 * String I/O brings several arguments in one exit; each is a call of its own. Requests to this thread
 * do not wait for all of them: the access is served anew, but for the calls that were.
 */
static enum vmexit_result call_all(struct hypercalls *h, uint64_t nr, const struct bus_access *a,
				   struct husk_error *e)
{
	const uint8_t *data = a->data;
	enum vmexit_result r = VMEXIT_RESUME;

	while (h->served < a->count && r == VMEXIT_RESUME) {
		uint32_t arg;

		memcpy(&arg, data + (size_t)h->served * ARGUMENT_WIDTH, sizeof arg);
		r = call(h, nr, arg, e);
		h->served += r != VMEXIT_RETRY;
		if (r == VMEXIT_RESUME && h->served < a->count && mailbox_has(h->mailbox, ~0u))
			return VMEXIT_RETRY;
	}
	if (r != VMEXIT_RETRY)
		h->served = 0;
	return r;
}

/* The window of the numbers from first to last. */
static enum vmexit_result serve_window(struct hypercalls *h, uint64_t first, uint64_t last,
				       uint64_t offset, const struct bus_access *a,
				       struct husk_error *e)
{
	const struct cpu_hypercall_window *w = &cpu_hypercall_window;
	uint64_t nr = first + offset / w->stride;

	if (!a->write || a->width != ARGUMENT_WIDTH)
		return bus_refuse(w->kind, a, "a hypercall is one 32-bit store", e);
	if (offset % w->stride != 0 || nr > last)
		return bus_refuse(w->kind, a, "not the place of a hypercall", e);
	return call_all(h, nr, a, e);
}

static enum vmexit_result solo5_window(void *ctx, uint64_t offset, const struct bus_access *a,
				       struct husk_error *e)
{
	return serve_window(ctx, 0, HVT_HYPERCALL_MAX - 1, offset, a, e);
}

/* Without a module that serves one of these numbers the place is as empty as for other monitors. */
static enum vmexit_result husk_window(void *ctx, uint64_t offset, const struct bus_access *a,
				      struct husk_error *e)
{
	const struct cpu_hypercall_window *w = &cpu_hypercall_window;
	const struct hypercalls *h = ctx;
	uint64_t nr = HUSK_HYPERCALL_FIRST + offset / w->stride;

	if (nr > HUSK_HYPERCALL_LAST ||
	    h->table[nospec_index(nr, HYPERCALLS_MAX)].handler == NULL)
		return bus_refuse(w->kind, a, "no module serves a hypercall there", e);
	return serve_window(ctx, HUSK_HYPERCALL_FIRST, HUSK_HYPERCALL_LAST, offset, a, e);
}

/* From the first number's place to the last byte that a store to the last number's reaches. */
static struct device_resource window(uint64_t first, uint64_t last, bus_handler *handler)
{
	const struct cpu_hypercall_window *w = &cpu_hypercall_window;

	return (struct device_resource){
		.kind = w->kind == BUS_PIO ? DEVICE_PIO : DEVICE_MMIO,
		.start = w->base + first * w->stride,
		.last = w->base + last * w->stride + ARGUMENT_WIDTH - 1, .handler = handler,
	};
}

int hypercalls_init(struct hypercalls *h, struct devices *d, const struct mailbox *mailbox,
		    struct husk_error *e)
{
	struct device_description what = {.name = "hypercalls", .n_resources = 2, .ctx = h};
	uint32_t id;

	*h = (struct hypercalls){.mailbox = mailbox, .windows = {
		window(0, HVT_HYPERCALL_MAX - 1, solo5_window),
		window(HUSK_HYPERCALL_FIRST, HUSK_HYPERCALL_LAST, husk_window),
	}};
	what.resources = h->windows;
	return devices_add(d, &what, &id, e);
}
