/* SPDX-License-Identifier: ISC */
/*
 * test_ring_handover.c: every order in which the two owners of the ring can take their steps.
 *
 * The code under test is compiled in here, with what it asks of the machine replaced: atomic
 * accesses, the clock and sleeping are places where the other thread may go on, and turns are given
 * as io_thread.h says. Both threads are coroutines of one; a search tries each way to interleave
 * them with few preemptions (where one must wait for the other, switching is free), each length of
 * a poll of the idle ring, and each moment at which the account is used up. What the processors do
 * to the order of accesses beyond that is for test_ring_thread; when the account has credit, for
 * test_ring_credit.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "../../../monitor/cpu.h"
#include "../../../monitor/net/processors.h"
#include "../../../monitor/net/ring_thread.h"
#include "emulated.h"

/* The thread sanitizer knows no coroutines, and would have nothing to find. */
#if defined(__SANITIZE_THREAD__)
#define UNDER_TSAN 1
#elif defined(__has_feature)
#define UNDER_TSAN __has_feature(thread_sanitizer)
#else
#define UNDER_TSAN 0
#endif

#define PATIENCE 20		/* ticks for which an idle ring is polled */

/* ---- the search: a list of choices, each tried with every value ---- */

#define CHOICES_MAX 4000

static struct {
	size_t n, at;
	uint8_t made[CHOICES_MAX], of[CHOICES_MAX];
	unsigned preemptions, limit;	/* of one run; and how many are tried */
	unsigned long runs;
} search;

/* One of n, in the end each of them. */
static unsigned choose(unsigned n)
{
	if (search.at == search.n) {
		if (search.n == CHOICES_MAX)
			abort();
		search.made[search.n] = 0;
		search.of[search.n++] = (uint8_t)n;
	}
	if (search.of[search.at] != n)
		abort();
	return search.made[search.at++];
}

/* Prepares the next run; false if all have been tried. */
static bool next_run(void)
{
	while (search.n > 0 && search.made[search.n - 1] + 1 == search.of[search.n - 1])
		search.n--;
	if (search.n > 0)
		search.made[search.n - 1]++;
	search.at = 0;
	search.preemptions = 0;
	search.runs++;
	return search.n > 0;
}

/* ---- two threads ---- */

enum side { VCPU, IO };

#define STACK 65536
#define SPINS_MAX 100u		/* in a row, while the other cannot go on: it never will */
#define SWITCHES_MAX 100000u

static struct {
	ucontext_t searcher, side[2];
	uint8_t stack[2][STACK];
	enum side now;
	bool can_run[2];
	unsigned spins, switches;
	char wrong[400];	/* what the run found; "" for nothing */
} threads;

/* Ends the run. */
static void violate(const char *text)
{
	snprintf(threads.wrong, sizeof threads.wrong, "%s", text);
	swapcontext(&threads.side[threads.now], &threads.searcher);
}

static void require(bool holds, const char *text)
{
	if (!holds)
		violate(text);
}

static enum side other(void)
{
	return threads.now == VCPU ? IO : VCPU;
}

static void let_other_run(void)
{
	enum side me = threads.now;

	threads.spins = 0;
	require(++threads.switches < SWITCHES_MAX, "the two wait for each other for ever");
	threads.now = other();
	swapcontext(&threads.side[me], &threads.side[threads.now]);
}

/* Before an access that the other thread may come before. */
static void step(void)
{
	if (!threads.can_run[other()] || search.preemptions == search.limit || choose(2) == 0)
		return;
	search.preemptions++;
	let_other_run();
}

/* Nothing to do until the other thread has done something. */
static void spin(void)
{
	if (threads.can_run[other()])
		let_other_run();
	else
		require(++threads.spins < SPINS_MAX, "one waits for what the other will never do");
}

/* ---- the ring and the machine, as the threads see them ---- */

enum length { SHORT_LOOK, LONG_LOOK, LENGTHS };
#define ANY_LENGTH LENGTHS
#define LOOKS_TRIED 2u		/* in a row, of each length; the rest are long */
#define SPENT_TRIED 2u		/* times that the account may be used up, or not; then it is not */

