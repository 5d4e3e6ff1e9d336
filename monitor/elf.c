/* elf.c: reads and checks an image file, and copies its segments into guest memory. */
#include "elf.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* FreeBSD's libelf has an elf_open of its own, which nothing here calls. */
#define elf_open libelf_elf_open
#include <libelf.h>
#undef elf_open

#include "../include/hvt_abi.h"

#define INVALID "invalid executable: "
#define PAGE UINT64_C(0x1000)
#define MIB UINT64_C(0x100000)

/* A message stays readable behind even the longest path. */
#define NAME_FORMAT "%.150s"

typedef unsigned long long ull;

struct note_kind {
	uint32_t type;
	uint32_t pad;		/* bytes between header and payload */
	uint32_t payload_min;	/* bytes */
	uint32_t descsz_max;	/* bytes, pad included */
};

static const struct note_kind note_abi = {
	ELF_ABI_NOTE_ABI1, ELF_ABI_NOTE_ABI1_PAD, sizeof(struct elf_abi_info), 32,
};
static const struct note_kind note_manifest = {
	ELF_ABI_NOTE_MFT1, ELF_ABI_NOTE_MFT1_PAD, 1,
	ELF_ABI_NOTE_MFT1_PAD + sizeof(struct manifest),
};

#define NOTE_MAX (ELF_ABI_NOTE_HEADER_SIZE + ELF_ABI_NOTE_MFT1_PAD + sizeof(struct manifest))

/*
 * A piece of the file, copied in once. It starts on a page, so that the notes of a real image
 * come with one read.
 */
struct window {
	uint64_t offset;
	size_t valid;		/* bytes */
	size_t room;		/* what a window is asked for fits wherever it starts in its page */
	uint8_t *bytes;
};

/* Not on the stack, which a build may clear, and so keep, as a whole. */
struct windows {
	struct window headers, notes;
	uint8_t header_bytes[PAGE + sizeof(Elf64_Phdr)];
	uint8_t note_bytes[PAGE + NOTE_MAX];
};

/* ---- reading ---- */

static bool in_file(const struct elf_image *img, uint64_t offset, uint64_t len)
{
	return len <= img->file_size && offset <= img->file_size - len;
}

/* Bytes read, fewer than len only at the end of the file; -1 with errno. */
static ssize_t read_fully(int fd, void *buf, size_t len, uint64_t offset)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread(fd, (uint8_t *)buf + done, len - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

static bool window_covers(const struct window *w, uint64_t offset, size_t len)
{
	return offset >= w->offset && len <= w->valid && offset - w->offset <= w->valid - len;
}

/* Reads the page of offset, and as much more as len bytes there need. */
static int window_fill(const struct elf_image *img, struct window *w, uint64_t offset, size_t len,
		       struct husk_error *e)
{
	uint64_t start = offset & ~(PAGE - 1), left = img->file_size - start;
	uint64_t wanted = offset - start + len < PAGE ? PAGE : offset - start + len;
	ssize_t n;

	assert(wanted <= w->room);
	n = read_fully(img->fd, w->bytes, (size_t)(left < wanted ? left : wanted), start);
	w->offset = start;
	w->valid = n < 0 ? 0 : (size_t)n;
	return n < 0 ? husk_fail_sys(e, errno, "Could not read") : 0;
}

/* The only place that forms a pointer to what the file says. The caller asked in_file. */
static const uint8_t *window_at(const struct elf_image *img, struct window *w, uint64_t offset,
				size_t len, struct husk_error *e)
{
	if (!window_covers(w, offset, len) && window_fill(img, w, offset, len, e) != 0)
		return NULL;
	if (!window_covers(w, offset, len)) {
		husk_fail(e, HUSK_E_IMAGE, INVALID "the file became shorter while it was read");
		return NULL;
	}
	return w->bytes + (offset - w->offset);
}

/* Copies size bytes at src to dst as the host's integers; size fits the type. */
static int translate(void *dst, const void *src, size_t size, Elf_Type type, struct husk_error *e)
{
	Elf_Data from = {.d_buf = dst, .d_type = type, .d_size = size, .d_version = EV_CURRENT};
	Elf_Data to = from;

	memcpy(dst, src, size);
	if (elf_version(EV_CURRENT) == EV_NONE || elf64_xlatetom(&to, &from, ELFDATA2LSB) == NULL)
		return husk_fail(e, HUSK_E_HOST, "libelf cannot translate: %s", elf_errmsg(-1));
	return 0;
}

/* ---- file header ---- */

static int check_magic(const struct elf_image *img, const uint8_t *b, struct husk_error *e)
{
	uint64_t n = img->file_size;

	if (n == 0)
		return husk_fail(e, HUSK_E_IMAGE, INVALID "the file is empty");
	if (n >= 2 && b[0] == '#' && b[1] == '!')
		return husk_fail(e, HUSK_E_IMAGE, INVALID "this is a script, not an ELF file: "
				 "name the unikernel image itself");
	if (n < SELFMAG || memcmp(b, ELFMAG, SELFMAG) != 0)
		return husk_fail(e, HUSK_E_IMAGE, INVALID "this is not an ELF file: "
				 "name a unikernel image built for the hvt target");
	if (n < sizeof(Elf64_Ehdr))
		return husk_fail(e, HUSK_E_IMAGE, INVALID "elf header does not match the expected "
				 "size (%llu != %zu): the file is cut short", (ull)n,
				 sizeof(Elf64_Ehdr));
	return 0;
}

static int check_class(const uint8_t *ident, struct husk_error *e)
{
	if (ident[EI_CLASS] == ELFCLASS32)
		return husk_fail(e, HUSK_E_IMAGE, INVALID "this is a 32-bit ELF file: "
				 "build the unikernel for a 64-bit machine");
	if (ident[EI_CLASS] != ELFCLASS64)
		return husk_fail(e, HUSK_E_IMAGE, INVALID "unknown ELF class %u",
				 ident[EI_CLASS]);
	if (ident[EI_DATA] != ELFDATA2LSB)
		return husk_fail(e, HUSK_E_IMAGE, INVALID "this ELF file is not little-endian "
				 "(EI_DATA is %u)", ident[EI_DATA]);
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
				 "link the unikernel statically, without PIE");
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
	if (!in_file(img, h->e_phoff, table))
		return husk_fail(e, HUSK_E_IMAGE, INVALID "program header does not match the "
				 "expected size (%llu bytes at 0x%llx in a file of %llu)",
				 (ull)table, (ull)h->e_phoff, (ull)img->file_size);
	return 0;
}

