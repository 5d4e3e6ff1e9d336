/* SPDX-License-Identifier: ISC */
/* test_elf.c: image files, good ones and one lie at a time. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../include/hvt_abi.h"
#include "../../monitor/elf.h"
#include "expect.h"
#include "image.h"

/* ---- host calls, counted and made to fail ---- */

static struct {
	unsigned calls, fail_at;	/* the fail_at-th call fails, 0 = none */
	unsigned open, fstat, pread;	/* how often each was called */
	unsigned waits;			/* poll, read, recv */
	bool hiccups;			/* pread is interrupted or short as often as it may be */
	unsigned empty_from;		/* from this pread on the file has no bytes, 0 = never */
} host;

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __real_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st);
ssize_t __real_pread(int fd, void *buf, size_t len, off_t offset);
ssize_t __wrap_pread(int fd, void *buf, size_t len, off_t offset);

int __real_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);
ssize_t __real_read(int fd, void *buf, size_t len);
ssize_t __wrap_read(int fd, void *buf, size_t len);
ssize_t __real_recv(int fd, void *buf, size_t len, int flags);
ssize_t __wrap_recv(int fd, void *buf, size_t len, int flags);

static bool fails_now(void)
{
	errno = EIO;
	return ++host.calls == host.fail_at;
}

int __wrap_open(const char *path, int flags, ...)
{
	host.open++;
	assert_int_equal(flags & O_CREAT, 0);
	return fails_now() ? -1 : __real_open(path, flags);
}

int __wrap_fstat(int fd, struct stat *st)
{
	host.fstat++;
	return fails_now() ? -1 : __real_fstat(fd, st);
}

ssize_t __wrap_pread(int fd, void *buf, size_t len, off_t offset)
{
	host.pread++;
	if (fails_now())
		return -1;
	if (host.empty_from != 0 && host.pread >= host.empty_from) {
		errno = EINTR;	/* of an earlier call: it means nothing now */
		return 0;
	}
	if (host.hiccups && host.pread % 2 == 1) {
		errno = EINTR;
		return -1;
	}
	return __real_pread(fd, buf, host.hiccups && len > 100 ? 100 : len, offset);
}

static bool hiccup(int error)
{
	errno = error;
	return host.hiccups && host.waits % 5 % 2 == 1 && host.waits % 5 < 4;
}

int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	host.waits++;
	return fails_now() || hiccup(EINTR) ? -1 : __real_poll(fds, n, timeout);
}

ssize_t __wrap_read(int fd, void *buf, size_t len)
{
	host.waits++;
	if (fails_now() || hiccup(EAGAIN))
		return -1;
	return __real_read(fd, buf, host.hiccups && len > 100 ? 100 : len);
}

ssize_t __wrap_recv(int fd, void *buf, size_t len, int flags)
{
	host.waits++;
	assert_int_equal(flags, MSG_DONTWAIT);
	return fails_now() || hiccup(EAGAIN) ? -1 : __real_recv(fd, buf, len, flags);
}

/* ---- one run of an image, as far as it gets ---- */

enum step { OPEN, REQUIRE, FIT, LOAD, FIT_DATA, DONE };	/* the last one is --check's */

struct run {
	enum step failed;	/* DONE if nothing did */
	struct elf_image img;
	struct memory m;
	struct husk_error e;
};

/* Memory is exactly as big as said, so that the address sanitizer sees what is beyond. */
static void run_image(struct run *r, struct image *i, uint64_t mem_size)
{
	void *base = calloc(1, mem_size);

	memset(r, 0, sizeof *r);
	assert_non_null(base);
	memory_init(&r->m, base, mem_size);
	if (elf_open(&r->img, image_save(i), NULL, &r->e) != 0)
		r->failed = OPEN;
	else if (elf_require(&r->img, EM_X86_64, &r->e) != 0)
		r->failed = REQUIRE;
	else if (elf_fit(&r->img, mem_size, &r->e) != 0)
		r->failed = FIT;
	else if (elf_load(&r->img, &r->m, NULL, &r->e) != 0)
		r->failed = LOAD;
	else if (elf_fit_data(&r->img, mem_size, &r->e) != 0)
		r->failed = FIT_DATA;
	else
		r->failed = DONE;
}

static void run_free(struct run *r)
{
	elf_close(&r->img);
	free(r->m.base);
}

static void assert_fails(struct image *i, uint64_t mem_size, enum step step, const char *message)
{
	struct run r;

	run_image(&r, i, mem_size);
	if (r.failed != step || strstr(r.e.message, message) == NULL)
		fail_msg("step %d: \"%s\", expected step %d and \"%s\"", r.failed, r.e.message,
			 step, message);
	assert_int_equal(r.e.kind, HUSK_E_IMAGE);
	assert_int_equal(r.e.sys, 0);
	assert_int_equal(strncmp(r.e.message, i->path, strlen(i->path)), 0);
	if (step == OPEN) {
		assert_int_equal(r.img.fd, -1);
		assert_null(r.img.name);
	}
	run_free(&r);
}

static void assert_runs(struct image *i, uint64_t mem_size)
{
	struct run r;

	run_image(&r, i, mem_size);
	if (r.failed != DONE)
		fail_msg("step %d: \"%s\"", r.failed, r.e.message);
	assert_int_equal(r.e.kind, HUSK_E_NONE);
	run_free(&r);
}

/* ---- elf_lies.h ---- */

struct lie {
	void (*tell)(struct image *i);
	enum step step;
	const char *message;
};

static void tell_the_lie(void **state)
{
	const struct lie *lie = *state;
	struct image i;

	image_good(&i, EM_X86_64);
	lie->tell(&i);
	assert_fails(&i, IMAGE_MEM, lie->step, lie->message);
	image_free(&i);
}

static void make_text(struct image *i, const char *text, size_t len)
{
	i->size = 0;
	image_append(i, text, len, 1);
}

