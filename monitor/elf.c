/* SPDX-License-Identifier: ISC */
/* elf.c: reads and checks an image file, and copies its segments into guest memory. */
#include "elf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../include/hvt_abi.h"
#include "elf_file.h"

/* Cuts a path, so that even the longest leaves room for the message. */
#define NAME_FORMAT "%.150s"

/* Not on the stack: some builds clear the whole stack frame, and would touch all of its pages. */
struct windows {
	struct window headers, notes;
	uint8_t header_bytes[PAGE + sizeof(Elf64_Phdr)];
	uint8_t note_bytes[PAGE + ELF_NOTE_MAX];
};

/* ---- file header ---- */

/* e_machine lies at the same place in all ELF files, in their byte order. */
static const char *machine_in(const uint8_t *b)
{
	size_t at = offsetof(Elf64_Ehdr, e_machine);
	bool big = b[EI_DATA] == ELFDATA2MSB;

	return elf_machine_name((uint16_t)(big ? b[at] << 8 | b[at + 1] : b[at + 1] << 8 | b[at]));
}

static int check_class(const uint8_t *b, struct husk_error *e)
{
	if (b[EI_CLASS] == ELFCLASS32)
		return husk_fail(e, HUSK_E_IMAGE, INVALID "this is a 32-bit ELF file (machine %s): "
				 "build the unikernel for a 64-bit machine", machine_in(b));
	if (b[EI_CLASS] != ELFCLASS64)
		return husk_fail(e, HUSK_E_IMAGE, INVALID "unknown ELF class %u", b[EI_CLASS]);
	if (b[EI_DATA] != ELFDATA2LSB)
		return husk_fail(e, HUSK_E_IMAGE, INVALID "this ELF file is not little-endian "
				 "(EI_DATA is %u, machine %s)", b[EI_DATA], machine_in(b));
	return 0;
}

static int check_type(unsigned type, struct husk_error *e)
{
	switch (type) {
	case ET_EXEC:
		return 0;
	case ET_DYN:
		return husk_fail(e, HUSK_E_IMAGE, INVALID "this is position-independent (ET_DYN), "
				 "an ordinary program or a library: "
				 "link the unikernel statically, without PIE (MirageOS: mirage "
				 "configure -t hvt)");
	case ET_REL:
		return husk_fail(e, HUSK_E_IMAGE, INVALID "this is an object file (ET_REL): "
				 "link it to a unikernel first");
	default:
		return husk_fail(e, HUSK_E_IMAGE, INVALID "e_type is %u, expected %u (ET_EXEC)",
				 type, ET_EXEC);
	}
}

static int check_header(const struct elf_image *img, const Elf64_Ehdr *h, struct husk_error *e)
{
	uint64_t table = (uint64_t)h->e_phnum * sizeof(Elf64_Phdr);

	if (h->e_version != EV_CURRENT)
		return husk_fail(e, HUSK_E_IMAGE, INVALID "e_version is %u, expected %u",
				 h->e_version, EV_CURRENT);
	if (h->e_ehsize != sizeof *h)
		return husk_fail(e, HUSK_E_IMAGE, INVALID "e_ehsize is %u, expected %zu",
				 h->e_ehsize, sizeof *h);
	if (check_type(h->e_type, e) != 0)
		return -1;
	if (h->e_phnum == 0)
		return husk_fail(e, HUSK_E_IMAGE, INVALID "there are no program headers");
	if (h->e_phentsize != sizeof(Elf64_Phdr))
		return husk_fail(e, HUSK_E_IMAGE, INVALID "e_phentsize is %u, expected %zu",
				 h->e_phentsize, sizeof(Elf64_Phdr));
	if (elf_in_file(img, h->e_phoff, table))
		return 0;
	husk_fail(e, HUSK_E_IMAGE, INVALID "program header does not match the expected size (%llu "
		  "bytes at 0x%llx in a file of %llu)", (ull)table, (ull)h->e_phoff,
		  (ull)img->file_size);
	return elf_hint_cut(img, h->e_phoff, table, e);
}

