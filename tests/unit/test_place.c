/* SPDX-License-Identifier: ISC */
/* test_place.c: where a guest is, in words, by names of its image, of a copy of it, or without any. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../monitor/machine.h"
#include "../../monitor/unwind.h"
#include "expect.h"
#include "hv_fake.h"
#include "image.h"
#include "regs.h"

#define TEXT HVT_GUEST_MIN_BASE
#define DATA (TEXT + 0x1000u)
#define STACK (TEXT + 0x8000u)
#define ARG (TEXT + 0x9000u)
#define MAIN (TEXT + 0x100)
#define INNER (TEXT + 0x200)
#define STATUS_ABORT 255

extern const struct module module_core;
static const struct module *const mods[] = {&module_core, NULL};

struct fixture {
	struct husk *h;
	struct husk_error e;
	struct image image, copy;
	char said[8192];	/* lines of the place, or notices */
	char option[96];
};

/* ---- an image with two functions, or without names ---- */

static void add_symbols(struct image *i)
{
	static const char names[] = "\0main\0inner";
	const Elf64_Sym symbols[] = {
		{0},
		{.st_name = 1, .st_info = STB_GLOBAL << 4 | STT_FUNC, .st_shndx = 1, .st_value = MAIN,
		 .st_size = 0x80},
		{.st_name = 6, .st_info = STT_FUNC, .st_shndx = 1, .st_value = INNER, .st_size = 0x80},
	};
	Elf64_Shdr sections[3] = {
		{0},
		{.sh_type = SHT_SYMTAB, .sh_link = 2, .sh_entsize = sizeof symbols[0],
		 .sh_size = sizeof symbols},
		{.sh_type = SHT_STRTAB, .sh_size = sizeof names},
	};

	sections[1].sh_offset = image_append(i, symbols, sizeof symbols, 8);
	sections[2].sh_offset = image_append(i, names, sizeof names, 1);
	i->ehdr.e_shoff = image_append(i, sections, sizeof sections, 8);
	i->ehdr.e_shnum = 3;
	i->ehdr.e_shentsize = sizeof sections[0];
}

static void make_image(struct image *i, bool named)
{
	static const uint8_t bytes[0x1000];

	image_init(i, cpu_elf_machine);
	image_segment(i, TEXT, PF_R | PF_X, bytes, sizeof bytes);
	image_segment(i, DATA, PF_R | PF_W, bytes, sizeof bytes);
	image_manifest(i, NULL, 0);
	image_abi(i, ELF_ABI_HVT, 2);
	if (named)
		add_symbols(i);
	image_save(i);
}

static void say(void *ctx, const char *text)
{
	struct fixture *f = ctx;
	const size_t len = strlen(f->said);

	snprintf(f->said + len, sizeof f->said - len, "%s\n", text);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	const struct husk_config config = {.console_fd = -1, .notice = say, .notice_ctx = f};

	memset(&hv_fake_faults, 0, sizeof hv_fake_faults);
	f->h = machine_create(&config, &hv_fake_ops, mods, &f->e);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	husk_destroy(f->h);
	image_free(&f->image);
	image_free(&f->copy);
	free(f);
	return 0;
}

static void load(struct fixture *f, bool named)
{
	make_image(&f->image, named);
	assert_int_equal(husk_option(f->h, "--mem=4", &f->e), 0);
	if (husk_load(f->h, f->image.path, 0, NULL, &f->e) != 0)
		fail_msg("%s", f->e.message);
}

/* The guest is at pc, called from inside main, which nothing has called. */
static void put_guest(struct fixture *f, uint64_t pc)
{
	const uint64_t frame[] = {0, MAIN + 0x25};

	memcpy(f->h->core.hv->ram + STACK, frame, sizeof frame);
	f->h->core.hv->regs = regs_at(pc, STACK + 0x100, STACK);
	f->h->core.hv->ip = pc;
}

/* What husk_place says must have part, which may be a format of the image's path. */
static void expect_said(struct fixture *f, const char *part)
{
	if (strstr(f->said, part) == NULL)
		fail_msg("\"%s\" is not in:\n%s", part, f->said);
}

static void expect_path(struct fixture *f, const char *before, const char *path, const char *behind)
{
	char text[300];

	snprintf(text, sizeof text, "%s%s%s", before, path, behind);
	expect_said(f, text);
}

static void look(struct fixture *f)
{
	f->said[0] = '\0';
	husk_place(f->h, say, f);
}

/* ---- a guest that runs, or hangs ---- */