/* Neighbours with different rights, so that none are one; more than image_phdr has room for. */
static void add_segments(struct image *i, unsigned n)
{
	static Elf64_Phdr many[IMAGE_PHDRS + ELF_SEGMENTS_MAX];

	memcpy(many, i->phdr, IMAGE_PHDRS * sizeof many[0]);
	for (unsigned k = 0; k < n; k++)
		many[IMAGE_PHDRS + k] = (Elf64_Phdr){
			.p_type = PT_LOAD, .p_flags = k % 2 == 0 ? PF_R : PF_X, .p_align = 0x1000,
			.p_vaddr = IMAGE_MEM + k * 0x1000, .p_filesz = 1, .p_memsz = 1,
			.p_offset = image_append(i, "x", 1, 0x1000),
		};
	i->ehdr.e_phnum = (Elf64_Half)(IMAGE_PHDRS + n);
	i->ehdr.e_phoff = image_append(i, many, i->ehdr.e_phnum * sizeof many[0], 8);
}

static void add_bad_abi(struct image *i, uint32_t descsz)
{
	uint8_t desc[64] = {1, 0, 0, 0, 2};

	i->phdr[IMAGE_ABI].p_type = PT_NULL;
	image_note(i, ELF_ABI_NOTE_OWNER, ELF_ABI_NOTE_ABI1, desc, descsz);
}

#define TEXT (&i->phdr[IMAGE_TEXT])
#define RODATA (&i->phdr[IMAGE_RODATA])
#define DATA (&i->phdr[IMAGE_DATA])
#define NOTE_MFT (&i->phdr[IMAGE_MANIFEST])
#define NOTE_ABI (&i->phdr[IMAGE_ABI])

#define CUT ": the file is cut short: copy it again"
#define BAD_NOTE "note does not fall within valid size "

static void tell_the_truth(void **state)
{
	const struct lie *truth = *state;
	struct image i;

	image_good(&i, EM_X86_64);
	truth->tell(&i);
	assert_runs(&i, IMAGE_MEM);
	image_free(&i);
}

static void move_program_headers(struct image *i, size_t align)
{
	image_finish(i);
	i->ehdr.e_phoff = image_append(i, i->phdr, IMAGE_PHDRS * sizeof i->phdr[0], align);
}

/* More headers than one read brings, the good image's ones last. */
static void make_many_headers(struct image *i)
{
	static Elf64_Phdr many[65535];

	memcpy(&many[65535 - IMAGE_PHDRS], i->phdr, IMAGE_PHDRS * sizeof many[0]);
	i->ehdr.e_phoff = image_append(i, many, sizeof many, 1);
	i->ehdr.e_phnum = 65535;
}

#define LIE(name_, step_, message_, ...) \
	static void tell_##name_(struct image *i) { __VA_ARGS__; } \
	static const struct lie lie_##name_ = {tell_##name_, step_, message_};
#define TRUTH(name_, ...) LIE(name_, DONE, "", __VA_ARGS__)
#include "elf_lies.h"
#undef LIE
#undef TRUTH

/* ---- what is read ---- */

static void a_good_image_is_understood(void **state)
{
	struct image i;
	struct run r;

	(void)state;
	image_good(&i, EM_X86_64);
	run_image(&r, &i, IMAGE_MEM);
	assert_int_equal(r.failed, DONE);
	assert_int_equal(r.img.machine, EM_X86_64);
	assert_int_equal(r.img.entry, IMAGE_TEXT_GPA);
	assert_int_equal(r.img.n_segments, 3);
	assert_int_equal(r.img.bss_end, IMAGE_BSS_END);
	assert_int_equal(elf_kernel_end(&r.img), IMAGE_END);
	assert_int_equal(r.img.file_size, i.size);
	assert_string_equal(r.img.name, i.path);
	assert_true(r.img.has_abi && r.img.has_manifest);
	assert_int_equal(r.img.abi.target, ELF_ABI_HVT);
	assert_int_equal(r.img.abi.version, 2);
	assert_int_equal(r.img.manifest.header.entries, 2);
	assert_int_equal(manifest_find(&r.img.manifest, "service0", MFT_DEV_NET_BASIC), 1);
	run_free(&r);
	image_free(&i);
}

static void segments_are_described(void **state)
{
	struct image i;
	struct run r;

	(void)state;
	image_good(&i, EM_X86_64);
	i.phdr[IMAGE_DATA].p_vaddr += 8;
	run_image(&r, &i, IMAGE_MEM);
	assert_int_equal(r.failed, DONE);
	assert_int_equal(r.img.segments[2].index, IMAGE_DATA);
	assert_int_equal(r.img.segments[2].vaddr, IMAGE_DATA_GPA + 8);
	assert_int_equal(r.img.segments[2].start, IMAGE_DATA_GPA);
	assert_int_equal(r.img.segments[2].end, IMAGE_END);
	assert_int_equal(r.img.segments[2].filesz, IMAGE_DATA_SIZE);
	assert_int_equal(r.img.segments[2].memsz, IMAGE_DATA_SIZE);
	assert_int_equal(r.img.segments[2].offset, i.phdr[IMAGE_DATA].p_offset);
	assert_int_equal(r.img.segments[2].prot, MEMORY_R | MEMORY_W);
	run_free(&r);
	image_free(&i);
}

static void bytes_arrive_and_the_rest_stays_zero(void **state)
{
	struct image i;
	struct run r;
	uint64_t at;

	(void)state;
	image_good(&i, EM_X86_64);
	i.phdr[IMAGE_DATA].p_memsz = 0x1000;
	run_image(&r, &i, IMAGE_MEM);
	assert_int_equal(r.failed, DONE);
	for (at = 0; at < IMAGE_TEXT_GPA; at++)
		assert_int_equal(r.m.base[at], 0);
	assert_memory_equal(r.m.base + IMAGE_TEXT_GPA, i.bytes + i.phdr[IMAGE_TEXT].p_offset,
			    0x1000);
	assert_memory_equal(r.m.base + IMAGE_RODATA_GPA, "constant", 8);
	for (at = 0; at < 0x1000; at++)
		assert_int_equal(r.m.base[IMAGE_DATA_GPA + at],
				 at < IMAGE_DATA_SIZE ? (uint8_t)at : 0);
	run_free(&r);
	image_free(&i);
}