static int read_header(const struct elf_image *img, struct window *w, Elf64_Ehdr *h,
		       struct husk_error *e)
{
	size_t len = img->file_size < KIND_LEN ? (size_t)img->file_size : KIND_LEN;
	const uint8_t *b = elf_window_at(img, w, 0, len, e);

	if (b == NULL || elf_check_kind(b, len, e) != 0)
		return -1;
	if (len < sizeof *h)
		return husk_fail(e, HUSK_E_IMAGE, INVALID "elf header does not match the expected "
				 "size (%zu != %zu): the file is cut short: copy it again", len,
				 sizeof *h);
	if (check_class(b, e) != 0 || elf_translate(h, b, sizeof *h, ELF_T_EHDR, e) != 0)
		return -1;
	return check_header(img, h, e);
}

/* ---- segments ---- */

static unsigned segment_prot(uint32_t flags)
{
	unsigned prot = 0;

	if (flags & PF_R)
		prot |= MEMORY_R;
	if (flags & PF_W)
		prot |= MEMORY_W;
	if (flags & PF_X)
		prot |= MEMORY_X;
	return prot == 0 || (prot & MEMORY_X) ? prot | MEMORY_R : prot;
}

/* Fills s, whose range is p's rounded outwards to p_align; nothing wraps. */
static int segment_range(struct elf_segment *s, const Elf64_Phdr *p, unsigned i,
			 struct husk_error *e)
{
	uint64_t mask = p->p_align - 1, end;

	if (p->p_align == 0 || (p->p_align & mask) != 0)
		return husk_fail(e, HUSK_E_IMAGE, INVALID "phdr[%u].p_align=0x%llx is not a power "
				 "of two", i, (ull)p->p_align);
	if (p->p_memsz < p->p_filesz)
		return husk_fail(e, HUSK_E_IMAGE, INVALID "phdr[%u].p_memsz=0x%llx is less than "
				 "p_filesz=0x%llx", i, (ull)p->p_memsz, (ull)p->p_filesz);
	if (__builtin_add_overflow(p->p_vaddr, p->p_memsz, &end) ||
	    __builtin_add_overflow(end, mask, &end))
		return husk_fail(e, HUSK_E_IMAGE, INVALID "phdr[%u] wraps around the end of the "
				 "address space (0x%llx bytes at 0x%llx, aligned to 0x%llx)", i,
				 (ull)p->p_memsz, (ull)p->p_vaddr, (ull)p->p_align);
	*s = (struct elf_segment){
		.vaddr = p->p_vaddr, .offset = p->p_offset,
		.filesz = p->p_filesz, .memsz = p->p_memsz,
		.start = p->p_vaddr & ~mask, .end = end & ~mask,
		.prot = segment_prot(p->p_flags), .index = i,
	};
	return 0;
}

static int check_segment(const struct elf_image *img, const struct elf_segment *s,
			 struct husk_error *e)
{
	const struct elf_segment *last = img->n_segments == 0 ? NULL :
		&img->segments[img->n_segments - 1];

	if (last != NULL && s->vaddr < last->vaddr)
		return husk_fail(e, HUSK_E_IMAGE, INVALID "phdr[%u].p_vaddr=0x%llx is below "
				 "phdr[%u].p_vaddr=0x%llx: segments must ascend", s->index,
				 (ull)s->vaddr, last->index, (ull)last->vaddr);
	if (last != NULL && s->start < last->end)
		return husk_fail(e, HUSK_E_IMAGE, INVALID "phdr[%u] overlaps phdr[%u]: rounded to "
				 "p_align, it starts at 0x%llx, before 0x%llx", s->index,
				 last->index, (ull)s->start, (ull)last->end);
	if (s->start % PAGE != 0 || s->end % PAGE != 0)
		return husk_fail(e, HUSK_E_IMAGE, INVALID "phdr[%u] is not page-aligned: it takes "
				 "0x%llx-0x%llx, rounded to p_align", s->index, (ull)s->start,
				 (ull)s->end);
	if ((s->prot & (MEMORY_W | MEMORY_X)) == (MEMORY_W | MEMORY_X))
		return husk_fail(e, HUSK_E_IMAGE, INVALID "phdr[%u] requests WRITE and EXEC "
				 "permissions", s->index);
	if (elf_in_file(img, s->offset, s->filesz))
		return 0;
	husk_fail(e, HUSK_E_IMAGE, "phdr[%u] host file segment mismatched (%llu bytes at 0x%llx in "
		  "a file of %llu)", s->index, (ull)s->filesz, (ull)s->offset,
		  (ull)img->file_size);
	return elf_hint_cut(img, s->offset, s->filesz, e);
}

