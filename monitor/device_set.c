/* SPDX-License-Identifier: ISC */
/* device_set.c: opens a module's devices one after the other, and finds them again. */
#include "device_set.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "nospec.h"

void *device_set_at(const struct device_set *set, unsigned i)
{
	return (char *)set->list + i * set->size;
}

void device_set_close(struct device_set *set, const struct device_set_ops *ops)
{
	while (set->n > 0)
		ops->close(device_set_at(set, --set->n));
	free(set->list);
	*set = (struct device_set){0};
}

static int open_one(struct device_set *set, const struct device_set_ops *ops, void *ctx,
		    struct manifest *mft, unsigned handle, struct husk_error *e)
{
	struct mft_entry *entry = &mft->entry[handle];
	struct set_device *dev = device_set_at(set, set->n);

	*dev = (struct set_device){.name = entry->name, .handle = handle};
	if (ops->open(ctx, dev, entry, e) == -1)
		return -1;
	entry->attached = 1;
	set->by_handle[handle] = dev;
	set->n++;
	return 0;
}

int device_set_open(struct device_set *set, const struct device_set_ops *ops, void *ctx,
		    struct manifest *mft, uint32_t type, size_t size, struct husk_error *e)
{
	unsigned n = manifest_count(mft, type);

	*set = (struct device_set){.size = size};
	if (n == 0)
		return 0;
	set->list = calloc(n, size);
	if (set->list == NULL)
		return husk_fail_sys(e, ENOMEM, "devices of type %s", manifest_type_name(type));
	for (unsigned i = 1; i < mft->header.entries; i++)
		if (mft->entry[i].type == type && open_one(set, ops, ctx, mft, i, e) == -1) {
			device_set_close(set, ops);
			return -1;
		}
	return 0;
}

void *device_set_find(const struct device_set *set, uint64_t handle)
{
	if (handle >= MFT_MAX_ENTRIES)
		return NULL;
	return set->by_handle[nospec_index(handle, MFT_MAX_ENTRIES)];
}

void set_device_warn_once(struct set_device *dev, const struct core *c, const char *fmt, ...)
{
	char text[sizeof ((struct husk_error *)0)->message];
	va_list ap;

	if (dev->warned)
		return;
	dev->warned = true;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	core_say(c, "%s (told once)", text);
}

void set_device_subject(const struct set_device *dev, const char *module,
			char subject[SET_SUBJECT_SIZE])
{
	snprintf(subject, SET_SUBJECT_SIZE, "%s:%s", module, dev->name);
}
