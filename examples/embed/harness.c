/* SPDX-License-Identifier: ISC */
/* harness.c: a clock, a console and a network that a script makes. */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

#define WALL UINT64_C(946684800000000000)	/* 2000-01-01, in ns since 1970 */
#define TICK 1000u				/* ns for each look at the clock */
#define PATIENCE UINT64_C(10000000000)
#define STOPPED_BY_SCRIPT 1

struct harness {
	const struct harness_script *script;
	struct harness_record *record;
	struct husk *machine;
	size_t next;		/* frame to be handed over */
	uint64_t now;
};

/* Copies len bytes behind used of the buffer, which grows to that and one more. */
static void *append(void *buffer, size_t used, const void *bytes, size_t len)
{
	char *grown = realloc(buffer, used + len + 1);

	if (grown == NULL)
		return NULL;
	memcpy(grown + used, bytes, len);
	grown[used + len] = '\0';
	return grown;
}

static void on_console(void *ctx, const void *text, size_t len)
{
	struct harness_record *r = ((struct harness *)ctx)->record;
	char *grown = append(r->console, r->console_len, text, len);

	r->incomplete |= grown == NULL;
	if (grown == NULL)
		return;
	r->console = grown;
	r->console_len += len;
}

static void on_frame(void *ctx, const void *frame, size_t len)
{
	const struct harness *h = ctx;
	struct harness_record *r = h->record;
	const struct harness_sent new = {.at = h->now, .len = len, .bytes = append(NULL, 0, frame, len)};
	struct harness_sent *grown = realloc(r->sent, (r->n_sent + 1) * sizeof *grown);

	if (grown != NULL)
		r->sent = grown;
	if (grown != NULL && new.bytes != NULL)
		r->sent[r->n_sent++] = new;
	else
		free(new.bytes);
	r->incomplete |= grown == NULL || new.bytes == NULL;
}

/* A frame that the guest has left no room for is lost, as on a wire. */
static void deliver(struct harness *h)
{
	const struct harness_script *s = h->script;
	struct husk_error ignored;

	for (; h->next < s->n_frames && s->frames[h->next].at <= h->now; h->next++)
		(void)husk_net_deliver(h->machine, s->device, s->frames[h->next].bytes,
				       s->frames[h->next].len, &ignored);
}

static uint64_t on_wait(void *ctx, uint64_t now, uint64_t until)
{
	struct harness *h = ctx;
	const struct harness_script *s = h->script;
	uint64_t at = until, end = s->until == 0 ? UINT64_MAX : s->until;

	if (h->next < s->n_frames && s->frames[h->next].at < at)
		at = s->frames[h->next].at;
	if (at >= end) {
		husk_stop(h->machine, STOPPED_BY_SCRIPT);
		return now;
	}
	h->now = at > now ? at : now;
	deliver(h);
	return h->now;
}

static int prepare(struct harness *h, struct husk_error *e)
{
	const struct harness_script *s = h->script;
	const struct husk_net net = {.size = sizeof net, .send = on_frame, .ctx = h};

	for (const char *const *o = s->options; o != NULL && *o != NULL; o++)
		if (husk_option(h->machine, *o, e) == -1)
			return -1;
	if (s->device != NULL && husk_net(h->machine, s->device, &net, e) == -1)
		return -1;
	return husk_load(h->machine, s->image, s->argc, s->args, e);
}

static int start(struct harness *h, struct husk_error *e)
{
	const struct husk_clock clock = {
		.size = sizeof clock, .wall = WALL, .tick = TICK, .wait = on_wait, .ctx = h,
	};
	const struct husk_config config = {
		.size = sizeof config, .console = on_console, .console_ctx = h, .clock = &clock,
	};

	h->machine = husk_create(&config, e);
	if (h->machine == NULL)
		return -1;
	if (prepare(h, e) == 0)
		return 0;
	husk_destroy(h->machine);
	return -1;
}

int harness_run(const struct harness_script *script, struct harness_record *record,
		struct husk_error *e)
{
	struct harness h = {.script = script, .record = record};

	*record = (struct harness_record){.ending.size = sizeof record->ending};
	record->console = append(NULL, 0, "", 0);
	if (start(&h, e) == -1) {
		harness_free(record);
		return -1;
	}
	record->end = husk_run_for(h.machine, script->patience == 0 ? PATIENCE : script->patience,
				   &record->status, e);
	husk_ending(h.machine, &record->ending);
	husk_destroy(h.machine);
	return 0;
}

static bool same_frame(const struct harness_sent *a, const struct harness_sent *b)
{
	return a->at == b->at && a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

const char *harness_difference(const struct harness_record *a, const struct harness_record *b)
{
	if (a->incomplete || b->incomplete)
		return "one of them is incomplete";
	if (a->end != b->end || a->status != b->status || a->ending.address != b->ending.address)
		return "the end";
	if (a->console_len != b->console_len || memcmp(a->console, b->console, a->console_len) != 0)
		return "the console";
	if (a->n_sent != b->n_sent)
		return "the number of frames";
	for (size_t i = 0; i < a->n_sent; i++)
		if (!same_frame(&a->sent[i], &b->sent[i]))
			return "a frame";
	return NULL;
}

void harness_free(struct harness_record *record)
{
	for (size_t i = 0; i < record->n_sent; i++)
		free(record->sent[i].bytes);
	free(record->sent);
	free(record->console);
	record->sent = NULL;
	record->console = NULL;
	record->n_sent = record->console_len = 0;
}
