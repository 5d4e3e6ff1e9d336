/* SPDX-License-Identifier: ISC */
/* symbols_file.h: the symbol table of a file, one function at a time, for who implements symbols.h. */
#ifndef HUSK_SYMBOLS_FILE_H
#define HUSK_SYMBOLS_FILE_H

#include <stdbool.h>

#include "symbols.h"

/* More than any unikernel has; a table may say so much and no more. */
#define SYMBOLS_MAX (1u << 20)

/* A symbol that names a place in the code of the image. */
struct symbol_seen {
	uint64_t start;
	uint64_t size;		/* 0: up to the next one */
	uint32_t name_at;	/* for symbol_file_name */
	unsigned rank;		/* of several with one start the highest is shown */
};

/* Where the file has what. */
struct symbol_table {
	uint64_t offset, n;		/* of symbols, in the file */
	uint64_t names, names_size;	/* of their names */
};

/* System-specific: false if there is none of what fd is. */
bool symbol_stamp(int fd, struct symbol_stamp *out);

/* Fails if the file was written to since it was opened: the guest's code is older. HUSK_E_IMAGE. */
int symbol_file_unchanged(const struct symbol_file *f, struct husk_error *e);

/* n is 0 if there is no table. HUSK_E_HOST, HUSK_E_IMAGE. */
int symbol_file_table(const struct symbol_file *f, struct symbol_table *t, struct husk_error *e);

/* Calls seen for each function; -1 from it ends the pass. HUSK_E_HOST, HUSK_E_IMAGE. */
int symbol_file_each(const struct symbol_file *f, const struct symbol_table *t,
		     int (*seen)(void *ctx, const struct symbol_seen *s, struct husk_error *e),
		     void *ctx, struct husk_error *e);

/* The name, "" if the file has none there; made readable and cut to fit. HUSK_E_HOST. */
int symbol_file_name(const struct symbol_file *f, const struct symbol_table *t, uint32_t at,
		     char name[SYMBOL_NAME_MAX], struct husk_error *e);

/* Whether addr lies in the function that was seen. */
static inline bool symbol_reaches(uint64_t start, uint64_t size, uint64_t addr)
{
	return addr >= start && (size == 0 || addr - start < size);
}

#endif