static void a_place_has_names_callers_registers_and_a_command(void **state)
{
	struct fixture *f = *state;

	load(f, true);
	put_guest(f, INNER + 0x1c);
	look(f);
	expect_said(f, "guest is at inner+0x1c (0x10021c)\ncalled from main+0x25 (0x100125)\nregisters: ");
	expect_said(f, "=0x10021c");
	expect_path(f, "lines of the source: addr2line -ipfe ", f->image.path, " 0x10021c 0x100124\n");
}

/* The command is one that can be given to a shell. */
static void a_path_with_a_space_is_one_word(void **state)
{
	struct fixture *f = *state;
	char odd[sizeof f->image.path];

	make_image(&f->image, true);
	snprintf(odd, sizeof odd, "%.50s a", f->image.path);
	assert_int_equal(rename(f->image.path, odd), 0);
	strcpy(f->image.path, odd);
	assert_int_equal(husk_option(f->h, "--mem=4", &f->e), 0);
	assert_int_equal(husk_load(f->h, odd, 0, NULL, &f->e), 0);
	put_guest(f, INNER + 0x1c);
	look(f);
	expect_path(f, "addr2line -ipfe '", odd, "' 0x10021c 0x100124\n");
}

static void what_has_no_name_has_an_address(void **state)
{
	struct fixture *f = *state;

	load(f, true);
	put_guest(f, TEXT + 0x700);
	look(f);
	expect_said(f, "guest is at 0x100700\ncalled from main+0x25 (0x100125)\n");
	put_guest(f, UINT64_MAX);
	look(f);
	expect_said(f, "guest is at 0xffffffffffffffff\n");
}

static void a_stripped_image_has_addresses_and_the_remedy(void **state)
{
	struct fixture *f = *state;

	load(f, false);
	put_guest(f, INNER + 0x1c);
	look(f);
	expect_said(f, "guest is at 0x10021c\ncalled from 0x100125\n");
	expect_path(f, "\n", f->image.path, " has no names for that; with a COPY that was not stripped: "
		    "--symbols=COPY, or addr2line -ipfe COPY 0x10021c 0x100124\n");
}

static void a_copy_gives_names_and_lines(void **state)
{
	struct fixture *f = *state;

	make_image(&f->copy, true);
	snprintf(f->option, sizeof f->option, "--symbols=%s", f->copy.path);
	assert_int_equal(husk_option(f->h, f->option, &f->e), 0);
	load(f, false);
	put_guest(f, INNER + 0x1c);
	look(f);
	expect_said(f, "guest is at inner+0x1c (0x10021c)\ncalled from main+0x25 (0x100125)\n");
	expect_path(f, "addr2line -ipfe ", f->copy.path, " 0x10021c 0x100124\n");
}

static void without_a_guest_or_registers_nothing_is_known(void **state)
{
	struct fixture *f = *state;
	struct hv_caps caps;

	look(f);
	assert_string_equal(f->said, "where the guest is is not known\n");
	load(f, true);
	caps = *f->h->core.caps;
	caps.registers = NULL;
	f->h->core.caps = &caps;
	look(f);
	assert_string_equal(f->said, "where the guest is is not known\n");
}

/* ---- an image that is written over while the guest runs ---- */

static void write_over(const struct image *i)
{
	const int fd = open(i->path, O_WRONLY | O_CLOEXEC);
	const struct timespec other[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};

	assert_int_equal(write(fd, i->bytes, i->size), i->size);
	assert_int_equal(futimens(fd, other), 0);
	close(fd);
}

static void an_image_that_has_changed_has_no_names(void **state)
{
	struct fixture *f = *state;

	load(f, true);
	put_guest(f, INNER + 0x1c);
	look(f);
	expect_said(f, "guest is at inner+0x1c");
	write_over(&f->image);
	look(f);
	expect_said(f, "guest is at 0x10021c\ncalled from 0x100125\n");
	expect_path(f, "\n", f->image.path, " has changed since the guest was loaded: its names are not "
		    "the guest's\n");
	assert_null(strstr(f->said, "addr2line"));
}

/* As a linker and install(1) do it: the guest's image is still there, if without a path. */
static void an_image_that_was_replaced_has_its_names(void **state)
{
	struct fixture *f = *state;

	load(f, true);
	put_guest(f, INNER + 0x1c);
	make_image(&f->copy, false);
	assert_int_equal(rename(f->copy.path, f->image.path), 0);
	look(f);
	expect_said(f, "guest is at inner+0x1c (0x10021c)\n");
}

/* ---- failures ---- */

