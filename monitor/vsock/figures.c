/* SPDX-License-Identifier: ISC */
/* figures.c: what the module tells of its devices for --stats. */
#include "counter.h"
#include "guest.h"

static void report_drops(const struct vsock_guest *g, const char *subject, module_figure *tell,
			 void *ctx)
{
	const struct vsock_counters *n = vsock_mux_counters(g->mux);

	tell(ctx, subject, "malformed", counter_get(&g->device.malformed));
	tell(ctx, subject, "wrong_cid", counter_get(&n->wrong_cid));
	tell(ctx, subject, "wrong_type", counter_get(&n->wrong_type));
	tell(ctx, subject, "no_connection", counter_get(&n->no_connection));
	tell(ctx, subject, "ignored", counter_get(&n->ignored));
	tell(ctx, subject, "payload_ignored", counter_get(&n->payload_ignored));
	tell(ctx, subject, "overruns", counter_get(&n->overrun));
}

static void report_device(const struct vsock_guest *g, module_figure *tell, void *ctx)
{
	const struct vsock_counters *n = vsock_mux_counters(g->mux);
	char subject[SET_SUBJECT_SIZE];

	set_device_subject(&g->is, "vsock", subject);
	tell(ctx, subject, "packets_received", counter_get(&n->packets_out));
	tell(ctx, subject, "bytes_received", counter_get(&n->bytes_out));
	tell(ctx, subject, "packets_sent", counter_get(&n->packets_in));
	tell(ctx, subject, "bytes_sent", counter_get(&n->bytes_in));
	tell(ctx, subject, "connections", vsock_mux_connections(g->mux, NULL));
	tell(ctx, subject, "opened", counter_get(&n->opened));
	tell(ctx, subject, "refused", counter_get(&n->refused));
	tell(ctx, subject, "timed_out", counter_get(&n->timed_out));
	tell(ctx, subject, "resets_received", counter_get(&n->resets_out));
	tell(ctx, subject, "resets_sent", counter_get(&n->resets_in));
	report_drops(g, subject, tell, ctx);
	tell(ctx, subject, "calls", counter_get(&g->calls));
	tell(ctx, subject, "system_calls", counter_get(&g->thread_calls) + g->vcpu_calls);
}

void vsock_report(const void *state, module_figure *tell, void *ctx)
{
	const struct vsock_module *s = state;

	for (unsigned i = 0; i < s->set.n; i++)
		report_device(device_set_at(&s->set, i), tell, ctx);
	if (s->set.n == 0)
		return;
	tell(ctx, "doorbells", "trapped", s->trapped);
	tell(ctx, "io_thread", "system_calls", counter_get(&s->thread.calls));
}

