/* SPDX-License-Identifier: ISC */
/* test_options.c: the command line, word by word. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../include/hvt_abi.h"
#include "../../monitor/options.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])
#define MIB (1ull << 20)

/* ---- host calls that are made to fail ---- */

static bool no_memory;
void *__real_reallocarray(void *old, size_t n, size_t size);
void *__wrap_reallocarray(void *old, size_t n, size_t size);

void *__wrap_reallocarray(void *old, size_t n, size_t size)
{
	return no_memory ? NULL : __real_reallocarray(old, n, size);
}

/* ---- one option of every form; two groups side by side in one array ---- */

static unsigned checked;

static int check_digit(const char *value, struct husk_error *e)
{
	unsigned long long n;

	checked++;
	return option_number(value, 3, 7, &n, e);
}

/* As long as a name can be and still be likened to another, and one longer. */
#define NAME_32 "abcdefghijklmnopqrstuvwxyzabcdef"
#define NAME_33 "abcdefghijklmnopqrstuvwxyzabcdefg"

enum { VERBOSE, DIGIT, TITLE, STATS, X, LONG, LONGER, BLOCK, BLOCK_RO, SECTOR, LINK, NUMBERED };
static const struct option options[] = {
	[VERBOSE] = {"verbose", OPTION_FLAG, NULL, "say more", false, NULL},
	[DIGIT] = {"digit", OPTION_VALUE, "N", "3 to 7", false, check_digit},
	[TITLE] = {"title", OPTION_VALUE, "TEXT", "any text", false, NULL},
	[STATS] = {"stats", OPTION_MAYBE, "json", "print figures", false, NULL},
	[X] = {"x", OPTION_FLAG, NULL, "short", true, NULL},
	[LONG] = {NAME_32, OPTION_FLAG, NULL, "", false, NULL},
	[LONGER] = {NAME_33, OPTION_FLAG, NULL, "", false, NULL},
	[BLOCK] = {"block", OPTION_DEVICE, "PATH", "attach", true, NULL},
	[BLOCK_RO] = {"block-ro", OPTION_DEVICE, "PATH", "attach it so", true, NULL},
	[SECTOR] = {"sector", OPTION_DEVICE, "N", "size", false, check_digit},
	[LINK] = {"link", OPTION_DEVICE_FLAG, NULL, "link up", true, NULL},
	[NUMBERED] = {"numbered", OPTION_MAYBE, "N", "3 to 7", false, check_digit},
};
#define CORE_OPTIONS BLOCK
#define BLOCK_OPTIONS (COUNT(options) - CORE_OPTIONS)
static const struct option_group groups[] = {
	{"core", options, CORE_OPTIONS},
	{"nothing", NULL, 0},
	{"block", options + CORE_OPTIONS, BLOCK_OPTIONS},
};

struct fixture {
	struct settings s;
	struct husk_error e;
};

static int set_up(void **state)
{
	static struct fixture f;

	f = (struct fixture){0};
	no_memory = false;
	checked = 0;
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	settings_free(&((struct fixture *)*state)->s);
	return 0;
}

static int add(struct fixture *f, const char *word)
{
	return settings_add(&f->s, groups, COUNT(groups), word, &f->e);
}

static const struct setting *take(struct fixture *f, const char *word)
{
	size_t before = f->s.n;

	f->e = (struct husk_error){0};
	if (add(f, word) != 0)
		fail_msg("%s: %s", word, f->e.message);
	assert_int_equal(f->e.kind, HUSK_E_NONE);
	assert_int_equal(f->s.n, before + 1);
	return &f->s.list[before];
}

static void assert_message(const struct husk_error *e, const char *message)
{
	assert_int_equal(e->kind, HUSK_E_USAGE);
	assert_string_equal(e->message, message);
}

/* "Invalid option: `WORD': " and the rest, and nothing is kept of it. */
static void assert_refused(struct fixture *f, const char *word, const char *rest)
{
	char message[sizeof f->e.message];
	size_t before = f->s.n;

	f->e = (struct husk_error){0};
	if (add(f, word) != -1)
		fail_msg("%s was taken", word);
	snprintf(message, sizeof message, "Invalid option: `%s': %s", word, rest);
	assert_message(&f->e, message);
	assert_int_equal(f->s.n, before);
}

