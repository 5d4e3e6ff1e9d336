/* SPDX-License-Identifier: ISC */
/* test_symbols.c: names of functions from symbol tables, good ones and such as lie. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "../../monitor/symbols.h"
#include "expect.h"
#include "image.h"

#define TEXT IMAGE_TEXT_GPA

/* ---- host calls that are made to fail ---- */

static unsigned calls, fail_at;

ssize_t __real_pread(int fd, void *buf, size_t len, off_t offset);
ssize_t __wrap_pread(int fd, void *buf, size_t len, off_t offset);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);

static bool fails_now(int error)
{
	errno = error;
	return ++calls == fail_at;
}

ssize_t __wrap_pread(int fd, void *buf, size_t len, off_t offset)
{
	return fails_now(EIO) ? -1 : __real_pread(fd, buf, len, offset);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails_now(ENOMEM) ? NULL : __real_calloc(n, size);
}

void *__wrap_malloc(size_t size)
{
	return fails_now(ENOMEM) ? NULL : __real_malloc(size);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
	return fails_now(ENOMEM) ? NULL : __real_reallocarray(p, n, size);
}

/* ---- an image with symbols ---- */

struct fixture {
	struct image file;
	struct elf_image img;
	Elf64_Shdr sections[3];		/* none, symbols, names */
	Elf64_Sym symbols[400];
	size_t n;
	char names[4096];
	size_t names_len;
	struct symbol_file from;
	struct symbols s;
};

static void add(struct fixture *f, const char *name, uint64_t at, uint64_t size, unsigned type,
		unsigned bind)
{
	f->symbols[f->n++] = (Elf64_Sym){
		.st_name = (Elf64_Word)f->names_len, .st_info = (unsigned char)(bind << 4 | type),
		.st_shndx = 1, .st_value = at, .st_size = size,
	};
	strcpy(f->names + f->names_len, name);
	f->names_len += strlen(name) + 1;
}

static void add_all(struct fixture *f)
{
	f->n = f->names_len = 1;
	add(f, "main", TEXT + 0x100, 0x80, STT_FUNC, STB_GLOBAL);
	add(f, "_start", TEXT, 0, STT_NOTYPE, STB_GLOBAL);
	add(f, "table", TEXT + 0x300, 0x10, STT_OBJECT, STB_GLOBAL);
	add(f, "helper", TEXT + 0x180, 0x40, STT_FUNC, STB_LOCAL);
	add(f, "alias", TEXT + 0x180, 0x40, STT_FUNC, STB_GLOBAL);
	add(f, "inner", TEXT + 0x110, 0x10, STT_FUNC, STB_LOCAL);
	add(f, "$x", TEXT + 0x100, 0, STT_NOTYPE, STB_LOCAL);
	add(f, "data", IMAGE_DATA_GPA, 8, STT_FUNC, STB_GLOBAL);
	add(f, "absolute", TEXT + 0x20, 0, STT_NOTYPE, STB_GLOBAL);
	f->symbols[f->n - 1].st_shndx = SHN_ABS;
	add(f, "camlStdlib__List__map_123", TEXT + 0x400, UINT64_MAX, STT_FUNC, STB_GLOBAL);
}

/* Puts table and names at the end of the file, and opens it. */
static void save(struct fixture *f)
{
	struct husk_error e;

	image_good(&f->file, EM_X86_64);
	f->sections[1] = (Elf64_Shdr){
		.sh_type = SHT_SYMTAB, .sh_link = 2, .sh_entsize = sizeof f->symbols[0],
		.sh_size = f->n * sizeof f->symbols[0],
		.sh_offset = image_append(&f->file, f->symbols, f->n * sizeof f->symbols[0], 8),
	};
	f->sections[2] = (Elf64_Shdr){
		.sh_type = SHT_STRTAB, .sh_size = f->names_len,
		.sh_offset = image_append(&f->file, f->names, f->names_len, 1),
	};
	f->file.ehdr.e_shoff = image_append(&f->file, f->sections, sizeof f->sections, 8);
	f->file.ehdr.e_shnum = 3;
	f->file.ehdr.e_shentsize = sizeof f->sections[0];
	assert_int_equal(elf_open(&f->img, image_save(&f->file), NULL, &e), 0);
	assert_int_equal(symbol_file_open(&f->from, &f->img, NULL, &e), 0);
}

