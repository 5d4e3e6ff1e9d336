/* SPDX-License-Identifier: ISC */
/* manifest.c: checks the manifest of an image and keeps the checked fields. */
#include "manifest.h"

#include <stdbool.h>
#include <string.h>

#include "device_types.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "manifests are used as they lie");
_Static_assert(sizeof(struct manifest) == 8 + 64 * 104, "manifest layout");

#define INVALID "Solo5 manifest is invalid: "

static int check_header(const struct mft_header *h, size_t len, struct husk_error *e)
{
	size_t wanted;

	if (h->version != MFT_VERSION)
		return husk_fail(e, HUSK_E_IMAGE, INVALID "version %u, expected %u", h->version,
				 MFT_VERSION);
	if (h->entries < 1 || h->entries > MFT_MAX_ENTRIES)
		return husk_fail(e, HUSK_E_IMAGE, INVALID "%u entries, expected 1 to %u",
				 h->entries, MFT_MAX_ENTRIES);
	wanted = sizeof *h + h->entries * sizeof(struct mft_entry);
	if (len != wanted)
		return husk_fail(e, HUSK_E_IMAGE, INVALID "%zu bytes, expected %zu for %u entries",
				 len, wanted, h->entries);
	return 0;
}

/* Not isalnum(): its answer depends on the locale. */
static bool is_alphanumeric(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static int check_name(const struct mft_entry *entry, unsigned i, struct husk_error *e)
{
	const char *c;

	if (entry->name[MFT_NAME_MAX] != '\0')
		return husk_fail(e, HUSK_E_IMAGE, INVALID "name of entry %u is not terminated", i);
	if (entry->name[0] == '\0' && entry->type < MFT_RESERVED_FIRST)
		return husk_fail(e, HUSK_E_IMAGE, INVALID "name of entry %u is empty", i);
	for (c = entry->name; *c != '\0'; c++) {
		if (!is_alphanumeric(*c))
			return husk_fail(e, HUSK_E_IMAGE, INVALID
					 "name of entry %u has a character that is neither "
					 "letter nor digit (0x%02x)", i, (unsigned char)*c);
	}
	return 0;
}

static int check_entry(const struct manifest *m, const struct mft_entry *entry, unsigned i,
		       struct husk_error *e)
{
	if (i == 0 && (entry->type != MFT_RESERVED_FIRST || entry->name[0] != '\0'))
		return husk_fail(e, HUSK_E_IMAGE, INVALID "entry 0 is not the reserved one");
	if (check_name(entry, i, e) != 0)
		return -1;
	if (entry->attached != 0)
		return husk_fail(e, HUSK_E_IMAGE, INVALID "entry %u claims to be attached", i);
	/* No option can attach the second one, so that the image could never run. */
	if (entry->type < MFT_RESERVED_FIRST && manifest_find(m, entry->name, entry->type) != 0)
		return husk_fail(e, HUSK_E_IMAGE, INVALID "device '%s' of type %s is "
				 "declared twice",
				 entry->name, manifest_type_name(entry->type));
	return 0;
}

int manifest_parse(struct manifest *m, const void *payload, size_t len, struct husk_error *e)
{
	const uint8_t *at = payload;
	struct mft_header header;
	struct mft_entry entry;
	unsigned i;

	memset(m, 0, sizeof *m);
	if (len < sizeof header)
		return husk_fail(e, HUSK_E_IMAGE, INVALID "%zu bytes, at least %zu are needed",
				 len, sizeof header);
	memcpy(&header, at, sizeof header);
	if (check_header(&header, len, e) != 0)
		return -1;
	m->header.version = header.version;
	for (i = 0, at += sizeof header; i < header.entries; i++, at += sizeof entry) {
		memcpy(&entry, at, sizeof entry);
		if (check_entry(m, &entry, i, e) != 0)
			return -1;
		memcpy(m->entry[i].name, entry.name, sizeof entry.name);
		m->entry[i].type = entry.type;
		m->header.entries = i + 1;
	}
	return 0;
}

unsigned manifest_find(const struct manifest *m, const char *name, uint32_t type)
{
	unsigned i;

	for (i = 1; i < m->header.entries; i++) {
		if (m->entry[i].type == type && strcmp(m->entry[i].name, name) == 0)
			return i;
	}
	return 0;
}

unsigned manifest_find_name(const struct manifest *m, const char *name)
{
	unsigned i;

	for (i = 1; i < m->header.entries; i++) {
		if (strcmp(m->entry[i].name, name) == 0)
			return i;
	}
	return 0;
}

int manifest_must_attach(const struct manifest *m, unsigned i)
{
	return i >= 1 && i < m->header.entries && m->entry[i].type < MFT_RESERVED_FIRST;
}

size_t manifest_size(const struct manifest *m)
{
	return sizeof m->header + m->header.entries * sizeof m->entry[0];
}

const char *manifest_type_name(uint32_t type)
{
	const struct device_type *t = device_type_of(type);

	if (type == MFT_RESERVED_FIRST)
		return "RESERVED_FIRST";
	return t == NULL ? "<undefined type>" : t->name;
}

unsigned manifest_count(const struct manifest *m, uint32_t type)
{
	unsigned n = 0;

	for (unsigned i = 1; i < m->header.entries; i++)
		n += m->entry[i].type == type;
	return n;
}
