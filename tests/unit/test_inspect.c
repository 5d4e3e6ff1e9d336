/* SPDX-License-Identifier: ISC */
/* test_inspect.c: what an image says about itself. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../include/elf_abi.h"
#include "../../include/mft_abi.h"
#include "../../include/husk/husk.h"
#include "image.h"
#include "json_read.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])

struct fixture {
	struct image image;
	struct husk *h;
	struct husk_error e;
	unsigned looks;		/* until it has to stop, 0: never */
	char *text;
	size_t len;
};

static bool stopping(void *ctx)
{
	struct fixture *f = ctx;

	return f->looks != 0 && --f->looks == 0;
}

static int set_up(void **state)
{
	static struct fixture f;
	const struct husk_config config = {
		.console_fd = -1, .stopping = stopping, .stopping_ctx = &f,
	};

	f = (struct fixture){0};
	f.h = husk_create(&config, &f.e);
	assert_non_null(f.h);
	image_good(&f.image, EM_X86_64);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	husk_destroy(f->h);
	image_free(&f->image);
	free(f->text);
	return 0;
}

static int inspect_path(struct fixture *f, const char *path, int json)
{
	FILE *out;
	int rc;

	free(f->text);
	out = open_memstream(&f->text, &f->len);
	assert_non_null(out);
	f->e = (struct husk_error){0};
	rc = husk_inspect(f->h, path, json, out, &f->e);
	assert_int_equal(fclose(out), 0);
	return rc;
}

static const char *inspect(struct fixture *f, int json)
{
	const char *fault;

	if (inspect_path(f, image_save(&f->image), json) != 0)
		fail_msg("%s", f->e.message);
	assert_int_equal(f->e.kind, HUSK_E_NONE);
	fault = json ? json_fault(f->text) : NULL;
	if (fault != NULL)
		fail_msg("not JSON from here: %s", fault);
	return f->text;
}

/* A line of the text. */
static void assert_says(struct fixture *f, const char *line)
{
	char framed[200];

	snprintf(framed, sizeof framed, "\n%s\n", line);
	if (strstr(inspect(f, 0), framed) == NULL)
		fail_msg("\"%s\" is not in: %s", line, f->text);
}

static void assert_json(struct fixture *f, const char *path, const char *value)
{
	char got[200];

	if (!json_get(inspect(f, 1), path, got, sizeof got))
		fail_msg("there is no %s in %s", path, f->text);
	assert_string_equal(got, value);
}

static void assert_no_json(struct fixture *f, const char *path)
{
	char got[200];

	assert_false(json_get(inspect(f, 1), path, got, sizeof got));
}

/* ---- all of a good image ---- */

static void text_says_what_the_image_says(void **state)
{
	struct fixture *f = *state;
	char expected[1000];

	inspect(f, 0);
	snprintf(expected, sizeof expected,
		 "image:    %s\n"
		 "machine:  x86_64\n"
		 "abi:      hvt version 2\n"
		 "entry:    0x100000\n"
		 "segment:  0x100000-0x100fff r-x, 4096 bytes in the file\n"
		 "segment:  0x101000-0x101fff r--, %u bytes in the file\n"
		 "segment:  0x102000-0x102fff rw-, 288 bytes in the file\n"
		 "end:      0x103ca0 with zero-filled data\n"
		 "device:   service0, NET_BASIC\n",
		 f->image.path, (unsigned)f->image.phdr[IMAGE_RODATA].p_filesz);
	assert_string_equal(f->text, expected);
}

