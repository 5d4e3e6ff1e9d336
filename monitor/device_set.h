/* SPDX-License-Identifier: ISC */
/*
 * device_set.h: the devices of one type that a module serves: opened together, found by handle.
 *
 * A module's own device begins with a struct set_device. Used by the thread that owns the core;
 * device_set_find also by threads that serve the guest.
 */
#ifndef HUSK_DEVICE_SET_H
#define HUSK_DEVICE_SET_H

#include <stdbool.h>
#include <stddef.h>

#include "core.h"
#include "error.h"
#include "manifest.h"

struct set_device {
	const char *name;	/* in the manifest; not owned */
	unsigned handle;	/* index in the manifest */
	bool warned;	/* set_device_warn_once has told the user */
};

struct device_set {
	unsigned n;		/* that are open */
	size_t size;		/* bytes of one device */
	void *list;		/* owned */
	void *by_handle[MFT_MAX_ENTRIES];	/* NULL: no device of this type */
};

struct device_set_ops {
	/* dev is zeroed but for its struct set_device; entry is to be filled in. ctx: as given to open. */
	int (*open)(void *ctx, void *dev, struct mft_entry *entry, struct husk_error *e);
	void (*close)(void *dev);
};

/*
 * Opens every device of type in mft, in order, into devices of size bytes each, and marks it attached.
 * On failure all are closed again. What ops.open fails with, or HUSK_E_HOST.
 */
int device_set_open(struct device_set *set, const struct device_set_ops *ops, void *ctx,
		    struct manifest *mft, uint32_t type, size_t size, struct husk_error *e);

/* Accepts a zeroed set, and the same one twice. */
void device_set_close(struct device_set *set, const struct device_set_ops *ops);

/* The i-th device, 0 .. n-1. */
void *device_set_at(const struct device_set *set, unsigned i);

/* The device with this handle; NULL if it is not of this type. */
void *device_set_find(const struct device_set *set, uint64_t handle);

/* Tells the user of a failure of the host, at most once for each device. */
void set_device_warn_once(struct set_device *dev, const struct core *c, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define SET_SUBJECT_SIZE (MFT_NAME_SIZE + 16)

/* The subject of its figures: "block:storage". */
void set_device_subject(const struct set_device *dev, const char *module,
			char subject[SET_SUBJECT_SIZE]);

#endif
