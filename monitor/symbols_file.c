/* SPDX-License-Identifier: ISC */
/* symbols_file.c: finds the symbol table of a file, and reads functions and names from it. */
#include "symbols_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "elf_file.h"

#define SECTIONS_MAX 4096u
#define SYMBOLS_AT_ONCE 128u

static const struct elf_image *source(const struct symbol_file *f)
{
	return f->copy.name != NULL ? &f->copy : f->image;
}

/* All of len bytes; the caller has checked that the file has them. */
static int read_all(const struct elf_image *img, void *to, size_t len, uint64_t offset,
		    struct husk_error *e)
{
	const ssize_t n = elf_read(img, to, len, offset);

	if (n < 0)
		return husk_fail_sys(e, errno, "%.150s: reading symbols", img->name);
	if ((size_t)n != len)
		return husk_fail(e, HUSK_E_IMAGE, "%.150s: the file became shorter while symbols were "
				 "read", img->name);
	return 0;
}

static int read_header(const struct elf_image *img, Elf64_Ehdr *h, struct husk_error *e)
{
	uint8_t bytes[sizeof *h];

	if (!elf_in_file(img, 0, sizeof bytes))
		return husk_fail(e, HUSK_E_IMAGE, "%.150s: this is not an ELF file", img->name);
	if (read_all(img, bytes, sizeof bytes, 0, e) == -1)
		return -1;
	if (memcmp(bytes, ELFMAG, SELFMAG) != 0 || bytes[EI_CLASS] != ELFCLASS64 ||
	    bytes[EI_DATA] != ELFDATA2LSB)
		return husk_fail(e, HUSK_E_IMAGE, "%.150s: this is not an ELF file of 64 bits",
				 img->name);
	return elf_translate(h, bytes, sizeof *h, ELF_T_EHDR, e);
}

/* ---- which file ---- */

/* Whether it has code where the image has: the addresses of both are the same, and the sizes. */
static int check_code(const struct symbol_file *f, const Elf64_Ehdr *h, struct husk_error *e)
{
	const struct elf_image *img = f->image;
	size_t same = 0, all = 0;

	for (size_t i = 0; i < img->n_segments; i++)
		all += (img->segments[i].prot & MEMORY_X) != 0;
	for (unsigned i = 0; i < h->e_phnum && i < ELF_SEGMENTS_MAX; i++) {
		const uint64_t at = h->e_phoff + i * sizeof(Elf64_Phdr);
		uint8_t bytes[sizeof(Elf64_Phdr)];
		Elf64_Phdr p;

		if (!elf_in_file(&f->copy, at, sizeof p))
			break;
		if (read_all(&f->copy, bytes, sizeof p, at, e) == -1 ||
		    elf_translate(&p, bytes, sizeof p, ELF_T_PHDR, e) == -1)
			return -1;
		for (size_t k = 0; k < img->n_segments && p.p_type == PT_LOAD; k++)
			same += (img->segments[k].prot & MEMORY_X) != 0 &&
				img->segments[k].vaddr == p.p_vaddr && img->segments[k].memsz == p.p_memsz;
	}
	if (same == all && h->e_machine == img->machine && h->e_entry == img->entry)
		return 0;
	return husk_fail(e, HUSK_E_IMAGE, "%.150s: these are symbols of another image, not of %.150s",
			 f->copy.name, img->name);
}

static int open_copy(struct symbol_file *f, const char *path, struct husk_error *e)
{
	struct stat st;
	Elf64_Ehdr h;

	f->copy.name = strdup(path);
	if (f->copy.name == NULL)
		return husk_fail_sys(e, ENOMEM, "symbols");
	f->copy.fd = elf_open_path(path);
	if (f->copy.fd == -1 || fstat(f->copy.fd, &st) == -1)
		return husk_fail_sys(e, errno, "%.150s: could not open", path);
	if (!S_ISREG(st.st_mode))
		return husk_fail(e, HUSK_E_IMAGE, "%.150s: symbols are read from a regular file only",
				 path);
	/* As disks are, so that nothing that this guest is told to write is the same file. */
	if (flock(f->copy.fd, LOCK_SH | LOCK_NB) == -1 && errno == EWOULDBLOCK)
		return husk_fail(e, HUSK_E_USAGE, "%.150s: another process writes it, and holds a lock",
				 path);
	f->copy.file_size = (uint64_t)st.st_size;
	f->copy.changed_s = st.st_mtim.tv_sec;
	f->copy.changed_ns = st.st_mtim.tv_nsec;
	return read_header(&f->copy, &h, e) == -1 ? -1 : check_code(f, &h, e);
}

