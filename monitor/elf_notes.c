/* SPDX-License-Identifier: ISC */
/* elf_notes.c: the notes of an image: its ABI, its list of devices, and what it wants of husk's own. */
#include <string.h>

#include "elf_file.h"

struct note_kind {
	char owner[8];		/* as in the file */
	uint32_t type;
	uint32_t pad;		/* bytes between header and payload */
	uint32_t payload_min;	/* bytes */
	uint32_t descsz_max;	/* bytes, pad included */
};

static const struct note_kind note_abi = {
	ELF_ABI_NOTE_OWNER, ELF_ABI_NOTE_ABI1, ELF_ABI_NOTE_ABI1_PAD, sizeof(struct elf_abi_info),
	32,
};
static const struct note_kind note_manifest = {
	ELF_ABI_NOTE_OWNER, ELF_ABI_NOTE_MFT1, ELF_ABI_NOTE_MFT1_PAD, 1,
	ELF_ABI_NOTE_MFT1_PAD + sizeof(struct manifest),
};
/* What later versions have behind the payload is not looked at. */
static const struct note_kind note_husk = {
	HUSK_NOTE_OWNER, HUSK_NOTE_TYPE, 0, sizeof(struct husk_note), 256,
};

static int note_outside(const struct elf_image *img, unsigned i, uint64_t offset, uint64_t len,
			struct husk_error *e)
{
	husk_fail(e, HUSK_E_IMAGE, INVALID "phdr[%u] note does not fall within valid size "
		  "(%llu bytes at 0x%llx in a file of %llu)", i, (ull)len, (ull)offset,
		  (ull)img->file_size);
	return elf_hint_cut(img, offset, len, e);
}

static int check_note_size(const Elf64_Phdr *p, unsigned i, const struct note_kind *k,
			   uint32_t descsz, struct husk_error *e)
{
	if (descsz < 1 || descsz > k->descsz_max)
		return husk_fail(e, HUSK_E_IMAGE, INVALID "phdr[%u] note does not fall within "
				 "valid size (%u < 1 || %u > %u)", i, descsz, descsz,
				 k->descsz_max);
	if (p->p_filesz < ELF_ABI_NOTE_HEADER_SIZE + descsz)
		return husk_fail(e, HUSK_E_IMAGE, INVALID "phdr[%u] note does not fall within "
				 "valid size (%llu < %u)", i, (ull)p->p_filesz,
				 ELF_ABI_NOTE_HEADER_SIZE + descsz);
	if (descsz < k->pad + k->payload_min)
		return husk_fail(e, HUSK_E_IMAGE, INVALID "phdr[%u] note does not fall within "
				 "valid size (%u < %u)", i, descsz, k->pad + k->payload_min);
	return 0;
}

/* The owner of the first note that is none of those that images have, for messages. */
static void keep_owner(struct elf_image *img, const Elf64_Nhdr *n, const uint8_t *owner)
{
	char name[sizeof img->foreign_owner];
	size_t len = n->n_namesz;

	if (img->foreign_owner[0] != '\0' || len < 2 || len > sizeof name || owner[len - 1] != '\0')
		return;
	memcpy(name, owner, len);
	if (strcmp(name, ELF_ABI_NOTE_OWNER) != 0 && strcmp(name, "OpenBSD") != 0 &&
	    strcmp(name, HUSK_NOTE_OWNER) != 0)
		memcpy(img->foreign_owner, name, len);
}

static bool is_kind(const struct note_kind *k, const Elf64_Nhdr *n, const uint8_t *owner)
{
	const size_t len = strlen(k->owner) + 1;

	return n->n_type == k->type && n->n_namesz == len && memcmp(owner, k->owner, len) == 0;
}

/* What kind the note at b is, NULL if it is not ours or not the first of its kind. */
static const struct note_kind *note_wanted(const struct elf_image *img, const Elf64_Nhdr *n,
					   const uint8_t *owner)
{
	if (!img->has_abi && is_kind(&note_abi, n, owner))
		return &note_abi;
	if (!img->has_manifest && is_kind(&note_manifest, n, owner))
		return &note_manifest;
	if (!img->has_husk && is_kind(&note_husk, n, owner))
		return &note_husk;
	return NULL;
}

static int keep_note(struct elf_image *img, const struct note_kind *k, const uint8_t *payload,
		     uint32_t len, struct husk_error *e)
{
	if (k == &note_manifest) {
		img->has_manifest = true;
		return manifest_parse(&img->manifest, payload, len, e);
	}
	if (k == &note_husk) {
		img->has_husk = true;
		return elf_translate(&img->husk, payload, sizeof img->husk, ELF_T_WORD, e);
	}
	img->has_abi = true;
	return elf_translate(&img->abi, payload, sizeof img->abi, ELF_T_WORD, e);
}

/* Behind Solo5's two notes others may be anything: monitors do not look there. */
static bool has_all(const struct elf_image *img, const Elf64_Phdr *p)
{
	return img->has_abi && img->has_manifest &&
	       (img->has_husk || p->p_filesz < ELF_ABI_NOTE_HEADER_SIZE ||
		!elf_in_file(img, p->p_offset, ELF_ABI_NOTE_HEADER_SIZE));
}

int elf_read_note(struct elf_image *img, struct window *w, const Elf64_Phdr *p, unsigned i,
		  struct husk_error *e)
{
	const struct note_kind *k;
	const uint8_t *b;
	Elf64_Nhdr n;

	if (has_all(img, p))
		return 0;
	if (p->p_filesz < sizeof n)
		return husk_fail(e, HUSK_E_IMAGE, INVALID "phdr[%u].p_filesz note does not fall "
				 "within valid size (%llu < %zu)", i, (ull)p->p_filesz, sizeof n);
	if (p->p_filesz < ELF_ABI_NOTE_HEADER_SIZE)
		return 0;
	if (!elf_in_file(img, p->p_offset, ELF_ABI_NOTE_HEADER_SIZE))
		return note_outside(img, i, p->p_offset, ELF_ABI_NOTE_HEADER_SIZE, e);
	b = elf_window_at(img, w, p->p_offset, ELF_ABI_NOTE_HEADER_SIZE, e);
	if (b == NULL || elf_translate(&n, b, sizeof n, ELF_T_WORD, e) != 0)
		return -1;
	k = note_wanted(img, &n, b + sizeof n);
	if (k == NULL) {
		keep_owner(img, &n, b + sizeof n);
		return 0;
	}
	if (check_note_size(p, i, k, n.n_descsz, e) != 0)
		return -1;
	if (!elf_in_file(img, p->p_offset, ELF_ABI_NOTE_HEADER_SIZE + n.n_descsz))
		return note_outside(img, i, p->p_offset, ELF_ABI_NOTE_HEADER_SIZE + n.n_descsz, e);
	b = elf_window_at(img, w, p->p_offset, ELF_ABI_NOTE_HEADER_SIZE + n.n_descsz, e);
	if (b == NULL)
		return -1;
	return keep_note(img, k, b + ELF_ABI_NOTE_HEADER_SIZE + k->pad, n.n_descsz - k->pad, e);
}
