/* SPDX-License-Identifier: ISC */
/* test_husk.c: a machine's life through the library's face, on the fake hypervisor. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../../monitor/machine.h"
#include "hv_fake.h"
#include "image.h"
#include "expect.h"

#define MEMORY 0x400000u	/* what --mem=4 is */
#define TEXT HVT_GUEST_MIN_BASE
#define RODATA (TEXT + 0x1000u)
#define DATA (TEXT + 0x2000u)
#define MORE_RODATA (TEXT + 0x4000u)
#define ARG (TEXT + 0x8000u)

/* ---- host calls that are made to fail ---- */

static bool no_memory;
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

void *__wrap_calloc(size_t n, size_t size)
{
	return no_memory ? NULL : __real_calloc(n, size);
}

/* ---- modules that write down what happens to them ---- */

static struct {
	char log[1000];		/* "open a, attach a, ..." */
	const char *fails;	/* the entry of it that fails */
	struct husk *stops;	/* the machine that is stopped while modules go; may be NULL */
	bool serves;		/* frames of two devices, of which at the start one is left */
	struct core *core;
} spy;

static int note(const char *what, const char *name, struct husk_error *e)
{
	char entry[20];

	snprintf(entry, sizeof entry, "%s %s", what, name);
	if (spy.log[0] != '\0')
		strcat(spy.log, ", ");
	strcat(spy.log, entry);
	if (spy.fails == NULL || strcmp(spy.fails, entry) != 0)
		return 0;
	return husk_fail(e, HUSK_E_HOST, "%s fails", entry);
}

