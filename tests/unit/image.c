/* SPDX-License-Identifier: ISC */
/* image.c: builds ELF images for tests, byte by byte. */
#include "image.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../include/elf_abi.h"
#include "../../include/mft_abi.h"

#define PAGE 0x1000u

static void must(int ok, const char *what)
{
	if (!ok) {
		perror(what);
		abort();
	}
}

size_t image_append(struct image *i, const void *bytes, size_t len, size_t align)
{
	size_t at = (i->size + align - 1) / align * align;
	uint8_t *grown = realloc(i->bytes, at + len + 1);

	must(grown != NULL, "realloc");
	memset(grown + i->size, 0, at - i->size);
	if (len > 0)
		memcpy(grown + at, bytes, len);
	i->bytes = grown;
	i->size = at + len;
	return at;
}

void image_init(struct image *i, uint16_t machine)
{
	static const uint8_t zeros[sizeof(Elf64_Ehdr) + sizeof i->phdr];

	memset(i, 0, sizeof *i);
	memcpy(i->ehdr.e_ident, ELFMAG, SELFMAG);
	i->ehdr.e_ident[EI_CLASS] = ELFCLASS64;
	i->ehdr.e_ident[EI_DATA] = ELFDATA2LSB;
	i->ehdr.e_ident[EI_VERSION] = EV_CURRENT;
	i->ehdr.e_type = ET_EXEC;
	i->ehdr.e_machine = machine;
	i->ehdr.e_version = EV_CURRENT;
	i->ehdr.e_entry = IMAGE_TEXT_GPA;
	i->ehdr.e_phoff = sizeof i->ehdr;
	i->ehdr.e_ehsize = sizeof i->ehdr;
	i->ehdr.e_phentsize = sizeof i->phdr[0];
	image_append(i, zeros, sizeof zeros, 1);
}

void image_free(struct image *i)
{
	if (i->path[0] != '\0')
		unlink(i->path);
	free(i->bytes);
	memset(i, 0, sizeof *i);
}

Elf64_Phdr *image_phdr(struct image *i, uint32_t type)
{
	Elf64_Phdr *p;

	must(i->n_phdrs < IMAGE_PHDRS_MAX, "image_phdr: too many");
	p = &i->phdr[i->n_phdrs++];
	p->p_type = type;
	i->ehdr.e_phnum++;
	return p;
}

Elf64_Phdr *image_segment(struct image *i, uint64_t vaddr, uint32_t flags, const void *bytes,
			  size_t len)
{
	Elf64_Phdr *p = image_phdr(i, PT_LOAD);

	p->p_flags = flags;
	p->p_offset = image_append(i, bytes, len, PAGE);
	p->p_vaddr = p->p_paddr = vaddr;
	p->p_filesz = p->p_memsz = len;
	p->p_align = PAGE;
	return p;
}

Elf64_Phdr *image_note(struct image *i, const char *owner, uint32_t type, const void *desc,
		       uint32_t descsz)
{
	Elf64_Phdr *p = image_phdr(i, PT_NOTE);
	uint32_t namesz = (uint32_t)strlen(owner) + 1;
	Elf64_Nhdr n = {.n_namesz = namesz, .n_descsz = descsz, .n_type = type};
	char name[8] = "";

	must(n.n_namesz <= sizeof name, "image_note: owner too long");
	memcpy(name, owner, n.n_namesz);
	p->p_flags = PF_R;
	p->p_offset = image_append(i, &n, sizeof n, 4);
	image_append(i, name, sizeof name, 1);
	image_append(i, desc, descsz, 1);
	p->p_filesz = p->p_memsz = sizeof n + sizeof name + descsz;
	p->p_align = 4;
	return p;
}

Elf64_Phdr *image_abi(struct image *i, uint32_t target, uint32_t version)
{
	struct elf_abi_info abi = {.target = target, .version = version};

	return image_note(i, ELF_ABI_NOTE_OWNER, ELF_ABI_NOTE_ABI1, &abi, sizeof abi);
}

size_t image_manifest_payload(uint8_t *payload, const struct image_device *devices, unsigned n)
{
	struct mft_header header = {.version = MFT_VERSION, .entries = n + 1};
	struct mft_entry entry = {.type = MFT_RESERVED_FIRST};
	size_t len = sizeof header;
	unsigned k;

	must(n < MFT_MAX_ENTRIES, "image_manifest_payload: too many");
	memcpy(payload, &header, sizeof header);
	for (k = 0; k <= n; k++, len += sizeof entry) {
		memcpy(payload + len, &entry, sizeof entry);
		if (k == n)
			continue;
		memset(&entry, 0, sizeof entry);
		memcpy(entry.name, devices[k].name, strlen(devices[k].name));
		entry.type = devices[k].type;
	}
	return len;
}

