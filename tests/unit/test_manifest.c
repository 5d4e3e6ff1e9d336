/* SPDX-License-Identifier: ISC */
/* test_manifest.c: manifests, good ones and one lie at a time. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../monitor/manifest.h"
#include "image.h"

#define N 4	/* devices */
#define SIZE (sizeof(struct mft_header) + (N + 1) * sizeof(struct mft_entry))

static const struct image_device devices[N] = {
	{"a", MFT_DEV_NET_BASIC}, {"service0", MFT_DEV_NET_BASIC}, {"a", MFT_DEV_BLOCK_BASIC},
	{"Z9", 0x0056534b},
};

/* A payload that may be changed through its parts. */
struct payload {
	struct mft_header header;
	struct mft_entry entry[MFT_MAX_ENTRIES];
};

static void make_good(struct payload *p)
{
	memset(p, 0, sizeof *p);
	assert_int_equal(image_manifest_payload((uint8_t *)p, devices, N), SIZE);
}

/* Parses a block of exactly len bytes at an odd address. */
static int parse(struct manifest *m, const void *payload, size_t len, struct husk_error *e)
{
	uint8_t *block = malloc(len + 1);
	int rc;

	assert_non_null(block);
	memcpy(block + 1, payload, len);
	rc = manifest_parse(m, block + 1, len, e);
	free(block);
	return rc;
}

static void assert_refused(const struct payload *p, size_t len, const char *message)
{
	struct husk_error e = {0};
	struct manifest m;

	memset(&m, 0xa5, sizeof m);
	assert_int_equal(parse(&m, p, len, &e), -1);
	assert_int_equal(e.kind, HUSK_E_IMAGE);
	assert_int_equal(strncmp(e.message, "Solo5 manifest is invalid: ", 27), 0);
	assert_string_equal(e.message + 27, message);
}

static void assert_accepted(const struct payload *p, size_t len)
{
	struct husk_error e = {0};
	struct manifest m;

	if (parse(&m, p, len, &e) != 0)
		fail_msg("%s", e.message);
	assert_int_equal(e.kind, HUSK_E_NONE);
}

static void a_good_manifest_is_understood(void **state)
{
	struct husk_error e = {0};
	struct manifest m;
	struct payload p;

	(void)state;
	make_good(&p);
	assert_int_equal(parse(&m, &p, SIZE, &e), 0);
	assert_int_equal(m.header.version, 1);
	assert_int_equal(m.header.entries, N + 1);
	assert_int_equal(manifest_size(&m), SIZE);
	assert_memory_equal(&m, &p, SIZE);
}

static void the_smallest_manifest_has_no_device(void **state)
{
	struct husk_error e = {0};
	struct manifest m;
	struct payload p;

	(void)state;
	make_good(&p);
	p.header.entries = 1;
	assert_int_equal(parse(&m, &p, 112, &e), 0);
	assert_int_equal(m.header.entries, 1);
	assert_int_equal(manifest_size(&m), 112);
}

static void name_all(struct payload *p, unsigned n)
{
	unsigned i;

	memset(p, 0, sizeof *p);
	p->header = (struct mft_header){.version = 1, .entries = n};
	p->entry[0].type = MFT_RESERVED_FIRST;
	for (i = 1; i < n; i++) {
		p->entry[i].type = MFT_DEV_NET_BASIC;
		p->entry[i].name[0] = (char)('A' + i / 10);
		p->entry[i].name[1] = (char)('0' + i % 10);
	}
}

static void the_largest_manifest_has_63_devices(void **state)
{
	struct payload p;

	(void)state;
	name_all(&p, MFT_MAX_ENTRIES);
	assert_int_equal(sizeof p, 8 + 64 * 104);
	assert_accepted(&p, sizeof p);
	p.header.entries = 65;
	assert_refused(&p, sizeof p, "65 entries, expected 1 to 64");
}

static void what_is_the_monitors_is_cleared(void **state)
{
	struct husk_error e = {0};
	struct payload good, p;
	struct manifest m;
	unsigned i;

	(void)state;
	make_good(&good);
	p = good;
	for (i = 0; i <= N; i++) {
		memset(&p.entry[i].u, 0xff, sizeof p.entry[i].u);
		memset(&p.entry[i].backing, 0xff, sizeof p.entry[i].backing);
		memset(p.entry[i].pad, 0xff, sizeof p.entry[i].pad);
	}
	assert_int_equal(parse(&m, &p, SIZE, &e), 0);
	assert_memory_equal(&m, &good, SIZE);
}

static void any_wrong_length_is_refused(void **state)
{
	struct payload p;
	struct husk_error e;
	struct manifest m;
	size_t len;

	(void)state;
	name_all(&p, 3);
	for (len = 0; len < sizeof p; len++) {
		if (len == 8 + 3 * 104)
			assert_accepted(&p, len);
		else
			assert_int_equal(parse(&m, &p, len, &e), -1);
	}
	assert_refused(&p, 0, "0 bytes, at least 8 are needed");
	assert_refused(&p, 7, "7 bytes, at least 8 are needed");
	assert_refused(&p, 8, "8 bytes, expected 320 for 3 entries");
	assert_refused(&p, 319, "319 bytes, expected 320 for 3 entries");
	assert_refused(&p, 321, "321 bytes, expected 320 for 3 entries");
}

