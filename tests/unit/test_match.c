/* SPDX-License-Identifier: ISC */
/* test_match.c: the image's devices against the options. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../monitor/machine.h"
#include "hv_fake.h"

/* ---- modules that only have options ---- */

static const struct option core_options[] = {
	{.name = "quiet", .form = OPTION_FLAG},
};
static const struct module no_devices = {
	.name = "core", .options = core_options, .n_options = 1,
};

static const struct option block_options[] = {
	{.name = "block-size", .form = OPTION_DEVICE, .value = "BYTES"},
	{.name = "block", .form = OPTION_DEVICE, .value = "PATH", .attaches = true},
	{.name = "block-ro", .form = OPTION_DEVICE, .value = "FILE", .attaches = true},
};
static const struct module block = {
	.name = "block", .device_type = MFT_DEV_BLOCK_BASIC, .options = block_options,
	.n_options = 3,
};

static const struct option net_options[] = {
	{.name = "net", .form = OPTION_DEVICE, .value = "IFACE", .attaches = true},
};
static const struct module net = {
	.name = "net", .device_type = MFT_DEV_NET_BASIC, .options = net_options, .n_options = 1,
};

/* Serves what nothing can attach. */
#define TYPE_STRANGE 77
static const struct module strange = {.name = "strange", .device_type = TYPE_STRANGE};

static const struct module *const modules_here[] = {&no_devices, &block, &strange, &net, NULL};
static const struct module *const without_net[] = {&no_devices, &block, NULL};

struct fixture {
	struct husk *h;
	struct husk_error e;
};

static void make(struct fixture *f, const struct module *const *mods)
{
	static const struct husk_config config = {.console_fd = -1};

	f->h = machine_create(&config, &hv_fake_ops, mods, &f->e);
	assert_non_null(f->h);
	f->h->image.manifest.header = (struct mft_header){MFT_VERSION, 1};
	f->h->image.manifest.entry[0].type = MFT_RESERVED_FIRST;
}

static int set_up(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof f);
	*state = &f;
	make(&f, modules_here);
	return 0;
}

static int tear_down(void **state)
{
	husk_destroy(((struct fixture *)*state)->h);
	return 0;
}

static void declare(struct fixture *f, const char *name, uint32_t type)
{
	struct manifest *mft = &f->h->image.manifest;
	struct mft_entry *entry = &mft->entry[mft->header.entries++];

	snprintf(entry->name, sizeof entry->name, "%s", name);
	entry->type = type;
}

static void give(struct fixture *f, const char *word)
{
	assert_int_equal(husk_option(f->h, word, &f->e), 0);
}

static void assert_matches(struct fixture *f)
{
	f->e = (struct husk_error){0};
	if (machine_match_devices(f->h, &f->e) != 0)
		fail_msg("%s", f->e.message);
	assert_int_equal(f->e.kind, HUSK_E_NONE);
}

static void assert_differs(struct fixture *f, const char *message)
{
	assert_int_equal(machine_match_devices(f->h, &f->e), -1);
	assert_int_equal(f->e.kind, HUSK_E_USAGE);
	if (strcmp(f->e.message, message) != 0)
		fail_msg("\"%s\", expected \"%s\"", f->e.message, message);
}

/* ---- what matches ---- */

static void an_image_without_devices_needs_nothing(void **state)
{
	assert_matches(*state);
}

static void every_device_is_attached_by_any_option_that_attaches(void **state)
{
	declare(*state, "a", MFT_DEV_BLOCK_BASIC);
	declare(*state, "b", MFT_DEV_BLOCK_BASIC);
	declare(*state, "c", MFT_DEV_NET_BASIC);
	give(*state, "--net:c=tap0");
	give(*state, "--block:a=x");
	give(*state, "--block-ro:b=x");
	assert_matches(*state);
}

static void options_without_a_device_do_not_matter(void **state)
{
	declare(*state, "a", MFT_DEV_BLOCK_BASIC);
	give(*state, "--mem=4");
	give(*state, "--quiet");
	give(*state, "--block:a=x");
	assert_matches(*state);
}

static void a_name_may_be_two_devices_of_different_types(void **state)
{
	declare(*state, "a", MFT_DEV_NET_BASIC);
	declare(*state, "a", MFT_DEV_BLOCK_BASIC);
	give(*state, "--block:a=x");
	assert_differs(*state, "Device 'a' of type NET_BASIC declared but not attached: All "
		       "declared devices must be attached; add --net:a=IFACE");
	give(*state, "--net:a=tap0");
	assert_matches(*state);
}