static struct {
	struct ring_thread thread;
	struct ring ring;
	uint32_t submitted, served;
	uint32_t bad;			/* number of the entry that ends the guest; 0: none */
	uint32_t kicks;
	bool needs_kick, serving;
	bool woken, stopped;		/* the I/O thread, by its owner */
	unsigned waits, fail_wait;	/* of it; and the one that fails, 0: none */
	unsigned alarms;
	enum length length;		/* of each look */
	unsigned looks;			/* in a row at an idle ring */
	bool looked;			/* the last was in vain */
	uint64_t ticks;
	bool no_credit, spent;		/* what the account says; unless that is tried */
	unsigned asked;			/* whether it is used up, in the search */
	uint32_t stuck_at;		/* entry from which the I/O thread does not come back; 0: none */
	bool stopping, cancelled;
	const struct io_client *client;	/* of the I/O thread */
	void *client_ctx;
	void (*alarm)(void *);
	void *alarm_ctx;
	bool ended, failed;
	const char *script;
	void (*plot)(void);		/* what the guest does after the script */
} model;

static bool owns(enum side side);

bool ring_pending(const struct ring *r)
{
	(void)r;
	step();
	model.looked = model.submitted == model.served;
	return !model.looked;
}

void ring_ask_for_kicks(struct ring *r, bool ask)
{
	(void)r;
	step();
	require(owns(threads.now), "kicks are asked for by who does not own the ring");
	model.needs_kick = ask;
}

/* The I/O thread ends, as does the caller's part of the run. */
static void end_io_thread(void)
{
	model.ended = true;
	threads.can_run[IO] = false;
	let_other_run();
}

static void get_stuck(void)
{
	while (!model.cancelled)
		spin();
	model.serving = false;
	end_io_thread();
}

static int serve_some(uint32_t n, struct husk_error *e)
{
	for (uint32_t i = 0; i < n; i++) {
		if (threads.now == IO && model.served + 1 == model.stuck_at)
			get_stuck();
		if (model.served + 1 == model.bad)
			return husk_fail(e, HUSK_E_GUEST, "entry %u", model.bad);
		model.served++;
		model.looks = 0;
		step();
	}
	return (int)n;
}

int ring_serve(struct ring *r, unsigned max, struct husk_error *e)
{
	uint32_t n;
	int rc;

	(void)r;
	require(owns(threads.now), "the ring is served by who does not own it");
	require(!model.serving, "the ring is served by both");
	model.serving = true;
	step();
	n = model.submitted - model.served;
	step();
	rc = serve_some(n < max ? n : max, e);
	require(owns(threads.now), "the ring was taken away while it was served");
	model.serving = false;
	return rc;
}

/* Only looks of the I/O thread at an idle ring take time that matters. */
static uint64_t model_ticks(void)
{
	static const unsigned ticks[LENGTHS] = {1, 4000};	/* the second: longer than it polls */
	enum length length = model.length;

	if (threads.now == VCPU || !model.looked)
		return ++model.ticks;
	model.looked = false;
	model.looks++;
	if (length == ANY_LENGTH)
		length = model.looks > LOOKS_TRIED ? LONG_LOOK : (enum length)choose(LENGTHS);
	model.ticks += ticks[length];
	return model.ticks;
}

static bool model_spent(void)
{
	require(owns(threads.now), "the account is read by who does not own the ring");
	if (model.length != ANY_LENGTH || model.asked == SPENT_TRIED)
		return model.spent;
	model.asked++;
	return choose(2) == 1;
}

static void model_account(void)
{
	require(owns(threads.now), "the account is kept by who does not own the ring");
}

static bool model_stopping(void *ctx)
{
	require(ctx == &model && threads.now == VCPU, "a strange question");
	return model.stopping;
}

/* ---- the I/O thread, which is not under test ---- */

static int model_init(void (*alarm)(void *), void *ctx)
{
	model.alarm = alarm;
	model.alarm_ctx = ctx;
	return 0;
}

static int model_add(const struct io_client *client, void *ctx)
{
	model.client = client;
	model.client_ctx = ctx;
	return 0;
}