/* Here and below a script goes on behind an end. */
static void fault(struct fixture *f)
{
	int status;

	f->h->ended = false;
	hv_fake_exit(f->h->core.hv, &(struct hv_exit){.kind = HV_EXIT_FAULT, .fault = {true, TEXT}});
	assert_int_equal(husk_run(f->h, &status, &f->e), HUSK_FAILED);
}

static void a_failure_names_its_function_and_the_command(void **state)
{
	struct fixture *f = *state;

	load(f, true);
	put_guest(f, INNER + 0x1c);
	fault(f);
	assert_error(&f->e, HUSK_E_GUEST, "in inner+0x1c; addr2line -ife ");
	assert_error(&f->e, HUSK_E_GUEST, f->image.path);
	assert_error(&f->e, HUSK_E_GUEST, " 0x10021c");
	put_guest(f, TEXT + 0x700);
	fault(f);
	assert_null(strstr(f->e.message, "addr2line"));
	write_over(&f->image);
	fault(f);
	assert_error(&f->e, HUSK_E_GUEST, "has changed since the guest was loaded");
}

static void a_failure_of_the_hosts_has_no_place(void **state)
{
	struct fixture *f = *state;
	int status;

	load(f, true);
	put_guest(f, INNER + 0x1c);
	hv_fake_refuse(f->h->core.hv, 5);
	assert_int_equal(husk_run(f->h, &status, &f->e), HUSK_FAILED);
	assert_null(strstr(f->e.message, "addr2line"));
}

/* ---- exceptions ---- */

static void halt(struct fixture *f, int status, uint64_t cookie)
{
	const struct hvt_halt rq = {.exit_status = status, .cookie = cookie};
	int got;

	memcpy(f->h->core.hv->ram + ARG, &rq, sizeof rq);
	hv_fake_hypercall(f->h->core.hv, HVT_HYPERCALL_HALT, ARG);
	f->said[0] = '\0';
	f->h->ended = false;
	assert_int_equal(husk_run(f->h, &got, &f->e), HUSK_HALTED);
}

static void an_exception_is_told_by_what_the_guest_has_left(void **state)
{
	struct fixture *f = *state;

	load(f, true);
	put_trap_frame(f->h->core.hv->ram + DATA + 0x100, INNER + 0x1c, STACK);
	halt(f, STATUS_ABORT, DATA + 0x100);
	expect_said(f, "=0x10021c: in inner+0x1c; addr2line -ife ");
	expect_said(f, "guest ended by an exception at ");
}

/* Solo5's bindings on aarch64. */
static void an_exception_is_told_by_system_registers_where_the_guest_leaves_none(void **state)
{
	const struct cpu_system system = system_of_trap(INNER + 0x1c);
	struct fixture *f = *state;

	load(f, true);
	f->h->core.hv->system = system;
	halt(f, STATUS_ABORT, 0);
	if (unwind_needs_system)
		expect_said(f, "=0x10021c: in inner+0x1c; addr2line -ife ");
	else
		assert_string_equal(f->said, "");
}

/* A guest may leave anything: only a place in code is worth a line. */
static void what_makes_no_sense_is_not_told(void **state)
{
	struct fixture *f = *state;

	load(f, true);
	put_trap_frame(f->h->core.hv->ram + DATA + 0x100, DATA, 0);
	put_trap_frame(f->h->core.hv->ram + DATA + 0x400, MAIN, 0);
	f->h->core.hv->system = system_of_trap(DATA);
	halt(f, STATUS_ABORT, DATA + 0x100);
	assert_string_equal(f->said, "");
	halt(f, STATUS_ABORT, 0);
	assert_string_equal(f->said, "");
	halt(f, 7, DATA + 0x400);
	assert_string_equal(f->said, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_place_has_names_callers_registers_and_a_command),
		TEST(a_path_with_a_space_is_one_word),
		TEST(what_has_no_name_has_an_address),
		TEST(a_stripped_image_has_addresses_and_the_remedy),
		TEST(a_copy_gives_names_and_lines),
		TEST(without_a_guest_or_registers_nothing_is_known),
		TEST(an_image_that_has_changed_has_no_names),
		TEST(an_image_that_was_replaced_has_its_names),
		TEST(a_failure_names_its_function_and_the_command),
		TEST(a_failure_of_the_hosts_has_no_place),
		TEST(an_exception_is_told_by_what_the_guest_has_left),
		TEST(an_exception_is_told_by_system_registers_where_the_guest_leaves_none),
		TEST(what_makes_no_sense_is_not_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
