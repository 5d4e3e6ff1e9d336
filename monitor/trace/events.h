/* SPDX-License-Identifier: ISC */
/* events.h: what a run loop's observer is told, as events: when they began, how long they took. */
#ifndef HUSK_TRACE_EVENTS_H
#define HUSK_TRACE_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "core.h"
#include "form.h"
#include "sink.h"

struct trace {
	const struct core *core;
	const struct form *form;
	struct sink sink;
	bool begun, ended;	/* what comes first, and last, is written */
	bool told;		/* the exit in hand has an event already */
	bool paused;		/* nothing is written of what happens */
	uint64_t start;		/* clock_now_ns when the guest was first entered */
	uint64_t began;		/* when the exit, or the last call in it, began; ns since start */
	uint64_t back;		/* when the guest last went on; ns since start */
};

/* HUSK_E_HOST. On failure *t is as after trace_fini. */
int trace_init(struct trace *t, const struct form *form, struct husk_error *e);

/* Writes what comes last, if anything was written. Accepts the same trace twice. */
void trace_fini(struct trace *t);

/* Nothing is written from here on; or it is, from here on. Between exits. */
void trace_pause(struct trace *t);
void trace_go_on(struct trace *t);

/* ctx of its entries is a struct trace, whose core is set. */
extern const struct core_client trace_client;

#endif
