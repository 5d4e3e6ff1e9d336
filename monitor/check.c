/* SPDX-License-Identifier: ISC */
/* check.c: checks host, image and devices before a run, one line per finding. */
#include <errno.h>
#include <stdlib.h>

#include "boot.h"
#include "machine.h"
#include "memory_host.h"

struct findings {
	FILE *out;
	int bad;
};

static void say(void *ctx, bool ok, const char *what, const char *remedy)
{
	struct findings *f = ctx;

	fprintf(f->out, "%s %s%s%s\n", ok ? "ok  " : "FAIL", what,
		remedy[0] != '\0' ? ": " : "", remedy);
	f->bad += !ok;
}

static void say_error(struct findings *f, const struct husk_error *e)
{
	say(f, false, e->message, "");
}

static void leave_out(struct manifest *mft, unsigned i)
{
	mft->entry[i].type = MFT_RESERVED_FIRST;
}

static void on_notice(void *ctx, const char *text)
{
	struct findings *f = ctx;

	fprintf(f->out, "note %s\n", text);
}

static void note_privileges(const struct module *m, const void *state, struct findings *f)
{
	struct sandbox s;

	sandbox_init(&s);
	if (sandbox_built_in && m->limit != NULL)
		m->limit(state, &s);
	if (s.net_admin)
		fprintf(f->out, "note sandbox: CAP_NET_ADMIN is kept, to attach a tap again; it is not "
			"with --user, for a tap that is this user's\n");
}

/*
 * Opens what mft has for the module, and closes it again. f NULL: its notices are not reported
 * again.
 */
static int try_module(const struct husk *h, const struct module *m, struct manifest *mft,
		      struct findings *f, struct husk_error *e)
{
	struct module_host host = machine_host(h);
	void *state;

	host.notice = f != NULL ? on_notice : NULL;
	host.notice_ctx = f;
	if (machine_open_module(h, m, &host, &state, mft, e) == -1)
		return -1;
	if (f != NULL)
		note_privileges(m, state, f);
	m->close(state);
	return 0;
}

/* Opens one device alone, by leaving the others out of a copy of the manifest. */
static int try_device(const struct husk *h, unsigned i, struct manifest *alone,
		      struct findings *f, struct husk_error *e)
{
	const struct mft_entry *entry = &h->image.manifest.entry[i];

	*alone = h->image.manifest;
	for (unsigned k = 1; k < alone->header.entries; k++)
		if (k != i)
			leave_out(alone, k);
	if (machine_match_device(h, entry, e) == -1)
		return -1;
	return try_module(h, machine_module_for(h->modules, entry->type), alone, f, e);
}

/* Devices that can be attached one by one may exclude each other, as two on one file do. */
static void check_together(const struct husk *h, struct manifest *good, struct findings *f)
{
	struct husk_error e;

	for (const struct module *const *m = h->modules; *m != NULL && !machine_stopping(h); m++)
		if ((*m)->device_type != 0 && manifest_count(good, (*m)->device_type) > 1 &&
		    try_module(h, *m, good, NULL, &e) == -1)
			say_error(f, &e);
}

/* The manifests are the caller's, not on the stack, which the starter may have limited. */
static void check_each(const struct husk *h, struct manifest *alone, struct manifest *good,
		       struct findings *f)
{
	const struct manifest *mft = &h->image.manifest;
	struct husk_error e;

	*good = *mft;
	for (unsigned i = 1; i < mft->header.entries && !machine_stopping(h); i++) {
		if (!manifest_must_attach(mft, i))
			continue;
		if (try_device(h, i, alone, f, &e) == -1) {
			say_error(f, &e);
			leave_out(good, i);
		} else {
			fprintf(f->out, "ok   device %s, %s: can be attached\n",
				mft->entry[i].name, manifest_type_name(mft->entry[i].type));
		}
	}
}

static void check_devices(const struct husk *h, struct findings *f)
{
	struct manifest *copies = calloc(2, sizeof *copies);
	struct husk_error e;

	if (copies == NULL) {
		husk_fail_sys(&e, ENOMEM, "devices");
		say_error(f, &e);
		return;
	}
	for (size_t i = 0; i < h->settings.n; i++)
		if (machine_match_setting(h, &h->settings.list[i], &e) == -1)
			say_error(f, &e);
	check_each(h, &copies[0], &copies[1], f);
	check_together(h, &copies[1], f);
	free(copies);
}

/* What is asked for beside devices: files that are named are looked at. */
static void check_options(struct husk *h, struct findings *f)
{
	struct manifest *mft = calloc(1, sizeof *mft);
	struct husk_error e;

	if (machine_open_symbols(h, &e) == -1)
		say_error(f, &e);
	symbol_file_close(&h->symbols);
	for (const struct module *const *m = h->modules; mft != NULL && *m != NULL; m++)
		if ((*m)->device_type == 0 && try_module(h, *m, mft, f, &e) == -1)
			say_error(f, &e);
	free(mft);
}

/* Memory of that size, and the words behind the image. */
static void check_guest(const struct husk *h, uint64_t mem_size, struct findings *f)
{
	struct memory_host memory;
	struct husk_error e;
	char *cmdline;

	if (memory_host_reserve(&memory, mem_size, &e) == -1 ||
	    memory_host_commit(&memory, &e) == -1)
		say_error(f, &e);
	memory_host_release(&memory);
	if (boot_join_cmdline(&cmdline, h->guest_argc, h->guest_argv, &e) == -1)
		say_error(f, &e);
	else
		free(cmdline);
}

static void check_image(struct husk *h, const char *path, struct findings *f)
{
	const struct elf_stop stop = {h->config.stopping, h->config.stopping_ctx};
	uint64_t mem_size = machine_memory_size(h);
	struct husk_error e;

	check_guest(h, mem_size, f);
	if (elf_open(&h->image, path, &stop, &e) == -1) {
		say_error(f, &e);
		return;
	}
	if (elf_require(&h->image, cpu_elf_machine, &e) == -1 ||
	    machine_fit(h, mem_size, &e) == -1 ||
	    machine_fit_data(h, mem_size, &e) == -1) {
		say_error(f, &e);
	} else {
		say(f, true, path, "an image that can run here");
		check_devices(h, f);
		check_options(h, f);
	}
	elf_close(&h->image);
}

static void note_devices(const struct husk *h, struct findings *f)
{
	for (size_t i = 0; i < h->settings.n; i++) {
		const struct setting *s = &h->settings.list[i];

		if (s->device[0] != '\0')
			fprintf(f->out, "note --%s:%s was not looked at: name the image too\n",
				s->option->name, s->device);
	}
}

int husk_check(struct husk *h, const char *path, int argc, char *const args[], FILE *out)
{
	struct findings f = {.out = out};

	h->guest_argc = argc;
	h->guest_argv = args;
	husk_check_only(h);
	(void)h->ops->probe(say, &f);
	if (path != NULL)
		check_image(h, path, &f);
	else
		note_devices(h, &f);
	return f.bad;
}