int symbol_file_open(struct symbol_file *f, const struct elf_image *img, const char *path,
		     struct husk_error *e)
{
	*f = (struct symbol_file){.image = img, .copy.fd = -1};
	if (path != NULL && open_copy(f, path, e) == -1) {
		symbol_file_close(f);
		return -1;
	}
	return 0;
}

/* What came through a pipe is in memory. */
int symbol_file_unchanged(const struct symbol_file *f, struct husk_error *e)
{
	const struct elf_image *img = source(f);
	struct symbol_stamp now;

	if (img->bytes != NULL || !symbol_stamp(img->fd, &now) ||
	    (now.size == (int64_t)img->file_size && now.seconds == img->changed_s &&
	     now.ns == img->changed_ns))
		return 0;
	return husk_fail(e, HUSK_E_IMAGE, "%.150s has changed since the guest was loaded: its names are "
			 "not the guest's", source(f)->name);
}

int symbol_file_fd(const struct symbol_file *f)
{
	return f->image == NULL ? -1 : source(f)->fd;
}

bool symbol_file_is_there(const struct symbol_file *f)
{
	return f->image != NULL && (source(f)->fd != -1 || source(f)->bytes != NULL);
}

void symbol_file_close(struct symbol_file *f)
{
	elf_close(&f->copy);
	*f = (struct symbol_file){.copy.fd = -1};
}

/* ---- the table ---- */

static int read_section(const struct elf_image *img, const Elf64_Ehdr *h, uint64_t i,
			Elf64_Shdr *s, struct husk_error *e)
{
	uint8_t bytes[sizeof *s];
	uint64_t at;

	if (__builtin_add_overflow(h->e_shoff, i * sizeof bytes, &at) ||
	    !elf_in_file(img, at, sizeof bytes))
		return husk_fail(e, HUSK_E_IMAGE, "%.150s: section %llu lies outside the file",
				 img->name, (ull)i);
	if (read_all(img, bytes, sizeof bytes, at, e) == -1)
		return -1;
	return elf_translate(s, bytes, sizeof *s, ELF_T_SHDR, e);
}

static int check_table(const struct elf_image *img, const Elf64_Shdr *symbols,
		       const Elf64_Shdr *names, struct symbol_table *t, struct husk_error *e)
{
	*t = (struct symbol_table){
		.offset = symbols->sh_offset, .n = symbols->sh_size / sizeof(Elf64_Sym),
		.names = names->sh_offset, .names_size = names->sh_size,
	};
	if (symbols->sh_entsize == sizeof(Elf64_Sym) && t->n <= SYMBOLS_MAX &&
	    names->sh_type == SHT_STRTAB && elf_in_file(img, t->offset, symbols->sh_size) &&
	    elf_in_file(img, t->names, t->names_size))
		return 0;
	t->n = 0;
	return husk_fail(e, HUSK_E_IMAGE, "%.150s: its symbol table is damaged (%llu bytes at 0x%llx, "
			 "names: %llu at 0x%llx)", img->name, (ull)symbols->sh_size,
			 (ull)symbols->sh_offset, (ull)names->sh_size, (ull)names->sh_offset);
}

int symbol_file_table(const struct symbol_file *f, struct symbol_table *t, struct husk_error *e)
{
	const struct elf_image *img = source(f);
	Elf64_Shdr symbols, names;
	Elf64_Ehdr h;

	*t = (struct symbol_table){0};
	if (read_header(img, &h, e) == -1)
		return -1;
	if (h.e_shoff == 0 || h.e_shentsize != sizeof symbols || h.e_shnum > SECTIONS_MAX)
		return 0;
	for (uint64_t i = 0; i < h.e_shnum; i++) {
		if (read_section(img, &h, i, &symbols, e) == -1)
			return -1;
		if (symbols.sh_type != SHT_SYMTAB)
			continue;
		if (symbols.sh_link >= h.e_shnum)
			return husk_fail(e, HUSK_E_IMAGE, "%.150s: its symbols have no names", img->name);
		return read_section(img, &h, symbols.sh_link, &names, e) == -1 ? -1 :
		       check_table(img, &symbols, &names, t, e);
	}
	return 0;
}