/* The section headers again, after a change. */
static void change(struct fixture *f)
{
	memcpy(f->file.bytes + f->file.ehdr.e_shoff, f->sections, sizeof f->sections);
	image_save(&f->file);
	elf_close(&f->img);
	assert_int_equal(elf_open(&f->img, f->file.path, NULL, &(struct husk_error){0}), 0);
	symbol_file_close(&f->from);
	assert_int_equal(symbol_file_open(&f->from, &f->img, NULL, &(struct husk_error){0}), 0);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	calls = fail_at = 0;
	add_all(f);
	save(f);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	fail_at = 0;
	symbols_free(&f->s);
	symbol_file_close(&f->from);
	elf_close(&f->img);
	image_free(&f->file);
	free(f);
	return 0;
}

/* ---- what an address is called ---- */

static const struct {
	uint64_t at;
	const char *name;	/* NULL: none */
	uint64_t offset;
} places[] = {
	{TEXT - 1, NULL, 0}, {TEXT, "_start", 0}, {TEXT + 0xff, "_start", 0xff},
	{TEXT + 0x100, "main", 0}, {TEXT + 0x10f, "main", 0xf},
	{TEXT + 0x110, "inner", 0}, {TEXT + 0x11f, "inner", 0xf},
	{TEXT + 0x120, "main", 0x20}, {TEXT + 0x17f, "main", 0x7f},
	{TEXT + 0x180, "alias", 0}, {TEXT + 0x1bf, "alias", 0x3f},
	{TEXT + 0x1c0, NULL, 0}, {TEXT + 0x300, NULL, 0},
	{TEXT + 0x400, "Stdlib.List.map", 0}, {TEXT + 0xfff, "Stdlib.List.map", 0xbff},
	{TEXT + 0x1000, NULL, 0}, {IMAGE_DATA_GPA, NULL, 0}, {0, NULL, 0}, {UINT64_MAX, NULL, 0},
};
#define N_PLACES (sizeof places / sizeof places[0])

static void addresses_have_the_names_of_their_functions(void **state)
{
	struct fixture *f = *state;
	struct husk_error e;

	assert_int_equal(symbols_load(&f->s, &f->from, &e), 0);
	assert_int_equal(f->s.n, 5);
	for (size_t i = 0; i < N_PLACES; i++) {
		uint64_t offset = 0;
		const char *name = symbols_at(&f->s, places[i].at, &offset);

		if (places[i].name == NULL) {
			assert_null(name);
			continue;
		}
		assert_non_null(name);
		assert_string_equal(name, places[i].name);
		assert_int_equal(offset, places[i].offset);
	}
}

static void a_file_answers_as_the_table_in_memory_does(void **state)
{
	struct fixture *f = *state;
	struct symbol_query *q = calloc(N_PLACES, sizeof *q);
	struct husk_error e;

	for (size_t i = 0; i < N_PLACES; i++)
		q[i].addr = places[i].at;
	assert_int_equal(symbols_find(&f->from, q, N_PLACES, &e), 0);
	for (size_t i = 0; i < N_PLACES; i++) {
		assert_string_equal(q[i].name, places[i].name == NULL ? "" : places[i].name);
		if (places[i].name != NULL)
			assert_int_equal(q[i].addr - q[i].start, places[i].offset);
	}
	free(q);
}

static void names_of_ocaml_are_readable(void **state)
{
	static const struct { const char *symbol, *name; } cases[] = {
		{"camlStdlib__List__map_123", "Stdlib.List.map"},
		{"camlTcp.input_7", "Tcp.input"}, {"camlTcp__input_7", "Tcp.input"},
		{"camlDune__exe__Main__entry", "Dune.exe.Main.entry"},
		{"camlStdlib__$40_94", "Stdlib.@"}, {"camlA__f_12_34", "A.f_12"},
		{"camlA__$0a_1", "A.?"}, {"camlA__$4", "A.$4"}, {"camlA__", "A__"},
		{"caml_alloc_small", "caml_alloc_small"}, {"caml", "caml"}, {"", ""},
		{"_ZN4core3fmt5write17hE", "_ZN4core3fmt5write17hE"}, {"a\nb\177", "a?b?"},
		{"camlX_1", "X"}, {"camlA_", "A_"},
	};
	char name[SYMBOL_NAME_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		symbol_readable(cases[i].symbol, name, sizeof name);
		assert_string_equal(name, cases[i].name);
	}
	symbol_readable("0123456789", name, 4);
	assert_string_equal(name, "012");
	symbol_readable("camlAbcdef__ghi_1", name, 9);
	assert_string_equal(name, "Abcd");
	symbol_readable("abc", name, 1);
	assert_string_equal(name, "");
}

