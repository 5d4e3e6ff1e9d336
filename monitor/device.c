/* SPDX-License-Identifier: ISC */
/* device.c: registers all resources of a device or none, and removes them again. */
#include "device.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define RESOURCE_TEXT 80	/* bytes; more than the longest description of a resource */

void devices_init(struct devices *d, uint64_t ram_size, const struct hv_doorbell_ops *doorbells,
		  struct hv *hv)
{
	*d = (struct devices){.ram_size = ram_size, .doorbells = doorbells, .hv = hv};
	bus_init(&d->pio, BUS_PIO);
	bus_init(&d->mmio, BUS_MMIO);
}

static void resource_text(const struct device_resource *r, char text[RESOURCE_TEXT])
{
	static const char *const kind[] = {
		[DEVICE_PIO] = "ports",
		[DEVICE_MMIO] = "mmio",
		[DEVICE_PIO_DOORBELL] = "doorbell ports",
		[DEVICE_MMIO_DOORBELL] = "doorbell mmio",
	};

	snprintf(text, RESOURCE_TEXT, "%s 0x%" PRIx64 "-0x%" PRIx64, kind[r->kind], r->start,
		 r->last);
}

/* Begins a refusal, "device net: ports 0x600-0x603"; the caller appends why. */
static void refuse(const struct device_description *what, const struct device_resource *r,
		   struct husk_error *e)
{
	char text[RESOURCE_TEXT];

	resource_text(r, text);
	husk_fail(e, HUSK_E_HOST, "device %s: %s", what->name, text);
}

static bool is_doorbell(const struct device_resource *r)
{
	return r->kind == DEVICE_PIO_DOORBELL || r->kind == DEVICE_MMIO_DOORBELL;
}

static struct bus *bus_of(struct devices *d, const struct device_resource *r)
{
	return r->kind == DEVICE_PIO || r->kind == DEVICE_PIO_DOORBELL ? &d->pio : &d->mmio;
}

static unsigned doorbell_width(const struct device_resource *r)
{
	return (unsigned)(r->last - r->start) + 1;
}

static int take_addresses(struct devices *d, const struct device_description *what, uint32_t id,
			  const struct device_resource *r, struct husk_error *e)
{
	struct bus *bus = bus_of(d, r);
	const struct bus_range range = {
		.start = r->start, .last = r->last, .ctx = what->ctx, .owner = what->name,
		.handler = is_doorbell(r) ? NULL : r->handler, .id = id,
	};
	enum resource_status st;

	if (bus->kind == BUS_MMIO && r->start < d->ram_size) {
		refuse(what, r, e);
		return husk_hint(e, "guest memory lies there, up to 0x%" PRIx64, d->ram_size - 1);
	}
	st = bus_insert(bus, &range, 1);
	if (st == RESOURCE_OK)
		return 0;
	refuse(what, r, e);
	if (st == RESOURCE_BUSY)
		return husk_hint(e, "already taken by %s",
				 bus_overlap(bus, r->start, r->last)->owner);
	return husk_hint(e, "%s", resource_status_text(st));
}

/* Those of a store; hypervisors make doorbells for no others: Linux virt/kvm/api.rst, 4.59. */
static bool doorbell_width_ok(const struct device_resource *r)
{
	uint64_t beyond_first = r->last - r->start;

	return beyond_first == 0 || beyond_first == 1 || beyond_first == 3 || beyond_first == 7;
}

/* If the hypervisor refuses, the bus range stays for the caller to remove. */
static int take_doorbell(struct devices *d, const struct device_description *what, uint32_t id,
			 const struct device_resource *r, struct husk_error *e)
{
	char text[RESOURCE_TEXT];

	if (d->doorbells == NULL || !doorbell_width_ok(r)) {
		refuse(what, r, e);
		return husk_hint(e, "%s", d->doorbells == NULL ?
				 "this hypervisor has no doorbells" :
				 "a doorbell has 1, 2, 4 or 8 bytes");
	}
	if (take_addresses(d, what, id, r, e) < 0)
		return -1;
	if (d->doorbells->add(d->hv, bus_of(d, r)->kind, r->start, doorbell_width(r),
			     r->fd, e) == 0)
		return 0;
	resource_text(r, text);
	return husk_wrap(e, "device %s: %s", what->name, text);
}

static int take(struct devices *d, const struct device_description *what, uint32_t id,
		const struct device_resource *r, struct husk_error *e)
{
	if (is_doorbell(r))
		return take_doorbell(d, what, id, r, e);
	assert(r->handler != NULL);	/* the bus would hold it for a doorbell */
	return take_addresses(d, what, id, r, e);
}