static int keep_segment(struct elf_image *img, const struct elf_segment *s, struct husk_error *e)
{
	size_t n = img->n_segments;

	if (n == ELF_SEGMENTS_MAX)
		return husk_fail(e, HUSK_E_IMAGE, INVALID "phdr[%u] is one segment too many, the "
				 "maximum is %d", s->index, ELF_SEGMENTS_MAX);
	/* Doubles the array when n is a power of two. */
	if ((n & (n - 1)) == 0) {
		struct elf_segment *grown = reallocarray(img->segments, n == 0 ? 1 : 2 * n,
							 sizeof *grown);

		if (grown == NULL)
			return husk_fail_sys(e, ENOMEM, "Could not read");
		img->segments = grown;
	}
	img->segments[img->n_segments++] = *s;
	return 0;
}

static int add_segment(struct elf_image *img, const Elf64_Phdr *p, unsigned i,
		       struct husk_error *e)
{
	struct elf_segment s;
	uint64_t end;

	if (__builtin_add_overflow(p->p_vaddr, p->p_memsz, &end))
		end = UINT64_MAX;
	if (end > img->bss_end)
		img->bss_end = end;
	/* Without bytes in the file a header means nothing: memory is zero-filled anyway. */
	if (p->p_filesz == 0) {
		img->code_missing |= (p->p_flags & PF_X) != 0 && p->p_memsz > 0;
		return 0;
	}
	if (segment_range(&s, p, i, e) != 0 || check_segment(img, &s, e) != 0)
		return -1;
	return keep_segment(img, &s, e);
}

/* ---- the image as a whole ---- */

static int read_program_headers(struct elf_image *img, struct windows *w, const Elf64_Ehdr *h,
				struct husk_error *e)
{
	unsigned i;

	for (i = 0; i < h->e_phnum; i++) {
		uint64_t at = h->e_phoff + i * sizeof(Elf64_Phdr);
		const uint8_t *b = elf_window_at(img, &w->headers, at, sizeof(Elf64_Phdr), e);
		Elf64_Phdr p;

		if (b == NULL || elf_translate(&p, b, sizeof p, ELF_T_PHDR, e) != 0)
			return -1;
		if (p.p_type == PT_LOAD && add_segment(img, &p, i, e) != 0)
			return -1;
		if (p.p_type == PT_NOTE && elf_read_note(img, &w->notes, &p, i, e) != 0)
			return -1;
	}
	return 0;
}

/* Bytes are there already. */
static int open_file(struct elf_image *img, const struct elf_source *from,
		     const struct elf_stop *stop, struct husk_error *e)
{
	struct stat st;

	img->bytes = from->bytes;
	img->file_size = from->len;
	if (from->bytes != NULL)
		return 0;
	img->fd = from->fd == -1 ? elf_open_path(from->name) : fcntl(from->fd, F_DUPFD_CLOEXEC, 0);
	if (img->fd < 0)
		return husk_fail_sys(e, errno, "Could not open");
	if (fstat(img->fd, &st) != 0)
		return husk_fail_sys(e, errno, "Could not read its size");
	if (S_ISDIR(st.st_mode))
		return husk_fail(e, HUSK_E_IMAGE, INVALID "this is a directory: "
				 "name the unikernel image in it");
	if (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode))
		return elf_read_stream(img, S_ISSOCK(st.st_mode), stop, e);
	if (!S_ISREG(st.st_mode))
		return husk_fail(e, HUSK_E_IMAGE, INVALID "this is not a regular file, nor a pipe");
	img->file_size = (uint64_t)st.st_size;
	img->dev = (uint64_t)st.st_dev;
	img->ino = (uint64_t)st.st_ino;
	img->changed_s = st.st_mtim.tv_sec;
	img->changed_ns = st.st_mtim.tv_nsec;
	return 0;
}

