/* SPDX-License-Identifier: ISC */
/* test_boot.c: what a guest finds in low memory. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../monitor/boot.h"
#include "expect.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])
#define LOW HVT_GUEST_MIN_BASE
#define MEMORY (2 * LOW)
#define INFO 0x10000u
#define INFO_SIZE 56u
#define HUSK (INFO + 256u)
#define HUSK_SIZE 40u
#define MFT (INFO + 512u)
#define ENTRY_SIZE 104u
#define CMDLINE_MAX 8191u

static bool no_memory;
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

/* What is in it is not zero by chance. */
void *__wrap_malloc(size_t size)
{
	void *p = no_memory ? NULL : __real_malloc(size);

	assert_int_not_equal(size, 0);
	return p == NULL ? NULL : memset(p, 0x5a, size);
}

struct fixture {
	uint8_t *ram;
	struct memory m;
	struct resource_space gpas;
	struct manifest mft;
	struct boot b;
	struct husk_error e;
	char *cmdline;
};

static void make_memory(struct fixture *f, uint64_t size)
{
	free(f->ram);
	f->ram = malloc(size > 0 ? size : 1);
	assert_non_null(f->ram);
	memset(f->ram, FILLER, size);
	memory_init(&f->m, f->ram, size);
}

static int set_up(void **state)
{
	static struct fixture f;

	f = (struct fixture){0};
	no_memory = false;
	make_memory(&f, MEMORY);
	assert_int_equal(resource_space_init(&f.gpas, 0, MEMORY - 1), RESOURCE_OK);
	f.mft.header = (struct mft_header){MFT_VERSION, 1};
	f.mft.entry[0].type = MFT_RESERVED_FIRST;
	f.b = (struct boot){.mem_size = 0x0102030405060708, .kernel_end = 0x1112131415161718,
			    .cycle_freq = 0x2122232425262728, .manifest = &f.mft, .cmdline = "words"};
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	free(f->ram);
	free(f->cmdline);
	return 0;
}

static void add_device(struct fixture *f, const char *name, uint32_t type)
{
	struct mft_entry *entry = &f->mft.entry[f->mft.header.entries++];

	memset(entry, 0xdd, sizeof *entry);
	memset(entry->name, 0, sizeof entry->name);
	snprintf(entry->name, sizeof entry->name, "%s", name);
	entry->type = type;
	entry->attached = 1;
}

static uint64_t word_at(const struct fixture *f, uint64_t gpa)
{
	uint64_t word = 0;

	for (unsigned i = 0; i < 8; i++)
		word |= (uint64_t)f->ram[gpa + i] << 8 * i;
	return word;
}

static void write_it(struct fixture *f)
{
	if (boot_write(&f->m, &f->b, &f->e) != 0)
		fail_msg("%s", f->e.message);
	assert_int_equal(f->e.kind, HUSK_E_NONE);
}

/* ---- boot info ---- */

static void all_56_bytes_are_written(void **state)
{
	struct fixture *f = *state;
	const uint64_t cmdline = MFT + 8 + ENTRY_SIZE;

	write_it(f);
	assert_true(word_at(f, INFO) == 0x0102030405060708);
	assert_true(word_at(f, INFO + 8) == 0x1112131415161718);
	assert_true(word_at(f, INFO + 16) == 0x2122232425262728);
	assert_true(word_at(f, INFO + 24) == cmdline);
	assert_true(word_at(f, INFO + 32) == MFT);
	assert_true(word_at(f, INFO + 40) == 0);	/* features of host and guest */
	assert_true(word_at(f, INFO + 48) == 0);	/* no network ring */
	assert_string_equal((const char *)f->ram + cmdline, "words");
	assert_filler(f->ram, 0, INFO);
	assert_filler(f->ram, INFO + INFO_SIZE, MFT);
	assert_filler(f->ram, cmdline + sizeof "words", MEMORY);
}

