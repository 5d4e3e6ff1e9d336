/* SPDX-License-Identifier: ISC */
/*
 * manifest.h: the image's list of devices, checked and cleaned.
 *
 * Format: include/mft_abi.h.
 */
#ifndef HUSK_MANIFEST_H
#define HUSK_MANIFEST_H

#include "../include/mft_abi.h"
#include "error.h"

/* entry[0] is the reserved one; handles are 1 .. entries-1. Laid out as in guest memory. */
struct manifest {
	struct mft_header header;
	struct mft_entry entry[MFT_MAX_ENTRIES];
};

/*
 * Checks the payload of an MFT1 note and copies it to *m, with every field that is the
 * monitor's to fill (properties, backing, attached) cleared. HUSK_E_IMAGE, with a message
 * that contains "Solo5 manifest is invalid" and what is wrong: version, count, length, the
 * reserved entry, a name (empty, not terminated, not letters and digits), a duplicate.
 */
int manifest_parse(struct manifest *m, const void *payload, size_t len, struct husk_error *e);

/* Handle of the device with this name and type, 0 if there is none. */
unsigned manifest_find(const struct manifest *m, const char *name, uint32_t type);

/* Handle of any device with this name, 0 if there is none. */
unsigned manifest_find_name(const struct manifest *m, const char *name);

/* How many devices are of this type. */
unsigned manifest_count(const struct manifest *m, uint32_t type);

/* True if the monitor must attach entry i (1 .. entries-1) before the image may run. */
int manifest_must_attach(const struct manifest *m, unsigned i);

/* Bytes of the guest's copy. */
size_t manifest_size(const struct manifest *m);

/* As in device_types.h: "BLOCK_BASIC"; "RESERVED_FIRST", or "<undefined type>". */
const char *manifest_type_name(uint32_t type);

#endif