static int read_headers(struct elf_image *img, struct windows *w, struct husk_error *e)
{
	Elf64_Ehdr h;

	w->headers = (struct window){.bytes = w->header_bytes, .room = sizeof w->header_bytes};
	w->notes = (struct window){.bytes = w->note_bytes, .room = sizeof w->note_bytes};
	if (read_header(img, &w->headers, &h, e) != 0)
		return -1;
	img->machine = h.e_machine;
	img->entry = h.e_entry;
	return read_program_headers(img, w, &h, e);
}

static int read_image(struct elf_image *img, const struct elf_source *from,
		      const struct elf_stop *stop, struct husk_error *e)
{
	struct windows *w;
	int rc;

	if (open_file(img, from, stop, e) != 0)
		return -1;
	w = malloc(sizeof *w);
	if (w == NULL)
		return husk_fail_sys(e, errno, "Could not read");
	rc = read_headers(img, w, e);
	free(w);
	return rc;
}

int elf_open_source(struct elf_image *img, const struct elf_source *from,
		    const struct elf_stop *stop, struct husk_error *e)
{
	memset(img, 0, sizeof *img);
	img->fd = -1;
	img->name = strdup(from->name);
	if (img->name == NULL)
		return husk_fail_sys(e, errno, NAME_FORMAT, from->name);
	if (read_image(img, from, stop, e) == 0)
		return 0;
	husk_wrap(e, NAME_FORMAT, from->name);
	elf_close(img);
	return -1;
}

int elf_open(struct elf_image *img, const char *path, const struct elf_stop *stop,
	     struct husk_error *e)
{
	const struct elf_source from = {.name = path, .fd = -1};

	return elf_open_source(img, &from, stop, e);
}

void elf_release(struct elf_image *img)
{
	/* A zeroed image, which nobody opened, has no name and does not own descriptor 0. */
	if (img->name != NULL && img->fd >= 0)
		close(img->fd);
	img->fd = -1;
	free(img->owned);
	img->owned = NULL;
	img->bytes = NULL;
}

void elf_close(struct elf_image *img)
{
	elf_release(img);
	free(img->segments);
	img->segments = NULL;
	img->n_segments = 0;
	free(img->name);
	img->name = NULL;
}

/* ---- what it is for ---- */

static int no_abi(const struct elf_image *img, struct husk_error *e)
{
	husk_fail(e, HUSK_E_IMAGE, "No Solo5 ABI information found in executable");
	if (strcmp(img->foreign_owner, "Xen") == 0)
		return husk_hint(e, "its notes are Xen's: this is a kernel for Xen or a PVH loader, "
				 "not a unikernel for hvt");
	if (strcmp(img->foreign_owner, "GNU") == 0 || strcmp(img->foreign_owner, "FreeBSD") == 0)
		return husk_hint(e, "it is an ordinary program, not a unikernel for hvt");
	return husk_hint(e, "is it a unikernel? Build it for hvt");
}

/* Programs that run images of Solo5's other targets. */
static const char *runner(uint32_t target)
{
	switch (target) {
	case ELF_ABI_SPT:
		return ", which solo5-spt runs";
	case ELF_ABI_VIRTIO:
		return ", which QEMU and other virtual machines with virtio run";
	case ELF_ABI_MUEN:
		return ", a subject of the Muen separation kernel";
	case ELF_ABI_GENODE:
		return ", a component of Genode";
	case ELF_ABI_XEN:
		return ", which Xen runs as a PVH guest";
	default:
		return "";
	}
}