static unsigned prot_at(const struct memory *m, uint64_t gpa)
{
	const struct memory_range *range = memory_range_at(m, gpa);

	return range == NULL ? 0 : range->prot;
}

static void what_is_not_plain_data_is_declared(void **state)
{
	struct image i;
	struct run r;

	(void)state;
	image_good(&i, EM_X86_64);
	run_image(&r, &i, IMAGE_MEM);
	assert_int_equal(r.failed, DONE);
	assert_int_equal(r.m.n_ranges, 2);
	assert_int_equal(prot_at(&r.m, IMAGE_TEXT_GPA - 1), 0);
	assert_int_equal(prot_at(&r.m, IMAGE_TEXT_GPA), MEMORY_R | MEMORY_X);
	assert_int_equal(prot_at(&r.m, IMAGE_RODATA_GPA - 1), MEMORY_R | MEMORY_X);
	assert_int_equal(prot_at(&r.m, IMAGE_RODATA_GPA), MEMORY_R);
	assert_int_equal(prot_at(&r.m, IMAGE_DATA_GPA - 1), MEMORY_R);
	assert_int_equal(prot_at(&r.m, IMAGE_DATA_GPA), 0);
	assert_string_equal(r.m.ranges[0].what, "image segment");
	run_free(&r);
	image_free(&i);
}

static void flags_become_protections(void **state)
{
	static const struct { uint32_t flags; unsigned prot; } wanted[] = {
		{0, MEMORY_R}, {PF_R, MEMORY_R}, {PF_X, MEMORY_R | MEMORY_X},
		{PF_R | PF_X, MEMORY_R | MEMORY_X}, {PF_W, MEMORY_W},
		{PF_R | PF_W, MEMORY_R | MEMORY_W}, {PF_R | 0xfffffff0, MEMORY_R},
	};
	struct image i;
	struct run r;
	size_t k;

	(void)state;
	for (k = 0; k < sizeof wanted / sizeof wanted[0]; k++) {
		image_good(&i, EM_X86_64);
		i.phdr[IMAGE_RODATA].p_flags = wanted[k].flags;
		run_image(&r, &i, IMAGE_MEM);
		assert_int_equal(r.failed, DONE);
		assert_int_equal(r.img.segments[1].prot, wanted[k].prot);
		assert_int_equal(prot_at(&r.m, IMAGE_RODATA_GPA),
				 wanted[k].prot & MEMORY_W ? 0 : wanted[k].prot);
		run_free(&r);
		image_free(&i);
	}
}

static void bss_end_saturates(void **state)
{
	struct image i;
	struct run r;

	(void)state;
	image_good(&i, EM_X86_64);
	i.phdr[IMAGE_BSS].p_memsz = UINT64_MAX;
	run_image(&r, &i, IMAGE_MEM);
	assert_int_equal(r.failed, FIT_DATA);
	assert_true(r.img.bss_end == UINT64_MAX);
	assert_true(elf_memory_needed(&r.img) == UINT64_MAX);
	assert_int_equal(elf_kernel_end(&r.img), IMAGE_END);
	run_free(&r);
	image_free(&i);
}

static void as_many_segments_as_can_be_are_loaded(void **state)
{
	const unsigned n = ELF_SEGMENTS_MAX - 3;
	struct image i;
	struct run r;

	(void)state;
	image_good(&i, EM_X86_64);
	add_segments(&i, n);
	run_image(&r, &i, IMAGE_MEM + n * 0x1000);
	assert_int_equal(r.failed, DONE);
	assert_int_equal(r.img.n_segments, ELF_SEGMENTS_MAX);
	for (unsigned k = 0; k < n; k++) {
		assert_int_equal(r.m.base[IMAGE_MEM + k * 0x1000], 'x');
		assert_int_equal(prot_at(&r.m, IMAGE_MEM + k * 0x1000),
				 k % 2 == 0 ? MEMORY_R : MEMORY_R | MEMORY_X);
	}
	run_free(&r);
	image_free(&i);
}

static void the_largest_manifest_fits_anywhere_in_a_page(void **state)
{
	struct image_device devices[MFT_MAX_ENTRIES - 1];
	static const uint8_t page[0x1000];
	char names[MFT_MAX_ENTRIES - 1][8];
	struct image i;
	struct run r;
	unsigned k;

	(void)state;
	for (k = 0; k < MFT_MAX_ENTRIES - 1; k++) {
		names[k][0] = 'd';
		names[k][1] = (char)('0' + k / 10);
		names[k][2] = (char)('0' + k % 10);
		names[k][3] = '\0';
		devices[k] = (struct image_device){names[k], MFT_DEV_BLOCK_BASIC};
	}
	for (k = 0; k < 3; k++) {
		image_good(&i, EM_X86_64);
		i.phdr[IMAGE_MANIFEST].p_type = PT_NULL;
		image_append(&i, "", 0, 0x1000);
		image_append(&i, page, (const size_t[]){0, 8, 0xffc}[k], 1);
		image_manifest(&i, devices, MFT_MAX_ENTRIES - 1);
		run_image(&r, &i, IMAGE_MEM);
		assert_int_equal(r.failed, DONE);
		assert_int_equal(manifest_find(&r.img.manifest, "d62", MFT_DEV_BLOCK_BASIC), 63);
		run_free(&r);
		image_free(&i);
	}
}

static void memory_may_end_with_the_image(void **state)
{
	struct image i;

	(void)state;
	image_good(&i, EM_X86_64);
	assert_runs(&i, IMAGE_MEM);
	assert_fails(&i, IMAGE_MEM - 0x1000, FIT_DATA, "its zero-filled data end at 0x103ca0");
	assert_fails(&i, IMAGE_END - 0x1000, FIT, "phdr[2] ends at 0x103000");
	assert_fails(&i, IMAGE_END - 1, FIT, "phdr[2] ends at 0x103000");
	image_free(&i);
}