static void what_is_granted_is_told_behind_the_boot_info(void **state)
{
	struct fixture *f = *state;

	f->b.granted = 0x50;
	f->b.block_alone = 0x123456789abcdef0;
	f->b.net_direct = 0x0fedcba987654321;
	write_it(f);
	assert_true(word_at(f, INFO + 40) == 0x80000000);
	assert_filler(f->ram, INFO + INFO_SIZE, HUSK);
	assert_true(word_at(f, HUSK) == (1ull << 32 | 0x6b737548));	/* magic, version */
	assert_true(word_at(f, HUSK + 8) == (0x50ull << 32 | HUSK_SIZE));
	assert_true(word_at(f, HUSK + 16) == 256);			/* entries of a queue */
	assert_true(word_at(f, HUSK + 24) == 0x123456789abcdef0);
	assert_true(word_at(f, HUSK + 32) == 0x0fedcba987654321);
	assert_filler(f->ram, HUSK + HUSK_SIZE, MFT);
	f->b.net_ring = 0x20000;
	write_it(f);
	assert_true(word_at(f, INFO + 40) == 0x80000001);
}

static void the_manifest_comes_without_what_is_the_monitors_own(void **state)
{
	static const uint8_t zeros[15];
	struct fixture *f = *state;
	const uint8_t *entry;

	add_device(f, "disk", MFT_DEV_BLOCK_BASIC);
	add_device(f, "net", MFT_DEV_NET_BASIC);
	write_it(f);
	assert_true(word_at(f, MFT) == (3ull << 32 | MFT_VERSION));
	entry = f->ram + MFT + 8;
	assert_memory_equal(entry, &f->mft.entry[0], ENTRY_SIZE);
	for (unsigned i = 1; i < 3; i++) {
		entry += ENTRY_SIZE;
		assert_memory_equal(entry, &f->mft.entry[i], 88);	/* name, type, properties */
		assert_memory_equal(entry + 88, zeros, 8);		/* backing */
		assert_int_equal(entry[96], 1);				/* attached */
		assert_memory_equal(entry + 97, zeros, 7);
	}
	assert_true(f->mft.entry[1].backing != 0);	/* the monitor's copy keeps it */
}

static void the_command_line_lies_behind_any_manifest(void **state)
{
	struct fixture *f = *state;
	char name[8];

	while (f->mft.header.entries < MFT_MAX_ENTRIES) {
		snprintf(name, sizeof name, "d%u", f->mft.header.entries);
		add_device(f, name, MFT_DEV_BLOCK_BASIC);
	}
	write_it(f);
	assert_true(word_at(f, INFO + 24) == MFT + 8 + 64 * ENTRY_SIZE);
	assert_string_equal((const char *)f->ram + MFT + 8 + 64 * ENTRY_SIZE, "words");
	assert_string_equal((const char *)f->ram + MFT + 8 + 63 * ENTRY_SIZE, "d63");
}

static void the_command_line_may_be_empty(void **state)
{
	struct fixture *f = *state;

	f->b.cmdline = "";
	write_it(f);
	assert_int_equal(f->ram[MFT + 8 + ENTRY_SIZE], 0);
	assert_filler(f->ram, MFT + 8 + ENTRY_SIZE + 1, MEMORY);
}

/* Whichever part does not fit. */
static void too_little_memory_is_refused(void **state)
{
	struct fixture *f = *state;
	const uint64_t wanted = MFT + 8 + ENTRY_SIZE + sizeof "words";
	uint64_t size;

	f->b.granted = 1;
	for (size = INFO - 8; size < wanted; size++) {
		make_memory(f, size);
		f->e = (struct husk_error){0};
		assert_int_equal(boot_write(&f->m, &f->b, &f->e), -1);
		assert_int_equal(f->e.kind, HUSK_E_IMAGE);
		assert_non_null(strstr(f->e.message, "Invalid image access: gpa=0x10"));
	}
	make_memory(f, size);
	f->e = (struct husk_error){0};
	write_it(f);
}

/* ---- the place for it ---- */

static void all_of_low_memory_is_read_only(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(boot_reserve(&f->gpas, &f->mft, &f->e), 0);
	assert_int_equal(boot_protect(&f->m, &f->e), 0);
	assert_int_equal(f->m.n_ranges, 1);
	assert_true(f->m.ranges[0].start == 0);
	assert_true(f->m.ranges[0].last == LOW - 1);
	assert_int_equal(f->m.ranges[0].prot, MEMORY_R);
	assert_string_equal(f->m.ranges[0].what, "low memory");
	assert_int_equal(f->gpas.n, 1);
	assert_true(f->gpas.taken[0].start == INFO);
	assert_true(f->gpas.taken[0].last == MFT + 8 + ENTRY_SIZE + CMDLINE_MAX);
	assert_string_equal(f->gpas.taken[0].owner, "boot info");
}

