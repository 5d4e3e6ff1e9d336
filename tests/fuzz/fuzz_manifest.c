/* SPDX-License-Identifier: ISC */
/*
 * fuzz_manifest.c: payloads of manifest notes: either the input itself, when it starts with
 * version 1, or a good manifest of six devices with changes (edit.h). Word 94 is its length.
 */
#include <stdlib.h>
#include <string.h>

#include "../../monitor/manifest.h"
#include "../unit/image.h"
#include "edit.h"

#define CHECK(condition) ((condition) ? (void)0 : abort())
#define WORDS ((sizeof(struct mft_header) + 7 * sizeof(struct mft_entry)) / 8)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(const void *payload, size_t len)
{
	uint8_t *exact = malloc(len > 0 ? len : 1);
	struct husk_error e = {0};
	struct manifest m, again;

	CHECK(exact != NULL);
	memcpy(exact, payload, len);
	if (manifest_parse(&m, exact, len, &e) == 0) {
		CHECK(e.kind == HUSK_E_NONE && manifest_size(&m) == len);
		for (unsigned i = 0; i < m.header.entries; i++) {
			const struct mft_entry *d = &m.entry[i];

			CHECK(d->attached == 0 && d->backing == 0 && d->u.block.capacity == 0);
			CHECK(memchr(d->name, '\0', MFT_NAME_SIZE) != NULL);
			CHECK(!manifest_must_attach(&m, i) ||
			      (manifest_find(&m, d->name, d->type) == i && d->name[0] != '\0'));
		}
		CHECK(manifest_parse(&again, &m, len, &e) == 0);
		CHECK(memcmp(&m, &again, sizeof m) == 0);
	} else {
		CHECK(e.kind == HUSK_E_IMAGE && strstr(e.message, "Solo5 manifest is invalid"));
	}
	free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct image_device devices[] = {
		{"a", MFT_DEV_NET_BASIC}, {"b", MFT_DEV_NET_BASIC}, {"a", MFT_DEV_BLOCK_BASIC},
		{"b", MFT_DEV_BLOCK_BASIC}, {"c", 3}, {"d", MFT_RESERVED_FIRST},
	};
	uint64_t words[WORDS + 1];
	struct edit e;

	if (size > 0 && data[0] == MFT_VERSION) {
		parse(data, size);
		return 0;
	}
	words[WORDS] = image_manifest_payload((uint8_t *)words, devices, 6);
	while (edit_next(&e, &data, &size)) {
		uint64_t *word = &words[e.where < WORDS ? e.where : WORDS];

		*word = edit_word(&e, *word);
	}
	parse(words, words[WORDS] <= sizeof words ? words[WORDS] : sizeof words);
	return 0;
}