/* ---- tables that lie ---- */

static void expect_damaged(struct fixture *f, const char *text)
{
	struct symbol_query q = {.addr = TEXT + 0x100};
	struct husk_error e;

	change(f);
	assert_int_equal(symbols_load(&f->s, &f->from, &e), -1);
	assert_error(&e, HUSK_E_IMAGE, text);
	assert_int_equal(f->s.n, 0);
	assert_int_equal(symbols_find(&f->from, &q, 1, &e), -1);
	assert_error(&e, HUSK_E_IMAGE, text);
}

static void a_damaged_table_is_refused(void **state)
{
	struct fixture *f = *state;
	const Elf64_Shdr good[3] = {{0}, f->sections[1], f->sections[2]};

#define LIE(section, field, value, text) do { \
	memcpy(f->sections, good, sizeof good); \
	f->sections[section].field = (value); \
	expect_damaged(f, text); \
} while (0)
	LIE(1, sh_offset, UINT64_MAX, "its symbol table is damaged");
	LIE(1, sh_offset, f->file.size, "its symbol table is damaged");
	LIE(1, sh_size, UINT64_MAX, "its symbol table is damaged");
	LIE(1, sh_entsize, 0, "its symbol table is damaged");
	LIE(1, sh_entsize, 25, "its symbol table is damaged");
	LIE(1, sh_link, 3, "its symbols have no names");
	LIE(1, sh_link, 0, "its symbol table is damaged");
	LIE(1, sh_link, 1, "its symbol table is damaged");
	LIE(2, sh_size, UINT64_MAX, "its symbol table is damaged");
	LIE(2, sh_offset, UINT64_MAX - 5, "its symbol table is damaged");
	memcpy(f->sections, good, sizeof good);
	f->file.ehdr.e_shnum = 2000;
	f->sections[1].sh_type = SHT_NULL;
	expect_damaged(f, "lies outside the file");
}

static void names_outside_the_names_are_none(void **state)
{
	struct fixture *f = *state;
	struct symbol_query q = {.addr = TEXT + 0x100};
	struct husk_error e;
	uint64_t offset;

	f->sections[2].sh_size = 3;	/* "ma" */
	change(f);
	assert_int_equal(symbols_load(&f->s, &f->from, &e), 0);
	assert_int_equal(f->s.n, 1);
	assert_string_equal(symbols_at(&f->s, TEXT + 0x100, &offset), "ma");
	f->sections[2].sh_size = 0;
	change(f);
	symbols_free(&f->s);
	assert_int_equal(symbols_load(&f->s, &f->from, &e), 0);
	assert_int_equal(f->s.n, 0);
	assert_int_equal(symbols_find(&f->from, &q, 1, &e), 0);
	assert_string_equal(q.name, "");
}

static void an_image_without_a_table_has_no_names(void **state)
{
	struct fixture *f = *state;
	struct symbol_query q = {.addr = TEXT + 0x100};
	struct husk_error e;
	uint64_t offset;

	f->sections[1].sh_type = SHT_PROGBITS;
	for (unsigned i = 0; i < 2; i++) {
		change(f);
		assert_int_equal(symbols_load(&f->s, &f->from, &e), 0);
		assert_null(symbols_at(&f->s, TEXT + 0x100, &offset));
		assert_int_equal(symbols_find(&f->from, &q, 1, &e), 0);
		assert_string_equal(q.name, "");
		f->file.ehdr.e_shoff = 0;
	}
}

/* 2^18 functions and more, whose names are all the same bytes of the file. */
static void names_that_share_their_bytes_are_limited(void **state)
{
	struct fixture *f = *state;
	const size_t n = 0x40000 + 0x1000;
	Elf64_Sym *many = __real_calloc(n, sizeof *many);
	struct husk_error e;

	memset(f->names + 1, 'x', SYMBOL_NAME_MAX - 1);
	f->names[SYMBOL_NAME_MAX] = '\0';
	f->names_len = SYMBOL_NAME_MAX + 1;
	f->sections[2].sh_size = f->names_len;
	f->sections[1].sh_size = n * sizeof *many;
	for (size_t i = 0; i < n; i++)
		many[i] = (Elf64_Sym){
			.st_name = 1, .st_info = STB_GLOBAL << 4 | STT_FUNC, .st_shndx = 1,
			.st_value = TEXT + i, .st_size = 1,
		};
	f->sections[1].sh_offset = image_append(&f->file, many, n * sizeof *many, 8);
	f->sections[2].sh_offset = image_append(&f->file, f->names, f->names_len, 1);
	free(many);
	change(f);
	f->img.segments[0].memsz = n;
	assert_int_equal(symbols_load(&f->s, &f->from, &e), -1);
	assert_error(&e, HUSK_E_IMAGE, "names of symbols take 65 MiB, more than 64");
	assert_int_equal(f->s.n, 0);
	f->img.segments[0].memsz = n / 2;
	assert_int_equal(symbols_load(&f->s, &f->from, &e), 0);
	assert_int_equal(f->s.n, n / 2);
}

