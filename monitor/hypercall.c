/* hypercall.c: from a store in the hypercall window to the handler of its number. */
#include "hypercall.h"

#include <string.h>

#define ARGUMENT_WIDTH 4u	/* a 32-bit gpa */

int hypercalls_register(struct hypercalls *h, int nr, const char *name,
			hypercall_handler *handler, void *ctx, struct husk_error *e)
{
	if (nr <= HVT_HYPERCALL_RESERVED || nr >= HVT_HYPERCALL_MAX)
		return husk_fail(e, HUSK_E_HOST, "hypercall %s: number %d is out of range", name, nr);
	if (h->table[nr].handler != NULL)
		return husk_fail(e, HUSK_E_HOST, "hypercall %s: number %d already serves %s", name,
				 nr, h->table[nr].name);
	h->table[nr] = (struct hypercall){.name = name, .handler = handler, .ctx = ctx};
	return 0;
}

void hypercalls_unregister(struct hypercalls *h, int nr)
{
	if (nr > HVT_HYPERCALL_RESERVED && nr < HVT_HYPERCALL_MAX)
		h->table[nr] = (struct hypercall){0};
}

static enum vmexit_result call(struct hypercalls *h, uint64_t nr, uint32_t arg, struct husk_error *e)
{
	struct hypercall *c = &h->table[nr];

	if (c->handler == NULL) {
		husk_fail(e, HUSK_E_GUEST, "Invalid guest hypercall: num=%llu",
			  (unsigned long long)nr);
		return VMEXIT_FAIL;
	}
	c->count++;
	return c->handler(c->ctx, (gpa_t){arg}, e);
}

/* String I/O brings several arguments in one exit; each is a call of its own. */
static enum vmexit_result window_access(void *ctx, uint64_t offset, const struct bus_access *a,
				     struct husk_error *e)
{
	struct hypercalls *h = ctx;
	const uint8_t *data = a->data;
	enum vmexit_result r = VMEXIT_RESUME;
	uint32_t arg;

	if (!a->write || a->width != ARGUMENT_WIDTH)
		return bus_refuse(cpu_hypercall_window.kind, a, "a hypercall is one 32-bit store", e);
	if (offset % cpu_hypercall_window.stride != 0 ||
	    offset / cpu_hypercall_window.stride >= HVT_HYPERCALL_MAX)
		return bus_refuse(cpu_hypercall_window.kind, a, "not the place of a hypercall", e);
	for (uint32_t i = 0; i < a->count && r == VMEXIT_RESUME; i++, data += ARGUMENT_WIDTH) {
		memcpy(&arg, data, sizeof arg);
		r = call(h, offset / cpu_hypercall_window.stride, arg, e);
	}
	return r;
}

int hypercalls_init(struct hypercalls *h, struct devices *d, struct husk_error *e)
{
	const struct cpu_hypercall_window *w = &cpu_hypercall_window;
	uint64_t last = w->base + (HVT_HYPERCALL_MAX - 1) * w->stride + ARGUMENT_WIDTH - 1;
	struct device_description what = {.name = "hypercalls", .n_resources = 1, .ctx = h};
	uint32_t id;

	*h = (struct hypercalls){.window = {
		.kind = w->kind == BUS_PIO ? DEVICE_PIO : DEVICE_MMIO,
		.start = w->base, .last = last, .handler = window_access,
	}};
	what.resources = &h->window;
	return devices_add(d, &what, &id, e);
}
