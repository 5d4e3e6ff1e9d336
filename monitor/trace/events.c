/* SPDX-License-Identifier: ISC */
/* events.c: from the run loop's entries to events, and these through a form into the sink. */
#include "events.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"

int trace_init(struct trace *t, const struct form *form, struct husk_error *e)
{
	*t = (struct trace){.form = form};
	return sink_init(&t->sink, e);
}

static uint64_t now(const struct trace *t)
{
	return clock_now_ns() - t->start;
}

/* A file takes everything; nobody else may keep a run from its end. */
static void hurry(struct trace *t)
{
	if (t->sink.at_once)
		sink_hurry(&t->sink, CONSOLE_GRACE_MS);
}

void trace_fini(struct trace *t)
{
	if (t->sink.line == NULL)
		return;
	if (t->begun && !t->ended) {
		hurry(t);
		t->form->end(t->sink.line);
		sink_put(&t->sink);
		sink_flush(&t->sink);
		t->ended = true;
	}
	sink_detach(&t->sink);
	sink_fini(&t->sink);
}

/* What was written can be read then. */
void trace_pause(struct trace *t)
{
	t->paused = true;
	sink_flush(&t->sink);
}

/* What comes next may be the rest of something that began before. */
void trace_go_on(struct trace *t)
{
	if (!t->paused)
		return;
	t->paused = false;
	t->began = t->back = now(t);
}

static void put_event(struct trace *t, const struct event *ev)
{
	t->form->event(t->sink.line, ev);
	sink_put(&t->sink);
}

static void on_resume(void *ctx)
{
	struct trace *t = ctx;

	if (!t->begun) {
		t->start = clock_now_ns();
		t->form->begin(t->sink.line);
		sink_put(&t->sink);
	}
	t->begun = true;
	sink_hurry(&t->sink, 0);
	t->back = now(t);
}

/* Interruptions are none of the guest's doings. */
static void on_exit_begun(void *ctx, const struct hv_exit *exit)
{
	struct trace *t = ctx;

	if (exit->kind == HV_EXIT_INTERRUPTED || t->paused)
		return;
	t->began = now(t);
	t->told = false;
	t->form->ran(t->sink.line, t->back, t->began - t->back);
	sink_put(&t->sink);
}

static void on_call(void *ctx, uint64_t nr, gpa_t arg, enum vmexit_result result)
{
	struct trace *t = ctx;
	const uint64_t end = now(t);
	struct facts f;

	(void)arg;
	if (t->paused)
		return;
	hypercalls_describe(&t->core->hypercalls, nr, &f);
	put_event(t, &(struct event){
		.name = hypercalls_name(&t->core->hypercalls, nr), .row = ROW_MONITOR,
		.began = t->began, .took = end - t->began, .facts = &f,
		.outcome = result == VMEXIT_FAIL ? "refused" : NULL,
	});
	t->began = end;
	t->told = true;
}

static void on_noted(void *ctx, const char *what, const struct facts *facts)
{
	struct trace *t = ctx;
	const bool by_thread = strcmp(what, "ring_thread") == 0;

	if (t->paused)
		return;
	put_event(t, &(struct event){
		.name = what, .row = by_thread ? ROW_IO_THREAD : ROW_MONITOR, .began = now(t),
		.took = EVENT_INSTANT, .facts = facts,
	});
	t->told = true;
}

/* ---- exits that were no hypercalls ---- */

static void describe_access(const struct bus_access *a, bool port, struct facts *f)
{
	uint64_t value = 0;

	memcpy(&value, a->data, a->width < sizeof value ? a->width : sizeof value);
	facts_address(f, port ? "port" : "addr", a->addr);
	facts_number(f, "width", a->width);
	if (a->count > 1)
		facts_number(f, "count", a->count);
	facts_address(f, "value", value);
}

static const char *describe_exit(const struct hv_exit *exit, struct facts *f)
{
	switch (exit->kind) {
	case HV_EXIT_PIO:
		describe_access(&exit->io, true, f);
		return exit->io.write ? "out" : "in";
	case HV_EXIT_MMIO:
		describe_access(&exit->io, false, f);
		return exit->io.write ? "mmio_write" : "mmio_read";
	case HV_EXIT_FAULT:
		if (exit->fault.known)
			facts_address(f, "addr", exit->fault.gpa);
		return "fault";
	case HV_EXIT_SHUTDOWN:
		return "triple_fault";
	case HV_EXIT_ERROR:
		facts_word(f, "what", exit->error.what);
		facts_address(f, "code", exit->error.code);
		return "hypervisor_error";
	case HV_EXIT_HALT:
	case HV_EXIT_INTERRUPTED:
	case HV_EXIT_DEBUG:
	case HV_EXIT_KINDS:
		break;
	}
	return hv_exit_name(exit->kind);
}

static void on_served(void *ctx, const struct hv_exit *exit, enum vmexit_result result)
{
	struct trace *t = ctx;
	const uint64_t end = now(t);
	struct facts f = {.n = 0};
	struct event ev = {
		.row = ROW_MONITOR, .began = t->began, .took = end - t->began, .facts = &f,
		.outcome = result == VMEXIT_FAIL ? "refused" : NULL,
	};

	if (exit->kind == HV_EXIT_INTERRUPTED || t->paused)
		return;
	if (!t->told) {
		ev.name = describe_exit(exit, &f);
		put_event(t, &ev);
	}
	t->back = now(t);
}

/* ---- the end ---- */

static const char *how_ended(const struct core_ending *how, char *text, size_t size)
{
	switch (how->end) {
	case CORE_HALTED:
		snprintf(text, size, "guest halted, status %d", how->status);
		return text;
	case CORE_STOPPED:
		snprintf(text, size, "stopped, reason %d", how->reason);
		return text;
	case CORE_FAILED:
		break;
	}
	return how->error->message;
}

/* Why is what the last write said; a reader that has come back since was slow. */
static void tell_losses(const struct trace *t)
{
	const struct sink *s = &t->sink;
	const bool failed = s->to.outage != 0 && s->to.outage != EAGAIN;
	char lines[48] = "", bytes[48] = "";

	if (s->dropped > 0)
		snprintf(lines, sizeof lines, "%llu line%s%s", (unsigned long long)s->dropped,
			 s->dropped == 1 ? "" : "s", s->to.lost > 0 ? " and " : "");
	if (s->to.lost > 0)
		snprintf(bytes, sizeof bytes, "%llu byte%s", (unsigned long long)s->to.lost,
			 s->to.lost == 1 ? "" : "s");
	if (s->dropped > 0 || s->to.lost > 0)
		core_say(t->core, "trace: not all of it could be written, %s%s are missing: %s", lines,
			 bytes, failed ? strerror(s->to.outage) : "the reader was too slow");
}

static void on_end(void *ctx, const struct core_ending *how)
{
	struct trace *t = ctx;
	char text[64];

	if (how->end == CORE_STOPPED)
		hurry(t);
	t->form->ended(t->sink.line, now(t), how_ended(how, text, sizeof text));
	sink_put(&t->sink);
	sink_flush(&t->sink);
	tell_losses(t);
}

const struct core_client trace_client = {
	.resume = on_resume, .exit = on_exit_begun, .call = on_call, .end = on_end,
	.served = on_served, .noted = on_noted,
};