static int read_header(const struct elf_image *img, struct window *w, Elf64_Ehdr *h,
		       struct husk_error *e)
{
	const uint8_t *b;
	size_t len = img->file_size < sizeof *h ? (size_t)img->file_size : sizeof *h;

	b = window_at(img, w, 0, len, e);
	if (b == NULL || check_magic(img, b, e) != 0 || check_class(b, e) != 0)
		return -1;
	if (translate(h, b, sizeof *h, ELF_T_EHDR, e) != 0)
		return -1;
	return check_header(img, h, e);
}

/* ---- notes ---- */

static int note_outside(const struct elf_image *img, unsigned i, uint64_t offset, uint64_t len,
			struct husk_error *e)
{
	return husk_fail(e, HUSK_E_IMAGE, INVALID "phdr[%u] note does not fall within valid size "
			 "(%llu bytes at 0x%llx in a file of %llu)", i, (ull)len, (ull)offset,
			 (ull)img->file_size);
}

static int check_note_size(const Elf64_Phdr *p, unsigned i, const struct note_kind *k,
			   uint32_t descsz, struct husk_error *e)
{
	if (descsz < 1 || descsz > k->descsz_max)
		return husk_fail(e, HUSK_E_IMAGE, INVALID "phdr[%u] note does not fall within "
				 "valid size (%u < 1 || %u > %u)", i, descsz, descsz,
				 k->descsz_max);
	if (p->p_filesz < ELF_ABI_NOTE_HEADER_SIZE + descsz)
		return husk_fail(e, HUSK_E_IMAGE, INVALID "phdr[%u] note does not fall within "
				 "valid size (%llu < %u)", i, (ull)p->p_filesz,
				 ELF_ABI_NOTE_HEADER_SIZE + descsz);
	if (descsz < k->pad + k->payload_min)
		return husk_fail(e, HUSK_E_IMAGE, INVALID "phdr[%u] note does not fall within "
				 "valid size (%u < %u)", i, descsz, k->pad + k->payload_min);
	return 0;
}

/* What kind the note at b is, NULL if it is not ours or not the first of its kind. */
static const struct note_kind *note_wanted(const struct elf_image *img, const Elf64_Nhdr *n,
					   const uint8_t *owner)
{
	if (n->n_namesz != sizeof ELF_ABI_NOTE_OWNER ||
	    memcmp(owner, ELF_ABI_NOTE_OWNER, sizeof ELF_ABI_NOTE_OWNER) != 0)
		return NULL;
	if (n->n_type == note_abi.type && !img->has_abi)
		return &note_abi;
	if (n->n_type == note_manifest.type && !img->has_manifest)
		return &note_manifest;
	return NULL;
}

static int keep_note(struct elf_image *img, const struct note_kind *k, const uint8_t *payload,
		     uint32_t len, struct husk_error *e)
{
	if (k == &note_manifest) {
		img->has_manifest = true;
		return manifest_parse(&img->manifest, payload, len, e);
	}
	img->has_abi = true;
	return translate(&img->abi, payload, sizeof img->abi, ELF_T_WORD, e);
}