/* ---- forms ---- */

static void every_form_is_taken_apart(void **state)
{
	static const struct {
		const char *word;
		unsigned option;
		const char *device, *value;
	} cases[] = {
		{"--verbose", VERBOSE, "", ""},
		{"--x", X, "", ""},
		{"--digit=3", DIGIT, "", "3"},
		{"--title=t", TITLE, "", "t"},
		{"--stats", STATS, "", ""},
		{"--stats=json", STATS, "", "json"},
		{"--numbered", NUMBERED, "", ""},
		{"--numbered=7", NUMBERED, "", "7"},
		{"--block:a=/dev/null", BLOCK, "a", "/dev/null"},
		{"--block-ro:storage=@3", BLOCK_RO, "storage", "@3"},
		{"--sector:09AZaz=4", SECTOR, "09AZaz", "4"},
		{"--link:eth0", LINK, "eth0", ""},
		{"--" NAME_33, LONGER, "", ""},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct setting *s = take(f, cases[i].word);

		assert_ptr_equal(s->option, &options[cases[i].option]);
		assert_string_equal(s->device, cases[i].device);
		assert_string_equal(s->value, cases[i].value);
	}
	assert_int_equal(checked, 3);
}

static void a_value_is_all_behind_the_first_equals_sign(void **state)
{
	static const char *const values[] = {
		"=", "==", ":", "a=b", "a:b=c", " ", "a b", "/a path/with spaces", "--block:a=b",
		"-", "\t", "\n", "\xff\x01", "@", "'\"`",
	};
	struct fixture *f = *state;
	char word[64];

	for (size_t i = 0; i < COUNT(values); i++) {
		snprintf(word, sizeof word, "--title=%s", values[i]);
		assert_string_equal(take(f, word)->value, values[i]);
		snprintf(word, sizeof word, "--stats=%s", values[i]);
		assert_string_equal(take(f, word)->value, values[i]);
		snprintf(word, sizeof word, "--block:disk=%s", values[i]);
		assert_string_equal(take(f, word)->value, values[i]);
		assert_string_equal(f->s.list[f->s.n - 1].device, "disk");
	}
}

static void a_word_is_copied(void **state)
{
	char word[] = "--block:disk=path";
	struct fixture *f = *state;
	const struct setting *s = take(f, word);

	memset(word, 'x', sizeof word - 1);
	assert_string_equal(s->device, "disk");
	assert_string_equal(s->value, "path");
}

/* ---- misuse ---- */

static void a_flag_takes_nothing(void **state)
{
	static const char *const words[] = {
		"--verbose=", "--verbose=1", "--verbose:", "--verbose:a", "--verbose:a=1",
	};

	for (size_t i = 0; i < COUNT(words); i++)
		assert_refused(*state, words[i], "write --verbose");
}

static void a_value_must_be_there(void **state)
{
	static const char *const words[] = {
		"--title", "--title=", "--title:", "--title:a", "--title:a=b", "--title:=b",
	};

	for (size_t i = 0; i < COUNT(words); i++)
		assert_refused(*state, words[i], "write --title=TEXT");
}

static void a_value_that_may_be_there_is_not_empty(void **state)
{
	static const char *const words[] = {
		"--stats=", "--stats:", "--stats:a", "--stats:a=json", "--stats:=json",
	};

	for (size_t i = 0; i < COUNT(words); i++)
		assert_refused(*state, words[i], "write --stats or --stats=json");
}

static void a_device_must_be_named_and_given_something(void **state)
{
	static const char *const words[] = {
		"--block", "--block=", "--block=path", "--block:", "--block:=", "--block:=path",
		"--block:a", "--block:a=",
	};

	for (size_t i = 0; i < COUNT(words); i++)
		assert_refused(*state, words[i], "write --block:NAME=PATH");
	assert_refused(*state, "--sector:a=", "write --sector:NAME=N");
}

static void a_flag_of_a_device_takes_only_its_name(void **state)
{
	static const char *const words[] = {
		"--link", "--link:", "--link=", "--link=1", "--link:a=", "--link:a=1", "--link:=",
	};

	for (size_t i = 0; i < COUNT(words); i++)
		assert_refused(*state, words[i], "write --link:NAME");
}