static void reserved_types_need_not_be_attached(void **state)
{
	declare(*state, "a", MFT_RESERVED_FIRST);
	declare(*state, "b", UINT32_MAX);
	declare(*state, "c", MFT_RESERVED_FIRST + 1);
	assert_matches(*state);
	declare(*state, "d", MFT_RESERVED_FIRST - 1);
	assert_differs(*state, "Device 'd' of type <undefined type> declared but not attached: "
		       "there is no type of device with the number 1073741823");
}

static void a_device_may_be_attached_twice(void **state)
{
	declare(*state, "a", MFT_DEV_BLOCK_BASIC);
	give(*state, "--block:a=x");
	give(*state, "--block-size:a=512");
	give(*state, "--block:a=y");
	assert_matches(*state);
}

/* ---- what does not ---- */

static void a_device_that_is_not_attached_is_told_with_the_remedy(void **state)
{
	declare(*state, "a", MFT_DEV_BLOCK_BASIC);
	assert_differs(*state, "Device 'a' of type BLOCK_BASIC declared but not attached: All "
		       "declared devices must be attached; add --block:a=PATH");
}

static void a_companion_option_does_not_attach(void **state)
{
	declare(*state, "a", MFT_DEV_BLOCK_BASIC);
	give(*state, "--block-size:a=512");
	assert_differs(*state, "Device 'a' of type BLOCK_BASIC declared but not attached: All "
		       "declared devices must be attached; add --block:a=PATH");
}

static void the_first_of_several_is_named_and_the_others_counted(void **state)
{
	declare(*state, "a", MFT_DEV_BLOCK_BASIC);
	declare(*state, "b", MFT_DEV_NET_BASIC);
	declare(*state, "c", MFT_DEV_BLOCK_BASIC);
	declare(*state, "d", MFT_DEV_NET_BASIC);
	give(*state, "--block:a=x");
	assert_differs(*state, "Device 'b' of type NET_BASIC declared but not attached (and 2 "
		       "more): All declared devices must be attached; add --net:b=IFACE");
	give(*state, "--net:b=tap0");
	assert_differs(*state, "Device 'c' of type BLOCK_BASIC declared but not attached (and 1 "
		       "more): All declared devices must be attached; add --block:c=PATH");
	give(*state, "--block:c=x");
	assert_differs(*state, "Device 'd' of type NET_BASIC declared but not attached: All "
		       "declared devices must be attached; add --net:d=IFACE");
}

static void a_device_without_a_module_cannot_be_attached(void **state)
{
	struct fixture *f = *state;

	husk_destroy(f->h);
	make(f, without_net);
	declare(f, "a", MFT_DEV_NET_BASIC);
	assert_differs(f, "Device 'a' of type NET_BASIC declared but not attached: it needs module "
		       "net, which is not compiled in");
}

static void a_device_whose_module_has_no_such_option_cannot_be_attached(void **state)
{
	declare(*state, "a", TYPE_STRANGE);
	assert_differs(*state, "Device 'a' of type <undefined type> declared but not attached: "
		       "there is no type of device with the number 77");
}

static void a_device_that_is_not_declared_is_told(void **state)
{
	declare(*state, "a", MFT_DEV_BLOCK_BASIC);
	give(*state, "--block:a=x");
	give(*state, "--block:b=x");
	assert_differs(*state, "Resource not declared in manifest: 'b' (--block): the image "
		       "declares a (BLOCK_BASIC)");
}

static void all_devices_are_listed_as_far_as_there_is_room(void **state)
{
	struct fixture *f = *state;
	char name[MFT_NAME_SIZE];

	declare(f, "a", MFT_DEV_BLOCK_BASIC);
	declare(f, "b", MFT_DEV_NET_BASIC);
	declare(f, "c", MFT_RESERVED_FIRST);
	give(f, "--block:x=x");
	assert_differs(f, "Resource not declared in manifest: 'x' (--block): the image declares a "
		       "(BLOCK_BASIC), b (NET_BASIC)");
	memset(name, 'd', MFT_NAME_MAX);
	name[MFT_NAME_MAX] = '\0';
	for (unsigned i = f->h->image.manifest.header.entries; i < MFT_MAX_ENTRIES; i++)
		declare(f, name, MFT_DEV_NET_BASIC);
	assert_int_equal(machine_match_devices(f->h, &f->e), -1);
	assert_non_null(strstr(f->e.message, " and 59 more, see --inspect"));
	assert_non_null(strstr(f->e.message, "b (NET_BASIC), ddd"));
}

