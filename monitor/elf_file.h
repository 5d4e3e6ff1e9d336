/* SPDX-License-Identifier: ISC */
/*
 * elf_file.h: pieces of an image file, for the files that implement elf.h.
 *
 * The file is hostile and may change while it is read: only copies are parsed, and every offset is
 * checked before it is used.
 */
#ifndef HUSK_ELF_FILE_H
#define HUSK_ELF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* FreeBSD's libelf has a function elf_open, which is not used here. */
#define elf_open libelf_elf_open
#include <libelf.h>
#undef elf_open

#include "elf.h"

#define INVALID "invalid executable: "
#define PAGE UINT64_C(0x1000)
#define MIB UINT64_C(0x100000)

typedef unsigned long long ull;

#define KIND_LEN 512u		/* bytes that tell other kinds of files from images */

/* The longest note that is read, with its header. */
#define ELF_NOTE_MAX \
	(ELF_ABI_NOTE_HEADER_SIZE + ELF_ABI_NOTE_MFT1_PAD + sizeof(struct manifest))

/*
 * A piece of the file, copied in once. It starts on a page, so that the notes of a real image
 * come with one read.
 */
struct window {
	uint64_t offset;
	size_t valid;		/* bytes */
	size_t room;		/* enough for each request, wherever in its page it starts */
	uint8_t *bytes;
};

bool elf_in_file(const struct elf_image *img, uint64_t offset, uint64_t len);

/* Appends the remedy, if a longer file would have what lies at offset. Returns -1. */
int elf_hint_cut(const struct elf_image *img, uint64_t offset, uint64_t len, struct husk_error *e);

/* Bytes read, fewer than len only at the end of the file; -1 with errno. */
ssize_t elf_read(const struct elf_image *img, void *buf, size_t len, uint64_t offset);

/* Whether to stop, and then fills e; stop may be NULL. */
bool elf_stopping(const struct elf_stop *stop);
int elf_stopped(struct husk_error *e);

/* Opens for reading without waiting; "/dev/stdin" and its like in any case. -1 with errno. */
int elf_open_path(const char *path);

/* Reads what comes through img->fd to its end into img->bytes. HUSK_E_HOST, HUSK_E_IMAGE. */
int elf_read_stream(struct elf_image *img, bool socket, const struct elf_stop *stop,
		    struct husk_error *e);

/* Checks that a file that begins with these bytes is ELF. HUSK_E_IMAGE names its actual kind. */
int elf_check_kind(const uint8_t *b, size_t len, struct husk_error *e);

/*
 * The only place that forms a pointer to contents of the file. The caller has checked the range
 * with elf_in_file. Valid until the next call with w. NULL: HUSK_E_HOST, HUSK_E_IMAGE.
 */
const uint8_t *elf_window_at(const struct elf_image *img, struct window *w, uint64_t offset,
			     size_t len, struct husk_error *e);

/* Copies size bytes at src to dst as the host's integers; size fits the type. HUSK_E_HOST. */
int elf_translate(void *dst, const void *src, size_t size, Elf_Type type, struct husk_error *e);

/*
 * Parses the PT_NOTE p, number i in the program header table, and keeps its contents if it is one
 * of Solo5's notes. Only the first note of each kind counts, and reading ends when both are found.
 * HUSK_E_HOST, HUSK_E_IMAGE.
 */
int elf_read_note(struct elf_image *img, struct window *w, const Elf64_Phdr *p, unsigned i,
		  struct husk_error *e);

#endif
