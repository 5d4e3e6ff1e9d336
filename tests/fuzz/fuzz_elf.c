/* SPDX-License-Identifier: ISC */
/*
 * fuzz_elf.c: image files: either the input itself, or a good image with changes (edit.h) in
 * its headers, words 0 to 70, and its notes, from word 71 on.
 */
#include <stdlib.h>
#include <string.h>

#include "../../monitor/elf.h"
#include "../unit/image.h"
#include "edit.h"

#define CHECK(condition) ((condition) ? (void)0 : abort())
#define HEADER_WORDS ((sizeof(Elf64_Ehdr) + IMAGE_PHDRS * sizeof(Elf64_Phdr)) / 8)
#define MEM_SIZE (IMAGE_MEM + 0x1000u)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void change(struct image *i, const uint8_t *data, size_t size)
{
	struct edit e;
	uint64_t word;

	while (edit_next(&e, &data, &size)) {
		size_t at = e.where * 8u;

		if (e.where >= HEADER_WORDS)
			at = i->phdr[IMAGE_RODATA].p_offset + (e.where - HEADER_WORDS) * 8;
		memcpy(&word, i->bytes + at, sizeof word);
		word = edit_word(&e, word);
		memcpy(i->bytes + at, &word, sizeof word);
	}
}

/* What was loaded is what the file says; when that is taken away, nothing is left. */
static void check_loaded(const struct elf_image *img, const struct image *i, struct memory *m)
{
	static const uint8_t zeros[MEM_SIZE - IMAGE_TEXT_GPA];
	uint64_t end = IMAGE_TEXT_GPA;

	for (size_t k = 0; k < img->n_segments; k++) {
		const struct elf_segment *s = &img->segments[k];
		const struct memory_range *r = memory_range_at(m, s->start);

		CHECK(s->start >= end && s->start <= s->vaddr && s->vaddr + s->memsz <= s->end);
		CHECK((s->prot & (MEMORY_W | MEMORY_X)) != (MEMORY_W | MEMORY_X));
		CHECK(s->prot & MEMORY_W ? r == NULL : r != NULL && r->prot == s->prot);
		CHECK(memcmp(m->base + s->vaddr, i->bytes + s->offset, s->filesz) == 0);
		memset(m->base + s->vaddr, 0, s->filesz);
		end = s->end;
	}
	CHECK(end == elf_kernel_end(img) && end <= m->size);
	CHECK(memcmp(m->base + IMAGE_TEXT_GPA, zeros, sizeof zeros) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t *base;	/* kept, because making it takes longer than all the rest */
	struct husk_error e = {0};
	struct elf_image img;
	struct memory m;
	struct image i;

	base = base != NULL ? base : calloc(1, MEM_SIZE);
	memory_init(&m, base, MEM_SIZE);
	image_good(&i, EM_X86_64);
	image_finish(&i);
	if (size > 0 && data[0] == ELFMAG0) {
		i.size = 0;
		image_append(&i, data, size, 1);
	} else {
		change(&i, data, size);
	}
	if (elf_open(&img, image_write(&i), NULL, &e) == 0) {
		elf_require(&img, EM_X86_64, &e);
		if (elf_fit(&img, m.size, &e) == 0 && elf_load(&img, &m, NULL, &e) == 0)
			check_loaded(&img, &i, &m);
		elf_close(&img);
	} else {
		CHECK(e.kind == HUSK_E_IMAGE && e.message[0] != '\0');
	}
	image_free(&i);
	return 0;
}
