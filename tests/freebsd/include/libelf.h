/* SPDX-License-Identifier: ISC */
/* libelf.h: what husk and its tests use of FreeBSD's <libelf.h>. */
#ifndef HUSK_FREEBSD_LIBELF_H
#define HUSK_FREEBSD_LIBELF_H

#include <elf.h>
#include <sys/types.h>

typedef enum {
	ELF_T_ADDR, ELF_T_BYTE, ELF_T_CAP, ELF_T_DYN, ELF_T_EHDR, ELF_T_HALF, ELF_T_LWORD,
	ELF_T_MOVE, ELF_T_MOVEP, ELF_T_NOTE, ELF_T_OFF, ELF_T_PHDR, ELF_T_REL, ELF_T_RELA,
	ELF_T_SHDR, ELF_T_SWORD, ELF_T_SXWORD, ELF_T_SYMINFO, ELF_T_SYM, ELF_T_VDEF, ELF_T_VNEED,
	ELF_T_WORD, ELF_T_XWORD,
} Elf_Type;

typedef struct {
	uint64_t d_align;
	void *d_buf;
	uint64_t d_off, d_size;
	Elf_Type d_type;
	unsigned d_version;
} Elf_Data;

unsigned elf_version(unsigned version);
const char *elf_errmsg(int error);
Elf_Data *elf64_xlatetom(Elf_Data *to, const Elf_Data *from, unsigned encoding);

#endif
