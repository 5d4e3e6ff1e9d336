/* SPDX-License-Identifier: ISC */
/* core_file.c: writes an ELF core file of a guest. */
#include "core_file.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define PAGE 4096u
#define LOADS_MAX 62u

/* What is at the beginning of the file; memory follows in the order of its addresses. */
struct headers {
	Elf64_Ehdr ehdr;
	Elf64_Phdr phdr[1 + LOADS_MAX];
	unsigned n;
};

/* All of it, or -1 and errno. */
static int write_all(int fd, const void *bytes, size_t len, uint64_t offset)
{
	const uint8_t *from = bytes;

	while (len > 0) {
		const ssize_t n = pwrite(fd, from, len, (off_t)offset);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = n == 0 ? ENOSPC : errno;
			return -1;
		}
		from += n;
		len -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

/* ---- headers ---- */

static uint32_t flags_of(unsigned prot)
{
	return ((prot & MEMORY_R) != 0 ? PF_R : 0u) | ((prot & (MEMORY_W | MEMORY_RING)) != 0 ? PF_W : 0u) |
	       ((prot & MEMORY_X) != 0 ? PF_X : 0u);
}

/* Neighbours with the same rights are one; so is all that finds no header any more. */
static void add_load(struct headers *h, uint64_t start, uint64_t end, uint32_t flags)
{
	Elf64_Phdr *last = h->n > 1 ? &h->phdr[h->n - 1] : NULL;

	if (start == end)
		return;
	if (last != NULL && (last->p_flags == flags || h->n == 1 + LOADS_MAX)) {
		last->p_flags |= flags;
		last->p_memsz = last->p_filesz = end - last->p_vaddr;
		return;
	}
	h->phdr[h->n++] = (Elf64_Phdr){
		.p_type = PT_LOAD, .p_flags = flags, .p_vaddr = start, .p_paddr = start,
		.p_filesz = end - start, .p_memsz = end - start, .p_align = PAGE,
	};
}

static void add_loads(struct headers *h, const struct memory *m)
{
	uint64_t at = 0;

	for (size_t i = 0; i < m->n_ranges; i++) {
		const struct memory_range *r = &m->ranges[i];

		add_load(h, at, r->start, PF_R | PF_W);
		add_load(h, r->start, r->last + 1, flags_of(r->prot));
		at = r->last + 1;
	}
	add_load(h, at, m->size, PF_R | PF_W);
}

/* Returns where in the file gpa 0 lies. */
static uint64_t make_headers(struct headers *h, const struct memory *m, size_t notes)
{
	const uint64_t memory = (sizeof h->ehdr + sizeof h->phdr + notes + PAGE - 1) / PAGE * PAGE;

	*h = (struct headers){.n = 1};
	add_loads(h, m);
	h->phdr[0] = (Elf64_Phdr){
		.p_type = PT_NOTE, .p_offset = sizeof h->ehdr + sizeof h->phdr, .p_filesz = notes,
		.p_align = 4,
	};
	for (unsigned i = 1; i < h->n; i++)
		h->phdr[i].p_offset = memory + h->phdr[i].p_vaddr;
	h->ehdr = (Elf64_Ehdr){
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
		.e_type = ET_CORE, .e_machine = cpu_elf_machine, .e_version = EV_CURRENT,
		.e_phoff = sizeof h->ehdr, .e_ehsize = sizeof h->ehdr,
		.e_phentsize = sizeof h->phdr[0], .e_phnum = (Elf64_Half)h->n,
	};
	return memory;
}

/* ---- memory ---- */

static bool is_zero(const uint8_t *page)
{
	return page[0] == 0 && memcmp(page, page + 1, PAGE - 1) == 0;
}

/* Pages from i on that are to be written, up to n. */
static size_t run_length(const uint8_t *pages, size_t i, size_t n)
{
	size_t end = i;

	while (end < n && !is_zero(pages + end * PAGE))
		end++;
	return end - i;
}

static int write_chunk(const uint8_t *pages, size_t n, int fd, uint64_t offset,
		       struct core_result *result)
{
	for (size_t i = 0, run; i < n; i += run == 0 ? 1 : run) {
		run = run_length(pages, i, n);
		if (run > 0 && write_all(fd, pages + i * PAGE, run * PAGE, offset + i * PAGE) == -1)
			return -1;
		result->written += run;
	}
	return 0;
}

/* Where memory was never touched, reading it maps pages of zeros that all share. */
static void prefer(const struct memory *m, enum memory_host_pages zeros)
{
	struct husk_error ignored;
	struct iovec all;

	if (memory_source(m, (gpa_t){0}, m->size, &all, &ignored) == 0)
		memory_host_prefer(all.iov_base, all.iov_len, zeros);
}

static int write_memory(struct core_file *f, int fd, const struct memory *m, uint64_t offset,
			struct core_result *result, struct husk_error *e)
{
	prefer(m, f->zeros);
	for (uint64_t at = 0; at < m->size; at += sizeof f->pages) {
		const size_t len = m->size - at < sizeof f->pages ? (size_t)(m->size - at) :
				   sizeof f->pages;

		if (memory_read(m, (gpa_t){at}, f->pages, len, e) == -1)
			return -1;
		if (write_chunk(f->pages, len / PAGE, fd, offset + at, result) == -1)
			return husk_fail_sys(e, errno, "writing");
	}
	/* The file is as long as memory, whatever is at its end. */
	if (m->size > 0 && is_zero(f->pages + (m->size - 1) % sizeof f->pages / PAGE * PAGE) &&
	    write_all(fd, "", 1, offset + m->size - 1) == -1)
		return husk_fail_sys(e, errno, "writing");
	return 0;
}

int core_file_write(struct core_file *f, int fd, const struct core *c, const struct remains *r,
		    int pid, struct core_result *result, struct husk_error *e)
{
	const size_t notes = notes_write(c, r, pid, f->notes);
	struct headers h;
	const uint64_t memory = make_headers(&h, &c->memory, notes);

	*result = (struct core_result){.all = c->memory.size / PAGE};
	if (write_all(fd, &h.ehdr, sizeof h.ehdr + sizeof h.phdr, 0) == -1 ||
	    write_all(fd, f->notes, notes, sizeof h.ehdr + sizeof h.phdr) == -1)
		return husk_fail_sys(e, errno, "writing");
	return write_memory(f, fd, &c->memory, memory, result, e);
}