static void a_companion_option_needs_a_device_too(void **state)
{
	give(*state, "--block-size:b=512");
	assert_differs(*state, "Resource not declared in manifest: 'b' (--block-size): the image "
		       "declares none");
}

static void a_device_of_another_type_is_told(void **state)
{
	declare(*state, "a", MFT_DEV_NET_BASIC);
	give(*state, "--net:a=tap0");
	give(*state, "--block:a=x");
	assert_differs(*state, "Resource not declared in manifest: 'a' is declared as NET_BASIC, "
		       "which --block cannot attach");
}

static void names_match_as_a_whole(void **state)
{
	declare(*state, "disk", MFT_DEV_BLOCK_BASIC);
	give(*state, "--block:disk=x");
	give(*state, "--block:dis=x");
	assert_differs(*state, "Resource not declared in manifest: 'dis' (--block): the image "
		       "declares disk (BLOCK_BASIC)");
}

static void the_reserved_entry_is_no_device(void **state)
{
	struct fixture *f = *state;

	strcpy(f->h->image.manifest.entry[0].name, "a");
	f->h->image.manifest.entry[0].type = MFT_DEV_BLOCK_BASIC;
	assert_matches(f);
	give(f, "--block:a=x");
	assert_differs(f, "Resource not declared in manifest: 'a' (--block): the image declares "
		       "none");
}

static void a_setting_is_told_before_a_device(void **state)
{
	declare(*state, "a", MFT_DEV_BLOCK_BASIC);
	give(*state, "--block:b=x");
	assert_differs(*state, "Resource not declared in manifest: 'b' (--block): the image "
		       "declares a (BLOCK_BASIC)");
}

/* ---- options behind the image ---- */

static void stand_behind(struct fixture *f, char *const *words, int n)
{
	f->h->guest_argc = n;
	f->h->guest_argv = words;
}

static void an_option_behind_the_image_is_noticed(void **state)
{
	static char wire[] = "--net:b=tap0", ro[] = "--block-ro:a=x", other[] = "--block:aa=x";
	static char *const words[] = {wire, ro, other};
	struct fixture *f = *state;

	declare(f, "a", MFT_DEV_BLOCK_BASIC);
	stand_behind(f, words, 3);
	assert_differs(f, "Device 'a' of type BLOCK_BASIC declared but not attached: "
		       "`--block-ro:a=x' comes after the image and is passed to the guest: put it "
		       "in front");
	/* Of another device, by the same option. */
	stand_behind(f, words + 2, 1);
	assert_differs(f, "Device 'a' of type BLOCK_BASIC declared but not attached: "
		       "`--block:aa=x' comes after the image and is passed to the guest: put it "
		       "in front");
}

static void other_words_behind_the_image_are_not(void **state)
{
	static char bare[] = "--block", companion[] = "--block-size:a=512", no_dash[] = "block:a=x";
	static char one_dash[] = "-block:a=x", longer[] = "--blocks:a=x", none[] = "";
	static char wire[] = "--net:b=tap0";
	static char *const words[] = {
		wire, bare, companion, no_dash, one_dash, longer, none,
	};
	struct fixture *f = *state;

	declare(f, "a", MFT_DEV_BLOCK_BASIC);
	stand_behind(f, words, sizeof words / sizeof words[0]);
	assert_differs(f, "Device 'a' of type BLOCK_BASIC declared but not attached: All "
		       "declared devices must be attached; add --block:a=PATH");
}

static void more_memory_behind_the_image_is_noticed(void **state)
{
	static char mem[] = "--mem=64";
	static char *const words[] = {mem};
	struct fixture *f = *state;

	f->h->image.name = strdup("x");
	f->h->image.code_missing = true;
	f->h->image.entry = f->h->image.bss_end = 4 << 20;
	assert_int_equal(machine_fit(f->h, 2 << 20, &f->e), -1);
	assert_null(strstr(f->e.message, "comes after"));
	stand_behind(f, words, 1);
	assert_int_equal(machine_fit(f->h, 2 << 20, &f->e), -1);
	assert_non_null(strstr(f->e.message, "`--mem=64' comes after the image and is passed to the "
			       "guest: put it in front"));
	assert_int_equal(machine_fit(f->h, 8 << 20, &f->e), -1);
	assert_null(strstr(f->e.message, "comes after"));
}

/* ---- what is not compiled in ---- */

