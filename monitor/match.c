/* SPDX-License-Identifier: ISC */
/* match.c: compares the image's devices with the options, before anything is opened. */
#include <string.h>

#include "device_types.h"
#include "machine.h"

#define DEVICES_ROOM 160	/* bytes of a message for the list of devices */

const struct module *machine_module_for(const struct module *const *mods, uint32_t type)
{
	for (; *mods != NULL; mods++)
		if ((*mods)->device_type != 0 && (*mods)->device_type == type)
			return *mods;
	return NULL;
}

static const struct module *owner(const struct module *const *mods, const struct option *o)
{
	for (; *mods != NULL; mods++)
		for (size_t i = 0; i < (*mods)->n_options; i++)
			if (&(*mods)->options[i] == o)
				return *mods;
	return NULL;
}

/* Appends "a (BLOCK_BASIC), b (NET_BASIC)", as many as there is room for. */
static int list_devices(const struct manifest *mft, struct husk_error *e)
{
	char text[DEVICES_ROOM] = "";
	unsigned left_out = 0;

	for (unsigned i = 1; i < mft->header.entries; i++) {
		const struct mft_entry *d = &mft->entry[i];
		size_t used = strlen(text), room = sizeof text - used;

		if (!manifest_must_attach(mft, i))
			continue;
		if (left_out > 0 || snprintf(text + used, room, "%s%s (%s)", used > 0 ? ", " : "",
					     d->name, manifest_type_name(d->type)) >= (int)room) {
			text[used] = '\0';
			left_out++;
		}
	}
	if (text[0] == '\0')
		return husk_hint(e, "the image declares none");
	if (left_out == 0)
		return husk_hint(e, "the image declares %s", text);
	return husk_hint(e, "the image declares %s and %u more, see --inspect", text, left_out);
}

int machine_match_setting(const struct husk *h, const struct setting *s, struct husk_error *e)
{
	const struct module *m = owner(h->modules, s->option);
	const struct manifest *mft = &h->image.manifest;
	unsigned i = manifest_find_name(mft, s->device);

	if (s->device[0] == '\0' || m == NULL || manifest_find(mft, s->device, m->device_type) != 0)
		return 0;
	if (i == 0) {
		husk_fail(e, HUSK_E_USAGE, "Resource not declared in manifest: '%s' (--%s)",
			  s->device, s->option->name);
		return list_devices(mft, e);
	}
	return husk_fail(e, HUSK_E_USAGE, "Resource not declared in manifest: '%s' is declared as "
			 "%s, which --%s cannot attach", s->device,
			 manifest_type_name(mft->entry[i].type), s->option->name);
}

int machine_option_absent(const struct absent_module *m, const char *word, struct husk_error *e)
{
	size_t len = strcspn(word, ":=");

	for (; m->name != NULL; m++)
		for (const char *const *o = m->options; *o != NULL; o++)
			if (strncmp(word, "--", 2) == 0 && strlen(*o) == len - 2 &&
			    strncmp(word + 2, *o, len - 2) == 0)
				return husk_fail(e, HUSK_E_USAGE, "Invalid option: `%s': --%s "
						 "belongs to module %s, which is not compiled in",
						 word, *o, m->name);
	return 0;
}

/* ---- words behind the image, where they are the guest's ---- */

/* Whether the word is this option; with a device, for that device. */
static bool says(const char *word, const char *option, const char *device)
{
	size_t len = strlen(option);

	if (strncmp(word, "--", 2) != 0 || strncmp(word + 2, option, len) != 0)
		return false;
	word += 2 + len;
	if (device == NULL)
		return *word == ':' || *word == '=';
	len = strlen(device);
	return *word == ':' && strncmp(word + 1, device, len) == 0 && word[1 + len] == '=';
}

static const char *word_behind(const struct husk *h, const char *option, const char *device)
{
	for (int i = 0; i < h->guest_argc; i++)
		if (says(h->guest_argv[i], option, device))
			return h->guest_argv[i];
	return NULL;
}