static int model_start(struct io_thread *t)
{
	t->running = true;
	threads.can_run[IO] = true;
	return 0;
}

static void model_wake(void)
{
	step();
	model.woken = true;
	threads.can_run[IO] = !model.ended;
	step();
}

static void model_stop(struct io_thread *t)
{
	if (t->running) {
		model.stopped = true;
		threads.can_run[IO] = !model.ended;
		while (!model.ended)
			spin();
	}
	t->running = false;
}

static void model_cancel(struct io_thread *t)
{
	model.cancelled = true;
	model_stop(t);
}

static int model_check(struct husk_error *e)
{
	return husk_fail_sys(e, EIO, "I/O thread");
}

static void sleep_until(const bool *this, const bool *that)
{
	while (!*this && !*that) {
		threads.can_run[IO] = false;
		let_other_run();
	}
}

/* The first turn is at the start, the others follow the owner's wakes. */
static void give_turns(void)
{
	struct husk_error e;

	while (!model.stopped) {
		if (model.client->turn(model.client_ctx, 0, &e) != IO_IDLE)
			violate("the I/O thread does not sleep");
		step();
		if (++model.waits == model.fail_wait) {
			model.alarm(model.alarm_ctx);
			sleep_until(&model.stopped, &model.stopped);
		}
		sleep_until(&model.woken, &model.stopped);
		model.woken = false;
	}
	end_io_thread();
}

/* ---- the code under test ---- */

#define __atomic_load_n(p, order) (step(), *(p))
#define __atomic_store_n(p, value, order) (step(), (void)(*(p) = (value)))
#define __atomic_compare_exchange_n(p, from, to, weak, good, bad) \
	(step(), *(p) == *(from) ? (*(p) = (to), true) : (*(from) = *(p), false))
#define cpu_relax() spin()
#define cpu_ticks() model_ticks()
#define io_thread_init(t, alarm, ctx, e) ((void)(e), model_init((alarm), (ctx)))
#define io_thread_add(t, client, ctx) model_add((client), (ctx))
#define io_thread_start(t, e) model_start(t)
#define io_thread_wake(t) model_wake()
#define io_thread_check(t, e) model_check(e)
#define io_thread_cancel(t) model_cancel(t)
#define io_thread_stop(t) model_stop(t)
#define nanosleep(time, left) ((void)(time), spin(), 0)
#define processors_only_one() false
#define ring_credit_exit(c, ticks, serving, entries) model_account()
#define ring_credit_wakeup(c, ticks) model_account()
#define ring_credit_settle(c, ticks, entries) model_account()
#define ring_credit_allows(c) (!model.no_credit)
#define ring_credit_spent(c) model_spent()
#define ring_credit_patience(c) PATIENCE

#undef fail		/* cmocka's */

#include "../../../monitor/net/ring_thread.c"

static bool owns(enum side side)
{
	int state = model.thread.state;

	return side == VCPU ? state == OWNER_VCPU : state == OWNER_IO || state == OWNER_IO_RECALLED;
}

/* ---- a guest that follows a script, one letter after the other ---- */

static void on_alarm(void *ctx)
{
	require(ctx == &model && threads.now == IO, "a strange alarm");
	require(model.thread.failed, "an alarm without a failure");
	step();
	model.alarms++;
}

/* Whether e tells what went wrong: an entry, or the I/O thread itself. */
static bool is_the_failure(const struct husk_error *e)
{
	char text[40];

	snprintf(text, sizeof text, "entry %u", model.bad);
	if (e->kind == HUSK_E_GUEST)
		return model.bad == model.served + 1 && strcmp(e->message, text) == 0;
	if (model.cancelled)
		return strstr(e->message, "the I/O thread was ended") != NULL;
	return e->kind == HUSK_E_HOST && model.fail_wait != 0 &&
	       strcmp(e->message, "network ring: I/O thread: Input/output error") == 0;
}

