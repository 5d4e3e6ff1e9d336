/* SPDX-License-Identifier: ISC */
/*
 * device.h: the device manager. A device is a name, its resources and its handlers.
 *
 * Links addresses, which others have chosen, to the device that serves them; adding a device takes
 * all of its resources or none. Sealed before the guest runs.
 */
#ifndef HUSK_DEVICE_H
#define HUSK_DEVICE_H

#include "bus.h"
#include "error.h"
#include "hv.h"
#include "resource.h"

enum device_resource_kind {
	DEVICE_PIO,		/* trapped ports [start, last] */
	DEVICE_MMIO,		/* trapped addresses [start, last] */
	DEVICE_PIO_DOORBELL,	/* a write of width bytes to start signals fd; no exit */
	DEVICE_MMIO_DOORBELL,
};

struct device_resource {
	enum device_resource_kind kind;
	uint64_t start, last;	/* closed; a doorbell has 1, 2, 4 or 8 bytes: its width */
	bus_handler *handler;	/* PIO and MMIO only, never NULL there */
	int fd;			/* doorbells only; stays the caller's */
};

struct device_description {
	const char *name;	/* unique; must outlive the device, as must resources */
	const struct device_resource *resources;
	size_t n_resources;
	void *ctx;		/* handed to every handler */
};

#define DEVICES_MAX 64

struct devices {
	struct bus pio, mmio;
	uint64_t ram_size;		/* no MMIO range may start below it */
	const struct hv_doorbell_ops *doorbells;	/* NULL: the hypervisor has none */
	struct hv *hv;
	bool sealed;
	size_t n;
	struct device {
		uint32_t id;		/* 1.., lowest free first */
		struct device_description is;
	} table[DEVICES_MAX];		/* ascending by id */
};

/*
 * ram_size: bytes of RAM from gpa 0 that no MMIO range may touch. doorbells may be NULL, where the
 * hypervisor hv has none.
 */
void devices_init(struct devices *d, uint64_t ram_size, const struct hv_doorbell_ops *doorbells,
		  struct hv *hv);

/*
 * Adds a device with all its resources; *id names it from then on. On failure nothing has
 * changed, here or in the hypervisor, and e (HUSK_E_HOST) names the device, the resource,
 * and who owns it already.
 */
int devices_add(struct devices *d, const struct device_description *what, uint32_t *id,
		struct husk_error *e);

/*
 * Gives back every resource of the device. Fails if there is no such device, from inside a
 * handler, and when sealed.
 */
int devices_remove(struct devices *d, uint32_t id, struct husk_error *e);

/* From here on devices_add and devices_remove fail. */
void devices_seal(struct devices *d);

/* Removes every device, highest id first, sealed or not; for the end of a machine only. */
void devices_clear(struct devices *d);

/*
 * One line per device, by id: name and ranges; no host pointers. Writes at most size bytes with a
 * NUL and returns how many it would have written without it, as snprintf. For inspecting a running
 * machine; tests compare states by it.
 */
size_t devices_dump(const struct devices *d, char *out, size_t size);

#endif