static void any_wrong_count_is_refused(void **state)
{
	struct payload p;

	(void)state;
	make_good(&p);
	p.header.entries = 0;
	assert_refused(&p, SIZE, "0 entries, expected 1 to 64");
	assert_refused(&p, 8, "0 entries, expected 1 to 64");
	p.header.entries = 0xffffffff;
	assert_refused(&p, SIZE, "4294967295 entries, expected 1 to 64");
	p.header.entries = (0xffffffff / 104) + 1;	/* times 104 wraps in 32 bits */
	assert_refused(&p, SIZE, "41297763 entries, expected 1 to 64");
}

static void any_other_version_is_refused(void **state)
{
	struct payload p;

	(void)state;
	make_good(&p);
	p.header.version = 0;
	assert_refused(&p, SIZE, "version 0, expected 1");
	p.header.version = 2;
	assert_refused(&p, SIZE, "version 2, expected 1");
}

static void entry_0_is_reserved(void **state)
{
	struct payload p;

	(void)state;
	make_good(&p);
	p.entry[0].type = MFT_DEV_NET_BASIC;
	assert_refused(&p, SIZE, "entry 0 is not the reserved one");
	p.entry[0].type = MFT_RESERVED_FIRST + 1;
	assert_refused(&p, SIZE, "entry 0 is not the reserved one");
	make_good(&p);
	p.entry[0].name[0] = 'x';
	assert_refused(&p, SIZE, "entry 0 is not the reserved one");
	make_good(&p);
	p.entry[0].attached = 1;
	assert_refused(&p, SIZE, "entry 0 claims to be attached");
	make_good(&p);
	p.entry[0].name[67] = 'x';
	assert_refused(&p, SIZE, "name of entry 0 is not terminated");
}

static void nothing_is_attached_yet(void **state)
{
	struct payload p;

	(void)state;
	make_good(&p);
	p.entry[N].attached = 0x80;
	assert_refused(&p, SIZE, "entry 4 claims to be attached");
}

static void names_are_1_to_67_letters_and_digits(void **state)
{
	static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789";
	char message[100];
	struct payload p;
	unsigned c;

	(void)state;
	make_good(&p);
	memset(p.entry[2].name, 'x', MFT_NAME_SIZE);
	assert_refused(&p, SIZE, "name of entry 2 is not terminated");
	p.entry[2].name[67] = '\0';
	assert_accepted(&p, SIZE);
	p.entry[2].name[0] = '\0';
	assert_refused(&p, SIZE, "name of entry 2 is empty");
	for (c = 1; c < 256; c++) {
		p.entry[2].name[0] = (char)c;
		snprintf(message, sizeof message, "name of entry 2 has a character that is "
			 "neither letter nor digit (0x%02x)", c);
		if (strchr(good, (int)c) != NULL)
			assert_accepted(&p, SIZE);
		else
			assert_refused(&p, SIZE, message);
	}
}

static void the_last_character_of_a_name_is_checked(void **state)
{
	struct payload p;

	(void)state;
	make_good(&p);
	memset(p.entry[2].name, 'x', MFT_NAME_MAX);
	p.entry[2].name[66] = '-';
	assert_refused(&p, SIZE, "name of entry 2 has a character that is neither letter nor "
		       "digit (0x2d)");
}

static void bytes_behind_a_name_are_not_looked_at(void **state)
{
	struct payload p;

	(void)state;
	make_good(&p);
	memset(p.entry[2].name + 20, 0xff, MFT_NAME_MAX - 20);
	assert_accepted(&p, SIZE);
}

static void a_device_is_there_once(void **state)
{
	struct payload p;

	(void)state;
	make_good(&p);
	p.entry[3].type = MFT_DEV_NET_BASIC;
	assert_refused(&p, SIZE, "device 'a' of type NET_BASIC is declared twice");
	p.entry[3].type = p.entry[4].type = 77;
	strcpy(p.entry[4].name, "a");
	assert_refused(&p, SIZE, "device 'a' of type <undefined type> is declared twice");
}

/* They need not be attached, so nothing that is said of them can keep an image from running. */
static void reserved_entries_may_be_nameless_and_alike(void **state)
{
	struct payload p;

	(void)state;
	make_good(&p);
	p.entry[3] = p.entry[4] = p.entry[0];
	assert_accepted(&p, SIZE);
	p.entry[3].type = 0x3fffffff;
	assert_refused(&p, SIZE, "name of entry 3 is empty");
	p.entry[3].type = 0xffffffff;
	assert_accepted(&p, SIZE);
}

static void parse_good(struct manifest *m)
{
	struct husk_error e;
	struct payload p;

	make_good(&p);
	assert_int_equal(parse(m, &p, SIZE, &e), 0);
}