static void options_of_modules_that_are_not_compiled_in_are_known(void **state)
{
	static const char *const rng_options[] = {"rng", "rng-rate", NULL};
	static const char *const no_options[] = {NULL};
	static const struct absent_module absent[] = {
		{"quiet", no_options}, {"rng", rng_options}, {NULL, NULL},
	};
	static const char *const others[] = {
		"--rn:a=x", "--rngs:a=x", "--mem=4", "rng", "--", "-", "", "--:a", "--rng-", "--=rng",
	};
	struct fixture *f = *state;

	assert_int_equal(machine_option_absent(absent, "--rng:a=x", &f->e), -1);
	assert_int_equal(f->e.kind, HUSK_E_USAGE);
	assert_string_equal(f->e.message, "Invalid option: `--rng:a=x': --rng belongs to module rng, "
			    "which is not compiled in");
	assert_int_equal(machine_option_absent(absent, "--rng", &f->e), -1);
	assert_int_equal(machine_option_absent(absent, "--rng-rate=4", &f->e), -1);
	assert_non_null(strstr(f->e.message, "--rng-rate belongs to module rng"));
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		assert_int_equal(machine_option_absent(absent, others[i], &f->e), 0);
	f->h->absent = absent;
	assert_int_equal(husk_option(f->h, "--rng:a=x", &f->e), -1);
	assert_non_null(strstr(f->e.message, "which is not compiled in"));
}

/* ---- one by one, as --check does it ---- */

static void one_device_is_held_against_the_options(void **state)
{
	struct fixture *f = *state;
	const struct mft_entry *entry = f->h->image.manifest.entry;

	declare(f, "a", MFT_DEV_BLOCK_BASIC);
	declare(f, "b", MFT_DEV_BLOCK_BASIC);
	give(f, "--block:b=x");
	assert_int_equal(machine_match_device(f->h, &entry[1], &f->e), -1);
	assert_string_equal(f->e.message, "Device 'a' of type BLOCK_BASIC declared but not "
			    "attached: All declared devices must be attached; add --block:a=PATH");
	assert_int_equal(machine_match_device(f->h, &entry[2], &f->e), 0);
}

static void one_setting_is_held_against_the_manifest(void **state)
{
	struct fixture *f = *state;
	const struct settings *s = &f->h->settings;

	declare(f, "a", MFT_DEV_BLOCK_BASIC);
	give(f, "--mem=4");
	give(f, "--block:a=x");
	give(f, "--block:b=x");
	assert_int_equal(machine_match_setting(f->h, &s->list[0], &f->e), 0);
	assert_int_equal(machine_match_setting(f->h, &s->list[1], &f->e), 0);
	assert_int_equal(machine_match_setting(f->h, &s->list[2], &f->e), -1);
}

static void a_type_has_the_module_that_serves_it(void **state)
{
	(void)state;
	assert_ptr_equal(machine_module_for(modules_here, MFT_DEV_BLOCK_BASIC), &block);
	assert_ptr_equal(machine_module_for(modules_here, MFT_DEV_NET_BASIC), &net);
	assert_null(machine_module_for(without_net, MFT_DEV_NET_BASIC));
	assert_null(machine_module_for(modules_here, 0));
	assert_null(machine_module_for(modules_here, MFT_RESERVED_FIRST));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_image_without_devices_needs_nothing),
		TEST(every_device_is_attached_by_any_option_that_attaches),
		TEST(options_without_a_device_do_not_matter),
		TEST(a_name_may_be_two_devices_of_different_types),
		TEST(reserved_types_need_not_be_attached),
		TEST(a_device_may_be_attached_twice),
		TEST(a_device_that_is_not_attached_is_told_with_the_remedy),
		TEST(a_companion_option_does_not_attach),
		TEST(the_first_of_several_is_named_and_the_others_counted),
		TEST(a_device_without_a_module_cannot_be_attached),
		TEST(a_device_whose_module_has_no_such_option_cannot_be_attached),
		TEST(a_device_that_is_not_declared_is_told),
		TEST(a_companion_option_needs_a_device_too),
		TEST(a_device_of_another_type_is_told),
		TEST(names_match_as_a_whole),
		TEST(the_reserved_entry_is_no_device),
		TEST(a_setting_is_told_before_a_device),
		TEST(all_devices_are_listed_as_far_as_there_is_room),
		TEST(an_option_behind_the_image_is_noticed),
		TEST(other_words_behind_the_image_are_not),
		TEST(more_memory_behind_the_image_is_noticed),
		TEST(options_of_modules_that_are_not_compiled_in_are_known),
		TEST(one_device_is_held_against_the_options),
		TEST(one_setting_is_held_against_the_manifest),
		TEST(a_type_has_the_module_that_serves_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