/* What a call of the vcpu's thread came to. */
static void check(int rc, const struct husk_error *e)
{
	require(owns(VCPU) || rc == 0, "a failed call leaves the ring to the other thread");
	require(rc == -1 || !model.failed, "a failure was forgotten");
	if (rc == 0)
		return;
	model.failed = true;
	require(is_the_failure(e), "not the failure itself");
	require(model.needs_kick, "failed, and no kicks are asked for");
}

static void kick(void)
{
	struct husk_error e = {0};

	model.kicks++;
	check(ring_thread_kick(&model.thread, &e), &e);
}

static void submit(void)
{
	step();
	model.submitted++;
	step();
	if (model.needs_kick)
		kick();
}

static void claim(void)
{
	struct husk_error e = {0};

	check(ring_thread_claim(&model.thread, &e), &e);
	require(owns(VCPU), "claimed, and not had");
	require(!model.serving, "claimed, and still served");
	require(model.needs_kick, "claimed, and no kicks are asked for");
}

static void call(void)
{
	struct husk_error e = {0};
	int rc = ring_thread_begin_call(&model.thread, &e);

	check(rc, &e);
	require(owns(VCPU), "called, and not had");
	require(model.failed || model.submitted == model.served, "called, and something is left");
	if (rc == 0)
		ring_thread_end_call(&model.thread);
}

static void drain(void)
{
	struct husk_error e = {0};

	check(ring_thread_drain(&model.thread, &e), &e);
	require(owns(VCPU), "drained, and not had");
	require(!model.serving, "drained, and still served");
	require(model.needs_kick, "drained, and no kicks are asked for");
	require(model.failed || model.submitted == model.served, "drained, and something is left");
}

/* As for the completion of a read: without kicks, but an alarm interrupts. */
static void wait_until_served(void)
{
	while (model.submitted != model.served && !model.failed) {
		if (model.alarms > 0)
			drain();
		else
			spin();
	}
}

static void perform(char letter)
{
	switch (letter) {
	case 's':
		submit();
		return;
	case 'k':
		kick();
		return;
	case 'w':
		wait_until_served();
		return;
	case 'c':
		claim();
		return;
	case 'p':
		drain();
		return;
	case 'h':
		call();
		return;
	}
	violate("no such letter");
}

static void play_guest(void)
{
	static const struct ring_thread_host host = {
		.alarm = on_alarm, .stopping = model_stopping, .ctx = &model,
	};

	if (ring_thread_start(&model.thread, &ring_work, &model.ring, &host) != 0)
		violate("it has no thread");
	for (const char *at = model.script; *at != '\0'; at++)
		perform(*at);
	if (model.plot != NULL)
		model.plot();
	ring_thread_stop(&model.thread);
	require(model.ended, "stopped, and the thread runs on");
	require(model.submitted == model.served || model.served + 1 == model.bad ||
		((model.fail_wait != 0 || model.cancelled) && model.failed), "stopped, and something is left");
	require(model.alarms <= 1, "several alarms");
	require(model.thread.work == NULL, "stopped, and not cleared");
	violate("");
}

static void make_side(enum side side, void (*play)(void))
{
	ucontext_t *c = &threads.side[side];

	getcontext(c);
	c->uc_stack.ss_sp = threads.stack[side];
	c->uc_stack.ss_size = STACK;
	c->uc_link = NULL;
	makecontext(c, play, 0);
}

/* Plays the script, or whatever else is in the model. */
static void run_once(void)
{
	model.needs_kick = true;
	model.ticks = 1ull << 40;
	threads.now = VCPU;
	threads.can_run[VCPU] = true;
	threads.can_run[IO] = false;
	threads.spins = threads.switches = 0;
	make_side(VCPU, play_guest);
	make_side(IO, give_turns);
	swapcontext(&threads.searcher, &threads.side[VCPU]);
}

/* How the run that went wrong went: which choices were not the first, counted from 0. */
static const char *path_taken(void)
{
	static char text[400];
	size_t len = 0;

	text[0] = '\0';
	for (size_t i = 0; i < search.at && len < sizeof text - 20; i++)
		if (search.made[i] != 0)
			len += (size_t)snprintf(text + len, sizeof text - len, " %zu:%u", i,
						search.made[i]);
	return text;
}