static void json_says_what_the_image_says(void **state)
{
	struct fixture *f = *state;
	char expected[1000];
	unsigned rodata;

	inspect(f, 1);
	rodata = (unsigned)f->image.phdr[IMAGE_RODATA].p_filesz;
	snprintf(expected, sizeof expected,
		 "{\"image\":\"%s\",\"machine\":\"x86_64\","
		 "\"abi\":{\"target\":\"hvt\",\"version\":2},\"entry\":1048576,\"segments\":["
		 "{\"start\":1048576,\"end\":1052672,\"file_size\":4096,\"memory_size\":4096,"
		 "\"rights\":\"r-x\"},"
		 "{\"start\":1052672,\"end\":1056768,\"file_size\":%u,\"memory_size\":%u,"
		 "\"rights\":\"r--\"},"
		 "{\"start\":1056768,\"end\":1060864,\"file_size\":288,\"memory_size\":288,"
		 "\"rights\":\"rw-\"}],\"end\":1064096,"
		 "\"devices\":[{\"name\":\"service0\",\"type\":\"NET_BASIC\",\"handle\":1}]}\n",
		 f->image.path, rodata, rodata);
	assert_string_equal(f->text, expected);
}

/* ---- what may differ ---- */

static void machines_have_names(void **state)
{
	static const struct { uint16_t machine; const char *name; } cases[] = {
		{EM_X86_64, "x86_64"}, {EM_AARCH64, "aarch64"}, {EM_RISCV, "riscv"},
		{EM_386, "i386"}, {0xffff, "unknown"},
	};
	struct fixture *f = *state;
	char line[40];

	for (size_t i = 0; i < COUNT(cases); i++) {
		f->image.ehdr.e_machine = cases[i].machine;
		snprintf(line, sizeof line, "machine:  %s", cases[i].name);
		assert_says(f, line);
		assert_json(f, "machine", cases[i].name);
	}
}

static void an_image_may_be_for_another_monitor(void **state)
{
	struct fixture *f = *state;
	struct elf_abi_info *abi;

	abi = (void *)image_desc(&f->image, &f->image.phdr[IMAGE_ABI]);
	*abi = (struct elf_abi_info){.target = ELF_ABI_SPT, .version = 77};
	assert_says(f, "abi:      spt version 77");
	assert_json(f, "abi/target", "spt");
	assert_json(f, "abi/version", "77");
}

static void an_image_without_notes_is_no_failure(void **state)
{
	struct fixture *f = *state;

	f->image.phdr[IMAGE_ABI].p_type = PT_NULL;
	f->image.phdr[IMAGE_MANIFEST].p_type = PT_NULL;
	assert_says(f, "abi:      none");
	assert_says(f, "devices:  no manifest");
	assert_no_json(f, "abi");
	assert_no_json(f, "devices");
	assert_json(f, "entry", "1048576");
}

static void make_image(struct fixture *f, const struct image_device *devices, unsigned n)
{
	static const uint8_t bytes[16];

	image_free(&f->image);
	image_init(&f->image, EM_X86_64);
	image_segment(&f->image, IMAGE_TEXT_GPA, PF_R | PF_X, bytes, sizeof bytes);
	image_manifest(&f->image, devices, n);
}

static void an_image_may_have_no_devices(void **state)
{
	struct fixture *f = *state;

	make_image(f, NULL, 0);
	assert_says(f, "devices:  none");
	assert_null(strstr(f->text, "device: "));
	assert_json(f, "devices", "[]");
	assert_says(f, "segment:  0x100000-0x100fff r-x, 16 bytes in the file");
}

static void every_device_is_listed(void **state)
{
	static const struct image_device devices[] = {
		{"a", MFT_DEV_BLOCK_BASIC}, {"b", MFT_DEV_NET_BASIC}, {"c", 99},
		{"", MFT_RESERVED_FIRST},
	};
	struct fixture *f = *state;

	make_image(f, devices, COUNT(devices));
	assert_says(f, "device:   a, BLOCK_BASIC\ndevice:   b, NET_BASIC\n"
		    "device:   c, <undefined type>\ndevice:   , RESERVED_FIRST");
	assert_null(strstr(f->text, "devices: "));
	assert_json(f, "devices/0/name", "a");
	assert_json(f, "devices/0/type", "BLOCK_BASIC");
	assert_json(f, "devices/1/handle", "2");
	assert_json(f, "devices/2/type", "<undefined type>");
	assert_json(f, "devices/3/handle", "4");
	assert_no_json(f, "devices/4");
}