static void the_place_grows_with_the_manifest(void **state)
{
	struct fixture *f = *state;

	f->mft.header.entries = MFT_MAX_ENTRIES;
	assert_int_equal(boot_reserve(&f->gpas, &f->mft, &f->e), 0);
	assert_true(f->gpas.taken[0].last == MFT + 8 + 64 * ENTRY_SIZE + CMDLINE_MAX);
	assert_true(f->gpas.taken[0].last < LOW);
}

static void a_place_that_is_taken_is_refused(void **state)
{
	static const uint64_t places[] = {
		INFO, INFO + INFO_SIZE, MFT + 8 + ENTRY_SIZE + CMDLINE_MAX,
	};
	struct fixture *f = *state;
	char message[100];

	snprintf(message, sizeof message, "boot info at gpa 0x10000: %s",
		 resource_status_text(RESOURCE_BUSY));
	for (size_t i = 0; i < COUNT(places); i++) {
		resource_space_init(&f->gpas, 0, MEMORY - 1);
		resource_reserve(&f->gpas, places[i], places[i], "somebody");
		f->e = (struct husk_error){0};
		assert_int_equal(boot_reserve(&f->gpas, &f->mft, &f->e), -1);
		assert_int_equal(f->e.kind, HUSK_E_IMAGE);
		assert_string_equal(f->e.message, message);
		assert_int_equal(f->m.n_ranges, 0);
	}
	resource_space_init(&f->gpas, 0, MEMORY - 1);
	resource_reserve(&f->gpas, 0, INFO - 1, "somebody");
	resource_reserve(&f->gpas, places[2] + 1, MEMORY - 1, "somebody");
	assert_int_equal(boot_reserve(&f->gpas, &f->mft, &f->e), 0);
}

static void low_memory_must_be_there(void **state)
{
	struct fixture *f = *state;

	make_memory(f, LOW - 1);
	assert_int_equal(boot_protect(&f->m, &f->e), -1);
	assert_int_equal(f->e.kind, HUSK_E_IMAGE);
	assert_string_equal(f->e.message, "low memory at 0x0-0xfffff is outside guest memory");
}

/* A ring, for instance, keeps the rights that it was given. */
static void what_is_declared_in_low_memory_stays_as_it_is(void **state)
{
	struct fixture *f = *state;
	const struct memory_range *r = f->m.ranges;

	assert_int_equal(memory_declare(&f->m, 0x20000, 0x2cfff, MEMORY_R | MEMORY_RING, "ring",
					&f->e), 0);
	assert_int_equal(boot_protect(&f->m, &f->e), 0);
	assert_int_equal(f->m.n_ranges, 3);
	assert_true(r[0].start == 0 && r[0].last == 0x1ffff && r[0].prot == MEMORY_R);
	assert_true(r[1].start == 0x20000 && r[1].last == 0x2cfff);
	assert_int_equal(r[1].prot, MEMORY_R | MEMORY_RING);
	assert_true(r[2].start == 0x2d000 && r[2].last == LOW - 1 && r[2].prot == MEMORY_R);
}

/* ---- the command line ---- */

static void assert_joined(struct fixture *f, int argc, char *const argv[], const char *cmdline)
{
	free(f->cmdline);
	f->cmdline = NULL;
	if (boot_join_cmdline(&f->cmdline, argc, argv, &f->e) != 0)
		fail_msg("%s", f->e.message);
	assert_string_equal(f->cmdline, cmdline);
}

static void words_are_joined_with_single_spaces(void **state)
{
	char one[] = "one", two[] = "two words", empty[] = "", quoted[] = "\"'\\ $", dash[] = "--";
	char *const few[] = {one, two, dash}, *const empties[] = {empty, empty, empty};
	char *const mixed[] = {empty, one, empty, quoted, empty};

	assert_joined(*state, 0, NULL, "");
	assert_joined(*state, 1, few, "one");
	assert_joined(*state, 3, few, "one two words --");
	assert_joined(*state, 1, empties, "");
	assert_joined(*state, 2, empties, " ");
	assert_joined(*state, 3, empties, "  ");
	assert_joined(*state, 5, mixed, " one  \"'\\ $ ");
}

#define TOO_LONG "Guest command line too long (max=8191 characters)"