Elf64_Phdr *image_manifest(struct image *i, const struct image_device *devices, unsigned n)
{
	uint8_t desc[ELF_ABI_NOTE_MFT1_PAD + sizeof(struct mft_header) +
		     MFT_MAX_ENTRIES * sizeof(struct mft_entry)] = {0};
	size_t len = image_manifest_payload(desc + ELF_ABI_NOTE_MFT1_PAD, devices, n);

	return image_note(i, ELF_ABI_NOTE_OWNER, ELF_ABI_NOTE_MFT1, desc,
			  (uint32_t)(ELF_ABI_NOTE_MFT1_PAD + len));
}

Elf64_Nhdr *image_nhdr(struct image *i, const Elf64_Phdr *p)
{
	return (Elf64_Nhdr *)(void *)(i->bytes + p->p_offset);
}

uint8_t *image_desc(struct image *i, const Elf64_Phdr *p)
{
	return i->bytes + p->p_offset + ELF_ABI_NOTE_HEADER_SIZE;
}

static void add_rodata(struct image *i)
{
	static const struct image_device net = {"service0", MFT_DEV_NET_BASIC};
	static const uint32_t zero;
	Elf64_Phdr *rodata = image_segment(i, IMAGE_RODATA_GPA, PF_R, "constant", 8);
	unsigned after_notes = i->n_phdrs;

	i->n_phdrs = IMAGE_OPENBSD;
	image_note(i, "OpenBSD", 1, &zero, sizeof zero);
	image_manifest(i, &net, 1);
	image_abi(i, ELF_ABI_HVT, 2);
	i->n_phdrs = after_notes;
	rodata->p_filesz = rodata->p_memsz = i->size - rodata->p_offset;
}

/* The shape of what Solo5's linker script makes. */
void image_good(struct image *i, uint16_t machine)
{
	uint8_t text[PAGE], data[IMAGE_DATA_SIZE];
	Elf64_Phdr *p;
	size_t k;

	memset(text, 0xf4, sizeof text);
	for (k = 0; k < sizeof data; k++)
		data[k] = (uint8_t)k;
	image_init(i, machine);
	image_segment(i, IMAGE_TEXT_GPA, PF_X, text, sizeof text);
	add_rodata(i);
	image_segment(i, IMAGE_DATA_GPA, PF_R | PF_W, data, sizeof data);
	p = image_phdr(i, PT_LOAD);
	p->p_flags = PF_R;
	p->p_align = PAGE;
	p = image_phdr(i, PT_LOAD);
	p->p_flags = PF_R | PF_W;
	p->p_offset = i->phdr[IMAGE_DATA].p_offset;
	p->p_vaddr = IMAGE_END;
	p->p_memsz = IMAGE_BSS_END - IMAGE_END;
	p->p_align = PAGE;
	i->n_phdrs = IMAGE_TLS;
	p = image_phdr(i, PT_TLS);
	p->p_memsz = 8;
	assert(i->n_phdrs == IMAGE_PHDRS && i->ehdr.e_phnum == IMAGE_PHDRS);
}

void image_finish(struct image *i)
{
	size_t table = i->n_phdrs * sizeof i->phdr[0];

	if (i->keep_bytes)
		return;
	if (i->size >= sizeof i->ehdr)
		memcpy(i->bytes, &i->ehdr, sizeof i->ehdr);
	if (i->size >= sizeof i->ehdr + table)
		memcpy(i->bytes + sizeof i->ehdr, i->phdr, table);
}

const char *image_write(struct image *i)
{
	const char *dir = getenv("TMPDIR");
	int fd;

	if (i->path[0] != '\0')
		unlink(i->path);
	if (dir == NULL || strlen(dir) > sizeof i->path - sizeof "/image.XXXXXX")
		dir = "/tmp";
	snprintf(i->path, sizeof i->path, "%s/image.XXXXXX", dir);
	fd = mkstemp(i->path);
	must(fd >= 0, i->path);
	must(write(fd, i->bytes, i->size) == (ssize_t)i->size, i->path);
	must(close(fd) == 0, i->path);
	return i->path;
}

const char *image_save(struct image *i)
{
	image_finish(i);
	return image_write(i);
}
