/* match.c: holds the image's devices against the options, before anything is opened. */
#include "machine.h"

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

int machine_match_setting(const struct husk *h, const struct setting *s, struct husk_error *e)
{
	const struct module *m = owner(h->modules, s->option);
	const struct manifest *mft = &h->image.manifest;
	unsigned i = manifest_find_name(mft, s->device);

	if (s->device[0] == '\0' || m == NULL || manifest_find(mft, s->device, m->device_type) != 0)
		return 0;
	if (i == 0)
		return husk_fail(e, HUSK_E_USAGE, "Resource not declared in manifest: '%s' (--%s)",
				 s->device, s->option->name);
	return husk_fail(e, HUSK_E_USAGE, "Resource not declared in manifest: '%s' is declared as "
			 "%s, which --%s cannot attach", s->device,
			 manifest_type_name(mft->entry[i].type), s->option->name);
}

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

static int unattached(const struct husk *h, const struct mft_entry *entry, unsigned more,
		      struct husk_error *e)
{
	const struct module *m = machine_module_for(h->modules, entry->type);
	const struct option *o = m == NULL ? NULL : attach_option(m);
	char rest[32] = "";

	if (more > 0)
		snprintf(rest, sizeof rest, " (and %u more)", more);
	husk_fail(e, HUSK_E_USAGE, "Device '%s' of type %s declared but not attached%s",
		  entry->name, manifest_type_name(entry->type), rest);
	if (o == NULL)
		return husk_hint(e, "no module for its type is compiled in");
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
