/* SPDX-License-Identifier: ISC */
/* module.c: steps that are the same for every module. */
#include "module.h"

#include "output_file.h"

int module_host_spares(const struct module_host *host, const struct output_file *f,
		       struct husk_error *e)
{
	if (output_file_is(f, host->image_fd))
		return husk_fail(e, HUSK_E_USAGE, "%s=%s is the image that is to run; name another file",
				 f->option, f->where);
	for (size_t i = 0; i < sizeof host->outputs / sizeof host->outputs[0]; i++)
		if ((f->file || host->outputs[i].over) && output_file_is(f, host->outputs[i].fd))
			return husk_fail(e, HUSK_E_USAGE, "%s=%s is where %s goes, and each would "
					 "overwrite the other; name another file", f->option, f->where,
					 host->outputs[i].name);
	return 0;
}

static size_t calls_served(const struct module *m, const struct manifest *mft)
{
	return m->device_type == 0 || manifest_count(mft, m->device_type) > 0 ? m->n_calls : 0;
}

static void unregister_calls(const struct module *m, struct core *c, size_t n)
{
	while (n-- > 0)
		core_unregister_hypercall(c, m->calls[n].nr);
}

static int register_calls(const struct module *m, void *state, struct core *c, size_t n,
			  struct husk_error *e)
{
	for (size_t i = 0; i < n; i++) {
		const struct module_call *k = &m->calls[i];

		if (core_register_hypercall(c, k->nr, k->name, k->handler, state, e) == -1) {
			unregister_calls(m, c, i);
			return -1;
		}
		hypercalls_can_describe(&c->hypercalls, k->nr, k->describe);
	}
	return 0;
}

int module_attach(const struct module *m, void *state, struct core *c, const struct manifest *mft,
		  struct husk_error *e)
{
	if (m->attach(state, c, e) == -1)
		return -1;
	if (register_calls(m, state, c, calls_served(m, mft), e) == 0)
		return 0;
	if (m->detach != NULL)
		m->detach(state, c);
	return -1;
}

void module_detach(const struct module *m, void *state, struct core *c, const struct manifest *mft)
{
	unregister_calls(m, c, calls_served(m, mft));
	if (m->detach != NULL)
		m->detach(state, c);
}
