/* SPDX-License-Identifier: ISC */
/* test_check.c: what --check finds on the host, in an image, and in its devices. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../monitor/machine.h"
#include "../../monitor/memory_host.h"
#include "hv_fake.h"
#include "image.h"
#include "expect.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])
#define HOST "ok   fake\n"

extern const struct module module_core, module_block;
static const struct module *const mods[] = {&module_core, &module_block, NULL};

struct fixture {
	struct husk *h;
	struct husk_error e;
	struct image image;
	char disk[80];		/* a file of 8 sectors or so */
	char words[4][120];	/* options that name a file */
	unsigned n_words;
	char *text;
	size_t len;
	int files;
};

static void make_image(struct fixture *f, const struct image_device *devices, unsigned n)
{
	static const uint8_t bytes[512] = {0xf4};

	image_free(&f->image);
	image_init(&f->image, cpu_elf_machine);
	image_segment(&f->image, HVT_GUEST_MIN_BASE, PF_R | PF_X, bytes, sizeof bytes);
	image_manifest(&f->image, devices, n);
	image_abi(&f->image, ELF_ABI_HVT, 2);
	image_save(&f->image);
}

static void create(struct fixture *f, const struct hv_ops *ops)
{
	const struct husk_config config = {.console_fd = -1};

	husk_destroy(f->h);
	f->h = machine_create(&config, ops, mods, &f->e);
	assert_non_null(f->h);
}

static int set_up(void **state)
{
	static struct fixture f;
	int fd;

	f = (struct fixture){.files = open_descriptors()};
	make_image(&f, NULL, 0);
	create(&f, &hv_fake_ops);
	*state = &f;
	strcpy(f.disk, "/tmp/test_check.XXXXXX");
	fd = mkstemp(f.disk);
	return fd == -1 ? -1 : close(fd);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	husk_destroy(f->h);
	image_free(&f->image);
	unlink(f->disk);
	free(f->text);
	assert_int_equal(open_descriptors(), f->files);
	return 0;
}

/* ---- memory for the guest, which may not be had ---- */

static unsigned fail_memory;	/* 1: address space, 2: what fills it */

int __real_memory_host_reserve(struct memory_host *h, uint64_t size, struct husk_error *e);
int __wrap_memory_host_reserve(struct memory_host *h, uint64_t size, struct husk_error *e);
int __real_memory_host_commit(struct memory_host *h, struct husk_error *e);
int __wrap_memory_host_commit(struct memory_host *h, struct husk_error *e);

int __wrap_memory_host_reserve(struct memory_host *h, uint64_t size, struct husk_error *e)
{
	if (fail_memory != 1)
		return __real_memory_host_reserve(h, size, e);
	*h = (struct memory_host){.map = NULL};
	return husk_fail_sys(e, ENOMEM, "memory");
}

int __wrap_memory_host_commit(struct memory_host *h, struct husk_error *e)
{
	return fail_memory != 2 ? __real_memory_host_commit(h, e) : husk_fail_sys(e, ENOMEM, "memory");
}

static void set(struct fixture *f, const char *word)
{
	if (husk_option(f->h, word, &f->e) != 0)
		fail_msg("%s", f->e.message);
}

static void attach(struct fixture *f, const char *option, const char *path)
{
	char *word = f->words[f->n_words++];

	snprintf(word, sizeof f->words[0], "%s=%s", option, path);
	set(f, word);
}

static int check(struct fixture *f, const char *path)
{
	FILE *out;
	int bad;

	free(f->text);
	out = open_memstream(&f->text, &f->len);
	assert_non_null(out);
	bad = husk_check(f->h, path, 0, NULL, out);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(open_descriptors(), f->files);
	return bad;
}

/* All that is said; %s stands for the image's name, %d for the disk's. */
static void assert_findings(struct fixture *f, int bad, const char *format)
{
	char expected[2000], *to = expected;

	assert_int_equal(check(f, f->image.path), bad);
	for (const char *at = format; *at != '\0'; at++)
		if (strncmp(at, "%s", 2) == 0)
			to = stpcpy(to, f->image.path), at++;
		else if (strncmp(at, "%d", 2) == 0)
			to = stpcpy(to, f->disk), at++;
		else
			*to++ = *at;
	*to = '\0';
	assert_string_equal(f->text, expected);
}

