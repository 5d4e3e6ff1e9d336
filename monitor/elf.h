/* SPDX-License-Identifier: ISC */
/*
 * elf.h: an image file: what it says about itself, and its segments into guest memory.
 *
 * libelf translates; every offset and size is checked here first, against the file's length and
 * against the memory. Section headers are not used.
 */
#ifndef HUSK_ELF_H
#define HUSK_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../include/elf_abi.h"
#include "../include/husk_abi.h"
#include "error.h"
#include "manifest.h"
#include "memory.h"

#define ELF_SEGMENTS_MAX 256

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
	const uint8_t *bytes;	/* NULL: they are in fd */
	uint8_t *owned;		/* the same, if they came through a pipe */
	uint64_t file_size;
	uint64_t dev, ino;	/* which file it is; 0 if it came through a pipe */
	int64_t changed_s, changed_ns;	/* when the file was last written to, as of its opening */
	uint16_t machine;	/* EM_* */
	uint64_t entry;		/* gpa */
	size_t n_segments;
	struct elf_segment *segments;	/* owned */
	/* highest p_vaddr + p_memsz of any PT_LOAD, saturating */
	uint64_t bss_end;
	bool code_missing;	/* an executable PT_LOAD has no bytes in the file */
	bool has_abi, has_manifest, has_husk;
	char foreign_owner[8];	/* of the first note that is none of an image's; "" if none */
	struct elf_abi_info abi;
	struct husk_note husk;	/* what it wants: see elf_wanted */
	struct manifest manifest;
};

/* Called every 100 ms of waiting and every MiB of reading: whether to stop. */
struct elf_stop {
	bool (*asked)(void *ctx);	/* NULL: never */
	void *ctx;
};

/*
 * Opens the file and reads header, program headers and notes; takes no more than it needs
 * of a hostile file. What comes through a pipe or a socket is read to its end and kept in memory,
 * at most HVT_MEM_MAX bytes. Checks everything that does not depend on the size of memory, and
 * neither the machine nor the presence of notes: see elf_require. HUSK_E_HOST if the file
 * cannot be read, with EINTR if stop says so, else HUSK_E_IMAGE. On failure *img is as after
 * elf_close.
 */
int elf_open(struct elf_image *img, const char *path, const struct elf_stop *stop,
	     struct husk_error *e);

/* Where an image is. */
struct elf_source {
	const char *name;	/* a path; for messages alone with one of the others */
	int fd;			/* stays the caller's; -1: none */
	const void *bytes;	/* not owned, and unchanged until elf_release; NULL: none */
	size_t len;
};

/* elf_open for any of them. */
int elf_open_source(struct elf_image *img, const struct elf_source *from,
		    const struct elf_stop *stop, struct husk_error *e);

/* Closes the file; what was read from it stays. Accepts a released and a closed image. */
void elf_release(struct elf_image *img);

/* Releases and frees; accepts a half-open image and the same one twice. */
void elf_close(struct elf_image *img);

/* The image is for this machine (EM_*), for hvt ABI version 2, and has a manifest. HUSK_E_IMAGE. */
int elf_require(const struct elf_image *img, uint16_t machine, struct husk_error *e);

/*
 * Segments and zero-filled data lie in [HVT_GUEST_MIN_BASE, mem_size), and the entry in code that
 * is in the file. HUSK_E_IMAGE.
 */
int elf_fit(const struct elf_image *img, uint64_t mem_size, struct husk_error *e);

/*
 * Whether its zero-filled data fit as well. An image that fails this still runs, as under other
 * monitors: what is beyond memory is the guest's problem. HUSK_E_IMAGE.
 */
int elf_fit_data(const struct elf_image *img, uint64_t mem_size, struct husk_error *e);

/* Bytes of guest memory, from gpa 0, that segments and zero-filled data take. */
uint64_t elf_memory_needed(const struct elf_image *img);

/*
 * Copies the segments into m, which is zero-filled, and declares their protections there.
 * elf_fit has passed for m's size. HUSK_E_HOST, with EINTR if stop says so; HUSK_E_IMAGE.
 */
int elf_load(const struct elf_image *img, struct memory *m, const struct elf_stop *stop,
	     struct husk_error *e);

/* Additions of husk's that the image asks for: enum husk_feature; 0 if in words of another version. */
uint32_t elf_wanted(const struct elf_image *img);

/* End of the highest segment with bytes in the file: hvt_boot_info.kernel_end. */
uint64_t elf_kernel_end(const struct elf_image *img);

/* "hvt", "spt", ..., "unknown". */
const char *elf_target_name(uint32_t target);

/* "x86_64", "riscv", ... of an EM_*; "unknown". */
const char *elf_machine_name(uint16_t machine);

#endif
