/* SPDX-License-Identifier: ISC */
/*
 * symbols.h: names of the guest's functions, from the symbol table of its image.
 *
 * The file is hostile: what it says is checked, and a table that lies has wrong names or none. An
 * address belongs to the function that begins last at or below it, if that reaches so far and lies in
 * code of the image.
 */
#ifndef HUSK_SYMBOLS_H
#define HUSK_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elf.h"
#include "error.h"

/* What changes when a file is written to. */
struct symbol_stamp {
	int64_t size, seconds, ns;	/* of the last change */
};

/* Where symbols are read from: the image, or a copy of it that was not stripped. */
struct symbol_file {
	const struct elf_image *image;	/* whose code it is; not owned */
	struct elf_image copy;		/* its name is NULL if there is none; only name, fd, size and time */
};

/*
 * path: that of a copy, or NULL: the image itself, which must outlive f, and of which names are found
 * until elf_release. A copy is locked for reading by others until it is closed. HUSK_E_HOST; HUSK_E_USAGE
 * if it is locked for writing; HUSK_E_IMAGE if the copy is not one of this image.
 */
int symbol_file_open(struct symbol_file *f, const struct elf_image *img, const char *path,
		     struct husk_error *e);

/* The descriptor that names are read from, -1: none. */
int symbol_file_fd(const struct symbol_file *f);

/* Whether names can be read: from there, or from bytes in memory. */
bool symbol_file_is_there(const struct symbol_file *f);

/* Accepts a zeroed object, and the same one twice. */
void symbol_file_close(struct symbol_file *f);

/* All functions, in memory. */
struct symbols {
	size_t n;
	struct symbol {
		uint64_t start;
		uint32_t size;		/* bytes; UINT32_MAX: up to the next one */
		uint32_t name;		/* in text */
	} *list;			/* ascending, one for each start; owned */
	char *text;			/* owned */
	size_t text_len;
};

/*
 * Reads them. HUSK_E_HOST, HUSK_E_IMAGE; an image without a symbol table has 0 of them, which is no
 * failure. On failure *s is empty. Allocates; not once the guest runs.
 */
int symbols_load(struct symbols *s, const struct symbol_file *f, struct husk_error *e);

/* Accepts a zeroed object, and the same one twice. */
void symbols_free(struct symbols *s);

/*
 * The name of the function at addr, as a programmer would write it, and how far behind its start addr
 * is; NULL if there is none. Lives as long as s.
 */
const char *symbols_at(const struct symbols *s, uint64_t addr, uint64_t *offset);

#define SYMBOL_NAME_MAX 256	/* bytes, with its end; longer names are cut */

/* One question of symbols_find, and its answer: name is "" if there is none. */
struct symbol_query {
	uint64_t addr, start;
	uint64_t size, last;		/* of the search */
	uint32_t name_at;
	unsigned rank;
	char name[SYMBOL_NAME_MAX];
};

/*
 * Answers n questions, of which only addr is given, in one pass over the file: without memory of its
 * own, and by nothing but pread and fstat of symbol_file_fd. HUSK_E_HOST; HUSK_E_IMAGE, also if the file
 * is not what it was when it was opened; what was found until then is not told.
 */
int symbols_find(const struct symbol_file *f, struct symbol_query *q, size_t n,
		 struct husk_error *e);

/*
 * Writes to out, of size bytes, the name as in the program's source: OCaml's camlStdlib__List__map_123
 * is Stdlib.List.map. Other languages' names stay as they are.
 */
void symbol_readable(const char *name, char *out, size_t size);

#endif
