/* SPDX-License-Identifier: ISC */
/* husk.c: the library's face: a machine from creation to destruction; run.c runs it. */
#include "../include/husk/husk.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "boot.h"
#include "footprint.h"
#include "guest_pages.h"
#include "machine.h"
#include "output.h"

#define MEM_DEFAULT (512ull << 20)

static int check_memory(const char *value, struct husk_error *e)
{
	unsigned long long bytes;
	bool rounded;

	return option_memory(value, &bytes, &rounded, e);
}

static int check_switch(const char *value, struct husk_error *e)
{
	if (strcmp(value, "on") == 0 || strcmp(value, "off") == 0)
		return 0;
	return husk_fail(e, HUSK_E_USAGE, "`%s' is neither on nor off", value);
}

static int check_time(const char *value, struct husk_error *e)
{
	uint64_t ns;

	return option_time(value, &ns, e);
}

static const struct option own_options[] = {
	{.name = "symbols", .form = OPTION_VALUE, .value = "FILE",
	 .help = "names of functions, if KERNEL was stripped: a copy that was not"},
	{.name = "mem", .form = OPTION_VALUE, .value = "SIZE", .check = check_memory,
	 .help = "guest memory in MiB, or with a suffix: 64M, 2G (default 512)"},
	{.name = "huge-pages", .form = OPTION_VALUE, .value = "HOW", .check = check_switch,
	 .help = "huge pages for guest memory, on or off (default: as the host does it)"},
	{.name = "console-patience", .form = OPTION_VALUE, .value = "TIME", .check = check_time,
	 .help = "wait so long for a reader of the console: 100ms, 2s, 0 (default forever)"},
};

size_t machine_options(const struct module *const *mods, struct option_group *groups)
{
	size_t n = 1;

	groups[0] = (struct option_group){"core", own_options,
					  sizeof own_options / sizeof own_options[0]};
	for (; *mods != NULL && n <= MODULES_MAX; mods++)
		groups[n++] = (struct option_group){(*mods)->name, (*mods)->options,
						    (*mods)->n_options};
	return n;
}

/* Of a configuration without a size: all that version 0.1 has. */
#define CONFIG_SIZE_0 sizeof(struct husk_config)
#define CLOCK_SIZE_0 sizeof(struct husk_clock)

/* With a callback, the descriptor means nothing. */
static int take_config(struct husk_config *to, const struct husk_config *from, struct husk_error *e)
{
	if (machine_take(to, sizeof *to, from, from->size, CONFIG_SIZE_0) == -1)
		return husk_fail(e, HUSK_E_USAGE, "husk_config has fields that this library (%s) does "
				 "not know", husk_version());
	if (to->console != NULL)
		to->console_fd = -1;
	return 0;
}

static int take_clock(struct clock_own *to, const struct husk_clock *from, struct husk_error *e)
{
	struct husk_clock clock;

	if (from == NULL)
		return 0;
	if (machine_take(&clock, sizeof clock, from, from->size, CLOCK_SIZE_0) == -1)
		return husk_fail(e, HUSK_E_USAGE, "husk_clock has fields that this library (%s) does "
				 "not know", husk_version());
	*to = (struct clock_own){
		.on = true, .wall = clock.wall, .tick = clock.tick, .wait = clock.wait, .ctx = clock.ctx,
	};
	return 0;
}

struct husk *machine_create(const struct husk_config *config, const struct hv_ops *ops,
			    const struct module *const *mods, struct husk_error *e)
{
	struct husk *h = calloc(1, sizeof *h);

	if (h == NULL) {
		husk_fail_sys(e, ENOMEM, "machine");
		return NULL;
	}
	if (take_config(&h->config, config, e) == -1 ||
	    take_clock(&h->clock, h->config.clock, e) == -1) {
		free(h);
		return NULL;
	}
	h->settings.steady = h->clock.on;
	h->ops = ops;
	h->modules = mods;
	h->image.fd = h->symbols.copy.fd = h->footprint = -1;
	return h;
}

struct husk *husk_create(const struct husk_config *config, struct husk_error *e)
{
	struct husk *h = machine_create(config, &hv_backend, modules, e);

	if (h != NULL)
		h->absent = absent_modules;
	return h;
}