static const char *known_machine(uint16_t machine)
{
	const char *name = elf_machine_name(machine);

	return strcmp(name, "unknown") == 0 ? "another machine" : name;
}

static int check_purpose(const struct elf_image *img, uint16_t machine, struct husk_error *e)
{
	if (img->machine != machine)
		return husk_fail(e, HUSK_E_IMAGE, INVALID "built for %s (e_machine is %u), but "
				 "this host runs %s: rebuild it for that",
				 known_machine(img->machine), img->machine,
				 known_machine(machine));
	if (!img->has_abi)
		return no_abi(img, e);
	if (img->abi.target != HVT_ABI_TARGET)
		return husk_fail(e, HUSK_E_IMAGE, "Executable is not for the solo5-hvt target, but "
				 "for %s%s: build it for hvt (MirageOS: mirage configure -t hvt)",
				 elf_target_name(img->abi.target), runner(img->abi.target));
	if (img->abi.version != HVT_ABI_VERSION)
		return husk_fail(e, HUSK_E_IMAGE, "Executable requests unsupported ABI version %u, "
				 "expected %u: rebuild it with Solo5 0.8 or later",
				 img->abi.version, HVT_ABI_VERSION);
	if (!img->has_manifest)
		return husk_fail(e, HUSK_E_IMAGE, "No Solo5 manifest found in executable: "
				 "link one in, even if it names no device");
	return 0;
}

/* Messages about an image begin with its name. */
static int named(const struct elf_image *img, int rc, struct husk_error *e)
{
	return rc == 0 ? 0 : husk_wrap(e, NAME_FORMAT, img->name);
}

int elf_require(const struct elf_image *img, uint16_t machine, struct husk_error *e)
{
	return named(img, check_purpose(img, machine, e), e);
}

/* ---- where it goes ---- */

/* The hint of how much memory is needed for something that ends there. */
static int hint_memory(uint64_t end, struct husk_error *e)
{
	const uint64_t mask = HVT_MEM_GRANULE - 1;

	if (end >= HVT_MEM_MAX)
		return husk_hint(e, "no guest has more than %llu MiB", HVT_MEM_MAX / MIB);
	return husk_hint(e, "give it --mem=%llu or more", (ull)(((end + mask) & ~mask) / MIB));
}

static int check_place(const struct elf_segment *s, uint64_t mem_size, struct husk_error *e)
{
	if (s->start < HVT_GUEST_MIN_BASE)
		return husk_fail(e, HUSK_E_IMAGE, INVALID "phdr[%u] starts at 0x%llx, below 0x%x: "
				 "link the unikernel higher", s->index, (ull)s->start,
				 HVT_GUEST_MIN_BASE);
	if (s->end <= mem_size)
		return 0;
	husk_fail(e, HUSK_E_IMAGE, INVALID "phdr[%u] ends at 0x%llx, beyond the guest's memory of "
		  "%llu MiB", s->index, (ull)s->end, (ull)(mem_size / MIB));
	return hint_memory(s->end, e);
}

static int check_bss(const struct elf_image *img, uint64_t mem_size, struct husk_error *e)
{
	if (img->bss_end <= mem_size)
		return 0;
	husk_fail(e, HUSK_E_IMAGE, INVALID "its zero-filled data end at 0x%llx, beyond the guest's "
		  "memory of %llu MiB", (ull)img->bss_end, (ull)(mem_size / MIB));
	return hint_memory(img->bss_end, e);
}

static bool holds(const struct elf_segment *s, uint64_t gpa)
{
	return gpa >= s->vaddr && gpa - s->vaddr < s->filesz;
}

static int no_code(const struct elf_image *img, struct husk_error *e)
{
	husk_fail(e, HUSK_E_IMAGE, INVALID "e_entry is 0x%llx, and no executable bytes of the file "
		  "go there", (ull)img->entry);
	if (!img->code_missing)
		return -1;
	return husk_hint(e, "it has only what debuggers want, as objcopy --only-keep-debug leaves "
			 "it: name the image itself");
}

