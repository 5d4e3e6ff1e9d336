/* SPDX-License-Identifier: ISC */
/* report.c: collects the figures of a run from the core and every module, and writes them. */
#include <inttypes.h>
#include <string.h>

#include "footprint.h"
#include "json.h"
#include "machine.h"
#include "report_metrics.h"

/* Passes figures on and adds up the system calls among them. */
struct total {
	husk_figure *tell;
	void *ctx;
	uint64_t calls;
};

static void add(void *ctx, const char *subject, const char *name, uint64_t value)
{
	struct total *t = ctx;

	if (strcmp(name, "system_calls") == 0)
		t->calls += value;
	t->tell(t->ctx, subject, name, value);
}

static void tell_sandbox(void *ctx, const char *name, uint64_t value)
{
	const struct total *t = ctx;

	t->tell(t->ctx, "sandbox", name, value);
}

/* Wanted where times are. */
static void tell_memory(const struct husk *h, husk_figure *tell, void *ctx)
{
	uint64_t bytes;

	if (!footprint_read(h->footprint, &bytes))
		return;
	tell(ctx, "memory", "resident_bytes", bytes);
	tell(ctx, "memory", "guest_bytes", h->core.memory.size);
}

void husk_report(const struct husk *h, husk_figure *tell, void *ctx)
{
	const struct core *c = &h->core;
	struct total t = {.tell = tell, .ctx = ctx};

	if (!h->loaded)
		return;
	if (h->confined)	/* else there are none of the sandbox */
		sandbox_report(&h->layers, tell_sandbox, &t);
	for (enum hv_exit_kind k = 0; k < HV_EXIT_KINDS; k++) {
		tell(ctx, "exits", hv_exit_name(k), c->exits[k]);
		t.calls += c->exits[k];		/* each is the return of one */
	}
	for (int nr = 0; nr < (int)HYPERCALLS_MAX; nr++)
		if (c->hypercalls.table[nr].name != NULL)
			tell(ctx, "hypercalls", c->hypercalls.table[nr].name,
			     c->hypercalls.table[nr].count);
	add(&t, "poll", "system_calls", c->calls);
	for (unsigned i = 0; i < h->n_attached; i++)
		if (h->modules[i]->report != NULL)
			h->modules[i]->report(h->state[i], add, &t);
	tell(ctx, "total", "system_calls", t.calls);
	times_report(&h->times, tell, ctx);
	tell_memory(h, tell, ctx);
}

static void write_line(void *ctx, const char *subject, const char *name, uint64_t value)
{
	fprintf(ctx, "%s %s %" PRIu64 "\n", subject, name, value);
}

/* Figures of one subject come together; each subject is an object. */
struct report_json {
	struct json json;
	char subject[128];
};

static void write_json(void *ctx, const char *subject, const char *name, uint64_t value)
{
	struct report_json *r = ctx;

	if (strcmp(r->subject, subject) != 0) {
		if (r->subject[0] != '\0')
			json_close(&r->json, '}');
		snprintf(r->subject, sizeof r->subject, "%s", subject);
		json_open(&r->json, subject, '{');
	}
	json_number(&r->json, name, value);
}

static void write_object(const struct husk *h, FILE *out)
{
	struct report_json r = {0};

	json_begin(&r.json, out);
	husk_report(h, write_json, &r);
	if (r.subject[0] != '\0')
		json_close(&r.json, '}');
	json_end(&r.json);
}

void husk_report_write(const struct husk *h, int format, FILE *out)
{
	if (format == HUSK_METRICS)
		report_metrics(h, out);
	else if (format == HUSK_JSON)
		write_object(h, out);
	else
		husk_report(h, write_line, out);
}