void machine_say(const struct husk *h, const char *fmt, ...)
{
	char text[sizeof ((struct husk_error *)0)->message];
	va_list ap;

	if (h->config.notice == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	h->config.notice(h->config.notice_ctx, text);
}

int husk_option(struct husk *h, const char *word, struct husk_error *e)
{
	struct option_group groups[MODULES_MAX + 1];
	size_t n = machine_options(h->modules, groups);

	if (h->applied)
		return husk_fail(e, HUSK_E_USAGE, "%.150s: too late, the machine has been loaded",
				 word);
	if (h->absent != NULL && machine_option_absent(h->absent, word, e) == -1)
		return -1;
	return settings_add(&h->settings, groups, n, word, e);
}

void husk_check_only(struct husk *h)
{
	h->settings.look = true;
}

void husk_count_time(struct husk *h)
{
	h->times.wanted = true;
}

uint64_t machine_memory_size(const struct husk *h)
{
	const struct setting *s = settings_find(&h->settings, "mem", NULL);
	unsigned long long bytes = MEM_DEFAULT;
	struct husk_error ignored;
	bool rounded = false;

	if (s != NULL)
		(void)option_memory(s->value, &bytes, &rounded, &ignored);
	if (rounded)
		machine_say(h, "adjusting memory to %llu MiB: it comes in pieces of %u MiB",
			    bytes >> 20, HVT_MEM_GRANULE >> 20);
	return bytes;
}

static struct elf_stop stop_of(const struct husk *h)
{
	return (struct elf_stop){h->config.stopping, h->config.stopping_ctx};
}

static int read_image(struct husk *h, const struct elf_source *from, uint64_t mem_size,
		      struct husk_error *e)
{
	const struct elf_stop stop = stop_of(h);

	if (elf_open_source(&h->image, from, &stop, e) == -1 ||
	    elf_require(&h->image, cpu_elf_machine, e) == -1 ||
	    machine_fit(h, mem_size, e) == -1)
		return -1;
	return machine_match_devices(h, e);
}

int machine_open_symbols(struct husk *h, struct husk_error *e)
{
	const struct setting *s = settings_find(&h->settings, "symbols", NULL);

	if (symbol_file_open(&h->symbols, &h->image, s == NULL ? NULL : s->value, e) == 0)
		return 0;
	husk_wrap(e, "--symbols");
	return s == NULL ? -1 : husk_hint(e, "name the file that the image was stripped from");
}

struct module_host machine_host(const struct husk *h)
{
	struct module_host host = {
		.outputs = {
			{.fd = h->config.console_fd, .name = "the guest's console"},
			{.fd = -1}, {.fd = -1}, {.fd = -1}, {.fd = -1},
		},
		.image_fd = h->image.fd,
		.output_is_disk = h->config.output_is_disk,
		.output_ctx = h->config.output_ctx,
		.notice = h->config.notice,
		.notice_ctx = h->config.notice_ctx,
	};

	for (size_t i = 0; i < h->config.n_outputs && i < HUSK_OUTPUTS_MAX; i++)
		host.outputs[i + 1] = (struct module_output){
			h->config.outputs[i].fd, h->config.outputs[i].name,
			i + h->config.n_overwritten >= h->config.n_outputs,
		};
	return host;
}

int machine_open_module(const struct husk *h, const struct module *m,
			const struct module_host *host, void **state, struct manifest *mft,
			struct husk_error *e)
{
	if (m->open(state, &h->settings, mft, e) == -1)
		return -1;
	if (m->confirm == NULL || m->confirm(*state, host, e) == 0)
		return 0;
	m->close(*state);
	return -1;
}

bool machine_stopping(const struct husk *h)
{
	return h->config.stopping != NULL && h->config.stopping(h->config.stopping_ctx);
}

static int go_on(const struct husk *h, struct husk_error *e)
{
	if (!machine_stopping(h))
		return 0;
	return husk_fail_sys(e, EINTR, "Stopped before the guest was started");
}

static int open_modules(struct husk *h, struct husk_error *e)
{
	const struct module_host host = machine_host(h);

	for (; h->modules[h->n_opened] != NULL; h->n_opened++) {
		const struct module *m = h->modules[h->n_opened];

		if (h->n_opened == MODULES_MAX)
			return husk_fail(e, HUSK_E_HOST, "more than %d modules", MODULES_MAX);
		if (go_on(h, e) == -1 ||
		    machine_open_module(h, m, &host, &h->state[h->n_opened], &h->image.manifest,
					e) == -1)
			return -1;
	}
	return 0;
}

static int reserve_modules(struct husk *h, struct husk_error *e)
{
	for (unsigned i = 0; i < h->n_opened; i++)
		if (h->modules[i]->reserve != NULL &&
		    h->modules[i]->reserve(h->state[i], &h->core, e) == -1)
			return -1;
	return 0;
}

static int attach_modules(struct husk *h, struct husk_error *e)
{
	for (; h->n_attached < h->n_opened; h->n_attached++) {
		if (go_on(h, e) == -1)
			return -1;
		if (module_attach(h->modules[h->n_attached], h->state[h->n_attached], &h->core,
				  &h->image.manifest, e) == -1)
			return husk_wrap(e, "Module `%s' setup failed",
					 h->modules[h->n_attached]->name);
	}
	return 0;
}

static enum guest_pages_huge huge_pages(const struct husk *h)
{
	const struct setting *s = settings_find(&h->settings, "huge-pages", NULL);

	if (s == NULL)
		return GUEST_PAGES_HOST;
	return strcmp(s->value, "on") == 0 ? GUEST_PAGES_ON : GUEST_PAGES_OFF;
}

static int load_image(struct husk *h, struct cpu_state *state, struct husk_error *e)
{
	const struct elf_stop stop = stop_of(h);
	struct core *c = &h->core;

	guest_pages_choose(&c->memory, elf_kernel_end(&h->image), huge_pages(h));
	if (boot_reserve(&c->gpas, &h->image.manifest, e) == -1 ||
	    reserve_modules(h, e) == -1 || boot_protect(&c->memory, e) == -1 ||
	    elf_load(&h->image, &c->memory, &stop, e) == -1 ||
	    cpu_boot(&c->memory, &c->gpas, h->image.entry, state, e) == -1)
		return -1;
	return guest_pages_protect(c, e);
}

static int write_boot_info(struct husk *h, struct husk_error *e)
{
	struct boot b = {
		.mem_size = h->core.memory.size,
		.kernel_end = elf_kernel_end(&h->image),
		.cycle_freq = h->core.cycle_freq,
		.manifest = &h->image.manifest,
		.cmdline = h->cmdline,
		.net_ring = h->core.net_ring,
		.granted = (h->core.granted & h->core.wanted) |
			   (h->clock.on ? HUSK_FEATURE_CLOCK : 0u),
		.block_alone = h->core.block_alone,
		.net_direct = h->core.net_direct,
	};

	return boot_write(&h->core.memory, &b, e);
}

/* A module may come to do less than the guest was told when it was attached: no worker can be had, say. */
int machine_start(struct husk *h, struct husk_error *e)
{
	const uint64_t told = h->core.net_direct;

	for (; h->n_started < h->n_attached; h->n_started++) {
		const struct module *m = h->modules[h->n_started];

		if (m->start != NULL && m->start(h->state[h->n_started], e) == -1)
			return husk_wrap(e, "Module `%s' setup failed", m->name);
	}
	return h->core.net_direct == told ? 0 : write_boot_info(h, e);
}

/* What the guest writes would become part of it, if only of what the next run reads. */
static int spare_image(const struct husk *h, struct husk_error *e)
{
	const char *name = h->config.console_name;

	if (h->core.console_out == NULL ||
	    !output_changes_file(h->core.console_out, h->image.dev, h->image.ino))
		return 0;
	return husk_fail(e, HUSK_E_USAGE, "%s is the image that is to run; send it to another file",
			 name != NULL ? name : "the guest's console");
}

static int attend(void *ctx, struct husk_error *e)
{
	const struct husk *h = ctx;

	(void)e;
	h->config.attend(h->config.attend_ctx);
	return 0;
}

static int attach_own(struct husk *h, struct husk_error *e)
{
	static const struct core_client client = {.attend = attend};

	if (times_attach(&h->times, &h->core, e) == -1)
		return -1;
	h->footprint = h->times.wanted ? footprint_open() : -1;
	return h->config.attend == NULL ? 0 :
	       core_add_client(&h->core, &client, h, &h->attention, e);
}

static int make_machine(struct husk *h, uint64_t mem_size, struct husk_error *e)
{
	struct core *c = &h->core;
	struct cpu_state state;

	if (core_init(c, h->ops, mem_size, e) == -1)
		return -1;
	c->console_fd = h->config.console_fd;
	c->console = h->config.console;
	c->console_ctx = h->config.console_ctx;
	c->own_clock = h->clock;
	c->notice = h->config.notice;
	c->notice_ctx = h->config.notice_ctx;
	c->symbols = &h->symbols;
	c->wanted = elf_wanted(&h->image);
	for (size_t i = 0; i < HV_REMARKS_MAX && c->caps->remarks[i] != NULL; i++)
		machine_say(h, "%s", c->caps->remarks[i]);
	if (load_image(h, &state, e) == -1 || attach_own(h, e) == -1 ||
	    attach_modules(h, e) == -1 || spare_image(h, e) == -1 ||
	    write_boot_info(h, e) == -1 || h->ops->set_entry(c->hv, &state, e) == -1)
		return -1;
	core_seal(c);
	return 0;
}

/* Gives back everything but the settings, in reverse order of taking it. */
static void unload(struct husk *h)
{
	__atomic_store_n(&h->loaded, false, __ATOMIC_RELEASE);
	while (h->n_attached > 0) {
		h->n_attached--;
		module_detach(h->modules[h->n_attached], h->state[h->n_attached], &h->core,
			      &h->image.manifest);
	}
	core_fini(&h->core);
	h->times.core = NULL;
	if (h->footprint != -1)
		close(h->footprint);
	h->footprint = -1;
	h->attention = CORE_NO_CLIENT;
	while (h->n_opened > 0) {
		h->n_opened--;
		h->modules[h->n_opened]->close(h->state[h->n_opened]);
	}
	symbol_file_close(&h->symbols);
	elf_close(&h->image);
	free(h->cmdline);
	h->cmdline = NULL;
}

static int load(struct husk *h, const struct elf_source *from, int argc, char *const args[],
		struct husk_error *e)
{
	uint64_t mem_size = machine_memory_size(h);

	if (h->loaded)
		return husk_fail(e, HUSK_E_USAGE, "%s: the machine has an image already", from->name);
	if (h->applied)
		return husk_fail(e, HUSK_E_USAGE, "%s: an image could not be loaded: another one takes "
				 "another machine", from->name);
	h->applied = true;
	h->guest_argc = argc;
	h->guest_argv = args;
	if (boot_join_cmdline(&h->cmdline, argc, args, e) == -1 ||
	    read_image(h, from, mem_size, e) == -1 || machine_open_symbols(h, e) == -1) {
		unload(h);
		return -1;
	}
	h->settings.wanted = elf_wanted(&h->image);
	if (open_modules(h, e) == -1 || make_machine(h, mem_size, e) == -1) {
		unload(h);
		return -1;
	}
	if (symbol_file_fd(&h->symbols) != h->image.fd || h->image.owned != NULL)
		elf_release(&h->image);
	__atomic_store_n(&h->loaded, true, __ATOMIC_RELEASE);
	return 0;
}

int husk_load(struct husk *h, const char *path, int argc, char *const args[],
	      struct husk_error *e)
{
	const struct elf_source from = {.name = path, .fd = -1};

	return load(h, &from, argc, args, e);
}

int husk_load_bytes(struct husk *h, const char *name, const void *bytes, size_t len, int argc,
		    char *const args[], struct husk_error *e)
{
	const struct elf_source from = {.name = name, .fd = -1, .bytes = bytes, .len = len};

	/* It would be a path otherwise. */
	if (bytes == NULL)
		return husk_fail(e, HUSK_E_USAGE, "%s: there are no bytes", name);
	return load(h, &from, argc, args, e);
}

int husk_load_fd(struct husk *h, const char *name, int fd, int argc, char *const args[],
		 struct husk_error *e)
{
	const struct elf_source from = {.name = name, .fd = fd};

	if (fd < 0)
		return husk_fail(e, HUSK_E_USAGE, "%s: %d is no descriptor", name, fd);
	return load(h, &from, argc, args, e);
}

void husk_destroy(struct husk *h)
{
	if (h == NULL)
		return;
	unload(h);
	settings_free(&h->settings);
	free(h);
}