#define SPY(x) \
static int open_##x(void **state, const struct settings *settings, struct manifest *mft, \
		       struct husk_error *e) \
{ \
	(void)settings, (void)mft; \
	*state = &spy; \
	return note("open", #x, e); \
} \
static int attach_##x(void *state, struct core *c, struct husk_error *e) \
{ \
	assert_ptr_equal(state, &spy); \
	assert_non_null(c->hv); \
	spy.core = c; \
	if (spy.serves) \
		c->wanted |= HUSK_FEATURE_NET, c->granted |= HUSK_FEATURE_NET, c->net_direct = 6; \
	return note("attach", #x, e); \
} \
static int start_##x(void *state, struct husk_error *e) \
{ \
	assert_ptr_equal(state, &spy); \
	if (spy.serves) \
		spy.core->net_direct = 4; \
	return note("start", #x, e); \
} \
static void detach_##x(void *state, struct core *c) \
{ \
	assert_ptr_equal(state, &spy); \
	assert_non_null(c->hv); \
	(void)note("detach", #x, NULL); \
	if (spy.stops != NULL) \
		husk_stop(spy.stops, 1); \
} \
static void close_##x(void *state) \
{ \
	assert_ptr_equal(state, &spy); \
	(void)note("close", #x, NULL); \
	if (spy.stops != NULL) \
		husk_stop(spy.stops, 1); \
} \
static const struct module spy_##x = { \
	.name = #x, .open = open_##x, .attach = attach_##x, .start = start_##x, \
	.detach = detach_##x, .close = close_##x, \
}

SPY(a);
SPY(b);
SPY(c);

extern const struct module module_core, module_block, module_net;
static const struct module *const real_modules[] = {&module_core, &module_block, NULL};
static const struct module *const spies[] = {&spy_a, &spy_b, &spy_c, NULL};

/* ---- a machine and an image ---- */

struct fixture {
	struct husk *h;
	struct husk_error e;
	struct image image;
	unsigned n_notices;
	char notice[400];
	int files;		/* descriptors that were open before */
	char disk_option[96];
};

static void on_notice(void *ctx, const char *text)
{
	struct fixture *f = ctx;

	f->n_notices++;
	snprintf(f->notice, sizeof f->notice, "%s", text);
}

static struct husk *create(struct fixture *f, const struct module *const *mods, int console_fd)
{
	const struct husk_config config = {
		.console_fd = console_fd, .notice = on_notice, .notice_ctx = f,
	};
	struct husk *h = machine_create(&config, &hv_fake_ops, mods, &f->e);

	assert_non_null(h);
	return h;
}

static void make_image(struct image *i, const struct image_device *devices, unsigned n)
{
	static const uint8_t bytes[0x1000] = {0xf4};

	image_free(i);
	image_init(i, cpu_elf_machine);
	image_segment(i, TEXT, PF_R | PF_X, bytes, sizeof bytes);
	image_segment(i, RODATA, PF_R, bytes, sizeof bytes);
	image_segment(i, DATA, PF_R | PF_W, bytes, sizeof bytes);
	image_segment(i, MORE_RODATA, PF_R, bytes, sizeof bytes);
	image_manifest(i, devices, n);
	image_abi(i, ELF_ABI_HVT, 2);
	image_save(i);
}

static int set_up(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof f);
	memset(&spy, 0, sizeof spy);
	memset(&hv_fake_faults, 0, sizeof hv_fake_faults);
	*state = &f;
	make_image(&f.image, NULL, 0);
	f.files = open_descriptors();
	f.h = create(&f, real_modules, -1);
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	husk_destroy(f->h);
	image_free(&f->image);
	assert_int_equal(open_descriptors(), f->files);
	return 0;
}

static void use_modules(struct fixture *f, const struct module *const *mods)
{
	husk_destroy(f->h);
	f->h = create(f, mods, -1);
}

static struct hv *hv_of(const struct husk *h)
{
	return h->core.hv;
}

static void load(struct fixture *f, struct husk *h)
{
	assert_int_equal(husk_option(h, "--mem=4", &f->e), 0);
	if (husk_load(h, f->image.path, 0, NULL, &f->e) != 0)
		fail_msg("%s", f->e.message);
}

static void script_halt(struct husk *h, int32_t status)
{
	const struct hvt_halt rq = {.exit_status = status};

	memcpy(hv_of(h)->ram + ARG, &rq, sizeof rq);
	hv_fake_hypercall(hv_of(h), HVT_HYPERCALL_HALT, ARG);
}

/* A script goes on behind an end. */
static void assert_runs(struct fixture *f, struct husk *h, enum husk_end end, int status)
{
	int got = ~status;

	h->ended = false;
	if (husk_run(h, &got, &f->e) != end)
		fail_msg("not %d: %s", end, f->e.message);
	if (end != HUSK_FAILED)
		assert_int_equal(got, status);
}

/* ---- from creation to destruction ---- */

static void a_machine_runs_to_its_guests_halt(void **state)
{
	static const int32_t statuses[] = {0, 7, 255, 263, -1};
	struct fixture *f = *state;

	load(f, f->h);
	for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
		script_halt(f->h, statuses[i]);
		assert_runs(f, f->h, HUSK_HALTED, statuses[i]);
	}
	assert_int_equal(f->e.kind, HUSK_E_NONE);
	assert_int_equal(f->n_notices, 0);
}

static void assert_ended(struct fixture *f)
{
	const struct husk_ending before = {.size = sizeof before};
	struct husk_ending ending = before, after = before;
	unsigned runs = hv_of(f->h)->runs;
	int status = 0;

	script_halt(f->h, 4);
	husk_ending(f->h, &ending);
	assert_int_equal(husk_run(f->h, &status, &f->e), HUSK_FAILED);
	assert_error(&f->e, HUSK_E_USAGE, "the guest has ended");
	assert_int_equal(husk_run_for(f->h, 1, &status, &f->e), HUSK_FAILED);
	assert_error(&f->e, HUSK_E_USAGE, "the guest has ended");
	assert_int_equal(hv_of(f->h)->runs, runs);
	husk_ending(f->h, &after);
	assert_int_equal(after.how, ending.how);
	assert_int_equal(after.status, ending.status);
}

static void a_guest_that_has_ended_is_not_run_again(void **state)
{
	struct fixture *f = *state;

	load(f, f->h);
	script_halt(f->h, 3);
	assert_runs(f, f->h, HUSK_HALTED, 3);
	assert_ended(f);
	use_modules(f, real_modules);
	load(f, f->h);
	hv_fake_exit(hv_of(f->h), &(struct hv_exit){.kind = HV_EXIT_SHUTDOWN});
	assert_runs(f, f->h, HUSK_FAILED, 0);
	assert_ended(f);
}

/* The host may have recovered. */
static void a_failure_of_the_host_is_no_end_of_the_guest(void **state)
{
	struct fixture *f = *state;
	int status = 0;

	load(f, f->h);
	hv_fake_refuse(hv_of(f->h), EIO);
	script_halt(f->h, 3);
	assert_int_equal(husk_run(f->h, &status, &f->e), HUSK_FAILED);
	assert_int_equal(f->e.kind, HUSK_E_HOST);
	assert_int_equal(husk_run(f->h, &status, &f->e), HUSK_HALTED);
	assert_int_equal(status, 3);
}

static void what_could_not_be_loaded_leaves_nothing_to_load_into(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(husk_load(f->h, "/nowhere", 0, NULL, &f->e), -1);
	assert_int_equal(husk_load(f->h, f->image.path, 0, NULL, &f->e), -1);
	assert_error(&f->e, HUSK_E_USAGE, "takes another machine");
}

static void an_ending_of_a_newer_program_has_zeros_behind_what_is_known(void **state)
{
	const struct fixture *f = *state;
	struct {
		struct husk_ending known;
		uint8_t more[8];
	} newer;

	memset(&newer, 0xff, sizeof newer);
	newer.known.size = sizeof newer;
	husk_ending(f->h, (struct husk_ending *)(void *)&newer);
	assert_int_equal(newer.known.size, sizeof newer);
	assert_int_equal(newer.known.how, HUSK_HOW_NONE);
	for (size_t i = 0; i < sizeof newer.more; i++)
		assert_int_equal(newer.more[i], 0);
}

static void take_frame(void *ctx, const void *frame, size_t len)
{
	(void)ctx, (void)frame, (void)len;
}

static void a_network_device_that_cannot_be_had_is_not_attached(void **state)
{
	static const struct module *const net_modules[] = {&module_core, &module_net, NULL};
	const struct husk_net net = {.size = sizeof net, .send = take_frame};
	struct fixture *f = *state;
	struct rlimit old, none;

	husk_destroy(f->h);
	f->h = create(f, net_modules, -1);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = (struct rlimit){0, old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(husk_net(f->h, "net0", &net, &f->e), -1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(f->e.sys, EMFILE);
	assert_int_equal(f->h->settings.n, 0);
	assert_int_equal(husk_net(f->h, "net0", &net, &f->e), 0);
	assert_int_equal(f->h->settings.n, 1);
	assert_int_equal(husk_net(f->h, "net-0", &net, &f->e), -1);
	assert_int_equal(f->e.kind, HUSK_E_USAGE);
	f->h->applied = true;
	assert_int_equal(husk_net(f->h, "net1", &net, &f->e), -1);
	assert_error(&f->e, HUSK_E_USAGE, "device net1: too late");
	f->h->applied = false;
}

static void a_machine_is_destroyed_in_any_state(void **state)
{
	struct fixture *f = *state;
	int status;

	husk_destroy(NULL);
	husk_destroy(create(f, real_modules, -1));
	husk_destroy(f->h);
	f->h = create(f, real_modules, -1);
	assert_int_equal(husk_option(f->h, "--mem=4", &f->e), 0);
	husk_destroy(f->h);
	f->h = create(f, real_modules, -1);
	assert_int_equal(husk_load(f->h, "/nowhere", 0, NULL, &f->e), -1);
	husk_destroy(f->h);
	f->h = create(f, real_modules, -1);
	/* The name is for messages, and no path, even if there are no bytes. */
	assert_int_equal(husk_load_bytes(f->h, f->image.path, NULL, 0, 0, NULL, &f->e), -1);
	assert_int_equal(f->e.kind, HUSK_E_USAGE);
	husk_destroy(f->h);
	f->h = create(f, real_modules, -1);
	load(f, f->h);
	husk_destroy(f->h);
	f->h = create(f, real_modules, -1);
	load(f, f->h);
	hv_fake_exit(hv_of(f->h), &(struct hv_exit){.kind = HV_EXIT_SHUTDOWN});
	assert_int_equal(husk_run(f->h, &status, &f->e), HUSK_FAILED);
}

static void a_machine_needs_memory(void **state)
{
	struct fixture *f = *state;
	const struct husk_config config = {.console_fd = -1};
	struct husk *h;

	no_memory = true;
	h = husk_create(&config, &f->e);
	no_memory = false;
	assert_null(h);
	assert_int_equal(f->e.kind, HUSK_E_HOST);
	assert_int_equal(f->e.sys, ENOMEM);
}

static void what_the_guest_prints_goes_to_the_console(void **state)
{
	const struct hvt_puts rq = {ARG + 0x100, 5};
	struct fixture *f = *state;
	char got[10];
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	husk_destroy(f->h);
	f->h = create(f, real_modules, ends[1]);
	load(f, f->h);
	memcpy(hv_of(f->h)->ram + ARG, &rq, sizeof rq);
	memcpy(hv_of(f->h)->ram + ARG + 0x100, "hello", 5);
	hv_fake_hypercall(hv_of(f->h), HVT_HYPERCALL_PUTS, ARG);
	assert_runs(f, f->h, HUSK_FAILED, 0);
	assert_int_equal(read(ends[0], got, sizeof got), 5);
	assert_memory_equal(got, "hello", 5);
	close(ends[0]);
	close(ends[1]);
}

/* ---- what load leaves in the machine ---- */

static void the_guest_finds_its_boot_info(void **state)
{
	static const struct image_device disk = {"disk", MFT_DEV_BLOCK_BASIC};
	char one[] = "one", empty[] = "", two[] = "two words";
	char *args[] = {one, empty, two};
	struct fixture *f = *state;
	struct hvt_boot_info info;
	const struct mft_header *header;
	struct mft_entry entry;
	const uint8_t *ram;
	int backing = memfd_create("disk", MFD_CLOEXEC);

	make_image(&f->image, &disk, 1);
	snprintf(f->disk_option, sizeof f->disk_option, "--block:disk=@%d", backing);
	assert_int_equal(ftruncate(backing, 0x8000), 0);
	assert_int_equal(husk_option(f->h, f->disk_option, &f->e), 0);
	assert_int_equal(husk_option(f->h, "--mem=4", &f->e), 0);
	if (husk_load(f->h, f->image.path, 3, args, &f->e) != 0)
		fail_msg("%s", f->e.message);
	close(backing);
	ram = hv_of(f->h)->ram;
	memcpy(&info, ram + HVT_BOOT_INFO_GPA, sizeof info);
	assert_true(info.mem_size == MEMORY);
	assert_true(info.kernel_end == MORE_RODATA + 0x1000);
	assert_true(info.cpu_cycle_freq == HV_FAKE_HZ);
	assert_string_equal((const char *)ram + info.cmdline, "one  two words");
	header = (const void *)(ram + info.mft);
	assert_int_equal(header->entries, 2);
	memcpy(&entry, ram + info.mft + sizeof *header + sizeof entry, sizeof entry);
	assert_string_equal(entry.name, "disk");
	assert_true(entry.u.block.capacity == 0x8000);
	assert_int_equal(entry.u.block.block_size, 512);
	assert_int_equal(entry.attached, 1);
}

static void the_backend_is_told_how_to_start_and_what_to_protect(void **state)
{
	struct fixture *f = *state;
	const struct hv *hv;

	load(f, f->h);
	hv = hv_of(f->h);
	assert_true(hv->size == MEMORY);
	assert_int_equal(hv->entries, 1);
	assert_int_equal(hv->runs, 0);
	assert_int_equal(hv->n_protected, 2);
	assert_true(hv->protected[0].start == TEXT && hv->protected[0].last == RODATA + 0xfff);
	assert_true(hv->protected[1].start == MORE_RODATA);
	assert_true(hv->protected[1].last == MORE_RODATA + 0xfff);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(hv->protected[i].prot & MEMORY_W, 0);
	assert_int_equal(hv->ram[TEXT], 0xf4);
	assert_int_equal(hv->ram[RODATA], 0xf4);
	assert_int_equal(hv->ram[DATA], 0xf4);
}

static void a_loaded_machine_is_sealed_and_has_a_descriptor_for_names(void **state)
{
	struct fixture *f = *state;
	const struct device_description what = {.name = "late"};
	uint32_t id;

	load(f, f->h);
	assert_int_equal(devices_add(&f->h->core.devices, &what, &id, &f->e), -1);
	assert_non_null(strstr(f->e.message, "sealed"));
	assert_int_equal(open_descriptors(), f->files + 2);	/* the wake-up, the image */
	assert_int_equal(symbol_file_fd(&f->h->symbols), f->h->image.fd);
}

/* ---- memory ---- */

static void a_machine_has_512_MiB_unless_told_otherwise(void **state)
{
	struct fixture *f = *state;

	assert_true(machine_memory_size(f->h) == 512ull << 20);
	assert_int_equal(husk_option(f->h, "--mem=1G", &f->e), 0);
	assert_true(machine_memory_size(f->h) == 1ull << 30);
	assert_int_equal(husk_option(f->h, "--mem=6", &f->e), 0);
	assert_true(machine_memory_size(f->h) == 6ull << 20);
	assert_int_equal(f->n_notices, 0);
}

static void a_size_that_is_rounded_is_told(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(husk_option(f->h, "--mem=5", &f->e), 0);
	assert_int_equal(husk_load(f->h, f->image.path, 0, NULL, &f->e), 0);
	assert_true(hv_of(f->h)->size == MEMORY);
	assert_int_equal(f->n_notices, 1);
	assert_string_equal(f->notice, "adjusting memory to 4 MiB: it comes in pieces of 2 MiB");
	f->h->config.notice = NULL;
	assert_true(machine_memory_size(f->h) == MEMORY);
	assert_int_equal(f->n_notices, 1);
}

/* ---- usage ---- */

static void a_machine_without_an_image_does_not_run(void **state)
{
	struct fixture *f = *state;

	assert_runs(f, f->h, HUSK_FAILED, 0);
	assert_int_equal(f->e.kind, HUSK_E_USAGE);
	assert_string_equal(f->e.message, "the machine has no image to run");
}

static void a_machine_is_loaded_once(void **state)
{
	struct fixture *f = *state;

	load(f, f->h);
	assert_int_equal(husk_load(f->h, f->image.path, 0, NULL, &f->e), -1);
	assert_int_equal(f->e.kind, HUSK_E_USAGE);
	assert_non_null(strstr(f->e.message, "the machine has an image already"));
	script_halt(f->h, 3);
	assert_runs(f, f->h, HUSK_HALTED, 3);
}

static void options_of_the_machine_and_its_modules_are_known(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(husk_option(f->h, "--mem=4", &f->e), 0);
	assert_int_equal(husk_option(f->h, "--block:disk=x", &f->e), 0);
	assert_int_equal(husk_option(f->h, "--net:x=tap0", &f->e), -1);
	assert_int_equal(f->e.kind, HUSK_E_USAGE);
	assert_non_null(strstr(f->e.message, "Invalid option: `--net:x=tap0'"));
	assert_int_equal(husk_option(f->h, "--mem=x", &f->e), -1);
	assert_int_equal(f->e.kind, HUSK_E_USAGE);
	assert_int_equal(husk_option(f->h, "--mem=0", &f->e), -1);
	assert_int_equal(husk_option(f->h, "--mem=5G", &f->e), -1);
	assert_int_equal(husk_option(f->h, "kernel.hvt", &f->e), -1);
}

static void assert_too_late(struct fixture *f)
{
	assert_int_equal(husk_option(f->h, "--mem=6", &f->e), -1);
	assert_int_equal(f->e.kind, HUSK_E_USAGE);
	assert_string_equal(f->e.message, "--mem=6: too late, the machine has been loaded");
}

static void an_option_behind_load_is_refused(void **state)
{
	struct fixture *f = *state;

	load(f, f->h);
	assert_too_late(f);
	use_modules(f, real_modules);
	assert_int_equal(husk_load(f->h, "no/such/image", 0, NULL, &f->e), -1);
	assert_too_late(f);
}

/* ---- failures of load: nothing stays open, and there is nothing to run ---- */

static void assert_not_loaded(struct fixture *f, const char *path, enum husk_error_class kind,
			      const char *message)
{
	f->e = (struct husk_error){0};
	assert_int_equal(husk_load(f->h, path, 0, NULL, &f->e), -1);
	assert_error(&f->e, kind, message);
	assert_int_equal(open_descriptors(), f->files);
	assert_null(f->h->core.hv);
	assert_runs(f, f->h, HUSK_FAILED, 0);
	assert_int_equal(f->e.kind, HUSK_E_USAGE);
}

static void a_file_that_is_not_there_is_the_hosts_fault(void **state)
{
	assert_not_loaded(*state, "/nowhere/hello.hvt", HUSK_E_HOST, "/nowhere/hello.hvt");
}

static void a_bad_image_is_the_images_fault(void **state)
{
	struct fixture *f = *state;

	f->image.ehdr.e_machine = EM_68K;
	assert_not_loaded(f, image_save(&f->image), HUSK_E_IMAGE, f->image.path);
	use_modules(f, real_modules);
	f->image.ehdr.e_ident[0] = 0;
	assert_not_loaded(f, image_save(&f->image), HUSK_E_IMAGE, f->image.path);
}

static void an_image_larger_than_memory_is_refused(void **state)
{
	struct fixture *f = *state;

	f->image.phdr[0].p_vaddr = f->image.phdr[0].p_paddr = MEMORY - 0x1000;
	image_save(&f->image);
	assert_int_equal(husk_option(f->h, "--mem=2", &f->e), 0);
	assert_not_loaded(f, f->image.path, HUSK_E_IMAGE, f->image.path);
}

static void devices_and_options_must_match(void **state)
{
	static const struct image_device disk = {"disk", MFT_DEV_BLOCK_BASIC};
	struct fixture *f = *state;

	make_image(&f->image, &disk, 1);
	assert_not_loaded(f, f->image.path, HUSK_E_USAGE, "declared but not attached");
	use_modules(f, real_modules);
	assert_int_equal(husk_option(f->h, "--block:other=x", &f->e), 0);
	assert_not_loaded(f, f->image.path, HUSK_E_USAGE, "not declared in manifest: 'other'");
}

static void a_disk_that_is_not_there_is_told_before_a_machine_is_made(void **state)
{
	static const struct image_device disk = {"disk", MFT_DEV_BLOCK_BASIC};
	struct fixture *f = *state;

	make_image(&f->image, &disk, 1);
	assert_int_equal(husk_option(f->h, "--block:disk=/nowhere/disk", &f->e), 0);
	assert_not_loaded(f, f->image.path, HUSK_E_HOST, "/nowhere/disk");
	assert_int_equal(hv_fake_faults.seen, 0);
}

static void note_output(void *ctx, int fd)
{
	int *noted = ctx;

	*noted = *noted == -1 ? fd : -2;
}

/* The console, and each of the others; what is beyond their number is not looked at. */
static void a_disk_that_the_program_writes_to_is_refused_before_a_machine_is_made(void **state)
{
	static const struct image_device disk = {"disk", MFT_DEV_BLOCK_BASIC};
	struct fixture *f = *state;
	int backing = memfd_create("disk", MFD_CLOEXEC);

	make_image(&f->image, &disk, 1);
	assert_int_equal(ftruncate(backing, 4096), 0);
	snprintf(f->disk_option, sizeof f->disk_option, "--block:disk=@%d", backing);
	f->files++;
	for (unsigned i = 0; i < HUSK_OUTPUTS_MAX + 2; i++) {
		struct husk_output outputs[HUSK_OUTPUTS_MAX + 1] = {
			{.fd = -1, .name = ""}, {.fd = -1, .name = ""}, {.fd = -1, .name = ""},
			{.fd = -1, .name = ""},
		};
		int noted = -1;
		const struct husk_config config = {
			.console_fd = i == 0 ? backing : -1, .outputs = outputs,
			.n_outputs = HUSK_OUTPUTS_MAX + 1, .output_is_disk = note_output,
			.output_ctx = &noted,
		};

		if (i > 0)
			outputs[i - 1] = (struct husk_output){backing, "the log"};
		husk_destroy(f->h);
		f->h = machine_create(&config, &hv_fake_ops, real_modules, &f->e);
		assert_non_null(f->h);
		assert_int_equal(husk_option(f->h, f->disk_option, &f->e), 0);
		hv_fake_faults = (struct hv_fake_faults){.seen = 0};
		if (i <= HUSK_OUTPUTS_MAX) {
			assert_not_loaded(f, f->image.path, HUSK_E_USAGE, i == 0 ?
					  "device disk: its disk is the file of the guest's console" :
					  "device disk: its disk is the file of the log");
			assert_int_equal(noted, backing);
			assert_int_equal(hv_fake_faults.seen, 0);
		} else {
			assert_int_equal(husk_load(f->h, f->image.path, 0, NULL, &f->e), 0);
			assert_int_equal(noted, -1);
		}
	}
	f->files--;
	close(backing);
}

static void a_command_line_that_is_too_long_is_refused(void **state)
{
	struct fixture *f = *state;
	char word[HVT_CMDLINE_SIZE + 1];
	char *args[] = {word};

	memset(word, 'x', sizeof word - 1);
	word[HVT_CMDLINE_SIZE] = '\0';
	assert_int_equal(husk_load(f->h, f->image.path, 1, args, &f->e), -1);
	assert_int_equal(f->e.kind, HUSK_E_USAGE);
	assert_non_null(strstr(f->e.message, "Guest command line too long"));
	assert_int_equal(open_descriptors(), f->files);
}

static void what_the_hypervisor_refuses_is_told(void **state)
{
	static const struct { enum hv_fake_op op; const char *message; } ops[] = {
		{HV_FAKE_CREATE, "fake create: Input/output error"},
		{HV_FAKE_PROTECT, "fake protect: Input/output error"},
		{HV_FAKE_CYCLE_FREQ, "fake cycle_freq: Input/output error"},
		{HV_FAKE_SET_ENTRY, "fake set_entry: Input/output error"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
		use_modules(f, spies);
		memset(&spy, 0, sizeof spy);
		assert_int_equal(husk_option(f->h, "--mem=4", &f->e), 0);
		hv_fake_faults = (struct hv_fake_faults){.op = ops[i].op, .fail_at = 1};
		assert_not_loaded(f, f->image.path, HUSK_E_HOST, ops[i].message);
		assert_int_equal(hv_fake_faults.seen, 1);
		assert_non_null(strstr(spy.log, "close c, close b, close a"));
	}
}

static void a_hypervisor_that_refuses_to_run_ends_the_run(void **state)
{
	struct fixture *f = *state;

	load(f, f->h);
	hv_fake_refuse(hv_of(f->h), ENODEV);
	assert_runs(f, f->h, HUSK_FAILED, 0);
	assert_int_equal(f->e.kind, HUSK_E_HOST);
	assert_int_equal(f->e.sys, ENODEV);
}

static void a_guest_that_does_what_is_forbidden_ends_the_run(void **state)
{
	struct fixture *f = *state;

	load(f, f->h);
	hv_fake_hypercall(hv_of(f->h), 0, ARG);
	assert_runs(f, f->h, HUSK_FAILED, 0);
	assert_int_equal(f->e.kind, HUSK_E_GUEST);
	assert_non_null(strstr(f->e.message, "Invalid guest hypercall: num=0"));
}

/* What is only looked at carries nothing. */
static void a_machine_that_was_only_looked_at_does_not_run(void **state)
{
	struct fixture *f = *state;

	husk_check_only(f->h);
	load(f, f->h);
	assert_runs(f, f->h, HUSK_FAILED, 0);
	assert_int_equal(f->e.kind, HUSK_E_USAGE);
	assert_string_equal(f->e.message, "the machine's devices were only looked at");
}

/* ---- modules ---- */

static void modules_come_in_order_and_go_in_reverse(void **state)
{
	struct fixture *f = *state;

	use_modules(f, spies);
	load(f, f->h);
	assert_string_equal(spy.log, "open a, open b, open c, attach a, attach b, attach c");
	husk_destroy(f->h);
	f->h = NULL;
	assert_string_equal(spy.log, "open a, open b, open c, attach a, attach b, attach c, "
			    "detach c, detach b, detach a, close c, close b, close a");
}

static void assert_spies(struct fixture *f, const char *fails, const char *message,
			 const char *log)
{
	use_modules(f, spies);
	memset(&spy, 0, sizeof spy);
	spy.fails = fails;
	assert_int_equal(husk_option(f->h, "--mem=4", &f->e), 0);
	assert_not_loaded(f, f->image.path, HUSK_E_HOST, message);
	assert_string_equal(spy.log, log);
}

static void a_module_that_fails_to_open_is_not_closed(void **state)
{
	assert_spies(*state, "open a", "open a fails", "open a");
	assert_spies(*state, "open c", "open c fails", "open a, open b, open c, close b, close a");
}

static void a_module_that_fails_to_attach_is_not_detached(void **state)
{
	assert_spies(*state, "attach a", "Module `a' setup failed: attach a fails",
		     "open a, open b, open c, attach a, close c, close b, close a");
	assert_spies(*state, "attach c", "Module `c' setup failed: attach c fails",
		     "open a, open b, open c, attach a, attach b, attach c, "
		     "detach b, detach a, close c, close b, close a");
}

/* They could not be confined if they were there when the machine is loaded. */
static void threads_are_started_once_by_the_first_run(void **state)
{
	struct husk_ending ending = {.size = sizeof ending};
	struct fixture *f = *state;

	use_modules(f, spies);
	load(f, f->h);
	memset(&spy, 0, sizeof spy);
	spy.fails = "start b";
	assert_runs(f, f->h, HUSK_FAILED, 0);
	assert_int_equal(f->e.kind, HUSK_E_HOST);
	assert_string_equal(f->e.message, "Module `b' setup failed: start b fails");
	husk_ending(f->h, &ending);
	assert_int_equal(ending.how, HUSK_HOW_HOST);
	assert_string_equal(spy.log, "start a, start b");
	spy.fails = NULL;
	husk_stop(f->h, 3);
	assert_runs(f, f->h, HUSK_STOPPED, 3);
	assert_string_equal(spy.log, "start a, start b, start b, start c");
	husk_stop(f->h, 4);
	assert_runs(f, f->h, HUSK_STOPPED, 4);
	assert_string_equal(spy.log, "start a, start b, start b, start c");
}

static uint64_t told_direct(const struct fixture *f)
{
	struct husk_boot_info info;

	memcpy(&info, hv_of(f->h)->ram + HVT_BOOT_INFO_GPA + HUSK_BOOT_INFO_OFFSET, sizeof info);
	assert_int_equal(info.magic, HUSK_BOOT_INFO_MAGIC);
	return info.net_direct;
}

/* What cannot be had is known as late as that. */
static void the_guest_is_told_what_came_of_the_start(void **state)
{
	struct fixture *f = *state;

	use_modules(f, spies);
	spy.serves = true;
	load(f, f->h);
	assert_true(told_direct(f) == 6);
	husk_stop(f->h, 3);
	assert_runs(f, f->h, HUSK_STOPPED, 3);
	assert_true(told_direct(f) == 4);
}

static void a_process_is_confined_once_for_a_loaded_machine(void **state)
{
	static const struct husk_confinement how = {.cut_fd = -1};
	struct fixture *f = *state;

	use_modules(f, spies);
	assert_int_equal(husk_confine(f->h, &how, &f->e), -1);
	assert_int_equal(f->e.kind, HUSK_E_USAGE);
	load(f, f->h);
	f->h->confined = true;
	assert_int_equal(husk_confine(f->h, &how, &f->e), -1);
	assert_string_equal(f->e.message, "the process is confined already");
	assert_null(strstr(spy.log, "start"));
}

static void there_are_at_most_16_modules(void **state)
{
	const struct module *mods[MODULES_MAX + 3] = {NULL};
	struct option_group groups[MODULES_MAX + 1];
	struct fixture *f = *state;

	for (size_t i = 0; i < MODULES_MAX; i++)
		mods[i] = &spy_a;
	use_modules(f, mods);
	load(f, f->h);
	assert_int_equal(machine_options(mods, groups), MODULES_MAX + 1);
	memset(&spy, 0, sizeof spy);
	husk_destroy(f->h);
	mods[MODULES_MAX] = mods[MODULES_MAX + 1] = &spy_b;
	assert_int_equal(machine_options(mods, groups), MODULES_MAX + 1);
	memset(&spy, 0, sizeof spy);
	f->h = create(f, mods, -1);
	f->e = (struct husk_error){0};
	assert_int_equal(husk_load(f->h, f->image.path, 0, NULL, &f->e), -1);
	assert_int_equal(f->e.kind, HUSK_E_HOST);
	assert_string_equal(f->e.message, "more than 16 modules");
	assert_null(strstr(spy.log, "open b"));
	husk_destroy(f->h);
	f->h = NULL;
}

/* ---- stopping ---- */

static void a_stop_before_load_does_nothing(void **state)
{
	struct fixture *f = *state;

	husk_stop(f->h, 15);
	load(f, f->h);
	script_halt(f->h, 1);
	assert_runs(f, f->h, HUSK_HALTED, 1);
}

static void a_stop_after_a_failed_load_does_nothing(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(husk_load(f->h, "/nowhere", 0, NULL, &f->e), -1);
	husk_stop(f->h, 15);
	assert_runs(f, f->h, HUSK_FAILED, 0);
}

/* As a signal that comes late does. */
static void a_stop_during_the_destruction_does_nothing(void **state)
{
	struct fixture *f = *state;

	use_modules(f, spies);
	load(f, f->h);
	spy.stops = f->h;
	husk_destroy(f->h);
	f->h = NULL;
}

static void a_stop_before_run_ends_it_at_once(void **state)
{
	struct fixture *f = *state;

	load(f, f->h);
	script_halt(f->h, 1);
	husk_stop(f->h, 15);
	assert_runs(f, f->h, HUSK_STOPPED, 15);
	assert_int_equal(hv_of(f->h)->runs, 0);
	assert_runs(f, f->h, HUSK_HALTED, 1);
}

static struct husk *volatile signalled;

static void on_signal(int signal)
{
	husk_stop(signalled, signal);
}

static void raise_signal(void *ctx)
{
	(void)ctx;
	raise(SIGUSR1);
}

static void a_signal_handler_stops_the_run(void **state)
{
	const struct sigaction sa = {.sa_handler = on_signal};
	struct fixture *f = *state;

	load(f, f->h);
	signalled = f->h;
	assert_int_equal(sigaction(SIGUSR1, &sa, NULL), 0);
	hv_fake_hook(hv_of(f->h), raise_signal, NULL);
	script_halt(f->h, 4);
	assert_runs(f, f->h, HUSK_STOPPED, SIGUSR1);
	assert_runs(f, f->h, HUSK_HALTED, 4);
	signal(SIGUSR1, SIG_DFL);
}

/* ---- several machines ---- */

static void machines_live_one_after_the_other(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 20; i++) {
		use_modules(f, real_modules);
		load(f, f->h);
		script_halt(f->h, i);
		assert_runs(f, f->h, HUSK_HALTED, i);
	}
}

static void stop_machine(void *ctx)
{
	husk_stop(ctx, 5);
}

static void machines_take_turns(void **state)
{
	struct fixture *f = *state;
	struct husk *other = create(f, real_modules, -1);

	load(f, f->h);
	load(f, other);
	assert_ptr_not_equal(hv_of(f->h)->ram, hv_of(other)->ram);
	hv_fake_hook(hv_of(f->h), stop_machine, f->h);
	script_halt(f->h, 1);
	hv_fake_hook(hv_of(other), stop_machine, other);
	script_halt(other, 2);
	assert_runs(f, f->h, HUSK_STOPPED, 5);
	assert_runs(f, other, HUSK_STOPPED, 5);
	assert_runs(f, f->h, HUSK_HALTED, 1);
	assert_runs(f, other, HUSK_HALTED, 2);
	husk_destroy(other);
	script_halt(f->h, 3);
	assert_runs(f, f->h, HUSK_HALTED, 3);
}

static void a_stop_is_for_one_machine(void **state)
{
	struct fixture *f = *state;
	struct husk *other = create(f, real_modules, -1);

	load(f, f->h);
	load(f, other);
	hv_fake_hook(hv_of(other), stop_machine, f->h);
	script_halt(other, 2);
	script_halt(f->h, 1);
	assert_runs(f, other, HUSK_HALTED, 2);
	assert_runs(f, f->h, HUSK_STOPPED, 5);
	assert_runs(f, f->h, HUSK_HALTED, 1);
	husk_destroy(other);
}

static bool count_down(void *ctx)
{
	unsigned *left = ctx;

	return *left == 0 || --*left == 0;
}

/* A look before each segment, and before each of two modules is opened and attached. */
static void a_stop_ends_the_load(void **state)
{
	struct fixture *f = *state;
	unsigned looks, left;
	int rc = -1;

	for (looks = 1; rc == -1; looks++) {
		const struct husk_config config = {
			.console_fd = -1, .stopping = count_down, .stopping_ctx = &left,
		};
		struct husk *h = machine_create(&config, &hv_fake_ops, real_modules, &f->e);

		assert_non_null(h);
		make_image(&f->image, NULL, 0);
		left = looks;
		f->e = (struct husk_error){0};
		rc = husk_load(h, f->image.path, 0, NULL, &f->e);
		if (rc == -1)
			assert_int_equal(f->e.sys, EINTR);
		husk_destroy(h);
	}
	assert_int_equal(looks - 1, 4 + 2 * 2 + 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_machine_runs_to_its_guests_halt),
		TEST(a_stop_ends_the_load),
		TEST(a_machine_is_destroyed_in_any_state),
		TEST(a_network_device_that_cannot_be_had_is_not_attached),
		TEST(a_guest_that_has_ended_is_not_run_again),
		TEST(a_failure_of_the_host_is_no_end_of_the_guest),
		TEST(what_could_not_be_loaded_leaves_nothing_to_load_into),
		TEST(an_ending_of_a_newer_program_has_zeros_behind_what_is_known),
		TEST(a_machine_needs_memory),
		TEST(what_the_guest_prints_goes_to_the_console),
		TEST(the_guest_finds_its_boot_info),
		TEST(the_backend_is_told_how_to_start_and_what_to_protect),
		TEST(a_loaded_machine_is_sealed_and_has_a_descriptor_for_names),
		TEST(a_machine_has_512_MiB_unless_told_otherwise),
		TEST(a_size_that_is_rounded_is_told),
		TEST(a_machine_without_an_image_does_not_run),
		TEST(a_machine_is_loaded_once),
		TEST(options_of_the_machine_and_its_modules_are_known),
		TEST(an_option_behind_load_is_refused),
		TEST(a_file_that_is_not_there_is_the_hosts_fault),
		TEST(a_bad_image_is_the_images_fault),
		TEST(an_image_larger_than_memory_is_refused),
		TEST(devices_and_options_must_match),
		TEST(a_disk_that_is_not_there_is_told_before_a_machine_is_made),
		TEST(a_disk_that_the_program_writes_to_is_refused_before_a_machine_is_made),
		TEST(a_command_line_that_is_too_long_is_refused),
		TEST(what_the_hypervisor_refuses_is_told),
		TEST(a_hypervisor_that_refuses_to_run_ends_the_run),
		TEST(a_guest_that_does_what_is_forbidden_ends_the_run),
		TEST(a_machine_that_was_only_looked_at_does_not_run),
		TEST(modules_come_in_order_and_go_in_reverse),
		TEST(a_module_that_fails_to_open_is_not_closed),
		TEST(a_module_that_fails_to_attach_is_not_detached),
		TEST(threads_are_started_once_by_the_first_run),
		TEST(the_guest_is_told_what_came_of_the_start),
		TEST(a_process_is_confined_once_for_a_loaded_machine),
		TEST(there_are_at_most_16_modules),
		TEST(a_stop_before_load_does_nothing),
		TEST(a_stop_after_a_failed_load_does_nothing),
		TEST(a_stop_during_the_destruction_does_nothing),
		TEST(a_stop_before_run_ends_it_at_once),
		TEST(a_signal_handler_stops_the_run),
		TEST(machines_live_one_after_the_other),
		TEST(machines_take_turns),
		TEST(a_stop_is_for_one_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