static void a_large_p_align_takes_its_room(void **state)
{
	struct image i;

	(void)state;
	image_good(&i, EM_X86_64);
	i.phdr[IMAGE_TEXT].p_align = 0x100000;
	i.phdr[IMAGE_RODATA].p_type = i.phdr[IMAGE_DATA].p_type = PT_NULL;
	assert_runs(&i, 0x200000);
	assert_fails(&i, 0x200000 - 0x1000, FIT, "phdr[0] ends at 0x200000");
	image_free(&i);
}

static void a_segment_may_be_the_whole_file(void **state)
{
	struct image i;

	(void)state;
	image_good(&i, EM_X86_64);
	i.phdr[IMAGE_RODATA].p_type = i.phdr[IMAGE_DATA].p_type = PT_NULL;
	i.phdr[IMAGE_TEXT].p_offset = 0;
	i.phdr[IMAGE_TEXT].p_filesz = i.phdr[IMAGE_TEXT].p_memsz = i.size;
	assert_runs(&i, IMAGE_TEXT_GPA + 0x5000);
	i.phdr[IMAGE_TEXT].p_filesz = i.phdr[IMAGE_TEXT].p_memsz = i.size + 1;
	assert_fails(&i, IMAGE_TEXT_GPA + 0x5000, OPEN, "host file segment mismatched");
	image_free(&i);
}

static void no_remedy_is_given_where_there_is_none(void **state)
{
	static const uint64_t ends[] = {HVT_MEM_MAX - 0x1000, HVT_MEM_MAX, HVT_MEM_MAX + 0x1000};
	struct image i;
	struct run r;
	size_t k;

	(void)state;
	for (k = 0; k < sizeof ends / sizeof ends[0]; k++) {
		image_good(&i, EM_X86_64);
		i.phdr[IMAGE_DATA].p_vaddr = ends[k] - 0x1000;
		run_image(&r, &i, IMAGE_MEM);
		assert_int_equal(r.failed, FIT);
		assert_int_equal(strstr(r.e.message, "give it --mem=4096 or more") != NULL, k == 0);
		assert_int_equal(strstr(r.e.message, "give it") != NULL, k == 0);
		run_free(&r);
		image_free(&i);
	}
}

/* elf_fit was to be asked first; forgetting that is an error, and no write outside memory. */
static void an_image_is_not_loaded_into_too_little_memory(void **state)
{
	struct husk_error e = {0};
	struct elf_image img;
	struct memory m;
	struct image i;

	(void)state;
	image_good(&i, EM_X86_64);
	memory_init(&m, calloc(1, IMAGE_DATA_GPA), IMAGE_DATA_GPA);
	assert_int_equal(elf_open(&img, image_save(&i), NULL, &e), 0);
	assert_int_equal(elf_load(&img, &m, NULL, &e), -1);
	assert_int_equal(e.kind, HUSK_E_IMAGE);
	assert_non_null(strstr(e.message, "Invalid image access: gpa=0x102000, sz=288"));
	elf_close(&img);
	free(m.base);
	image_free(&i);
}

static void targets_have_names(void **state)
{
	static const char *const names[] = {"unknown", "hvt", "spt", "virtio", "muen", "genode",
					    "xen", "unknown"};
	uint32_t k;

	(void)state;
	for (k = 0; k < 8; k++)
		assert_string_equal(elf_target_name(k), names[k]);
	assert_string_equal(elf_target_name(UINT32_MAX), "unknown");
}

static void machines_have_names(void **state)
{
	(void)state;
	assert_string_equal(elf_machine_name(EM_X86_64), "x86_64");
	assert_string_equal(elf_machine_name(EM_AARCH64), "aarch64");
	assert_string_equal(elf_machine_name(EM_RISCV), "riscv");
	assert_string_equal(elf_machine_name(EM_NONE), "unknown");
	assert_string_equal(elf_machine_name(UINT16_MAX), "unknown");
}

/* ---- notes and files cut at every byte ---- */

static void a_note_segment_cut_at_any_byte_is_caught(void **state)
{
	const struct { enum image_phdr phdr; uint64_t whole; const char *missing; } notes[] = {
		{IMAGE_ABI, 36, "No Solo5 ABI information found"},
		{IMAGE_MANIFEST, 240, "No Solo5 manifest found"},
	};
	struct image i;
	uint64_t cut;
	size_t k;

	(void)state;
	for (k = 0; k < 2; k++) {
		image_good(&i, EM_X86_64);
		for (cut = 0; cut < notes[k].whole; cut++) {
			i.phdr[notes[k].phdr].p_filesz = cut;
			if (cut < 12)
				assert_fails(&i, IMAGE_MEM, OPEN, "].p_filesz " BAD_NOTE);
			else if (cut < 20)
				assert_fails(&i, IMAGE_MEM, REQUIRE, notes[k].missing);
			else
				assert_fails(&i, IMAGE_MEM, OPEN, "] " BAD_NOTE);
		}
		i.phdr[notes[k].phdr].p_filesz = cut;
		assert_runs(&i, IMAGE_MEM);
		image_free(&i);
	}
}

static void a_note_of_any_wrong_length_is_caught(void **state)
{
	struct image i;
	uint32_t descsz;

	(void)state;
	image_good(&i, EM_X86_64);
	for (descsz = 0; descsz < 300; descsz++) {
		image_nhdr(&i, &i.phdr[IMAGE_MANIFEST])->n_descsz = descsz;
		if (descsz < 5 || descsz > 220)
			assert_fails(&i, IMAGE_MEM, OPEN, BAD_NOTE);
		else if (descsz < 220)
			assert_fails(&i, IMAGE_MEM, OPEN, "Solo5 manifest is invalid");
		else
			assert_runs(&i, IMAGE_MEM);
	}
	image_free(&i);
}