static void give_back_one(struct devices *d, const struct device_resource *r)
{
	if (is_doorbell(r))
		d->doorbells->del(d->hv, bus_of(d, r)->kind, r->start,
				 doorbell_width(r), r->fd);
}

/* Removes the first n resources, and all ranges of id on a bus. */
static void give_back(struct devices *d, const struct device_description *what, uint32_t id,
		      size_t n)
{
	while (n-- > 0)
		give_back_one(d, &what->resources[n]);
	(void)bus_remove(&d->pio, id);
	(void)bus_remove(&d->mmio, id);
}

/* Why no device can be added or removed now; RESOURCE_OK if one can. */
static enum resource_status closed(const struct devices *d)
{
	if (d->sealed)
		return RESOURCE_SEALED;
	if (d->pio.in_dispatch || d->mmio.in_dispatch)
		return RESOURCE_IN_DISPATCH;
	return RESOURCE_OK;
}

static int may_add(const struct devices *d, const char *name, struct husk_error *e)
{
	enum resource_status st = closed(d);

	if (st != RESOURCE_OK)
		return husk_fail(e, HUSK_E_HOST, "device %s: cannot be added: %s", name,
				 resource_status_text(st));
	for (size_t i = 0; i < d->n; i++)
		if (strcmp(d->table[i].is.name, name) == 0)
			return husk_fail(e, HUSK_E_HOST, "device %s: the name is taken", name);
	if (d->n == DEVICES_MAX)
		return husk_fail(e, HUSK_E_HOST, "device %s: there are %d devices already, the most"
				 " that a machine can have", name, DEVICES_MAX);
	return 0;
}

int devices_add(struct devices *d, const struct device_description *what, uint32_t *id,
		struct husk_error *e)
{
	size_t at = 0;
	uint32_t new_id;

	if (may_add(d, what->name, e) < 0)
		return -1;
	while (at < d->n && d->table[at].id == at + 1)
		at++;
	new_id = (uint32_t)at + 1;
	for (size_t i = 0; i < what->n_resources; i++)
		if (take(d, what, new_id, &what->resources[i], e) < 0) {
			give_back(d, what, new_id, i);
			return -1;
		}
	memmove(&d->table[at + 1], &d->table[at], (d->n - at) * sizeof d->table[0]);
	d->table[at] = (struct device){.id = new_id, .is = *what};
	d->n++;
	*id = new_id;
	return 0;
}

static void remove_at(struct devices *d, size_t i)
{
	give_back(d, &d->table[i].is, d->table[i].id, d->table[i].is.n_resources);
	d->n--;
	memmove(&d->table[i], &d->table[i + 1], (d->n - i) * sizeof d->table[0]);
}

int devices_remove(struct devices *d, uint32_t id, struct husk_error *e)
{
	enum resource_status st = closed(d);

	if (st != RESOURCE_OK)
		return husk_fail(e, HUSK_E_HOST, "device %" PRIu32 ": cannot be removed: %s", id,
				 resource_status_text(st));
	for (size_t i = 0; i < d->n; i++)
		if (d->table[i].id == id) {
			remove_at(d, i);
			return 0;
		}
	return husk_fail(e, HUSK_E_HOST, "device %" PRIu32 ": there is no such device", id);
}

void devices_seal(struct devices *d)
{
	d->sealed = true;
}

void devices_clear(struct devices *d)
{
	assert(!d->pio.in_dispatch && !d->mmio.in_dispatch);
	while (d->n > 0)
		remove_at(d, d->n - 1);
}

/* Text that grows past the end of its buffer counts, but is cut. */
struct text {
	char *out;
	size_t size, n;
};

static void __attribute__((format(printf, 2, 3))) text_add(struct text *t, const char *fmt, ...)
{
	bool room = t->n < t->size;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(room ? t->out + t->n : NULL, room ? t->size - t->n : 0, fmt, ap);
	va_end(ap);
	t->n += n > 0 ? (size_t)n : 0;
}

size_t devices_dump(const struct devices *d, char *out, size_t size)
{
	struct text t = {.out = out, .size = size};

	text_add(&t, "%s", "");		/* no devices: still a string */
	for (size_t i = 0; i < d->n; i++) {
		const struct device *dev = &d->table[i];

		text_add(&t, "%" PRIu32 " %s", dev->id, dev->is.name);
		for (size_t k = 0; k < dev->is.n_resources; k++) {
			char text[RESOURCE_TEXT];

			resource_text(&dev->is.resources[k], text);
			text_add(&t, "%s %s", k == 0 ? ":" : ",", text);
		}
		text_add(&t, "\n");
	}
	return t.n;
}
