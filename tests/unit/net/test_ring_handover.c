/*
 * test_ring_handover.c: every order in which the two owners of the ring can take their steps.
 *
 * The code under test is compiled in here, with what it asks of the machine replaced: atomic
 * accesses, the clock and sleeping are places where the other thread may go on. Both threads are
 * coroutines of one; a search tries each way to interleave them with few preemptions (where one
 * must wait for the other, switching is free), and each length of a look at an idle ring. What
 * the processors do to the order of accesses beyond that is for test_ring_thread.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <ucontext.h>
#include <unistd.h>

#include "../../../monitor/cpu.h"
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

#define EVENTFD 1000
#define TICKS_PER_US 3u

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
#define LOOKS_TRIED 3u		/* in a row, of each length; the rest are long */

static struct {
	struct ring_thread thread;
	struct ring ring;
	uint32_t submitted, served;
	uint32_t bad;			/* number of the entry that ends the guest; 0: none */
	uint32_t kicks;
	bool needs_kick, serving;
	uint64_t wakes;			/* in the eventfd */
	unsigned reads, fail_read;	/* of it; and the one that fails, 0: none */
	unsigned alarms;
	enum length length;		/* of each look */
	unsigned looks;			/* in a row at an idle ring */
	uint64_t ticks;
	void *(*start)(void *);		/* what the I/O thread does, on what */
	void *arg;
	bool ended, failed;
	const char *script;
	void (*plot)(void);		/* what the guest does after the script */
} model;

static bool owns(enum side side);
static bool watches(void);

bool ring_pending(const struct ring *r)
{
	(void)r;
	step();
	return model.submitted != model.served;
}

void ring_ask_for_kicks(struct ring *r, bool ask)
{
	(void)r;
	step();
	require(owns(threads.now), "kicks are asked for by who does not own the ring");
	model.needs_kick = ask;
}

static int serve_some(uint32_t n, struct husk_error *e)
{
	for (uint32_t i = 0; i < n; i++) {
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
	require(!watches() || !model.needs_kick, "kicks are asked for, and the ring is watched");
	model.serving = true;
	step();
	n = model.submitted - model.served;
	step();
	rc = serve_some(n < max ? n : max, e);
	require(owns(threads.now), "the ring was taken away while it was served");
	model.serving = false;
	return rc;
}

static uint64_t model_ticks(void)
{
	static const unsigned us[LENGTHS] = {1, 4000};	/* the second is longer than it watches */
	enum length length = model.length;

	model.looks++;
	if (length == ANY_LENGTH)
		length = model.looks > LOOKS_TRIED ? LONG_LOOK : (enum length)choose(LENGTHS);
	model.ticks += us[length] * TICKS_PER_US;
	return model.ticks;
}

static ssize_t model_read(int fd, void *to, size_t len)
{
	require(fd == EVENTFD && len == sizeof model.wakes, "something else is read");
	step();
	if (++model.reads == model.fail_read) {
		errno = EIO;
		return -1;
	}
	while (model.wakes == 0) {
		threads.can_run[IO] = false;
		let_other_run();
	}
	memcpy(to, &model.wakes, sizeof model.wakes);
	model.wakes = 0;
	return (ssize_t)len;
}

static ssize_t model_write(int fd, const void *from, size_t len)
{
	uint64_t n;

	require(fd == EVENTFD && len == sizeof n, "something else is written");
	step();
	memcpy(&n, from, sizeof n);
	model.wakes += n;
	threads.can_run[IO] = !model.ended;
	step();
	return (ssize_t)len;
}

static int model_create(pthread_t *thread, void *(*start)(void *), void *arg)
{
	*thread = pthread_self();
	model.start = start;
	model.arg = arg;
	threads.can_run[IO] = true;
	return 0;
}

static int model_join(void)
{
	while (!model.ended)
		spin();
	return 0;
}

static int two_processors(cpu_set_t *set)
{
	CPU_ZERO(set);
	CPU_SET(0, set);
	CPU_SET(1, set);
	return 0;
}

/* ---- the code under test ---- */

#define __atomic_load_n(p, order) (step(), *(p))
#define __atomic_store_n(p, value, order) (step(), (void)(*(p) = (value)))
#define __atomic_compare_exchange_n(p, from, to, weak, good, bad) \
	(step(), *(p) == *(from) ? (*(p) = (to), true) : (*(from) = *(p), false))
#define cpu_relax() spin()
#define cpu_ticks() model_ticks()
#define read(fd, to, len) model_read((fd), (to), (len))
#define write(fd, from, len) model_write((fd), (from), (len))
#define close(fd) require((fd) == EVENTFD, "something else is closed")
#define eventfd(count, flags) EVENTFD
#define sched_yield() (spin(), 0)
#define sched_getaffinity(pid, size, set) two_processors(set)
#define pthread_sigmask(how, set, old) ((void)(set), (void)(old), 0)
#define pthread_create(thread, attributes, start, arg) model_create((thread), (start), (arg))
#define pthread_join(thread, result) model_join()

#undef fail		/* cmocka's */

#include "../../../monitor/net/ring_thread.c"

static bool owns(enum side side)
{
	int state = model.thread.state;

	return side == VCPU ? state == OWNER_VCPU : state == OWNER_IO || state == OWNER_IO_RECALLED;
}

/* Whether the I/O thread looks at the ring by itself. */
static bool watches(void)
{
	return model.thread.state == OWNER_IO;
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
	return e->kind == HUSK_E_HOST && model.fail_read != 0 &&
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
	case 'r':	/* a wait that finds something, of a guest whose last burst was one */
		drain();
		model.thread.trust = TRUST;
		ring_thread_resume(&model.thread);
		return;
	case 'R':	/* two of its devices have something */
		perform('r');
		ring_thread_resume(&model.thread);
		return;
	}
	violate("no such letter");
}