static uint32_t wanted_of(struct image *i)
{
	uint32_t wanted;
	struct run r;

	run_image(&r, i, IMAGE_MEM);
	assert_int_equal(r.failed, DONE);
	wanted = elf_wanted(&r.img);
	run_free(&r);
	return wanted;
}

/* Of husk's own additions: the first note counts, and what has another version asks for nothing. */
static void the_note_of_what_is_wanted_is_read(void **state)
{
	uint32_t note[16] = {HUSK_NOTE_VERSION, 0x80000001, 0x77}, second[2] = {1, 2};
	struct image i;
	Elf64_Phdr *p;

	(void)state;
	image_good(&i, EM_X86_64);
	assert_int_equal(wanted_of(&i), 0);
	(void)image_note(&i, "Husk", 2, second, sizeof second);
	(void)image_note(&i, "Hus", HUSK_NOTE_TYPE, second, sizeof second);
	(void)image_note(&i, ELF_ABI_NOTE_OWNER, HUSK_NOTE_TYPE, second, sizeof second);
	assert_int_equal(wanted_of(&i), 0);
	p = image_note(&i, "Husk", HUSK_NOTE_TYPE, note, 8);
	(void)image_note(&i, "Husk", HUSK_NOTE_TYPE, second, sizeof second);
	assert_true(wanted_of(&i) == 0x80000001);
	image_desc(&i, p)[0] = 2;
	assert_int_equal(wanted_of(&i), 0);
	p->p_type = PT_NULL;
	assert_int_equal(wanted_of(&i), 2);
	i.phdr[i.n_phdrs - 1].p_filesz = 19;	/* what others do not look at does no harm */
	assert_int_equal(wanted_of(&i), 0);
	image_free(&i);
}

static void a_note_of_what_is_wanted_has_any_length_from_8_on(void **state)
{
	static const uint32_t note[100] = {HUSK_NOTE_VERSION, 1};
	struct image i;
	Elf64_Phdr *p;

	(void)state;
	image_good(&i, EM_X86_64);
	p = image_note(&i, "Husk", HUSK_NOTE_TYPE, note, sizeof note);
	for (uint32_t descsz = 0; descsz < sizeof note; descsz++) {
		image_nhdr(&i, p)->n_descsz = descsz;
		if (descsz < 8 || descsz > 256)
			assert_fails(&i, IMAGE_MEM, OPEN, BAD_NOTE);
		else
			assert_int_equal(wanted_of(&i), 1);
	}
	image_free(&i);
}

static void a_file_cut_at_any_byte_is_caught(void **state)
{
	struct image i;
	struct run r;

	(void)state;
	image_good(&i, EM_X86_64);
	image_finish(&i);
	while (i.size > 0) {
		i.size -= i.size > 0x3200 || i.size < 0x300 ? 1 : 0x40;
		run_image(&r, &i, IMAGE_MEM);
		assert_int_equal(r.failed, OPEN);
		assert_int_equal(r.e.kind, HUSK_E_IMAGE);
		run_free(&r);
	}
	image_free(&i);
}

/* Whatever one byte of the headers says, it is accepted or refused, and nothing breaks. */
static void no_single_byte_does_harm(void **state)
{
	static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff};
	struct image i;
	struct run r;
	size_t at, k;

	(void)state;
	image_good(&i, EM_X86_64);
	for (at = 0; at < sizeof i.ehdr + IMAGE_PHDRS * sizeof i.phdr[0]; at++) {
		uint8_t *byte = at < sizeof i.ehdr ? (uint8_t *)&i.ehdr + at :
			(uint8_t *)i.phdr + (at - sizeof i.ehdr);
		uint8_t good = *byte;

		for (k = 0; k < sizeof values; k++) {
			*byte = values[k];
			run_image(&r, &i, IMAGE_MEM);
			assert_true(r.failed == DONE || r.e.kind == HUSK_E_IMAGE);
			run_free(&r);
		}
		*byte = good;
	}
	image_free(&i);
}

/* ---- the host ---- */

static void a_missing_file_is_the_hosts(void **state)
{
	struct husk_error e = {0};
	struct elf_image img;

	(void)state;
	assert_int_equal(elf_open(&img, "/nonexistent/image.hvt", NULL, &e), -1);
	assert_int_equal(e.kind, HUSK_E_HOST);
	assert_int_equal(e.sys, ENOENT);
	assert_string_equal(e.message, "/nonexistent/image.hvt: Could not open: "
			    "No such file or directory");
	elf_close(&img);
}

static void assert_open_fails(const char *path, const char *message)
{
	int before = open_descriptors();
	struct husk_error e = {0};
	struct elf_image img;

	assert_int_equal(elf_open(&img, path, NULL, &e), -1);
	assert_int_equal(e.kind, HUSK_E_IMAGE);
	assert_non_null(strstr(e.message, message));
	assert_int_equal(open_descriptors(), before);
}

static void what_is_no_file_is_refused(void **state)
{
	char dir[] = "/tmp/image.XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_open_fails(dir, "invalid executable: this is a directory");
	assert_open_fails("/dev/null", "invalid executable: this is not a regular file, nor a pipe");
	rmdir(dir);
}

static void a_long_path_leaves_room_for_the_problem(void **state)
{
	struct husk_error e = {0};
	struct elf_image img;
	char path[3000];

	(void)state;
	memset(path, 'x', sizeof path);
	path[sizeof path - 1] = '\0';
	assert_int_equal(elf_open(&img, path, NULL, &e), -1);
	assert_non_null(strstr(e.message, ": Could not open: File name too long"));
}

/* ---- what comes through a pipe ---- */

/* A pipe that holds the image; *path names its end. */
static int pipe_with(struct image *i, char *path, size_t room)
{
	int ends[2];

	image_finish(i);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], i->bytes, i->size), (ssize_t)i->size);
	close(ends[1]);
	snprintf(path, room, "/dev/fd/%d", ends[0]);
	return ends[0];
}

static int socket_with(struct image *i, char *path, size_t room)
{
	int ends[2];

	image_finish(i);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(write(ends[1], i->bytes, i->size), (ssize_t)i->size);
	close(ends[1]);
	snprintf(path, room, "/proc/self/fd/%d", ends[0]);
	return ends[0];
}