static void the_note_of_what_is_wanted_is_shown(void **state)
{
	uint32_t note[2] = {1, 0x33};
	struct fixture *f = *state;
	Elf64_Phdr *p;

	assert_no_json(f, "husk");
	p = image_note(&f->image, "Husk", 1, note, sizeof note);
	assert_says(f, "wants:    Husk note version 1, vsock, block, clock, unknown bit 5");
	assert_json(f, "husk/version", "1");
	assert_json(f, "husk/wanted", "51");
	assert_json(f, "husk/features", "[\"vsock\",\"block\",\"clock\"]");
	note[0] = 2;
	memcpy(image_desc(&f->image, p), note, sizeof note);
	assert_says(f, "wants:    Husk note version 2");
	assert_json(f, "husk/features", "[]");
	note[0] = 1;
	note[1] = 0;
	memcpy(image_desc(&f->image, p), note, sizeof note);
	assert_null(strstr(inspect(f, 0), "wants:"));
	assert_json(f, "husk/wanted", "0");
}

static void an_image_without_bytes_has_no_segments(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < f->image.n_phdrs; i++)
		if (f->image.phdr[i].p_type == PT_LOAD)
			f->image.phdr[i].p_type = PT_NULL;
	assert_json(f, "segments", "[]");
	assert_json(f, "end", "0");
	inspect(f, 0);
	assert_null(strstr(f->text, "segment: "));
}

static void a_name_may_hold_any_character(void **state)
{
	struct fixture *f = *state;
	char path[100], got[100];

	image_save(&f->image);
	snprintf(path, sizeof path, "%s.\"\\\n\xc3\xbc\xf0\x9f\x98\x80", f->image.path);
	assert_int_equal(rename(f->image.path, path), 0);
	assert_int_equal(inspect_path(f, path, 1), 0);
	assert_int_equal(unlink(path), 0);
	assert_null(json_fault(f->text));
	assert_true(json_get(f->text, "image", got, sizeof got));
	assert_string_equal(got, path);
}

/* ---- what cannot be inspected ---- */

static void nothing_is_written_about_what_cannot_be_read(void **state)
{
	struct fixture *f = *state;

	for (int json = 0; json < 2; json++) {
		assert_int_equal(inspect_path(f, "/nowhere", json), -1);
		assert_int_equal(f->e.kind, HUSK_E_HOST);
		assert_int_equal(f->e.sys, ENOENT);
		assert_int_equal(f->len, 0);
		f->image.ehdr.e_ident[0] = 0;
		assert_int_equal(inspect_path(f, image_save(&f->image), json), -1);
		assert_int_equal(f->e.kind, HUSK_E_IMAGE);
		assert_int_equal(f->len, 0);
	}
}

static void no_descriptor_stays_open(void **state)
{
	int before = dup(0), after;

	close(before);
	inspect(*state, 0);
	inspect(*state, 1);
	after = dup(0);
	close(after);
	assert_int_equal(after, before);
}

static void a_stop_ends_the_wait_for_a_pipe(void **state)
{
	struct fixture *f = *state;
	char dir[] = "/tmp/image.XXXXXX", path[40];

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/pipe", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	f->looks = 2;
	assert_int_equal(inspect_path(f, path, 0), -1);
	assert_int_equal(f->looks, 0);
	assert_int_equal(f->e.sys, EINTR);
	assert_string_equal(f->text, "");
	unlink(path);
	rmdir(dir);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(text_says_what_the_image_says),
		TEST(json_says_what_the_image_says),
		TEST(machines_have_names),
		TEST(an_image_may_be_for_another_monitor),
		TEST(an_image_without_notes_is_no_failure),
		TEST(an_image_may_have_no_devices),
		TEST(every_device_is_listed),
		TEST(the_note_of_what_is_wanted_is_shown),
		TEST(an_image_without_bytes_has_no_segments),
		TEST(a_name_may_hold_any_character),
		TEST(nothing_is_written_about_what_cannot_be_read),
		TEST(no_descriptor_stays_open),
		TEST(a_stop_ends_the_wait_for_a_pipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