/* Only the first record of each PT_NOTE counts, and only until both notes are found. */
static int read_note(struct elf_image *img, struct window *w, const Elf64_Phdr *p, unsigned i,
		     struct husk_error *e)
{
	const struct note_kind *k;
	const uint8_t *b;
	Elf64_Nhdr n;

	if (img->has_abi && img->has_manifest)
		return 0;
	if (p->p_filesz < sizeof n)
		return husk_fail(e, HUSK_E_IMAGE, INVALID "phdr[%u].p_filesz note does not fall "
				 "within valid size (%llu < %zu)", i, (ull)p->p_filesz, sizeof n);
	if (p->p_filesz < ELF_ABI_NOTE_HEADER_SIZE)
		return 0;
	if (!in_file(img, p->p_offset, ELF_ABI_NOTE_HEADER_SIZE))
		return note_outside(img, i, p->p_offset, ELF_ABI_NOTE_HEADER_SIZE, e);
	b = window_at(img, w, p->p_offset, ELF_ABI_NOTE_HEADER_SIZE, e);
	if (b == NULL || translate(&n, b, sizeof n, ELF_T_WORD, e) != 0)
		return -1;
	k = note_wanted(img, &n, b + sizeof n);
	if (k == NULL)
		return 0;
	if (check_note_size(p, i, k, n.n_descsz, e) != 0)
		return -1;
	if (!in_file(img, p->p_offset, ELF_ABI_NOTE_HEADER_SIZE + n.n_descsz))
		return note_outside(img, i, p->p_offset, ELF_ABI_NOTE_HEADER_SIZE + n.n_descsz, e);
	b = window_at(img, w, p->p_offset, ELF_ABI_NOTE_HEADER_SIZE + n.n_descsz, e);
	if (b == NULL)
		return -1;
	return keep_note(img, k, b + ELF_ABI_NOTE_HEADER_SIZE + k->pad, n.n_descsz - k->pad, e);
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
	if (!in_file(img, s->offset, s->filesz))
		return husk_fail(e, HUSK_E_IMAGE, "phdr[%u] host file segment mismatched (%llu "
				 "bytes at 0x%llx in a file of %llu)", s->index, (ull)s->filesz,
				 (ull)s->offset, (ull)img->file_size);
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
	if (p->p_filesz == 0)
		return 0;
	if (img->n_segments == ELF_SEGMENTS_MAX)
		return husk_fail(e, HUSK_E_IMAGE, INVALID "phdr[%u] is one segment too many, the "
				 "maximum is %d", i, ELF_SEGMENTS_MAX);
	if (segment_range(&s, p, i, e) != 0 || check_segment(img, &s, e) != 0)
		return -1;
	img->segments[img->n_segments++] = s;
	return 0;
}

/* ---- the image as a whole ---- */

static int read_program_headers(struct elf_image *img, struct windows *w, const Elf64_Ehdr *h,
				struct husk_error *e)
{
	unsigned i;

	for (i = 0; i < h->e_phnum; i++) {
		const uint8_t *b = window_at(img, &w->headers, h->e_phoff + i * sizeof(Elf64_Phdr),
					     sizeof(Elf64_Phdr), e);
		Elf64_Phdr p;

		if (b == NULL || translate(&p, b, sizeof p, ELF_T_PHDR, e) != 0)
			return -1;
		if (p.p_type == PT_LOAD && add_segment(img, &p, i, e) != 0)
			return -1;
		if (p.p_type == PT_NOTE && read_note(img, &w->notes, &p, i, e) != 0)
			return -1;
	}
	return 0;
}

