/* SPDX-License-Identifier: ISC */
/* figures.c: what the module tells of its devices for --stats. */
#include "guest.h"

static void report_drops(const struct vsock_guest *g, const char *subject, module_figure *tell,
			 void *ctx)
{
	const struct vsock_counters *n = vsock_mux_counters(g->mux);

	tell(ctx, subject, "malformed", g->device.malformed);
	tell(ctx, subject, "wrong_cid", n->wrong_cid);
	tell(ctx, subject, "wrong_type", n->wrong_type);
	tell(ctx, subject, "no_connection", n->no_connection);
	tell(ctx, subject, "ignored", n->ignored);
	tell(ctx, subject, "payload_ignored", n->payload_ignored);
	tell(ctx, subject, "overruns", n->overrun);
}

static void report_device(const struct vsock_guest *g, module_figure *tell, void *ctx)
{
	const struct vsock_counters *n = vsock_mux_counters(g->mux);
	char subject[SET_SUBJECT_SIZE];
	unsigned commands;

	set_device_subject(&g->is, "vsock", subject);
	tell(ctx, subject, "packets_received", n->packets_out);
	tell(ctx, subject, "bytes_received", n->bytes_out);
	tell(ctx, subject, "packets_sent", n->packets_in);
	tell(ctx, subject, "bytes_sent", n->bytes_in);
	tell(ctx, subject, "connections", vsock_mux_connections(g->mux, &commands));
	tell(ctx, subject, "opened", n->opened);
	tell(ctx, subject, "refused", n->refused);
	tell(ctx, subject, "timed_out", n->timed_out);
	tell(ctx, subject, "resets_received", n->resets_out);
	tell(ctx, subject, "resets_sent", n->resets_in);
	report_drops(g, subject, tell, ctx);
	tell(ctx, subject, "calls", g->calls);
	tell(ctx, subject, "system_calls", g->thread_calls + g->vcpu_calls);
}

void vsock_report(const void *state, module_figure *tell, void *ctx)
{
	const struct vsock_module *s = state;

	for (unsigned i = 0; i < s->set.n; i++)
		report_device(device_set_at(&s->set, i), tell, ctx);
	if (s->set.n == 0)
		return;
	tell(ctx, "doorbells", "trapped", s->trapped);
	tell(ctx, "io_thread", "system_calls", s->thread.calls);
}

