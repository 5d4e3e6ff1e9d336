/* SPDX-License-Identifier: ISC */
/* confine.c: husk_confine: from a loaded machine to a process that can do nothing but run it. */
#include <stdio.h>

#include "../include/husk/husk.h"
#include "machine.h"
#include "sandbox.h"

static int insist(const struct sandbox_layers *l, struct husk_error *e)
{
	const char *what = sandbox_built_in ? sandbox_lacks(l) : "this husk was built without one";

	return what == NULL ? 0 : husk_fail(e, HUSK_E_HOST, "sandbox: %s", what);
}

/* Before anything is taken away. */
static void collect_early(const struct husk *h, struct sandbox *s)
{
	sandbox_init(s);
	for (unsigned i = 0; i < h->n_attached; i++)
		if (h->modules[i]->limit != NULL)
			h->modules[i]->limit(h->state[i], s);
}

static void collect(const struct husk *h, const struct husk_confinement *how, struct sandbox *s)
{
	sandbox_keep(s, symbol_file_fd(&h->symbols), SANDBOX_READS_AT | SANDBOX_LOOKS);
	if (symbol_file_fd(&h->symbols) != -1)
		s->values[SANDBOX_SYMBOLS] = (uint64_t)symbol_file_fd(&h->symbols);
	sandbox_keep(s, h->footprint, SANDBOX_READS_AT);
	if (h->footprint != -1)
		s->values[SANDBOX_FOOTPRINT] = (uint64_t)h->footprint;
	sandbox_keep(s, h->config.console_fd, SANDBOX_OUTPUT);
	sandbox_keep(s, h->core.mailbox.wake.fd, SANDBOX_BOTH_WAYS);
	for (size_t i = 0; i < h->config.n_outputs && i < HUSK_OUTPUTS_MAX; i++)
		sandbox_keep(s, h->config.outputs[i].fd, SANDBOX_OUTPUT);
	for (size_t i = 0; i < how->n_keep; i++)
		sandbox_keep(s, how->keep[i], SANDBOX_PROGRAM);
	sandbox_keep(s, how->cut_fd, SANDBOX_CUTS);
	if (how->cut_fd != -1)
		s->values[SANDBOX_CUT] = (uint64_t)how->cut_fd;
	for (unsigned i = 0; i < h->n_attached; i++)
		if (h->modules[i]->confine != NULL)
			h->modules[i]->confine(h->state[i], s);
	if (h->ops->confine != NULL)
		h->ops->confine(h->core.hv, s);
}

static int close_sandbox(struct husk *h, const struct husk_confinement *how, struct husk_error *e)
{
	const struct sandbox_request rq = {
		.kill = how->kill, .close_others = how->close_others,
		.change_user = how->change_user, .uid = how->uid, .gid = how->gid,
	};
	struct sandbox s;

	collect_early(h, &s);
	if (sandbox_limit(&s, &rq, &h->layers, e) == -1 || machine_start(h, e) == -1)
		return -1;
	if (!sandbox_built_in)
		return 0;
	s.threads = s.moves = !how->lone;
	/* A program of others' may do what all of them may. */
	s.calls = how->lone ? 0 : SANDBOX_ALL_CALLS;
	s.removes_only = sandbox_limits_removal(&h->layers);
	collect(h, how, &s);
	return sandbox_close(&s, &rq, &h->layers, e);
}

int husk_confine(struct husk *h, const struct husk_confinement *his, struct husk_error *e)
{
	struct husk_confinement copy, *how = &copy;

	if (machine_take(how, sizeof *how, his, his->size, sizeof *how) == -1)
		return husk_fail(e, HUSK_E_USAGE, "husk_confinement has fields that this library (%s) "
				 "does not know", husk_version());
	if (!h->loaded)
		return husk_fail(e, HUSK_E_USAGE, "there is no loaded machine to confine");
	if (h->confined)
		return husk_fail(e, HUSK_E_USAGE, "the process is confined already");
	if (close_sandbox(h, how, e) == -1)
		return -1;
	h->confined = true;
	if (how->require)
		return insist(&h->layers, e);
	if (sandbox_built_in && sandbox_lacks_most(&h->layers) != NULL)
		machine_say(h, "sandbox: %s", sandbox_lacks_most(&h->layers));
	return 0;
}

int husk_check_confinement(int require, FILE *out)
{
	const char *missing = require ? "FAIL" : "note";
	struct sandbox_layers l;
	int lacking;

	if (!sandbox_built_in)
		return fprintf(out, "%s sandbox: this husk was built without one\n", missing), require;
	sandbox_probe(&l);
	lacking = sandbox_check(&l, missing, out);
	return require ? lacking : 0;
}

void husk_confine_describe(FILE *out)
{
	char text[100];

	sandbox_describe(text, sizeof text);
	fputs(text, out);
}

const char *husk_confine_call_name(long nr)
{
	return sandbox_name_of(nr);
}