static void assert_too_long(struct fixture *f, int argc, char *const argv[])
{
	free(f->cmdline);
	f->cmdline = NULL;
	f->e = (struct husk_error){0};
	assert_int_equal(boot_join_cmdline(&f->cmdline, argc, argv, &f->e), -1);
	assert_int_equal(f->e.kind, HUSK_E_USAGE);
	assert_string_equal(f->e.message, TOO_LONG);
	assert_null(f->cmdline);
}

static void a_command_line_has_up_to_8191_characters(void **state)
{
	static char first[20000], second[20000], whole[CMDLINE_MAX + 1];
	char *const argv[] = {first, second};

	memset(whole, 'w', CMDLINE_MAX);
	for (size_t len = 0; len <= CMDLINE_MAX + 1; len += len == 10 ? 8170 : 1) {
		memset(first, 0, sizeof first);
		memset(second, 0, sizeof second);
		memset(first, 'w', len);
		if (len > CMDLINE_MAX) {
			assert_too_long(*state, 1, argv);
			break;
		}
		whole[len] = '\0';
		assert_joined(*state, 1, argv, whole);
		whole[len] = 'w';
		if (len == CMDLINE_MAX) {	/* not even a space more */
			assert_too_long(*state, 2, argv);
			continue;
		}
		whole[len] = ' ';
		memset(second, 'w', CMDLINE_MAX - 1 - len);
		assert_joined(*state, 2, argv, whole);
		whole[len] = 'w';
		second[CMDLINE_MAX - 1 - len] = 'w';
		assert_too_long(*state, 2, argv);
	}
	memset(first, 'w', sizeof first - 1);
	assert_too_long(*state, 1, argv);
	assert_too_long(*state, 2, argv);
}

static void empty_words_count_too(void **state)
{
	static char *words[CMDLINE_MAX + 2];
	static char spaces[CMDLINE_MAX + 1], empty[1];

	for (size_t i = 0; i < COUNT(words); i++)
		words[i] = empty;
	memset(spaces, ' ', CMDLINE_MAX);
	assert_joined(*state, CMDLINE_MAX + 1, words, spaces);
	assert_too_long(*state, CMDLINE_MAX + 2, words);
}

static void a_lack_of_memory_is_told(void **state)
{
	struct fixture *f = *state;
	char word[] = "word";
	char *const argv[] = {word};
	int rc;

	no_memory = true;
	rc = boot_join_cmdline(&f->cmdline, 1, argv, &f->e);
	no_memory = false;
	assert_int_equal(rc, -1);
	assert_int_equal(f->e.kind, HUSK_E_HOST);
	assert_int_equal(f->e.sys, ENOMEM);
	assert_string_equal(f->e.message, "guest command line: Cannot allocate memory");
	assert_null(f->cmdline);
}

/* All of it reaches the guest, and nothing behind the place for it is touched. */
static void the_longest_command_line_fits_its_place(void **state)
{
	struct fixture *f = *state;
	char *line = malloc(CMDLINE_MAX + 1);

	assert_non_null(line);
	memset(line, 'c', CMDLINE_MAX);
	line[CMDLINE_MAX] = '\0';
	f->b.cmdline = line;
	assert_int_equal(boot_reserve(&f->gpas, &f->mft, &f->e), 0);
	write_it(f);
	assert_string_equal((const char *)f->ram + word_at(f, INFO + 24), line);
	assert_filler(f->ram, f->gpas.taken[0].last + 1, MEMORY);
	assert_int_equal(f->ram[f->gpas.taken[0].last], 0);
	free(line);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_56_bytes_are_written),
		TEST(what_is_granted_is_told_behind_the_boot_info),
		TEST(the_manifest_comes_without_what_is_the_monitors_own),
		TEST(the_command_line_lies_behind_any_manifest),
		TEST(the_command_line_may_be_empty),
		TEST(too_little_memory_is_refused),
		TEST(all_of_low_memory_is_read_only),
		TEST(the_place_grows_with_the_manifest),
		TEST(a_place_that_is_taken_is_refused),
		TEST(low_memory_must_be_there),
		TEST(what_is_declared_in_low_memory_stays_as_it_is),
		TEST(words_are_joined_with_single_spaces),
		TEST(a_command_line_has_up_to_8191_characters),
		TEST(empty_words_count_too),
		TEST(a_lack_of_memory_is_told),
		TEST(the_longest_command_line_fits_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
