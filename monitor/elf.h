/*
 * elf.h: an image file: what it says about itself, and its segments into guest memory.
 *
 * libelf translates; every offset and size is checked here first, against the file's
 * length and against the memory. Section headers are never looked at.
 */
#ifndef HUSK_ELF_H
#define HUSK_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../include/elf_abi.h"
#include "error.h"
#include "manifest.h"
#include "memory.h"

#define ELF_SEGMENTS_MAX 32

/* A PT_LOAD with bytes in the file. */
struct elf_segment {
	uint64_t vaddr;		/* = gpa */
	uint64_t offset;	/* in the file */
	uint64_t filesz, memsz;	/* bytes */
	uint64_t start, end;	/* page-aligned by p_align: [start, end) */
	unsigned prot;		/* enum memory_prot */
	unsigned index;		/* in the program header table, for messages */
};

struct elf_image {
	char *name;		/* as given, for messages; owned */
	int fd;			/* owned; -1 when closed */
	uint64_t file_size;
	uint16_t machine;	/* EM_* */
	uint64_t entry;		/* gpa */
	size_t n_segments;
	struct elf_segment segments[ELF_SEGMENTS_MAX];
	/* highest p_vaddr + p_memsz of any PT_LOAD, saturating: for --inspect */
	uint64_t bss_end;
	bool has_abi, has_manifest;
	struct elf_abi_info abi;
	struct manifest manifest;
};

/*
 * Opens the file and reads header, program headers and notes; takes no more than it needs
 * of a hostile file. Checks everything that does not depend on the size of memory, and
 * neither the machine nor the presence of notes: see elf_require. HUSK_E_HOST if the file
 * cannot be read, else HUSK_E_IMAGE. On failure *img is as after elf_close.
 */
int elf_open(struct elf_image *img, const char *path, struct husk_error *e);

/* Closes; accepts a half-open image and the same one twice. */
void elf_close(struct elf_image *img);

/* The image is for this machine (EM_*), for hvt ABI version 2, and has a manifest. HUSK_E_IMAGE. */
int elf_require(const struct elf_image *img, uint16_t machine, struct husk_error *e);

/* Entry and segments lie in [HVT_GUEST_MIN_BASE, mem_size). HUSK_E_IMAGE. */
int elf_fit(const struct elf_image *img, uint64_t mem_size, struct husk_error *e);

/*
 * Copies the segments into m, which is zero-filled, and declares their protections there.
 * elf_fit has passed for m's size. HUSK_E_HOST, HUSK_E_IMAGE.
 */
int elf_load(const struct elf_image *img, struct memory *m, struct husk_error *e);

/* End of the highest segment with bytes in the file: hvt_boot_info.kernel_end. */
uint64_t elf_kernel_end(const struct elf_image *img);

/* "hvt", "spt", ..., "unknown". */
const char *elf_target_name(uint32_t target);

#endif