/* ---- the host ---- */

static int bad_probe(hv_finding *say, void *ctx)
{
	say(ctx, true, "a processor", "");
	say(ctx, false, "/dev/kvm", "load the kvm module");
	say(ctx, false, "no remedy", "");
	say(ctx, true, "memory", "enough of it");
	return -1;
}

static void without_an_image_only_the_host_is_looked_at(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(check(f, NULL), 0);
	assert_string_equal(f->text, HOST);
}

static void without_an_image_devices_are_not_looked_at(void **state)
{
	struct fixture *f = *state;

	attach(f, "--block:one", "/nowhere");
	assert_int_equal(check(f, NULL), 0);
	assert_string_equal(f->text, HOST "note --block:one was not looked at: name the image too\n");
}

static void a_host_that_will_not_do_is_told_with_the_remedy(void **state)
{
	struct fixture *f = *state;
	struct hv_ops ops = hv_fake_ops;

	ops.probe = bad_probe;
	create(f, &ops);
	assert_int_equal(check(f, NULL), 2);
	assert_string_equal(f->text, "ok   a processor\nFAIL /dev/kvm: load the kvm module\n"
			    "FAIL no remedy\nok   memory: enough of it\n");
	assert_int_equal(check(f, "/nowhere"), 3);	/* and the image all the same */
	assert_non_null(strstr(f->text, "enough of it\nFAIL /nowhere: "));
	create(f, &hv_fake_ops);
}

/* ---- the image ---- */

static void a_good_image_can_run(void **state)
{
	assert_findings(*state, 0, HOST "ok   %s: an image that can run here\n");
}

static void a_missing_image_is_told(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(check(f, "/nowhere"), 1);
	assert_string_equal(f->text, HOST "FAIL /nowhere: Could not open: No such file or directory\n");
}

static void what_is_no_image_is_told(void **state)
{
	struct fixture *f = *state;

	f->image.ehdr.e_ident[0] = 'x';
	image_save(&f->image);
	assert_int_equal(check(f, f->image.path), 1);
	assert_ptr_equal(strstr(f->text, HOST "FAIL "), f->text);
	assert_non_null(strstr(f->text, f->image.path));
}

static void an_image_for_another_machine_is_told(void **state)
{
	struct fixture *f = *state;

	f->image.ehdr.e_machine = EM_RISCV;
	image_save(&f->image);
	assert_int_equal(check(f, f->image.path), 1);
	assert_null(strstr(f->text, "can run"));
}

static void an_image_must_fit_the_memory_that_is_set(void **state)
{
	struct fixture *f = *state;

	f->image.phdr[0].p_vaddr = f->image.phdr[0].p_paddr = 2 * HVT_MEM_GRANULE;
	f->image.ehdr.e_entry = 2 * HVT_MEM_GRANULE;
	image_save(&f->image);
	assert_findings(f, 0, HOST "ok   %s: an image that can run here\n");
	set(f, "--mem=4");
	assert_int_equal(check(f, f->image.path), 1);
	assert_non_null(strstr(f->text, "beyond the guest's memory of 4 MiB"));
	set(f, "--mem=6");
	assert_int_equal(check(f, f->image.path), 0);
}

/* ---- devices ---- */

static const struct image_device disks[] = {
	{"one", MFT_DEV_BLOCK_BASIC}, {"two", MFT_DEV_BLOCK_BASIC},
	{"later", MFT_RESERVED_FIRST},
};

#define RUNS HOST "ok   %s: an image that can run here\n"

static void devices_that_can_be_attached_are_listed(void **state)
{
	struct fixture *f = *state;

	make_image(f, disks, COUNT(disks));
	assert_int_equal(truncate(f->disk, 0x4000), 0);
	attach(f, "--block-ro:one", f->disk);
	attach(f, "--block-ro:two", f->disk);
	assert_findings(f, 0, RUNS "ok   device one, BLOCK_BASIC: can be attached\n"
			"ok   device two, BLOCK_BASIC: can be attached\n");
}