/* Loads what path names as far as it gets, as run_image does. */
static void run_path(struct run *r, const char *path, const struct elf_stop *stop)
{
	void *base = calloc(1, IMAGE_MEM);

	memset(r, 0, sizeof *r);
	memory_init(&r->m, base, IMAGE_MEM);
	if (elf_open(&r->img, path, stop, &r->e) != 0)
		r->failed = OPEN;
	else if (elf_fit(&r->img, IMAGE_MEM, &r->e) != 0)
		r->failed = FIT;
	else
		r->failed = elf_load(&r->img, &r->m, stop, &r->e) == 0 ? DONE : LOAD;
}

static void assert_loaded(struct run *r, const struct image *i)
{
	if (r->failed != DONE)
		fail_msg("step %d: \"%s\"", r->failed, r->e.message);
	assert_int_equal(r->img.file_size, i->size);
	assert_memory_equal(r->m.base + IMAGE_TEXT_GPA, i->bytes + i->phdr[IMAGE_TEXT].p_offset,
			    0x1000);
	assert_memory_equal(r->m.base + IMAGE_DATA_GPA, i->bytes + i->phdr[IMAGE_DATA].p_offset,
			    IMAGE_DATA_SIZE);
	assert_non_null(r->img.bytes);
	elf_release(&r->img);
	assert_null(r->img.bytes);
	assert_int_equal(r->img.n_segments, 3);
	run_free(r);
}

static int (*const sources[])(struct image *, char *, size_t) = {pipe_with, socket_with};

/* Names of descriptors, which are Linux's. */
static void need_names(void)
{
	if (access("/proc/self/fd", F_OK) == -1) {
		print_message("# this host has no path for each descriptor\n");
		skip();
	}
}

static void an_image_may_come_through_a_pipe_or_a_socket(void **state)
{
	struct image i;
	struct run r;
	char path[40];

	(void)state;
	need_names();
	for (unsigned k = 0; k < 4; k++) {
		int fd;

		image_good(&i, EM_X86_64);
		fd = sources[k / 2](&i, path, sizeof path);
		memset(&host, 0, sizeof host);
		host.hiccups = k % 2;
		run_path(&r, path, NULL);
		assert_loaded(&r, &i);
		close(fd);
		image_free(&i);
	}
	memset(&host, 0, sizeof host);
}

static void a_pipe_cut_at_any_byte_is_caught(void **state)
{
	struct image i;
	struct run r;
	char path[40];
	int fd;

	(void)state;
	need_names();
	image_good(&i, EM_X86_64);
	image_finish(&i);
	while (i.size > 0) {
		i.size -= i.size > 0x3200 || i.size < 0x300 ? 1 : 0x40;
		fd = pipe_with(&i, path, sizeof path);
		run_path(&r, path, NULL);
		assert_int_equal(r.failed, OPEN);
		assert_int_equal(r.e.kind, HUSK_E_IMAGE);
		run_free(&r);
		close(fd);
	}
	image_free(&i);
}

static void every_host_call_of_a_pipe_may_fail(void **state)
{
	unsigned fail_at = 0;
	struct image i;
	struct run r;
	char path[40];

	(void)state;
	need_names();
	image_good(&i, EM_X86_64);
	for (unsigned k = 0; k < 2; k++) {
		int before = open_descriptors();

		fail_at = 0;
		do {
			int fd = sources[k](&i, path, sizeof path);

			memset(&host, 0, sizeof host);
			host.fail_at = ++fail_at;
			run_path(&r, path, NULL);
			run_free(&r);
			close(fd);
			assert_int_equal(open_descriptors(), before);
			if (r.failed == DONE)
				continue;
			assert_int_equal(r.e.kind, HUSK_E_HOST);
			assert_int_equal(r.e.sys, EIO);
		} while (r.failed != DONE);
		assert_in_range(fail_at, 6, 12);	/* open, fstat, pairs of poll and read */
	}
	memset(&host, 0, sizeof host);
	image_free(&i);
}

struct writer {
	const char *path;
	const struct image *image;
};

/* In pieces, with time between them. */
static void *write_slowly(void *arg)
{
	const struct writer *w = arg;
	int fd = open(w->path, O_WRONLY);

	for (size_t at = 0; at < w->image->size;) {
		size_t len = w->image->size - at < 5000 ? w->image->size - at : 5000;
		ssize_t n = write(fd, w->image->bytes + at, len);

		if (n <= 0)
			break;
		at += (size_t)n;
		usleep(10000);
	}
	close(fd);
	return NULL;
}

static void a_named_pipe_is_waited_for(void **state)
{
	char dir[] = "/tmp/image.XXXXXX", path[40];
	struct image i;
	struct writer w = {.path = path, .image = &i};
	pthread_t thread;
	struct run r;

	(void)state;
	image_good(&i, EM_X86_64);
	image_finish(&i);
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/pipe", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(pthread_create(&thread, NULL, write_slowly, &w), 0);
	run_path(&r, path, NULL);
	pthread_join(thread, NULL);
	assert_loaded(&r, &i);
	unlink(path);
	rmdir(dir);
	image_free(&i);
}

/* More than the first room, so that it grows; and no end but the stop's. */
static void what_is_no_image_is_not_read_to_its_end(void **state)
{
	char path[40], text[2000];
	struct husk_error e = {0};
	struct elf_image img;
	int ends[2];

	(void)state;
	memset(text, 'x', sizeof text);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], text, sizeof text), sizeof text);
	snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
	assert_int_equal(elf_open(&img, path, NULL, &e), -1);
	assert_non_null(strstr(e.message, "this is not an ELF file"));
	close(ends[0]);
	close(ends[1]);
}