/* ---- symbols ---- */

/* The end of the executable segment that addr lies in; 0 if it lies in none. */
static uint64_t code_end(const struct elf_image *img, uint64_t addr)
{
	for (size_t i = 0; i < img->n_segments; i++) {
		const struct elf_segment *s = &img->segments[i];

		if ((s->prot & MEMORY_X) != 0 && addr >= s->vaddr && addr - s->vaddr < s->memsz)
			return s->vaddr + s->memsz;
	}
	return 0;
}

/* Labels of assembler sources count as well, but a function of the same place is what is shown. */
static bool is_function(const Elf64_Sym *y)
{
	const unsigned type = ELF64_ST_TYPE(y->st_info);

	return y->st_name != 0 && y->st_shndx != SHN_UNDEF && y->st_shndx != SHN_ABS &&
	       (type == STT_FUNC || (type == STT_NOTYPE && y->st_size == 0 &&
				     ELF64_ST_BIND(y->st_info) != STB_LOCAL));
}

static unsigned rank_of(const Elf64_Sym *y)
{
	const unsigned bind = ELF64_ST_BIND(y->st_info);

	return (ELF64_ST_TYPE(y->st_info) == STT_FUNC ? 4u : 0u) + (y->st_size != 0 ? 2u : 0u) +
	       (bind == STB_GLOBAL ? 1u : 0u);
}

static bool see(const struct symbol_file *f, const Elf64_Sym *y, struct symbol_seen *s)
{
	const uint64_t end = is_function(y) ? code_end(f->image, y->st_value) : 0;

	if (end == 0)
		return false;
	*s = (struct symbol_seen){
		.start = y->st_value, .name_at = y->st_name, .rank = rank_of(y),
		.size = y->st_size < end - y->st_value ? y->st_size : end - y->st_value,
	};
	return true;
}

int symbol_file_each(const struct symbol_file *f, const struct symbol_table *t,
		     int (*seen)(void *ctx, const struct symbol_seen *s, struct husk_error *e),
		     void *ctx, struct husk_error *e)
{
	uint8_t bytes[SYMBOLS_AT_ONCE * sizeof(Elf64_Sym)];
	Elf64_Sym symbols[SYMBOLS_AT_ONCE];

	for (uint64_t i = 0, n; i < t->n; i += n) {
		n = t->n - i < SYMBOLS_AT_ONCE ? t->n - i : SYMBOLS_AT_ONCE;
		if (read_all(source(f), bytes, (size_t)n * sizeof symbols[0],
			     t->offset + i * sizeof symbols[0], e) == -1 ||
		    elf_translate(symbols, bytes, (size_t)n * sizeof symbols[0], ELF_T_SYM, e) == -1)
			return -1;
		for (uint64_t k = 0; k < n; k++) {
			struct symbol_seen s;

			if (see(f, &symbols[k], &s) && seen(ctx, &s, e) == -1)
				return -1;
		}
	}
	return 0;
}

int symbol_file_name(const struct symbol_file *f, const struct symbol_table *t, uint32_t at,
		     char name[SYMBOL_NAME_MAX], struct husk_error *e)
{
	char raw[SYMBOL_NAME_MAX];
	ssize_t n;

	name[0] = '\0';
	if (at >= t->names_size)
		return 0;
	n = elf_read(source(f), raw, t->names_size - at < sizeof raw ? t->names_size - at : sizeof raw,
		     t->names + at);
	if (n < 0)
		return husk_fail_sys(e, errno, "%.150s: reading symbols", source(f)->name);
	if (n == 0)
		return 0;
	raw[(size_t)n == sizeof raw ? sizeof raw - 1 : (size_t)n - 1] = '\0';
	symbol_readable(raw, name, SYMBOL_NAME_MAX);
	return 0;
}