static int check_entry(const struct elf_image *img, uint64_t mem_size, struct husk_error *e)
{
	if (img->entry < HVT_GUEST_MIN_BASE || img->entry >= mem_size)
		return husk_fail(e, HUSK_E_IMAGE, INVALID "e_entry does not fall within the memory "
				 "allocation range (0x%llx is not in 0x%x-0x%llx)",
				 (ull)img->entry, HVT_GUEST_MIN_BASE, (ull)mem_size);
	for (size_t i = 0; i < img->n_segments; i++)
		if ((img->segments[i].prot & MEMORY_X) != 0 && holds(&img->segments[i], img->entry))
			return 0;
	return no_code(img, e);
}

static int check_places(const struct elf_image *img, uint64_t mem_size, struct husk_error *e)
{
	size_t i;

	if (img->n_segments == 0 && !img->code_missing)
		return husk_fail(e, HUSK_E_IMAGE, INVALID "there is nothing to load");
	for (i = 0; i < img->n_segments; i++) {
		if (check_place(&img->segments[i], mem_size, e) != 0)
			return -1;
	}
	return check_entry(img, mem_size, e);
}

int elf_fit(const struct elf_image *img, uint64_t mem_size, struct husk_error *e)
{
	return named(img, check_places(img, mem_size, e), e);
}

int elf_fit_data(const struct elf_image *img, uint64_t mem_size, struct husk_error *e)
{
	return named(img, check_bss(img, mem_size, e), e);
}

uint64_t elf_memory_needed(const struct elf_image *img)
{
	uint64_t end = elf_kernel_end(img);

	return end > img->bss_end ? end : img->bss_end;
}

/* In pieces, with a check for a stop between them: reading a large segment takes seconds. */
static int read_segment(const struct elf_image *img, const struct elf_segment *s,
			struct iovec iov, const struct elf_stop *stop, struct husk_error *e)
{
	uint8_t *to = iov.iov_base;
	size_t done, piece;
	ssize_t n;

	for (done = 0; done < iov.iov_len; done += piece) {
		piece = iov.iov_len - done < MIB ? iov.iov_len - done : MIB;
		if (elf_stopping(stop))
			return elf_stopped(e);
		n = elf_read(img, to + done, piece, s->offset + done);
		if (n < 0)
			return husk_fail_sys(e, errno, "Could not read phdr[%u]", s->index);
		if ((size_t)n != piece)
			return husk_fail(e, HUSK_E_IMAGE, "phdr[%u] host file segment mismatched "
					 "(%zu != %zu): the file became shorter", s->index,
					 done + (size_t)n, iov.iov_len);
	}
	return 0;
}

static int load_segment(const struct elf_image *img, const struct elf_segment *s,
			struct memory *m, const struct elf_stop *stop, struct husk_error *e)
{
	struct iovec iov;

	if (memory_place_span(m, s->vaddr, s->filesz, &iov, e) != 0 ||
	    read_segment(img, s, iov, stop, e) != 0)
		return -1;
	/* Writable data is what undeclared memory is. */
	if (s->prot & MEMORY_W)
		return 0;
	return memory_declare(m, s->start, s->end - 1, s->prot, "image segment", e);
}

int elf_load(const struct elf_image *img, struct memory *m, const struct elf_stop *stop,
	     struct husk_error *e)
{
	size_t i;

	for (i = 0; i < img->n_segments; i++) {
		if (load_segment(img, &img->segments[i], m, stop, e) != 0)
			return named(img, -1, e);
	}
	return 0;
}

uint32_t elf_wanted(const struct elf_image *img)
{
	return img->has_husk && img->husk.version == HUSK_NOTE_VERSION ? img->husk.wanted : 0;
}

uint64_t elf_kernel_end(const struct elf_image *img)
{
	return img->n_segments == 0 ? 0 : img->segments[img->n_segments - 1].end;
}
