/* SPDX-License-Identifier: ISC */
/*
 * manifest_none.c: the manifest of an image that declares no devices.
 *
 * Its section is the linker script's second choice: an image that has a manifest of its
 * own never shows this one.
 */
#include "../include/elf_abi.h"
#include "../include/mft_abi.h"

static const struct {
	uint32_t namesz, descsz, type;
	char name[8];
	uint8_t pad[ELF_ABI_NOTE_MFT1_PAD];
	struct mft_header header;
	struct mft_entry reserved;
} manifest __attribute__((used, section(".note.solo5.manifest_none"), aligned(4))) = {
	.namesz = sizeof ELF_ABI_NOTE_OWNER,
	.descsz = ELF_ABI_NOTE_MFT1_PAD + sizeof(struct mft_header) + sizeof(struct mft_entry),
	.type = ELF_ABI_NOTE_MFT1,
	.name = ELF_ABI_NOTE_OWNER,
	.header = {.version = MFT_VERSION, .entries = 1},
	.reserved = {.type = MFT_RESERVED_FIRST},
};
_Static_assert(sizeof manifest == ELF_ABI_NOTE_HEADER_SIZE + 12 + 104, "MFT1 note layout");