#define NOWHERE ": Could not open block device: /nowhere: No such file or directory: " \
	"`truncate -s SIZE /nowhere' makes one\n"

static void one_bad_device_does_not_hide_another(void **state)
{
	struct fixture *f = *state;

	make_image(f, disks, COUNT(disks));
	attach(f, "--block:one", "/nowhere");
	assert_findings(f, 2, RUNS
			"FAIL device one" NOWHERE
			"FAIL Device 'two' of type BLOCK_BASIC declared but not attached: All "
			"declared devices must be attached; add --block:two=PATH\n");
	assert_int_equal(truncate(f->disk, 0x4000), 0);
	attach(f, "--block:two", f->disk);
	assert_findings(f, 1, RUNS
			"FAIL device one" NOWHERE
			"ok   device two, BLOCK_BASIC: can be attached\n");
}

/* As a launch would; nothing that is wrong already hides it, and nothing is told twice. */
static void devices_that_are_in_each_others_way_are_told(void **state)
{
	static const struct image_device three[] = {
		{"one", MFT_DEV_BLOCK_BASIC}, {"two", MFT_DEV_BLOCK_BASIC},
		{"bad", MFT_DEV_BLOCK_BASIC},
	};
	struct fixture *f = *state;
	char where[16], expected[1000];
	int fd;

	make_image(f, three, COUNT(three));
	assert_int_equal(truncate(f->disk, 0x4000), 0);
	attach(f, "--block:one", f->disk);
	attach(f, "--block-ro:two", f->disk);
	attach(f, "--block:bad", "/nowhere");
#define FINDINGS "ok   device one, BLOCK_BASIC: can be attached\n" \
		 "ok   device two, BLOCK_BASIC: can be attached\n" \
		 "FAIL device bad" NOWHERE
#define IN_THE_WAY ": block devices one and two would share it: give each a file of its own, or " \
		   "attach both with --block-ro\n"
	assert_findings(f, 2, RUNS FINDINGS "FAIL device two: %d" IN_THE_WAY);
	assert_int_equal(husk_load(f->h, f->image.path, 0, NULL, &f->e), -1);
	fd = open(f->disk, O_RDWR | O_CLOEXEC);
	f->files++;
	snprintf(where, sizeof where, "@%d", fd);
	f->n_words = 0;
	create(f, &hv_fake_ops);
	attach(f, "--block:one", where);
	attach(f, "--block-ro:two", where);
	attach(f, "--block:bad", "/nowhere");
	snprintf(expected, sizeof expected, RUNS FINDINGS "FAIL device two: %s" IN_THE_WAY, "%s",
		 where);
	assert_findings(f, 2, expected);
	close(fd);
	f->files--;
}

static void a_device_that_is_bad_by_itself_is_in_nobodys_way(void **state)
{
	struct fixture *f = *state;

	make_image(f, disks, COUNT(disks));
	assert_int_equal(truncate(f->disk, 0x4000), 0);
	attach(f, "--block-ro:one", f->disk);
	attach(f, "--block:two", f->disk);
	set(f, "--block-sector-size:two=32768");
	assert_int_equal(check(f, f->image.path), 1);
	assert_non_null(strstr(f->text, "FAIL device two: "));
	assert_null(strstr(f->text, "share"));
}

static void a_device_that_does_not_suit_its_options_is_told(void **state)
{
	struct fixture *f = *state;

	make_image(f, disks, 1);
	assert_int_equal(truncate(f->disk, 0x4200), 0);
	attach(f, "--block:one", f->disk);
	set(f, "--block-sector-size:one=1024");
	assert_findings(f, 1, RUNS "FAIL device one: %d: Backing storage size must be block "
			"aligned (1024 bytes); it has 16896 bytes: `truncate -s %1024 FILE' rounds it "
			"up\n");
}