static int open_file(struct elf_image *img, const char *path, struct husk_error *e)
{
	struct stat st;

	/* Without O_NONBLOCK, opening a named pipe would wait for its other end. */
	img->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (img->fd < 0)
		return husk_fail_sys(e, errno, "Could not open");
	if (fstat(img->fd, &st) != 0)
		return husk_fail_sys(e, errno, "Could not read its size");
	if (S_ISDIR(st.st_mode))
		return husk_fail(e, HUSK_E_IMAGE, INVALID "this is a directory: "
				 "name the unikernel image in it");
	if (!S_ISREG(st.st_mode))
		return husk_fail(e, HUSK_E_IMAGE, INVALID "this is not a regular file");
	img->file_size = (uint64_t)st.st_size;
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

static int read_image(struct elf_image *img, const char *path, struct husk_error *e)
{
	struct windows *w;
	int rc;

	if (open_file(img, path, e) != 0)
		return -1;
	w = malloc(sizeof *w);
	if (w == NULL)
		return husk_fail_sys(e, errno, "Could not read");
	rc = read_headers(img, w, e);
	free(w);
	return rc;
}

int elf_open(struct elf_image *img, const char *path, struct husk_error *e)
{
	memset(img, 0, sizeof *img);
	img->fd = -1;
	img->name = strdup(path);
	if (img->name == NULL)
		return husk_fail_sys(e, errno, NAME_FORMAT, path);
	if (read_image(img, path, e) == 0)
		return 0;
	husk_wrap(e, NAME_FORMAT, path);
	elf_close(img);
	return -1;
}

void elf_close(struct elf_image *img)
{
	/* A zeroed image, which nobody opened, has no name and does not own descriptor 0. */
	if (img->name != NULL && img->fd >= 0)
		close(img->fd);
	free(img->name);
	img->name = NULL;
	img->fd = -1;
}

static const char *machine_name(unsigned machine)
{
	switch (machine) {
	case EM_X86_64:
		return "x86_64";
	case EM_AARCH64:
		return "aarch64";
	default:
		return "another machine";
	}
}

static int check_purpose(const struct elf_image *img, uint16_t machine, struct husk_error *e)
{
	if (img->machine != machine)
		return husk_fail(e, HUSK_E_IMAGE, INVALID "built for %s (e_machine is %u), but "
				 "this host runs %s: rebuild it for that",
				 machine_name(img->machine), img->machine, machine_name(machine));
	if (!img->has_abi)
		return husk_fail(e, HUSK_E_IMAGE, "No Solo5 ABI information found in executable: "
				 "is it a unikernel?");
	if (img->abi.target != HVT_ABI_TARGET)
		return husk_fail(e, HUSK_E_IMAGE, "Executable is not for the solo5-hvt target, but "
				 "for %s: build it for hvt", elf_target_name(img->abi.target));
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
	if (s->end < HVT_MEM_MAX)
		husk_hint(e, "give it more than %llu MiB", (ull)(s->end / MIB));
	return -1;
}

static int check_places(const struct elf_image *img, uint64_t mem_size, struct husk_error *e)
{
	size_t i;

	if (img->n_segments == 0)
		return husk_fail(e, HUSK_E_IMAGE, INVALID "there is nothing to load");
	for (i = 0; i < img->n_segments; i++) {
		if (check_place(&img->segments[i], mem_size, e) != 0)
			return -1;
	}
	if (img->entry < HVT_GUEST_MIN_BASE || img->entry >= mem_size)
		return husk_fail(e, HUSK_E_IMAGE, INVALID "e_entry does not fall within the memory "
				 "allocation range (0x%llx is not in 0x%x-0x%llx)",
				 (ull)img->entry, HVT_GUEST_MIN_BASE, (ull)mem_size);
	return 0;
}

int elf_fit(const struct elf_image *img, uint64_t mem_size, struct husk_error *e)
{
	return named(img, check_places(img, mem_size, e), e);
}

static int load_segment(const struct elf_image *img, const struct elf_segment *s,
			struct memory *m, struct husk_error *e)
{
	struct iovec iov;
	ssize_t n;

	if (memory_place_span(m, s->vaddr, s->filesz, &iov, e) != 0)
		return -1;
	n = read_fully(img->fd, iov.iov_base, iov.iov_len, s->offset);
	if (n < 0)
		return husk_fail_sys(e, errno, "Could not read phdr[%u]", s->index);
	if ((size_t)n != iov.iov_len)
		return husk_fail(e, HUSK_E_IMAGE, "phdr[%u] host file segment mismatched (%zd != "
				 "%zu): the file became shorter", s->index, n, iov.iov_len);
	/* Writable data is what undeclared memory is. */
	if (s->prot & MEMORY_W)
		return 0;
	return memory_declare(m, s->start, s->end - 1, s->prot, "image segment", e);
}

int elf_load(const struct elf_image *img, struct memory *m, struct husk_error *e)
{
	size_t i;

	for (i = 0; i < img->n_segments; i++) {
		if (load_segment(img, &img->segments[i], m, e) != 0)
			return named(img, -1, e);
	}
	return 0;
}

uint64_t elf_kernel_end(const struct elf_image *img)
{
	return img->n_segments == 0 ? 0 : img->segments[img->n_segments - 1].end;
}

const char *elf_target_name(uint32_t target)
{
	switch (target) {
	case ELF_ABI_HVT:
		return "hvt";
	case ELF_ABI_SPT:
		return "spt";
	case ELF_ABI_VIRTIO:
		return "virtio";
	case ELF_ABI_MUEN:
		return "muen";
	case ELF_ABI_GENODE:
		return "genode";
	case ELF_ABI_XEN:
		return "xen";
	default:
		return "unknown";
	}
}