/* ---- other files ---- */

static void a_copy_that_was_not_stripped_gives_names(void **state)
{
	struct fixture *f = *state;
	struct husk_error e;
	uint64_t offset;

	assert_int_equal(symbol_file_open(&f->from, &f->img, f->file.path, &e), 0);
	elf_release(&f->img);
	assert_true(symbol_file_fd(&f->from) > 2);
	assert_int_equal(symbols_load(&f->s, &f->from, &e), 0);
	assert_string_equal(symbols_at(&f->s, TEXT + 0x100, &offset), "main");
}

static void a_copy_is_not_written_to_meanwhile(void **state)
{
	struct fixture *f = *state;
	const int other = open(f->file.path, O_RDONLY | O_CLOEXEC);
	struct husk_error e;

	assert_int_equal(symbol_file_open(&f->from, &f->img, f->file.path, &e), 0);
	assert_int_equal(flock(other, LOCK_SH | LOCK_NB), 0);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), -1);
	symbol_file_close(&f->from);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
	assert_int_equal(symbol_file_open(&f->from, &f->img, f->file.path, &e), -1);
	assert_error(&e, HUSK_E_USAGE, "another process writes it");
	close(other);
}

static void a_file_of_something_else_is_refused(void **state)
{
	struct fixture *f = *state;
	struct husk_error e;

	assert_int_equal(symbol_file_open(&f->from, &f->img, "/nonexistent", &e), -1);
	assert_error(&e, HUSK_E_HOST, "/nonexistent: could not open");
	assert_int_equal(symbol_file_open(&f->from, &f->img, "/dev/null", &e), -1);
	assert_error(&e, HUSK_E_IMAGE, "/dev/null: symbols are read from a regular file only");
	f->img.entry++;
	assert_int_equal(symbol_file_open(&f->from, &f->img, f->file.path, &e), -1);
	assert_error(&e, HUSK_E_IMAGE, "these are symbols of another image");
	f->file.bytes[1] = 'X';
	f->file.keep_bytes = true;
	image_save(&f->file);
	assert_int_equal(symbol_file_open(&f->from, &f->img, f->file.path, &e), -1);
	assert_error(&e, HUSK_E_IMAGE, "this is not an ELF file");
	assert_int_equal(symbol_file_fd(&f->from), -1);
}

/* ---- failures of the host ---- */

static void every_failure_of_the_host_is_told(void **state)
{
	struct fixture *f = *state;
	struct symbol_query q = {.addr = TEXT + 0x100};
	struct husk_error e;
	unsigned n = 0, failed = 0;
	int rc;

	do {
		calls = 0;
		fail_at = ++n;
		rc = symbols_load(&f->s, &f->from, &e);
		if (rc == -1)
			assert_int_equal(f->s.n, 0);
	} while (rc == -1);
	assert_true(n > 6);
	do {
		calls = 0;
		fail_at = ++failed;
		rc = symbols_find(&f->from, &q, 1, &e);
	} while (rc == -1);
	assert_true(failed > 4);
	fail_at = 0;
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(addresses_have_the_names_of_their_functions),
		TEST(a_file_answers_as_the_table_in_memory_does),
		TEST(names_of_ocaml_are_readable),
		TEST(a_damaged_table_is_refused),
		TEST(names_outside_the_names_are_none),
		TEST(names_that_share_their_bytes_are_limited),
		TEST(an_image_without_a_table_has_no_names),
		TEST(a_copy_that_was_not_stripped_gives_names),
		TEST(a_copy_is_not_written_to_meanwhile),
		TEST(a_file_of_something_else_is_refused),
		TEST(every_failure_of_the_host_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