static void a_device_that_nobody_serves_is_told(void **state)
{
	static const struct image_device net = {"service0", MFT_DEV_NET_BASIC};
	static const struct module *const without_net[] = {&module_core, NULL};
	struct fixture *f = *state;

	f->h->modules = without_net;
	make_image(f, &net, 1);
	assert_findings(f, 1, RUNS "FAIL Device 'service0' of type NET_BASIC declared but not "
			"attached: it needs module net, which is not compiled in\n");
}

static void options_for_devices_that_are_not_there_are_told(void **state)
{
	struct fixture *f = *state;

	set(f, "--block:nobody=/dev/null");
	set(f, "--block-sector-size:none=512");
	assert_findings(f, 2, RUNS
			"FAIL Resource not declared in manifest: 'nobody' (--block): the image declares none\n"
			"FAIL Resource not declared in manifest: 'none' (--block-sector-size): the image declares none\n");
}

static void the_last_of_many_devices_is_looked_at_too(void **state)
{
	static struct image_device many[MFT_MAX_ENTRIES - 1];
	static char names[MFT_MAX_ENTRIES - 1][8], words[MFT_MAX_ENTRIES - 1][100];
	struct fixture *f = *state;

	for (unsigned i = 0; i < COUNT(many); i++) {
		snprintf(names[i], sizeof names[i], "d%u", i);
		many[i] = (struct image_device){names[i], MFT_DEV_BLOCK_BASIC};
	}
	make_image(f, many, COUNT(many));
	assert_int_equal(truncate(f->disk, 0x4000), 0);
	for (unsigned i = 0; i < COUNT(many) - 1; i++) {
		snprintf(words[i], sizeof words[i], "--block-ro:d%u=%s", i, f->disk);
		set(f, words[i]);
	}
	assert_int_equal(check(f, f->image.path), 1);
	assert_non_null(strstr(f->text, "ok   device d61, BLOCK_BASIC: can be attached\n"
			       "FAIL Device 'd62' of type BLOCK_BASIC declared but not attached"));
}

/* ---- afterwards ---- */

static void a_machine_that_was_checked_can_still_run(void **state)
{
	struct fixture *f = *state;

	make_image(f, disks, 1);
	assert_int_equal(truncate(f->disk, 0x4000), 0);
	attach(f, "--block:one", f->disk);
	set(f, "--mem=2");
	assert_int_equal(check(f, f->image.path), 0);
	assert_int_equal(check(f, f->image.path), 0);
	if (husk_load(f->h, f->image.path, 0, NULL, &f->e) != 0)
		fail_msg("%s", f->e.message);
}

static void memory_that_cannot_be_had_is_told(void **state)
{
	struct fixture *f = *state;

	make_image(f, NULL, 0);
	for (fail_memory = 1; fail_memory <= 2; fail_memory++)
		assert_findings(f, 1, "ok   fake\n"
				"FAIL memory: Cannot allocate memory\n"
				"ok   %s: an image that can run here\n");
	fail_memory = 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_an_image_only_the_host_is_looked_at),
		TEST(without_an_image_devices_are_not_looked_at),
		TEST(a_host_that_will_not_do_is_told_with_the_remedy),
		TEST(a_good_image_can_run),
		TEST(memory_that_cannot_be_had_is_told),
		TEST(a_missing_image_is_told),
		TEST(what_is_no_image_is_told),
		TEST(an_image_for_another_machine_is_told),
		TEST(an_image_must_fit_the_memory_that_is_set),
		TEST(devices_that_can_be_attached_are_listed),
		TEST(one_bad_device_does_not_hide_another),
		TEST(devices_that_are_in_each_others_way_are_told),
		TEST(a_device_that_is_bad_by_itself_is_in_nobodys_way),
		TEST(a_device_that_does_not_suit_its_options_is_told),
		TEST(a_device_that_nobody_serves_is_told),
		TEST(options_for_devices_that_are_not_there_are_told),
		TEST(the_last_of_many_devices_is_looked_at_too),
		TEST(a_machine_that_was_checked_can_still_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
