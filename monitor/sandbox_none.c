/* SPDX-License-Identifier: ISC */
/* sandbox_none.c: no sandbox: this system, this backend, or a sanitizer's run-time has none. */
#include <stdio.h>

#include "sandbox.h"

const bool sandbox_built_in = false;

int sandbox_limit(const struct sandbox *s, const struct sandbox_request *rq,
		  struct sandbox_layers *l, struct husk_error *e)
{
	(void)s;
	*l = (struct sandbox_layers){0};
	return !rq->change_user ? 0 :
	       husk_fail(e, HUSK_E_HOST, "this husk cannot change its user: start it as that user");
}

int sandbox_close(struct sandbox *s, const struct sandbox_request *rq, struct sandbox_layers *l,
		  struct husk_error *e)
{
	(void)s, (void)rq, (void)l, (void)e;
	return 0;
}

void sandbox_probe(struct sandbox_layers *l)
{
	*l = (struct sandbox_layers){0};
}

void sandbox_report(const struct sandbox_layers *l, sandbox_figure *tell, void *ctx)
{
	(void)l, (void)tell, (void)ctx;
}

int sandbox_check(const struct sandbox_layers *l, const char *missing, FILE *out)
{
	(void)l, (void)missing, (void)out;
	return 0;
}

const char *sandbox_lacks(const struct sandbox_layers *l)
{
	(void)l;
	return NULL;
}

const char *sandbox_lacks_most(const struct sandbox_layers *l)
{
	(void)l;
	return NULL;
}

bool sandbox_limits_removal(const struct sandbox_layers *l)
{
	(void)l;
	return false;
}

void sandbox_describe(char *text, size_t size)
{
	snprintf(text, size, "none");
}

const char *sandbox_name_of(long nr)
{
	(void)nr;
	return NULL;
}