static void a_value_is_checked(void **state)
{
	static const struct { const char *word, *reason; } cases[] = {
		{"--digit=2", "`2' is not a number from 3 to 7"},
		{"--digit=8", "`8' is not a number from 3 to 7"},
		{"--digit=", "`' is not a number from 3 to 7"},
		{"--digit=4x", "`4x' is not a number from 3 to 7"},
		{"--numbered=8", "`8' is not a number from 3 to 7"},
		{"--sector:a=1", "`1' is not a number from 3 to 7"},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_refused(*state, cases[i].word, cases[i].reason);
	assert_int_equal(checked, COUNT(cases));
	assert_refused(*state, "--digit", "write --digit=N");
	assert_refused(*state, "--digit:a=4", "write --digit=N");
	assert_int_equal(checked, COUNT(cases));
}

/* ---- names of devices ---- */

#define NAME_ODD "a device's name has 1 to 67 letters and digits"

static void a_device_has_1_to_67_characters(void **state)
{
	struct fixture *f = *state;
	char name[69], word[100];
	const struct setting *s;

	for (size_t len = 1; len <= 67; len++) {
		memset(name, 'n', len);
		name[len] = '\0';
		snprintf(word, sizeof word, "--block:%s=path", name);
		s = take(f, word);
		assert_string_equal(s->device, name);
		assert_ptr_equal(settings_find(&f->s, "block", name), s);
	}
	memset(name, 'n', 68);
	name[68] = '\0';
	snprintf(word, sizeof word, "--block:%s=path", name);
	assert_refused(f, word, NAME_ODD);
	snprintf(word, sizeof word, "--link:%s", name);
	assert_refused(f, word, NAME_ODD);
}

static bool is_letter_or_digit(unsigned c)
{
	return c != 0 && strchr("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
				(int)c) != NULL;
}

static void a_device_has_letters_and_digits_only(void **state)
{
	struct fixture *f = *state;

	for (unsigned c = 1; c < 256; c++) {
		for (size_t place = 0; place < 3 && c != '='; place++) {
			char word[] = "--block:abc=path";

			word[strlen("--block:") + place] = (char)c;
			if (is_letter_or_digit(c))
				take(f, word);
			else
				assert_refused(f, word, NAME_ODD);
		}
	}
}

/* ---- words that are no option ---- */

static void what_is_no_option_is_told_so(void **state)
{
	static const char *const words[] = {
		"", "--", "-v", "-verbose", "verbose", "digit=4", "--=4", "--:a=4", "--:",
		"-.verbose", ".-verbose", "-x", "-.x", "--nothing", "---verbose=1", "--Title=t=",
		"-- verbose", "--bloc k:a=b", "\n",
	};

	for (size_t i = 0; i < COUNT(words); i++) {
		struct fixture *f = *state;

		f->e = (struct husk_error){0};
		assert_int_equal(add(f, words[i]), -1);
		assert_int_equal(f->e.kind, HUSK_E_USAGE);
		assert_non_null(strstr(f->e.message, "': no such option; "));
	}
	assert_refused(*state, "", "no such option; see --help");
	assert_refused(*state, "-", "an image that comes through standard input is /dev/stdin");
	assert_refused(*state, "verbose", "no such option; see --help");
}

#define MEANT(name) "no such option; did you mean --" name "?"

static void a_slip_is_understood(void **state)
{
	static const struct { const char *word, *hint; } cases[] = {
		{"--verbos", MEANT("verbose")},		/* one too few */
		{"--verbosee", MEANT("verbose")},	/* one too many */
		{"--verbase", MEANT("verbose")},	/* another */
		{"--Verbose", MEANT("verbose")},
		{"--vebrose", MEANT("verbose")},	/* two the wrong way round */
		{"--erbos", MEANT("verbose")},
		{"--verb--ose", MEANT("verbose")},
		{"--voerbosze", MEANT("verbose")},	/* two too many, apart */
		{"--erbosse", MEANT("verbose")},	/* one too few, one too many */
		{"--tutle=t", MEANT("title")},
		{"--titel:a=t", MEANT("title")},
		{"--blok:a=path", MEANT("block")},
		{"--block_ro:a=path", MEANT("block-ro")},
		{"--block-r", MEANT("block-ro")},	/* 1 away from it, 2 from --block */
		{"--block-", MEANT("block")},
		{"--lik", MEANT("link")},
		{"--li", MEANT("link")},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_refused(*state, cases[i].word, cases[i].hint);
}

static void nothing_is_suggested_for_far_words(void **state)
{
	static const char *const words[] = {
		"--vabesu", "--unverbosed", "--gdb", "--y", "--nx-y",
		"--l", "--volume=10", "--help-me-please-somebody",
	};

	for (size_t i = 0; i < COUNT(words); i++)
		assert_refused(*state, words[i], "no such option; see --help");
}

static void a_beginning_in_common_is_enough(void **state)
{
	static const struct { const char *word, *hint; } cases[] = {
		{"--verb", MEANT("verbose")},
		{"--verboseness", MEANT("verbose")},
		{"--title-text:a=t", MEANT("title")},
		{"--ver", MEANT("verbose")},
		{"--block-readonly:a=x", MEANT("block")},
		{"--sectorsize:a=3", MEANT("sector")},
		{"--ve", "no such option; see --help"},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_refused(*state, cases[i].word, cases[i].hint);
}

static void long_words_are_likened_up_to_32_characters(void **state)
{
	char word[100] = "--" NAME_32;

	word[2] = '_';
	assert_refused(*state, word, MEANT(NAME_32));
	assert_refused(*state, "--_" NAME_32, "no such option; see --help");
	assert_refused(*state, "--_" NAME_33, "no such option; see --help");
	memset(word + 2, 'a', sizeof word - 3);
	assert_refused(*state, word, "no such option; see --help");
}

static void a_word_of_any_length_is_refused_in_one_message(void **state)
{
	enum { LEN = 100000 };
	struct fixture *f = *state;
	char *word = malloc(LEN + 1);

	assert_non_null(word);
	memset(word, '-', LEN);
	word[LEN] = '\0';
	assert_int_equal(add(f, word), -1);
	assert_int_equal(f->e.kind, HUSK_E_USAGE);
	assert_int_equal(strlen(f->e.message), sizeof f->e.message - 1);
	memcpy(word, "--block:", 8);
	assert_int_equal(add(f, word), -1);
	word[LEN - 2] = '=';
	assert_int_equal(add(f, word), -1);
	assert_int_equal(f->s.n, 0);
	free(word);
}

/* ---- finding settings again ---- */

static void the_last_setting_wins(void **state)
{
	struct fixture *f = *state;

	take(f, "--title=one");
	take(f, "--block:a=one");
	take(f, "--block:b=other");
	take(f, "--title=two");
	take(f, "--block:a=two");
	take(f, "--block-ro:a=three");
	assert_string_equal(settings_find(&f->s, "title", NULL)->value, "two");
	assert_string_equal(settings_find(&f->s, "title", "")->value, "two");
	assert_string_equal(settings_find(&f->s, "block", "a")->value, "two");
	assert_string_equal(settings_find(&f->s, "block", "b")->value, "other");
	assert_string_equal(settings_find(&f->s, "block-ro", "a")->value, "three");
}

static void what_was_not_set_is_not_found(void **state)
{
	struct fixture *f = *state;

	assert_null(settings_find(&f->s, "title", NULL));
	assert_null(settings_attaching(&f->s, options, COUNT(options), "a"));
	take(f, "--title=t");
	take(f, "--block:a=path");
	assert_null(settings_find(&f->s, "titl", NULL));
	assert_null(settings_find(&f->s, "title", "a"));
	assert_null(settings_find(&f->s, "block", NULL));
	assert_null(settings_find(&f->s, "block", "A"));
	assert_null(settings_find(&f->s, "block", "aa"));
	assert_null(settings_find(&f->s, "block-ro", "a"));
}

/* Another module with options of the same names, and two right behind each other in memory. */
static void only_a_modules_own_options_attach_its_devices(void **state)
{
	static const struct option foreign[] = {
		{"block", OPTION_DEVICE, "PATH", "", true, NULL},
	};
	const struct option *own = options + CORE_OPTIONS;
	struct fixture *f = *state;
	const struct setting *s = take(f, "--block:a=1");

	assert_ptr_equal(settings_attaching(&f->s, own, BLOCK_OPTIONS, "a"), s);
	assert_ptr_equal(settings_attaching(&f->s, own, 1, "a"), s);
	assert_null(settings_attaching(&f->s, foreign, COUNT(foreign), "a"));
	assert_null(settings_attaching(&f->s, options, CORE_OPTIONS, "a"));
	assert_null(settings_attaching(&f->s, own + 1, BLOCK_OPTIONS - 1, "a"));
	assert_null(settings_attaching(&f->s, own, 0, "a"));
	assert_null(settings_attaching(&f->s, own, BLOCK_OPTIONS, "b"));
	assert_null(settings_attaching(&f->s, own, BLOCK_OPTIONS, ""));
	take(f, "--x");		/* attaches, but nothing that has a name */
	assert_null(settings_attaching(&f->s, own, BLOCK_OPTIONS, ""));
}

static void the_last_setting_that_attaches_wins(void **state)
{
	const struct option *own = options + CORE_OPTIONS;
	struct fixture *f = *state;

	take(f, "--block:a=1");
	take(f, "--block-ro:a=2");
	take(f, "--block:b=3");
	take(f, "--sector:a=4");	/* does not attach */
	assert_string_equal(settings_attaching(&f->s, own, BLOCK_OPTIONS, "a")->value, "2");
	take(f, "--block:a=5");
	assert_string_equal(settings_attaching(&f->s, own, BLOCK_OPTIONS, "a")->value, "5");
	take(f, "--link:a");
	assert_ptr_equal(settings_attaching(&f->s, own, BLOCK_OPTIONS, "a")->option, &options[LINK]);
	take(f, "--sector:c=4");
	assert_null(settings_attaching(&f->s, own, BLOCK_OPTIONS, "c"));
}

static void there_may_be_a_thousand_settings(void **state)
{
	static char words[1000][24];
	struct fixture *f = *state;
	char device[8], value[8];

	for (unsigned i = 0; i < 1000; i++) {
		snprintf(words[i], sizeof words[i], "--block:d%u=v%u", i % 500, i);
		take(f, words[i]);
	}
	for (unsigned i = 0; i < 500; i++) {
		snprintf(device, sizeof device, "d%u", i);
		snprintf(value, sizeof value, "v%u", i + 500);
		assert_string_equal(settings_find(&f->s, "block", device)->value, value);
	}
	for (unsigned i = 0; i < 1000; i++)
		assert_string_equal(f->s.list[i].value, strchr(words[i], '=') + 1);
}

static void settings_are_freed_twice_without_harm(void **state)
{
	struct fixture *f = *state;

	take(f, "--x");
	settings_free(&f->s);
	settings_free(&f->s);
	assert_int_equal(f->s.n, 0);
	assert_null(settings_find(&f->s, "x", NULL));
	take(f, "--x");
}

/* Whenever the list has to grow: as it is made, and when it is full. */
static void a_lack_of_memory_is_told_and_loses_nothing(void **state)
{
	struct fixture *f = *state;
	unsigned grown = 0;

	for (size_t i = 0; i < 100; i++) {
		no_memory = true;
		if (add(f, "--title=t") == -1) {
			assert_int_equal(f->e.kind, HUSK_E_HOST);
			assert_int_equal(f->e.sys, ENOMEM);
			assert_string_equal(f->e.message, "options: Cannot allocate memory");
			assert_int_equal(f->s.n, i);
			grown++;
			no_memory = false;
			take(f, "--title=t");
		}
		assert_int_equal(f->s.n, i + 1);
		assert_string_equal(f->s.list[0].value, "t");
	}
	assert_in_range(grown, 2, 10);
}

/* ---- numbers ---- */

static void assert_number(const char *text, unsigned long long min, unsigned long long max,
			  unsigned long long value)
{
	struct husk_error e = {0};
	unsigned long long n = ~value;

	errno = ERANGE;		/* somebody else's */
	if (option_number(text, min, max, &n, &e) != 0)
		fail_msg("%s", e.message);
	assert_true(n == value);
	assert_int_equal(e.kind, HUSK_E_NONE);
}

static void a_number_lies_between_its_limits(void **state)
{
	(void)state;
	assert_number("3", 3, 9, 3);
	assert_number("9", 3, 9, 9);
	assert_number("0", 0, 0, 0);
	assert_number("007", 3, 9, 7);
	assert_number("10", 10, 10, 10);
	assert_number("2147483647", 0, INT32_MAX, INT32_MAX);
	assert_number("18446744073709551615", 0, UINT64_MAX, UINT64_MAX);
	assert_number("18446744073709551615", UINT64_MAX, UINT64_MAX, UINT64_MAX);
	assert_number("00000000000000000000000000000000000001", 0, 1, 1);
}

static void what_is_no_such_number_is_refused(void **state)
{
	static const char *const texts[] = {
		"2", "10", "0", "", " ", "-1", "-4", "+4", " 4", "4 ", "\t4", "4\n", "4x", "x4", "0x4",
		"4.0", "4e0", "/", ":", "a", "4,5", "18446744073709551616", "18446744073709551620",
		"99999999999999999999999999",
	};
	unsigned long long n;
	char message[100];

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct husk_error e = {0};

		assert_int_equal(option_number(texts[i], 3, 9, &n, &e), -1);
		snprintf(message, sizeof message, "`%s' is not a number from 3 to 9", texts[i]);
		assert_message(&e, message);
	}
}

static void a_number_beyond_64_bits_is_refused_whatever_the_limit(void **state)
{
	struct husk_error e = {0};
	unsigned long long n;

	(void)state;
	assert_int_equal(option_number("18446744073709551616", 0, UINT64_MAX, &n, &e), -1);
	assert_message(&e, "`18446744073709551616' is not a number from 0 to 18446744073709551615");
}

/* ---- sizes of memory ---- */

static void memory_is_in_mib_or_has_a_suffix(void **state)
{
	static const struct {
		const char *text;
		unsigned long long bytes;
		bool rounded;
	} cases[] = {
		{"2", 2 * MIB, false},
		{"4", 4 * MIB, false},
		{"512", 512 * MIB, false},
		{"0064", 64 * MIB, false},
		{"64M", 64 * MIB, false},
		{"2G", 2048 * MIB, false},
		{"4G", 4096 * MIB, false},
		{"4096", 4096 * MIB, false},
		{"4096M", 4096 * MIB, false},
		/* Whole granules of 2 MiB, at least one. */
		{"1", 2 * MIB, true},
		{"1M", 2 * MIB, true},
		{"3", 2 * MIB, true},
		{"3M", 2 * MIB, true},
		{"5", 4 * MIB, true},
		{"4095", 4094 * MIB, true},
		{"4097", 4096 * MIB, true},
		{"4097M", 4096 * MIB, true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct husk_error e = {0};
		unsigned long long bytes = 0;
		bool rounded = !cases[i].rounded;

		if (option_memory(cases[i].text, &bytes, &rounded, &e) != 0)
			fail_msg("%s: %s", cases[i].text, e.message);
		if (bytes != cases[i].bytes || rounded != cases[i].rounded)
			fail_msg("%s: %llu, %d", cases[i].text, bytes, rounded);
		assert_int_equal(e.kind, HUSK_E_NONE);
	}
}

static void assert_memory(const char *text, const char *message)
{
	unsigned long long bytes;
	struct husk_error e = {0};
	bool rounded;

	if (option_memory(text, &bytes, &rounded, &e) != -1)
		fail_msg("%s was taken as %llu", text, bytes);
	assert_message(&e, message);
}

static void a_malformed_size_is_refused(void **state)
{
	static const char *const texts[] = {
		"", "0", "00", "0M", "0G", "M", "G", "-1", "+1", " 1", "1 ", "8foo", "8MM", "8GM", "8m",
		"8g", "8 M", "8K", "8T", "8MB", "8MiB", "1e3", "0x10", "1.5", "1.5G", "64M ", "/", ":",
	};
	char message[200];

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		snprintf(message, sizeof message, "Malformed argument to --mem: `%s' is not a size "
			 "such as 512 (MiB), 64M or 2G", texts[i]);
		assert_memory(texts[i], message);
	}
}

/* 2^64, and what becomes 0 or 8 when shifted out of 64 bits, included. */
static void a_size_beyond_4_gib_is_refused(void **state)
{
	static const char *const texts[] = {
		"4098", "4098M", "5G", "8G", "9G", "8192", "8193", "5000", "1000000", "17592186044416",
		"17592186044424", "17179869184G", "17179869185G", "18446744073709551615",
		"18446744073709551615G", "18446744073709551616", "18446744073709551616M",
		"18446744073709551624", "99999999999999999999999999G",
	};
	char message[200];

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		snprintf(message, sizeof message, "guest memory size `%s' exceeds the max size "
			 "4096 MiB", texts[i]);
		assert_memory(texts[i], message);
	}
}

/* ---- --help ---- */

static void help_shows_how_to_write_every_option(void **state)
{
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	assert_non_null(out);
	option_group_help(&(struct option_group){"core", options, X}, out);
	option_group_help(&(struct option_group){"block", options + BLOCK, 1}, out);
	option_group_help(&(struct option_group){"net", options + LINK, 1}, out);
	option_group_help(&groups[1], out);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(text,
			    "  --verbose\n        say more\n"
			    "  --digit=N\n        3 to 7\n"
			    "  --title=TEXT\n        any text\n"
			    "  --stats[=json]\n        print figures\n"
			    "  --block:NAME=PATH\n        attach\n"
			    "  --link:NAME\n        link up\n");
	free(text);
}

/* ---- times ---- */

static void times_have_a_unit(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} cases[] = {
		{"0", 0}, {"0ms", 0}, {"1ms", 1000000}, {"100ms", 100000000}, {"2s", 2000000000},
		{"007s", 7000000000}, {"5m", 300000000000}, {"forever", UINT64_MAX},
		{"18446744072s", 18446744072000000000u},
	};
	static const char *const bad[] = {
		"", "1", "100", "ms", "s", "1.5s", "1 s", " 1s", "1s ", "-1s", "+1s", "1S", "1h", "1us",
		"0x1s", "1ss", "Forever", "forever ", "18446744073s", "99999999999999999999s",
	};
	struct husk_error e;
	uint64_t ns;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		ns = 77;
		if (option_time(cases[i].text, &ns, &e) != 0 || ns != cases[i].ns)
			fail_msg("%s is %llu", cases[i].text, (unsigned long long)ns);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		char text[80];

		if (option_time(bad[i], &ns, &e) != -1)
			fail_msg("%s is a time", bad[i]);
		assert_int_equal(e.kind, HUSK_E_USAGE);
		snprintf(text, sizeof text, "`%s' is not a time", bad[i]);
		assert_non_null(strstr(e.message, text));
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_form_is_taken_apart),
		TEST(a_value_is_all_behind_the_first_equals_sign),
		TEST(a_word_is_copied),
		TEST(a_flag_takes_nothing),
		TEST(a_value_must_be_there),
		TEST(a_value_that_may_be_there_is_not_empty),
		TEST(a_device_must_be_named_and_given_something),
		TEST(a_flag_of_a_device_takes_only_its_name),
		TEST(a_value_is_checked),
		TEST(a_device_has_1_to_67_characters),
		TEST(a_device_has_letters_and_digits_only),
		TEST(what_is_no_option_is_told_so),
		TEST(a_slip_is_understood),
		TEST(nothing_is_suggested_for_far_words),
		TEST(a_beginning_in_common_is_enough),
		TEST(long_words_are_likened_up_to_32_characters),
		TEST(a_word_of_any_length_is_refused_in_one_message),
		TEST(the_last_setting_wins),
		TEST(what_was_not_set_is_not_found),
		TEST(only_a_modules_own_options_attach_its_devices),
		TEST(the_last_setting_that_attaches_wins),
		TEST(there_may_be_a_thousand_settings),
		TEST(settings_are_freed_twice_without_harm),
		TEST(a_lack_of_memory_is_told_and_loses_nothing),
		TEST(a_number_lies_between_its_limits),
		TEST(what_is_no_such_number_is_refused),
		TEST(a_number_beyond_64_bits_is_refused_whatever_the_limit),
		TEST(memory_is_in_mib_or_has_a_suffix),
		TEST(a_malformed_size_is_refused),
		TEST(a_size_beyond_4_gib_is_refused),
		TEST(help_shows_how_to_write_every_option),
		TEST(times_have_a_unit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