static int hint_behind(const char *word, struct husk_error *e)
{
	return husk_hint(e, "`%.60s' comes after the image and is passed to the guest: put it in "
			 "front", word);
}

static int hint_memory(const struct husk *h, uint64_t mem_size, struct husk_error *e)
{
	const char *word = word_behind(h, "mem", NULL);

	if (word != NULL && elf_memory_needed(&h->image) > mem_size)
		return hint_behind(word, e);
	return -1;
}

int machine_fit(const struct husk *h, uint64_t mem_size, struct husk_error *e)
{
	return elf_fit(&h->image, mem_size, e) == 0 ? 0 : hint_memory(h, mem_size, e);
}

int machine_fit_data(const struct husk *h, uint64_t mem_size, struct husk_error *e)
{
	return elf_fit_data(&h->image, mem_size, e) == 0 ? 0 : hint_memory(h, mem_size, e);
}

/* The word with which the user may have meant to attach the device. */
static const char *attachment_behind(const struct husk *h, const struct module *m,
				     const char *device)
{
	const char *any = NULL;

	for (size_t i = 0; i < m->n_options; i++) {
		const char *option = m->options[i].name, *word;

		if (!m->options[i].attaches)
			continue;
		word = word_behind(h, option, device);
		if (word != NULL)
			return word;
		if (any == NULL)
			any = word_behind(h, option, NULL);
	}
	return any;
}

/* ---- devices ---- */

/* How a user would attach a device that module m serves. */
static const struct option *attach_option(const struct module *m)
{
	for (size_t i = 0; i < m->n_options; i++)
		if (m->options[i].attaches)
			return &m->options[i];
	return NULL;
}

static bool attached(const struct husk *h, const struct mft_entry *entry)
{
	const struct module *m = machine_module_for(h->modules, entry->type);

	return m != NULL && settings_attaching(&h->settings, m->options, m->n_options,
					       entry->name) != NULL;
}

static int no_module(uint32_t type, struct husk_error *e)
{
	const struct device_type *t = device_type_of(type);

	if (t == NULL)
		return husk_hint(e, "there is no type of device with the number %u", type);
	return husk_hint(e, "it needs module %s, which is not compiled in", t->module);
}

static int unattached(const struct husk *h, const struct mft_entry *entry, unsigned more,
		      struct husk_error *e)
{
	const struct module *m = machine_module_for(h->modules, entry->type);
	const struct option *o = m == NULL ? NULL : attach_option(m);
	const char *behind = m == NULL ? NULL : attachment_behind(h, m, entry->name);
	char rest[32] = "";

	if (more > 0)
		snprintf(rest, sizeof rest, " (and %u more)", more);
	husk_fail(e, HUSK_E_USAGE, "Device '%s' of type %s declared but not attached%s",
		  entry->name, manifest_type_name(entry->type), rest);
	if (o == NULL)
		return no_module(entry->type, e);
	if (behind != NULL)
		return hint_behind(behind, e);
	return husk_hint(e, "All declared devices must be attached; add --%s:%s=%s", o->name,
			 entry->name, o->value);
}

int machine_match_device(const struct husk *h, const struct mft_entry *entry, struct husk_error *e)
{
	return attached(h, entry) ? 0 : unattached(h, entry, 0, e);
}

int machine_match_devices(const struct husk *h, struct husk_error *e)
{
	const struct manifest *mft = &h->image.manifest;
	const struct mft_entry *first = NULL;
	unsigned missing = 0;

	for (size_t i = 0; i < h->settings.n; i++)
		if (machine_match_setting(h, &h->settings.list[i], e) == -1)
			return -1;
	for (unsigned i = 1; i < mft->header.entries; i++) {
		if (!manifest_must_attach(mft, i) || attached(h, &mft->entry[i]))
			continue;
		if (missing++ == 0)
			first = &mft->entry[i];
	}
	return missing == 0 ? 0 : unattached(h, first, missing - 1, e);
}