struct fault {
	uint32_t bad, stuck_at;		/* numbers of entries */
	unsigned fail_wait;
};

/*
 * Tries every run of the script with at most so many preemptions. Under an emulator with one: it
 * takes fifty times as long, and for what this code does no architecture differs.
 */

static void search_all(const char *script, struct fault fault, unsigned limit)
{
	search.n = search.at = 0;
	search.preemptions = 0;
	search.limit = emulated() && limit > 1 ? 1 : limit;
	search.runs = 0;
	do {
		memset(&model, 0, sizeof model);
		model.script = script;
		model.bad = fault.bad;
		model.fail_wait = fault.fail_wait;
		model.stuck_at = fault.stuck_at;
		model.stopping = fault.stuck_at != 0;
		model.length = ANY_LENGTH;
		run_once();
		if (threads.wrong[0] != '\0')
			print_error("%s, bad %u, stuck %u, fail_wait %u, run %lu, choices%s\n", script,
				    fault.bad, fault.stuck_at, fault.fail_wait, search.runs, path_taken());
		assert_string_equal(threads.wrong, "");
	} while (next_run());
}

/* ---- every order ---- */

static void no_order_loses_an_entry_or_has_two_owners(void **state)
{
	static const struct { const char *script; unsigned limit; } scripts[] = {
		{"", 3}, {"p", 3}, {"ssss", 3}, {"sssss", 3}, {"sssssw", 2}, {"sssssp", 3},
		{"sssssc", 3}, {"ssssswp", 2}, {"sssssws", 2}, {"ssssswsw", 2}, {"ssssssk", 3},
		{"sssscs", 3}, {"sssspsssssw", 2}, {"ssssspsssssws", 1},
		{"hhhh", 3}, {"hhhhsw", 2}, {"ssssh", 3}, {"sssssh", 3}, {"hhhhssh", 2},
		{"hshsp", 3}, {"sssshwhs", 2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++)
		search_all(scripts[i].script, (struct fault){0}, scripts[i].limit);
}

static void no_order_hides_a_failure_or_tells_it_twice(void **state)
{
	(void)state;
	for (uint32_t bad = 3; bad <= 6; bad++) {
		const struct fault fault = {.bad = bad};

		search_all("ssssssw", fault, 3);
		search_all("ssssssp", fault, 3);
		search_all("sssssscpk", fault, 2);
		search_all("hhhhsssh", fault, 2);
	}
}

static void no_order_leaves_the_ring_with_a_thread_that_is_gone(void **state)
{
	(void)state;
	for (unsigned n = 1; n <= 3; n++) {
		search_all("sssssw", (struct fault){.fail_wait = n}, 2);
		search_all("sssspssssswp", (struct fault){.fail_wait = n}, 2);
		search_all("ssssspw", (struct fault){.bad = 6, .fail_wait = n}, 2);
		search_all("hhhhswpw", (struct fault){.fail_wait = n}, 2);
	}
}

static void no_order_waits_for_ever_for_a_thread_that_is_stuck(void **state)
{
	(void)state;
	for (uint32_t n = 5; n <= 6; n++) {
		search_all("ssssssp", (struct fault){.stuck_at = n}, 1);
		search_all("ssssssh", (struct fault){.stuck_at = n}, 1);
	}
	search_all("ssssssp", (struct fault){.bad = 6, .stuck_at = 5}, 1);
}

/* ---- when the ring is handed over: one order, in which each waits for the other ---- */

static void play(void (*plot)(void), enum length length)
{
	search.n = search.at = 0;
	search.preemptions = search.limit = 0;
	memset(&model, 0, sizeof model);
	model.script = "";
	model.plot = plot;
	model.length = length;
	run_once();
	assert_string_equal(threads.wrong, "");
}

/* Kicks until the ring is handed over. */
static unsigned kicks_to_handover(void)
{
	uint64_t handovers = model.thread.handovers;
	unsigned kicks = 0;

	for (; model.thread.handovers == handovers; kicks++)
		submit();
	return kicks;
}

static void expect(unsigned is, unsigned should)
{
	char text[60];

	snprintf(text, sizeof text, "%u, expected %u", is, should);
	if (is != should)
		violate(text);
}

static void a_claim_while_it_polls(void)
{
	unsigned looks;

	kicks_to_handover();
	for (int i = 0; i < 20; i++)
		spin();
	looks = model.looks;
	require(looks > 5, "it does not poll");
	claim();
	require(model.looks <= looks + 2, "it polls on after it was recalled");
}

static void a_thread_that_polls_gives_back_at_once(void **state)
{
	(void)state;
	play(a_claim_while_it_polls, SHORT_LOOK);
}

/* Entries at such intervals that it just does not fall asleep, and just does. */
static void entries_at_intervals(void)
{
	kicks_to_handover();
	wait_until_served();
	for (unsigned i = 0; i < 10; i++) {
		for (unsigned looks = model.looks; model.looks < looks + PATIENCE - 5;)
			spin();
		submit();
		wait_until_served();
	}
	require(model.kicks == ROW_MIN, "it slept in between");
	for (unsigned looks = model.looks; threads.can_run[IO]; spin())
		require(model.looks < looks + PATIENCE + 5, "it polls too long");
	require(model.needs_kick, "asleep, and no kicks are asked for");
}

static void an_idle_ring_is_polled_for_a_while(void **state)
{
	(void)state;
	play(entries_at_intervals, SHORT_LOOK);
}

/* A wait of the guest ends a row; a claim does not. */
static void rows_with_waits(void)
{
	for (unsigned i = 0; i < 100; i++) {
		for (unsigned k = 1; k < ROW_MIN; k++)
			submit();
		drain();
	}
	require(model.thread.handovers == 0, "handed over, but there was no row");
	expect(kicks_to_handover(), ROW_MIN);
	drain();
	expect(kicks_to_handover(), ROW_MIN);
}

static void a_wait_ends_a_row(void **state)
{
	(void)state;
	play(rows_with_waits, LONG_LOOK);
}

static void rows_without_credit(void)
{
	model.no_credit = true;
	for (unsigned i = 0; i < 10 * ROW_MIN; i++)
		submit();
	require(model.thread.handovers == 0, "handed over without credit");
	model.no_credit = false;
	expect(kicks_to_handover(), 1);
}

static void without_credit_the_ring_stays(void **state)
{
	(void)state;
	play(rows_without_credit, LONG_LOOK);
}

/* After so many entries some have exits again; each row then costs as many. */
static void submit_many(void)
{
	unsigned n;

	kicks_to_handover();
	for (n = 0; !model.needs_kick; n++) {
		submit();
		wait_until_served();
	}
	require(n >= HANDOVER_MAX && n < HANDOVER_MAX + BATCH, "not the length of a handover");
	expect(kicks_to_handover(), ROW_MIN);
}

static void a_handover_has_an_end(void **state)
{
	(void)state;
	play(submit_many, SHORT_LOOK);
}

/* Whoever uses up the account gives the ring back with the next batch. */
static void spend_all(void)
{
	model.spent = true;
	kicks_to_handover();
	submit();
	wait_until_served();
	for (unsigned i = 0; i < 2 * PATIENCE; i++)
		spin();
	require(model.needs_kick, "it keeps a ring that it cannot afford");
}

static void without_credit_the_ring_comes_back(void **state)
{
	(void)state;
	play(spend_all, SHORT_LOOK);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(no_order_loses_an_entry_or_has_two_owners),
		TEST(no_order_hides_a_failure_or_tells_it_twice),
		TEST(no_order_leaves_the_ring_with_a_thread_that_is_gone),
		TEST(no_order_waits_for_ever_for_a_thread_that_is_stuck),
		TEST(a_thread_that_polls_gives_back_at_once),
		TEST(an_idle_ring_is_polled_for_a_while),
		TEST(a_wait_ends_a_row),
		TEST(without_credit_the_ring_stays),
		TEST(without_credit_the_ring_comes_back),
		TEST(a_handover_has_an_end),
	};

	if (UNDER_TSAN) {
		printf("1..0 # SKIP coroutines, which the thread sanitizer does not know\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
