/* SPDX-License-Identifier: ISC */
/*
 * image.h: builds ELF images for tests: good ones, and such as lie in one place.
 *
 *	struct image i;
 *
 *	image_good(&i, EM_X86_64);		a complete image with one NET device
 *	i.phdr[IMAGE_TEXT].p_align = 3;		one lie
 *	elf_open(&img, image_save(&i), &e);
 *	image_free(&i);				removes the file too
 *
 * Or from nothing: image_init, then any of image_segment, image_note, image_abi and
 * image_manifest. What they return points into i and may be changed until image_save or
 * image_finish. Running out of memory or disk ends the program.
 */
#ifndef IMAGE_H
#define IMAGE_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IMAGE_PHDRS_MAX 80

/* Index of the program headers of image_good, and what it places where. */
enum image_phdr {
	IMAGE_TEXT,		/* RX, a page of file and memory */
	IMAGE_RODATA,		/* R, with the notes */
	IMAGE_DATA,		/* RW, bytes 0, 1, 2, ... */
	IMAGE_TDATA,		/* PT_LOAD without anything, at address 0 */
	IMAGE_BSS,		/* PT_LOAD without bytes in the file */
	IMAGE_OPENBSD,		/* a note of somebody else's, first of the notes */
	IMAGE_MANIFEST,		/* one NET_BASIC, "service0" */
	IMAGE_ABI,
	IMAGE_TLS,
	IMAGE_PHDRS
};
#define IMAGE_TEXT_GPA 0x100000u
#define IMAGE_RODATA_GPA 0x101000u
#define IMAGE_DATA_GPA 0x102000u
#define IMAGE_DATA_SIZE 0x120u
#define IMAGE_END 0x103000u	/* kernel_end */
#define IMAGE_BSS_END 0x103ca0u
#define IMAGE_MEM 0x104000u	/* the least memory that it fits into, in pages */

struct image {
	Elf64_Ehdr ehdr;
	Elf64_Phdr phdr[IMAGE_PHDRS_MAX];
	unsigned n_phdrs;	/* that lie in the file, whatever e_phnum says */
	uint8_t *bytes;		/* the file; headers are there from image_finish on */
	size_t size;
	bool keep_bytes;	/* image_finish puts no headers there */
	char path[64];		/* "" until image_save */
};

struct image_device {
	const char *name;
	uint32_t type;		/* enum mft_type */
};

/* A valid header, and room for all program headers. */
void image_init(struct image *i, uint16_t machine);

void image_good(struct image *i, uint16_t machine);

/* Removes the file. */
void image_free(struct image *i);

/* Appends bytes to the file at a multiple of align; returns their offset. */
size_t image_append(struct image *i, const void *bytes, size_t len, size_t align);

/* An all-zero program header to fill in. */
Elf64_Phdr *image_phdr(struct image *i, uint32_t type);

/* A PT_LOAD with a copy of the bytes; filesz = memsz = len, page-aligned. */
Elf64_Phdr *image_segment(struct image *i, uint64_t vaddr, uint32_t flags, const void *bytes,
			  size_t len);

/* A note whose owner's name takes 8 bytes in the file. */
Elf64_Phdr *image_note(struct image *i, const char *owner, uint32_t type, const void *desc,
		       uint32_t descsz);

Elf64_Phdr *image_abi(struct image *i, uint32_t target, uint32_t version);
Elf64_Phdr *image_manifest(struct image *i, const struct image_device *devices, unsigned n);

/* The record of a note in the file: n_namesz, n_descsz, n_type, owner, descriptor. */
Elf64_Nhdr *image_nhdr(struct image *i, const Elf64_Phdr *p);
uint8_t *image_desc(struct image *i, const Elf64_Phdr *p);

/* Puts the headers into bytes. */
void image_finish(struct image *i);

/* Writes bytes to a temporary file and returns its name; again after a change. */
const char *image_write(struct image *i);

/* image_finish and image_write. */
const char *image_save(struct image *i);

/* The bytes of an MFT1 payload; returns how many. At most MFT_MAX_ENTRIES - 1 devices. */
size_t image_manifest_payload(uint8_t *payload, const struct image_device *devices, unsigned n);

#endif
