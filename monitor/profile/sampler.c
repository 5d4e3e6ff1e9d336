/* SPDX-License-Identifier: ISC */
/* sampler.c: counts ticks for the stack that the guest has. */
#include "sampler.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "unwind.h"

#define BINDINGS_DEPTH 4u	/* functions of the bindings that are on the stack at a hypercall */

static uint64_t tick_now(const struct sampler *s)
{
	return (clock_now_ns() - s->start) / s->period_ns;
}

void sampler_start(struct sampler *s)
{
	s->start = clock_now_ns();
	s->ticks = 0;
}

/* Where its function begins, 0: it is in none that has a name. */
static uint64_t begin_of(const struct sampler *s, uint64_t address)
{
	uint64_t offset;

	return symbols_at(&s->symbols, address, &offset) != NULL ? address - offset : 0;
}

static struct place code_at(const struct sampler *s, uint64_t address)
{
	const uint64_t begin = begin_of(s, address);

	return (struct place){PLACE_CODE, begin != 0 ? begin : address};
}

/* From the outside in. Returns the node of the innermost function, or TREE_NONE. */
static uint32_t walk(struct sampler *s, uint64_t n_samples)
{
	const struct core *c = s->core;
	uint64_t places[UNWIND_MAX];
	struct husk_error ignored;
	struct cpu_regs regs;
	uint32_t node = 0;
	size_t n;

	if (c->caps->registers->get(c->hv, &regs, &ignored) == -1)
		return TREE_NONE;
	n = unwind(&c->memory, &regs, begin_of(s, unwind_pc(&regs)), places);
	s->in_guest += n_samples;
	s->nested += n > 1 ? n_samples : 0;
	while (n-- > 0) {
		const struct place at = code_at(s, places[n]);

		node = tree_child(&s->tree, node, &at);
	}
	return node;
}

/* The ticks until now, which are none from here on. */
static uint64_t take_ticks(struct sampler *s)
{
	const uint64_t now = tick_now(s), n = now - s->ticks;

	s->ticks = now;
	return n;
}

/* Each tick interrupts a guest that runs: before the last one it did not. */
static void account_guest(struct sampler *s)
{
	static const struct place off = {PLACE_OFF, 0};
	const uint64_t n = take_ticks(s);
	uint32_t node;

	if (n == 0)
		return;
	node = walk(s, 1);
	tree_count(&s->tree, node, 1);
	if (n == 1)
		return;
	tree_count(&s->tree, tree_child(&s->tree, node, &off), n - 1);
	s->off += n - 1;
}

/* What was done for the guest took all of them. */
static void account_service(struct sampler *s)
{
	const uint64_t n = take_ticks(s);

	if (n == 0)
		return;
	tree_count(&s->tree, tree_child(&s->tree, walk(s, n), &s->serving), n);
	if (s->serving.kind == PLACE_WAIT)
		s->waits += n;
}

static void on_resume(void *ctx)
{
	struct sampler *s = ctx;

	s->ticks = tick_now(s);
	s->ran = true;
}

static void on_interrupted(void *ctx)
{
	account_guest(ctx);
}

static void on_exit_begun(void *ctx, const struct hv_exit *exit)
{
	struct sampler *s = ctx;

	account_guest(s);
	s->serving = (struct place){PLACE_EXIT, exit->kind};
}

/*
 * The guest is in a function of its bindings, one of solo5.h or what that has called; who called that is
 * of interest. Without names it is the caller of the innermost function.
 */
static uint64_t caller_of(const struct sampler *s, const uint64_t *places, size_t n)
{
	uint64_t offset;

	for (size_t i = 0; i + 1 < n && i < BINDINGS_DEPTH; i++) {
		const char *name = symbols_at(&s->symbols, places[i], &offset);

		if (name != NULL && strncmp(name, "solo5", strlen("solo5")) == 0)
			return places[i + 1];
	}
	return places[n > 1 ? 1 : 0];
}

static void count_caller(struct sampler *s, uint64_t nr)
{
	const struct core *c = s->core;
	const uint64_t calls = callers_weigh(&s->callers);
	uint64_t places[UNWIND_MAX];
	struct husk_error ignored;
	struct cpu_regs regs;
	size_t n;

	if (calls == 0 || c->caps->registers->get(c->hv, &regs, &ignored) == -1)
		return;
	n = unwind(&c->memory, &regs, begin_of(s, unwind_pc(&regs)), places);
	callers_count(&s->callers, hypercalls_name(&c->hypercalls, nr),
		      code_at(s, caller_of(s, places, n)).value, calls);
}

static void on_call(void *ctx, uint64_t nr, gpa_t arg, enum vmexit_result result)
{
	struct sampler *s = ctx;

	(void)arg;
	s->serving = nr == HVT_HYPERCALL_POLL ? (struct place){PLACE_WAIT, 0} :
		     (struct place){PLACE_CALL, (uintptr_t)hypercalls_name(&s->core->hypercalls, nr)};
	account_service(s);
	if (result != VMEXIT_RETRY)
		count_caller(s, nr);
}

static void on_noted(void *ctx, const char *what, const struct facts *facts)
{
	struct sampler *s = ctx;

	(void)what, (void)facts;
	s->serving = (struct place){PLACE_RING, 0};
}

static void on_served(void *ctx, const struct hv_exit *exit, enum vmexit_result result)
{
	struct sampler *s = ctx;

	(void)exit, (void)result;
	account_service(s);
}

static void on_end(void *ctx, const struct core_ending *how)
{
	struct sampler *s = ctx;

	s->stopped = how->end == CORE_STOPPED;
}

const struct core_client sampler_client = {
	.resume = on_resume, .interrupted = on_interrupted, .exit = on_exit_begun,
	.call = on_call, .noted = on_noted, .served = on_served, .end = on_end,
};

static const char *code_name(const struct sampler *s, uint64_t address, char *text, size_t size)
{
	uint64_t offset;
	const char *name = symbols_at(&s->symbols, address, &offset);

	if (name != NULL)
		return name;
	snprintf(text, size, "0x%" PRIx64, address);
	return text;
}

const char *sampler_name(const struct sampler *s, const struct place *at, char *text, size_t size)
{
	switch (at->kind) {
	case PLACE_CODE:
		return code_name(s, at->value, text, size);
	case PLACE_WAIT:
		return "[wait]";
	case PLACE_RING:
		return "[husk: ring]";
	case PLACE_OFF:
		return "[no processor]";
	case PLACE_CALL:
		snprintf(text, size, "[husk: %s]", (const char *)(uintptr_t)at->value);
		return text;
	case PLACE_EXIT:
		snprintf(text, size, "[husk: %s]", hv_exit_name((enum hv_exit_kind)at->value));
		return text;
	case PLACE_ROOT:
		break;
	}
	return "all";
}
