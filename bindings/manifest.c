/* SPDX-License-Identifier: ISC */
/* manifest.c: finds devices in the manifest that the monitor has filled in. */
#include "bindings.h"

static const struct mft_entry *entries;
static uint32_t n_entries;

void manifest_init(const struct mft_header *manifest)
{
	bindings_assert(manifest->version == MFT_VERSION);
	bindings_assert(manifest->entries >= 1 && manifest->entries <= MFT_MAX_ENTRIES);
	entries = (const struct mft_entry *)(manifest + 1);
	n_entries = manifest->entries;
}

/* Names have a terminating NUL within MFT_NAME_SIZE: the monitor has checked that. */
static bool name_equal(const char *a, const char *b)
{
	while (*a != '\0' && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

const struct mft_entry *manifest_find(const char *name, uint32_t type, solo5_handle_t *handle)
{
	for (uint32_t i = 1; i < n_entries; i++) {
		if (entries[i].type != type || !name_equal(entries[i].name, name))
			continue;
		*handle = i;
		return manifest_get(i, type);
	}
	return NULL;
}

const struct mft_entry *manifest_get(solo5_handle_t handle, uint32_t type)
{
	const struct mft_entry *e;

	if (handle < 1 || handle >= n_entries)
		return NULL;
	e = &entries[handle];
	return e->type == type && e->attached != 0 ? e : NULL;
}

size_t manifest_max_mtu(void)
{
	const struct mft_entry *e;
	size_t max = 0;

	for (uint32_t i = 1; i < n_entries; i++) {
		e = manifest_get(i, MFT_DEV_NET_BASIC);
		if (e != NULL && e->u.net.mtu > max)
			max = e->u.net.mtu;
	}
	return max;
}
