/* SPDX-License-Identifier: ISC */
/*
 * queues.h: the hypercall by which a guest announces queues, and the doorbells of those queues.
 *
 * Both are the same for devices of all types (husk_abi.h): a module adds each device that can have
 * queues, and is asked about them. No byte is of two queues, of whichever devices; they are checked
 * (virtqueue.h) before their module gets them. All by the thread that owns the core.
 */
#ifndef HUSK_QUEUES_H
#define HUSK_QUEUES_H

#include <stdint.h>

#include "../include/husk_abi.h"
#include "device.h"
#include "error.h"
#include "vmexit.h"
#include "virtqueue.h"

struct core;

/* What a module does for the queues of its devices; ctx is the device, index one of its queues. */
struct queue_ops {
	uint32_t feature;		/* enum husk_feature: without it there are none */
	unsigned n;			/* that a device can have */

	/* The queue, whether or not it is in use (memory is not NULL), and its name for messages. */
	const struct virtqueue *(*queue)(void *ctx, unsigned index);
	const char *(*what)(void *ctx, unsigned index);

	/* It is *q from now on. What avail holds already is to be served. HUSK_E_HOST. */
	int (*announce)(void *ctx, unsigned index, const struct virtqueue *q, struct husk_error *e);

	/* None is in use any more, and nothing of them is touched. HUSK_E_HOST. */
	int (*take_back)(void *ctx, struct husk_error *e);

	/* A doorbell that was an exit; VMEXIT_RETRY: ring it again in the next run. */
	enum vmexit_result (*ring)(void *ctx, unsigned index, struct husk_error *e);
};

struct queues {
	struct queue_device {
		const char *name;	/* of the device; not owned */
		const struct queue_ops *ops;	/* NULL: no such device */
		void *ctx;
	} devices[MFT_MAX_ENTRIES];	/* by handle */
	unsigned n;			/* that were added */
	struct device_resource window;	/* of doorbells that are exits */
	uint32_t window_id;		/* 0: not on the bus */
};

/*
 * The device with this handle can have queues; name and ops must outlive it. With the first one the
 * hypercall is registered and the doorbells are put on the bus. HUSK_E_HOST, and nothing has changed.
 */
int queues_add(struct core *c, unsigned handle, const char *name, const struct queue_ops *ops,
	       void *ctx, struct husk_error *e);

/* No-op if it was not added. */
void queues_remove(struct core *c, unsigned handle);

/* Where doorbells are. */
uint64_t queues_bell_address(void);

#endif