static void devices_are_found_by_name_and_type(void **state)
{
	struct manifest m;

	(void)state;
	parse_good(&m);
	assert_int_equal(manifest_find(&m, "a", MFT_DEV_NET_BASIC), 1);
	assert_int_equal(manifest_find(&m, "a", MFT_DEV_BLOCK_BASIC), 3);
	assert_int_equal(manifest_find(&m, "a", 3), 0);
	assert_int_equal(manifest_find(&m, "Z9", 0x0056534b), 4);
	assert_int_equal(manifest_find(&m, "z9", 0x0056534b), 0);
	assert_int_equal(manifest_find(&m, "service", MFT_DEV_NET_BASIC), 0);
	assert_int_equal(manifest_find(&m, "service00", MFT_DEV_NET_BASIC), 0);
	assert_int_equal(manifest_find(&m, "", MFT_RESERVED_FIRST), 0);
	assert_int_equal(manifest_find(&m, "", 0), 0);
	assert_int_equal(manifest_find_name(&m, "a"), 1);
	assert_int_equal(manifest_find_name(&m, "Z9"), 4);
	assert_int_equal(manifest_find_name(&m, "b"), 0);
	assert_int_equal(manifest_find_name(&m, ""), 0);
}

static void devices_are_counted_by_type(void **state)
{
	struct manifest m;

	(void)state;
	parse_good(&m);
	assert_int_equal(manifest_count(&m, MFT_DEV_NET_BASIC), 2);
	assert_int_equal(manifest_count(&m, MFT_DEV_BLOCK_BASIC), 1);
	assert_int_equal(manifest_count(&m, 0), 0);
	assert_int_equal(manifest_count(&m, MFT_RESERVED_FIRST), 0);
}

static void all_but_reserved_devices_must_be_attached(void **state)
{
	struct manifest m;

	(void)state;
	parse_good(&m);
	assert_false(manifest_must_attach(&m, 0));
	assert_true(manifest_must_attach(&m, 1));
	assert_true(manifest_must_attach(&m, N));
	assert_false(manifest_must_attach(&m, N + 1));
	assert_false(manifest_must_attach(&m, 64));
	assert_false(manifest_must_attach(&m, 0xffffffff));
	m.entry[2].type = MFT_RESERVED_FIRST;
	assert_false(manifest_must_attach(&m, 2));
	m.entry[2].type = MFT_RESERVED_FIRST - 1;
	assert_true(manifest_must_attach(&m, 2));
}

static void a_refused_manifest_holds_no_bad_device(void **state)
{
	struct husk_error e;
	struct manifest m;
	struct payload p;

	(void)state;
	make_good(&p);
	p.entry[2].name[0] = '/';
	assert_int_equal(parse(&m, &p, SIZE, &e), -1);
	assert_int_equal(m.header.entries, 2);
	assert_int_equal(manifest_find(&m, "a", MFT_DEV_NET_BASIC), 1);
	p.header.version = 7;
	assert_int_equal(parse(&m, &p, SIZE, &e), -1);
	assert_int_equal(m.header.entries, 0);
	assert_int_equal(manifest_find(&m, "a", MFT_DEV_NET_BASIC), 0);
}

static void types_have_names(void **state)
{
	(void)state;
	assert_string_equal(manifest_type_name(0), "<undefined type>");
	assert_string_equal(manifest_type_name(1), "BLOCK_BASIC");
	assert_string_equal(manifest_type_name(2), "NET_BASIC");
	assert_string_equal(manifest_type_name(3), "<undefined type>");
	assert_string_equal(manifest_type_name(0x40000000), "RESERVED_FIRST");
	assert_string_equal(manifest_type_name(0x40000001), "<undefined type>");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_manifest_is_understood),
		cmocka_unit_test(the_smallest_manifest_has_no_device),
		cmocka_unit_test(the_largest_manifest_has_63_devices),
		cmocka_unit_test(what_is_the_monitors_is_cleared),
		cmocka_unit_test(any_wrong_length_is_refused),
		cmocka_unit_test(any_wrong_count_is_refused),
		cmocka_unit_test(any_other_version_is_refused),
		cmocka_unit_test(entry_0_is_reserved),
		cmocka_unit_test(nothing_is_attached_yet),
		cmocka_unit_test(names_are_1_to_67_letters_and_digits),
		cmocka_unit_test(the_last_character_of_a_name_is_checked),
		cmocka_unit_test(bytes_behind_a_name_are_not_looked_at),
		cmocka_unit_test(a_device_is_there_once),
		cmocka_unit_test(reserved_entries_may_be_nameless_and_alike),
		cmocka_unit_test(devices_are_found_by_name_and_type),
		cmocka_unit_test(devices_are_counted_by_type),
		cmocka_unit_test(all_but_reserved_devices_must_be_attached),
		cmocka_unit_test(a_refused_manifest_holds_no_bad_device),
		cmocka_unit_test(types_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
