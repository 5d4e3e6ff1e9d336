/* SPDX-License-Identifier: ISC */
/* notes.c: the notes of an image: Solo5 ABI, husk's additions, interpreter, and one for OpenBSD. */
#include "../include/elf_abi.h"
#include "../include/husk_abi.h"
#include "../include/hvt_abi.h"

#define IN_SECTION(name, alignment) \
	__attribute__((used, section(name), aligned(alignment)))

struct note_header {			/* ELF gABI, chapter 5, "Note Section" */
	uint32_t namesz, descsz, type;
	char name[8];
};

static const struct {
	struct note_header header;
	struct elf_abi_info info;
} abi IN_SECTION(".note.solo5.abi", 4) = {
	.header = {
		.namesz = sizeof ELF_ABI_NOTE_OWNER,
		.descsz = sizeof(struct elf_abi_info),
		.type = ELF_ABI_NOTE_ABI1,
		.name = ELF_ABI_NOTE_OWNER,
	},
	.info = {.target = HVT_ABI_TARGET, .version = HVT_ABI_VERSION},
};
_Static_assert(sizeof abi == ELF_ABI_NOTE_HEADER_SIZE + 16, "ABI1 note layout");

/*
 * OpenBSD's kernel then takes the file for one of its own and goes on to look for the
 * interpreter, instead of giving the file to a shell.
 */
static const struct {
	struct note_header header;
	uint32_t value;
} not_openbsd IN_SECTION(".note.solo5.not-openbsd", 4) = {
	.header = {.namesz = 8, .descsz = 4, .type = 1, .name = "OpenBSD"},
};

/*
 * Of husk's additions is wanted what the bindings make use of by themselves. The linker script's last
 * choice: an image that has a note of its own (husk_abi.h), or a manifest of husk-manifest's with
 * devices that an addition is for, never shows this one.
 */
static const struct husk_image_note husk_default IN_SECTION(".note.husk_default", 4) = {
	.namesz = sizeof HUSK_NOTE_OWNER,
	.descsz = sizeof(struct husk_note),
	.type = HUSK_NOTE_TYPE,
	.name = HUSK_NOTE_OWNER,
	.note = {.version = HUSK_NOTE_VERSION, .wanted = HUSK_FEATURE_BLOCK | HUSK_FEATURE_NET},
};

/* No kernel has this interpreter, so that none runs the image as a program of its own. */
static const char interp[24] IN_SECTION(".interp", 1) = "/nonexistent/solo5/";