static void a_large_image_comes_through_a_pipe(void **state)
{
	static const uint8_t fill[300000];
	char dir[] = "/tmp/image.XXXXXX", path[40];
	struct image i;
	struct writer w = {.path = path, .image = &i};
	pthread_t thread;
	struct run r;

	(void)state;
	image_good(&i, EM_X86_64);
	image_append(&i, fill, sizeof fill, 1);
	image_finish(&i);
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/pipe", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(pthread_create(&thread, NULL, write_slowly, &w), 0);
	run_path(&r, path, NULL);
	pthread_join(thread, NULL);
	assert_loaded(&r, &i);
	unlink(path);
	rmdir(dir);
	image_free(&i);
}

/* ---- stopping ---- */

static bool count_down(void *ctx)
{
	unsigned *left = ctx;

	return *left == 0 || --*left == 0;
}

static void a_stop_ends_the_wait_for_a_pipe(void **state)
{
	char dir[] = "/tmp/image.XXXXXX", path[40];
	unsigned left = 3;
	const struct elf_stop stop = {count_down, &left};
	struct husk_error e = {0};
	struct elf_image img;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/pipe", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(elf_open(&img, path, &stop, &e), -1);
	assert_int_equal(left, 0);
	assert_int_equal(e.kind, HUSK_E_HOST);
	assert_int_equal(e.sys, EINTR);
	assert_non_null(strstr(e.message, "/pipe: Stopped while it was read"));
	unlink(path);
	rmdir(dir);
}

/* A look before each MiB: 3 segments, one of them of 3 MiB and a byte. */
static void a_stop_ends_the_load(void **state)
{
	static const uint8_t fill[0x300001];
	const uint64_t size = IMAGE_MEM + 0x301000;
	unsigned looks;
	struct image i;

	(void)state;
	image_good(&i, EM_X86_64);
	i.phdr[IMAGE_BSS].p_type = PT_NULL;
	image_segment(&i, IMAGE_MEM, PF_R | PF_W, fill, sizeof fill);
	image_save(&i);
	for (looks = 1;; looks++) {
		unsigned left = looks;
		const struct elf_stop stop = {count_down, &left};
		struct husk_error e = {0};
		struct elf_image img;
		struct memory m;
		int rc;

		memory_init(&m, calloc(1, size), size);
		assert_int_equal(elf_open(&img, i.path, &stop, &e), 0);
		rc = elf_load(&img, &m, &stop, &e);
		elf_close(&img);
		free(m.base);
		if (rc == 0)
			break;
		assert_int_equal(e.sys, EINTR);
	}
	assert_int_equal(looks, 3 + 4 + 1);
	image_free(&i);
}

static void few_host_calls_are_made(void **state)
{
	struct image i;
	struct run r;

	(void)state;
	image_good(&i, EM_X86_64);
	memset(&host, 0, sizeof host);
	run_image(&r, &i, IMAGE_MEM);
	assert_int_equal(r.failed, DONE);
	assert_int_equal(host.open, 1);
	assert_int_equal(host.fstat, 1);
	assert_int_equal(host.pread, 1 + 1 + 3);	/* headers, notes, segments */
	run_free(&r);
	image_free(&i);
}

/* Fails each of the host calls that it takes to load the image. */
static void assert_all_failures(struct image *i, unsigned calls)
{
	int before = open_descriptors();
	unsigned fail_at;
	struct run r;

	for (fail_at = 1;; fail_at++) {
		memset(&host, 0, sizeof host);
		host.fail_at = fail_at;
		run_image(&r, i, IMAGE_MEM);
		run_free(&r);
		assert_int_equal(open_descriptors(), before);
		if (r.failed == DONE)
			break;
		assert_int_equal(r.e.kind, HUSK_E_HOST);
		assert_int_equal(r.e.sys, EIO);
		assert_non_null(strstr(r.e.message, ": Could not "));
		assert_null(strstr(r.e.message, "invalid executable"));
	}
	assert_int_equal(fail_at, calls + 1);
	memset(&host, 0, sizeof host);
}

static void every_host_call_may_fail(void **state)
{
	struct image i;

	(void)state;
	image_good(&i, EM_X86_64);
	assert_all_failures(&i, 7);
	move_program_headers(&i, 8);	/* to a page of their own */
	assert_all_failures(&i, 8);
	image_free(&i);
}

/* Its head and its body lie in different pages. */
static void a_note_may_need_a_read_of_its_own(void **state)
{
	static const uint8_t gap[0x3000];
	struct image i;
	size_t at;

	(void)state;
	image_good(&i, EM_X86_64);
	i.phdr[IMAGE_ABI].p_type = PT_NULL;
	at = i.phdr[IMAGE_RODATA].p_offset + 0x3000 - ELF_ABI_NOTE_HEADER_SIZE;
	image_append(&i, gap, at - i.size, 1);
	image_abi(&i, ELF_ABI_HVT, 2);
	assert_all_failures(&i, 9);
	image_free(&i);
}

static void interrupted_and_short_reads_are_completed(void **state)
{
	struct image i;

	(void)state;
	image_good(&i, EM_X86_64);
	memset(&host, 0, sizeof host);
	host.hiccups = true;
	assert_runs(&i, IMAGE_MEM);
	assert_true(host.pread > 100);
	memset(&host, 0, sizeof host);
	image_free(&i);
}

static void a_file_that_shrinks_while_it_is_read_is_caught(void **state)
{
	struct image i;
	unsigned k;

	(void)state;
	image_good(&i, EM_X86_64);
	for (k = 1; k <= 5; k++) {
		memset(&host, 0, sizeof host);
		host.empty_from = k;
		assert_fails(&i, IMAGE_MEM, k <= 2 ? OPEN : LOAD, "the file became shorter");
	}
	memset(&host, 0, sizeof host);
	image_free(&i);
}