static void play_guest(void)
{
	if (ring_thread_start(&model.thread, &model.ring, TICKS_PER_US, on_alarm, &model) != 0)
		violate("it has no thread");
	for (const char *at = model.script; *at != '\0'; at++)
		perform(*at);
	if (model.plot != NULL)
		model.plot();
	ring_thread_stop(&model.thread);
	require(model.ended, "stopped, and the thread runs on");
	require(model.submitted == model.served || model.served + 1 == model.bad ||
		(model.fail_read != 0 && model.failed), "stopped, and something is left");
	require(model.alarms <= 1, "several alarms");
	require(model.thread.ring == NULL && model.thread.wake_fd == -1, "stopped, and not cleared");
	violate("");
}

static void play_io_thread(void)
{
	(void)model.start(model.arg);
	model.ended = true;
	threads.can_run[IO] = false;
	let_other_run();
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
	make_side(IO, play_io_thread);
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

/*
 * Tries every run of the script with at most so many preemptions. Under an emulator with one: it
 * takes fifty times as long, and for what this code does no architecture differs.
 */
static void search_all(const char *script, uint32_t bad, unsigned fail_read, unsigned limit)
{
	search.n = search.at = 0;
	search.preemptions = 0;
	search.limit = emulated() && limit > 1 ? 1 : limit;
	search.runs = 0;
	do {
		memset(&model, 0, sizeof model);
		model.script = script;
		model.bad = bad;
		model.fail_read = fail_read;
		model.length = ANY_LENGTH;
		run_once();
		if (threads.wrong[0] != '\0')
			print_error("%s, bad %u, fail_read %u, run %lu, choices%s\n", script, bad,
				    fail_read, search.runs, path_taken());
		assert_string_equal(threads.wrong, "");
	} while (next_run());
}

/* ---- every order ---- */

static void no_order_loses_an_entry_or_has_two_owners(void **state)
{
	static const struct { const char *script; unsigned limit; } scripts[] = {
		{"", 3}, {"p", 3}, {"ssss", 3}, {"sssss", 3}, {"sssssw", 3}, {"sssssp", 3},
		{"sssssc", 3}, {"ssssswp", 2}, {"sssssws", 2}, {"ssssswsw", 2}, {"ssssssk", 3},
		{"sssscs", 3}, {"sssspsssssw", 2}, {"ssssspsssssws", 1},
		{"r", 3}, {"rs", 3}, {"rsw", 3}, {"rr", 3}, {"rsp", 3}, {"rssrsw", 2}, {"rsc", 3},
		{"rwsps", 2}, {"R", 3}, {"Rs", 3}, {"Rsp", 3}, {"RsRsw", 2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++)
		search_all(scripts[i].script, 0, 0, scripts[i].limit);
}

static void no_order_hides_a_failure_or_tells_it_twice(void **state)
{
	(void)state;
	for (uint32_t bad = 3; bad <= 6; bad++) {
		search_all("ssssssw", bad, 0, 3);
		search_all("ssssssp", bad, 0, 3);
		search_all("sssssscpk", bad, 0, 2);
		search_all("rssrsssssrsp", bad, 0, 1);
	}
}

static void no_order_leaves_the_ring_with_a_thread_that_is_gone(void **state)
{
	(void)state;
	for (unsigned n = 1; n <= 3; n++) {
		search_all("sssssw", 0, n, 3);
		search_all("sssspssssswp", 0, n, 2);
		search_all("ssssspw", 6, n, 2);
		search_all("rswrsw", 0, n, 2);
	}
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

static void idle(void)
{
	while (threads.can_run[IO])
		spin();
}

/* How many kicks in a row it takes; then the other thread finds n entries before it sleeps. */
static unsigned kicks_to_handover(uint32_t n)
{
	uint64_t handovers = model.thread.handovers;
	unsigned kicks = 0;

	for (; model.thread.handovers == handovers; kicks++)
		submit();
	for (; n > 0; n--)
		submit();
	wait_until_served();
	idle();
	require(model.thread.served >= n, "the other thread did not serve");
	require(model.needs_kick, "asleep, and no kicks are asked for");
	return kicks;
}

static void expect(unsigned is, unsigned should)
{
	char text[60];

	snprintf(text, sizeof text, "%u kicks, expected %u", is, should);
	if (is != should)
		violate(text);
}

/* Bursts that are none: ever longer rows of kicks. */
static void bursts_that_are_none(void)
{
	unsigned shyness = SHYNESS_MIN;

	expect(kicks_to_handover(0), KICKS_IN_A_ROW);
	for (; shyness < SHYNESS_MAX; shyness *= 2)
		expect(kicks_to_handover(0), KICKS_IN_A_ROW + shyness);
	expect(kicks_to_handover(0), KICKS_IN_A_ROW + SHYNESS_MAX);
	expect(kicks_to_handover(0), KICKS_IN_A_ROW + SHYNESS_MAX);
}

static void bursts_that_are_none_become_rare(void **state)
{
	(void)state;
	play(bursts_that_are_none, SHORT_LOOK);
	play(bursts_that_are_none, LONG_LOOK);
}

static void bursts_of_all_kinds(void)
{
	expect(kicks_to_handover(0), KICKS_IN_A_ROW);
	expect(kicks_to_handover(WORTH_IT - 1), KICKS_IN_A_ROW + SHYNESS_MIN);
	expect(kicks_to_handover(WORTH_IT), KICKS_IN_A_ROW + 2 * SHYNESS_MIN);
	for (unsigned i = 0; i < TRUST; i++)
		expect(kicks_to_handover(0), 1);
	expect(kicks_to_handover(0), KICKS_IN_A_ROW);
	expect(kicks_to_handover(10 * WORTH_IT), KICKS_IN_A_ROW + SHYNESS_MIN);
	expect(kicks_to_handover(0), 1);
	expect(kicks_to_handover(WORTH_IT), 1);
	for (unsigned i = 0; i < TRUST; i++)
		expect(kicks_to_handover(0), 1);
	expect(kicks_to_handover(0), KICKS_IN_A_ROW);
	expect(kicks_to_handover(0), KICKS_IN_A_ROW + SHYNESS_MIN);
}

static void a_burst_that_is_one_is_welcome_again(void **state)
{
	(void)state;
	play(bursts_of_all_kinds, LONG_LOOK);
}

/* A guest that is done before the other thread has woken: the wait serves what it left. */
static void quick_bursts(void)
{
	for (unsigned i = 0; i < KICKS_IN_A_ROW; i++)
		submit();
	for (unsigned i = 0; i < WORTH_IT; i++)
		submit();
	drain();
	idle();
	expect(model.thread.kicks, 0);
	expect(kicks_to_handover(0), 1);
}

static void what_a_wait_finds_counts_for_the_burst(void **state)
{
	(void)state;
	play(quick_bursts, LONG_LOOK);
}

static void resume(void)
{
	drain();
	ring_thread_resume(&model.thread);
}

/* Of a burst that goes on after a wait, nothing is kicked; of one that does not, as before. */
static void bursts_with_waits(void)
{
	resume();
	require(model.thread.handovers == 0, "handed over, but there was no burst yet");
	expect(kicks_to_handover(WORTH_IT), KICKS_IN_A_ROW);
	resume();
	model.kicks = 0;
	for (unsigned i = 0; i < WORTH_IT; i++)
		submit();
	wait_until_served();
	expect(model.kicks, 0);
	for (unsigned i = 0; i < TRUST; i++) {
		model.kicks = 0;
		resume();
		submit();
		wait_until_served();
		expect(model.kicks, 0);
	}
	resume();
	expect(kicks_to_handover(0), KICKS_IN_A_ROW);
}

static void a_burst_goes_on_after_a_wait(void **state)
{
	(void)state;
	play(bursts_with_waits, SHORT_LOOK);
}

static void a_claim_while_it_watches(void)
{
	unsigned looks;

	for (unsigned i = 0; i < KICKS_IN_A_ROW; i++)
		submit();
	for (int i = 0; i < 20; i++)
		spin();
	looks = model.looks;
	require(looks > 10, "it does not watch");
	claim();
	require(model.looks <= looks + 2, "it watches on after it was asked to let go");
}

static void a_thread_that_watches_lets_go_at_once(void **state)
{
	(void)state;
	play(a_claim_while_it_watches, SHORT_LOOK);
}

/* Entries at such intervals that it just does not fall asleep, and just does. */
static void entries_at_intervals(void)
{
	for (unsigned i = 0; i < KICKS_IN_A_ROW; i++)
		submit();
	wait_until_served();
	for (unsigned i = 0; i < 10; i++) {
		for (unsigned looks = model.looks; model.looks < looks + LINGER_US - 10;)
			spin();
		submit();
		wait_until_served();
	}
	require(model.kicks == KICKS_IN_A_ROW, "it slept in between");
	for (unsigned looks = model.looks; threads.can_run[IO]; spin())
		require(model.looks < looks + LINGER_US + 10, "it watches too long");
	require(model.needs_kick, "asleep, and no kicks are asked for");
}

static void it_watches_for_a_while(void **state)
{
	(void)state;
	play(entries_at_intervals, SHORT_LOOK);
}

/* A wait of the guest ends a row; but the kicks for which it is left alone go on. */
static void rows_with_waits(void)
{
	for (unsigned i = 0; i < 100; i++) {
		for (unsigned k = 1; k < KICKS_IN_A_ROW; k++)
			submit();
		drain();
	}
	require(model.thread.handovers == 0, "handed over, but there was no row");
	expect(kicks_to_handover(0), KICKS_IN_A_ROW);
	submit();
	drain();
	expect(kicks_to_handover(0), KICKS_IN_A_ROW + SHYNESS_MIN);
}

static void a_wait_ends_a_row(void **state)
{
	(void)state;
	play(rows_with_waits, LONG_LOOK);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(no_order_loses_an_entry_or_has_two_owners),
		TEST(no_order_hides_a_failure_or_tells_it_twice),
		TEST(no_order_leaves_the_ring_with_a_thread_that_is_gone),
		TEST(bursts_that_are_none_become_rare),
		TEST(a_burst_that_is_one_is_welcome_again),
		TEST(a_thread_that_watches_lets_go_at_once),
		TEST(it_watches_for_a_while),
		TEST(a_wait_ends_a_row),
		TEST(what_a_wait_finds_counts_for_the_burst),
		TEST(a_burst_goes_on_after_a_wait),
	};

	if (UNDER_TSAN) {
		printf("1..0 # SKIP coroutines, which the thread sanitizer does not know\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
