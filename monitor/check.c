/* check.c: looks at host, image and devices before a run, one line per finding. */
#include "machine.h"

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

/* Opens one device by itself, with the others left out of a copy of the manifest. */
static int try_device(const struct husk *h, unsigned i, struct husk_error *e)
{
	struct manifest alone = h->image.manifest;
	const struct mft_entry *entry = &h->image.manifest.entry[i];
	const struct module *m = machine_module_for(h->modules, entry->type);
	void *state;

	for (unsigned k = 1; k < alone.header.entries; k++)
		if (k != i)
			alone.entry[k].type = MFT_RESERVED_FIRST;
	if (machine_match_device(h, entry, e) == -1 ||
	    m->open(&state, &h->settings, &alone, e) == -1)
		return -1;
	m->close(state);
	return 0;
}

static void check_devices(const struct husk *h, struct findings *f)
{
	const struct manifest *mft = &h->image.manifest;
	struct husk_error e;

	for (size_t i = 0; i < h->settings.n; i++)
		if (machine_match_setting(h, &h->settings.list[i], &e) == -1)
			say_error(f, &e);
	for (unsigned i = 1; i < mft->header.entries; i++) {
		if (!manifest_must_attach(mft, i))
			continue;
		if (try_device(h, i, &e) == -1)
			say_error(f, &e);
		else
			fprintf(f->out, "ok   device %s, %s: can be attached\n",
				mft->entry[i].name, manifest_type_name(mft->entry[i].type));
	}
}

static void check_image(struct husk *h, const char *path, struct findings *f)
{
	uint64_t mem_size = machine_memory_size(h);
	struct husk_error e;

	if (elf_open(&h->image, path, &e) == -1) {
		say_error(f, &e);
		return;
	}
	if (elf_require(&h->image, cpu_elf_machine, &e) == -1 ||
	    elf_fit(&h->image, mem_size, &e) == -1) {
		say_error(f, &e);
	} else {
		say(f, true, path, "an image that can run here");
		check_devices(h, f);
	}
	elf_close(&h->image);
}

int husk_check(struct husk *h, const char *path, FILE *out)
{
	struct findings f = {.out = out};

	(void)h->ops->probe(say, &f);
	if (path != NULL)
		check_image(h, path, &f);
	return f.bad;
}