static void a_file_cut_before_it_is_loaded_is_caught(void **state)
{
	struct husk_error e = {0};
	struct elf_image img;
	struct memory m;
	struct image i;

	(void)state;
	image_good(&i, EM_X86_64);
	memory_init(&m, calloc(1, IMAGE_END), IMAGE_END);
	assert_int_equal(elf_open(&img, image_save(&i), NULL, &e), 0);
	assert_int_equal(truncate(i.path, (off_t)i.size - 1), 0);
	assert_int_equal(elf_load(&img, &m, NULL, &e), -1);
	assert_int_equal(e.kind, HUSK_E_IMAGE);
	assert_non_null(strstr(e.message, "phdr[2] host file segment mismatched (287 != 288)"));
	elf_close(&img);
	free(m.base);
	image_free(&i);
}

static void a_full_range_table_fails_the_load(void **state)
{
	struct husk_error e = {0};
	struct elf_image img;
	struct memory m;
	struct image i;
	unsigned k;

	(void)state;
	image_good(&i, EM_X86_64);
	memory_init(&m, calloc(1, IMAGE_END), IMAGE_END);
	for (k = 0; k < MEMORY_RANGES_MAX; k++)
		assert_int_equal(memory_declare(&m, 2 * k, 2 * k, MEMORY_R, "x", &e), 0);
	assert_int_equal(elf_open(&img, image_save(&i), NULL, &e), 0);
	assert_int_equal(elf_load(&img, &m, NULL, &e), -1);
	assert_int_equal(e.kind, HUSK_E_IMAGE);
	assert_non_null(strstr(e.message, i.path));
	elf_close(&img);
	free(m.base);
	image_free(&i);
}

static void closing_twice_or_never_opened_does_nothing(void **state)
{
	int before = open_descriptors();
	struct elf_image never;
	struct husk_error e;
	struct image i;
	struct run r;

	(void)state;
	memset(&never, 0, sizeof never);
	elf_close(&never);
	assert_int_equal(open_descriptors(), before);
	image_good(&i, EM_X86_64);
	run_image(&r, &i, IMAGE_MEM);
	elf_release(&r.img);
	elf_release(&r.img);
	assert_int_equal(elf_kernel_end(&r.img), IMAGE_END);
	elf_close(&r.img);
	elf_close(&r.img);
	assert_int_equal(elf_kernel_end(&r.img), 0);
	assert_int_equal(elf_open(&never, "/nonexistent", NULL, &e), -1);
	elf_close(&never);
	run_free(&r);
	image_free(&i);
}

static void descriptor_0_is_as_good_as_any(void **state)
{
	int saved = dup(0);
	struct image i;
	struct run r;

	(void)state;
	image_good(&i, EM_X86_64);
	close(0);
	run_image(&r, &i, IMAGE_MEM);
	assert_int_equal(r.failed, DONE);
	assert_int_equal(r.img.fd, 0);
	run_free(&r);
	assert_int_equal(fcntl(0, F_GETFD), -1);
	if (saved >= 0) {
		assert_int_equal(dup2(saved, 0), 0);
		close(saved);
	}
	image_free(&i);
}

#define RUN(name_, how_) {#name_, how_, NULL, NULL, (void *)(uintptr_t)&lie_##name_},
#define LIE(name_, ...) RUN(name_, tell_the_lie)
#define TRUTH(name_, ...) RUN(name_, tell_the_truth)

int main(void)
{
	const struct CMUnitTest tests[] = {
#include "elf_lies.h"
		cmocka_unit_test(a_good_image_is_understood),
		cmocka_unit_test(segments_are_described),
		cmocka_unit_test(bytes_arrive_and_the_rest_stays_zero),
		cmocka_unit_test(what_is_not_plain_data_is_declared),
		cmocka_unit_test(flags_become_protections),
		cmocka_unit_test(bss_end_saturates),
		cmocka_unit_test(the_largest_manifest_fits_anywhere_in_a_page),
		cmocka_unit_test(memory_may_end_with_the_image),
		cmocka_unit_test(a_large_p_align_takes_its_room),
		cmocka_unit_test(a_segment_may_be_the_whole_file),
		cmocka_unit_test(no_remedy_is_given_where_there_is_none),
		cmocka_unit_test(an_image_is_not_loaded_into_too_little_memory),
		cmocka_unit_test(targets_have_names),
		cmocka_unit_test(a_note_segment_cut_at_any_byte_is_caught),
		cmocka_unit_test(a_note_of_any_wrong_length_is_caught),
		cmocka_unit_test(the_note_of_what_is_wanted_is_read),
		cmocka_unit_test(a_note_of_what_is_wanted_has_any_length_from_8_on),
		cmocka_unit_test(a_file_cut_at_any_byte_is_caught),
		cmocka_unit_test(no_single_byte_does_harm),
		cmocka_unit_test(a_missing_file_is_the_hosts),
		cmocka_unit_test(what_is_no_file_is_refused),
		cmocka_unit_test(a_long_path_leaves_room_for_the_problem),
		cmocka_unit_test(as_many_segments_as_can_be_are_loaded),
		cmocka_unit_test(machines_have_names),
		cmocka_unit_test(an_image_may_come_through_a_pipe_or_a_socket),
		cmocka_unit_test(a_pipe_cut_at_any_byte_is_caught),
		cmocka_unit_test(every_host_call_of_a_pipe_may_fail),
		cmocka_unit_test(a_named_pipe_is_waited_for),
		cmocka_unit_test(what_is_no_image_is_not_read_to_its_end),
		cmocka_unit_test(a_large_image_comes_through_a_pipe),
		cmocka_unit_test(a_stop_ends_the_wait_for_a_pipe),
		cmocka_unit_test(a_stop_ends_the_load),
		cmocka_unit_test(few_host_calls_are_made),
		cmocka_unit_test(every_host_call_may_fail),
		cmocka_unit_test(a_note_may_need_a_read_of_its_own),
		cmocka_unit_test(interrupted_and_short_reads_are_completed),
		cmocka_unit_test(a_file_that_shrinks_while_it_is_read_is_caught),
		cmocka_unit_test(a_file_cut_before_it_is_loaded_is_caught),
		cmocka_unit_test(a_full_range_table_fails_the_load),
		cmocka_unit_test(closing_twice_or_never_opened_does_nothing),
		cmocka_unit_test(descriptor_0_is_as_good_as_any),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
