/* SPDX-License-Identifier: ISC */
/* test_event.c: waiting for sources, for time, and for requests, mostly on a clock of its own. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "../../monitor/clock.h"
#include "../../monitor/event.h"
#include "../../monitor/wake.h"
#include "slack.h"

#define NS_PER_S 1000000000ull
#define MS 1000000ull
#define LOOKS 32
#define TOO_MANY 1000u

/* ---- a host with a clock of its own: waiting for a timeout takes no time ---- */

/* What the next ppoll does. */
struct step {
	int error;		/* fails with it, 0: does not */
	uint64_t passes;	/* how long it takes to fail */
	void (*hook)(void);	/* called as it begins */
};

static struct {
	bool real;		/* the clock is the machine's */
	uint64_t clock;
	uint64_t call_ns;	/* that a ppoll takes which does not wait */
	unsigned clock_reads;
	const struct step *steps;
	size_t n_steps;
	unsigned looks;		/* calls of ppoll, and what the first of them were asked */
	uint64_t timeout[LOOKS];
	nfds_t n_fds[LOOKS];
	bool no_eventfd;
	bool no_slack;		/* timers are as they are */
	unsigned sharpened;	/* calls that make timers precise */
} host;

int __real_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *ts, const sigset_t *mask);
int __wrap_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *ts, const sigset_t *mask);
int __real_clock_gettime(clockid_t clock, struct timespec *ts);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ts);
int __real_eventfd(unsigned count, int flags);
int __wrap_eventfd(unsigned count, int flags);

void __real_wake_reduce_timer_slack(void);
void __wrap_wake_reduce_timer_slack(void);

static int look(struct pollfd *fds, nfds_t n, uint64_t timeout)
{
	static const struct timespec none;
	int rc = __real_ppoll(fds, n, &none, NULL);

	host.clock += rc == 0 ? timeout : host.call_ns;
	return rc;
}

int __wrap_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *ts, const sigset_t *mask)
{
	const struct step *step = host.n_steps > 0 ? host.steps : NULL;
	uint64_t timeout = (uint64_t)ts->tv_sec * NS_PER_S + (uint64_t)ts->tv_nsec;

	assert_in_range(ts->tv_nsec, 0, NS_PER_S - 1);
	assert_null(mask);
	if (!host.real && host.looks > TOO_MANY)
		fail_msg("the wait spins for ever");
	if (host.looks < LOOKS) {
		host.timeout[host.looks] = timeout;
		host.n_fds[host.looks] = n;
	}
	host.looks++;
	if (step != NULL)
		host.steps++, host.n_steps--;
	if (step != NULL && step->hook != NULL)
		step->hook();
	if (step != NULL && step->error != 0) {
		host.clock += step->passes;
		errno = step->error;
		return -1;
	}
	return host.real ? __real_ppoll(fds, n, ts, mask) : look(fds, n, timeout);
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *ts)
{
	assert_int_equal(clock, CLOCK_MONOTONIC);
	host.clock_reads++;
	if (host.real)
		return __real_clock_gettime(clock, ts);
	ts->tv_sec = (time_t)(host.clock / NS_PER_S);
	ts->tv_nsec = (long)(host.clock % NS_PER_S);
	return 0;
}

int __wrap_eventfd(unsigned count, int flags)
{
	errno = EMFILE;
	return host.no_eventfd ? -1 : __real_eventfd(count, flags);
}

void __wrap_wake_reduce_timer_slack(void)
{
	host.sharpened++;
	if (!host.no_slack)
		__real_wake_reduce_timer_slack();
}

/* ---- sources ---- */

struct spy {
	int fd, feed;		/* a pipe; -1: none */
	bool ready;		/* what it says without being readable */
	bool good;		/* what it says when it is */
	unsigned good_at;	/* the question, counted from 1, from which on it is good */
	unsigned fd_at;		/* the question from which on it has a descriptor; 0: always */
	unsigned asked, asked_readable;
	int fails;		/* when it is asked: 1 before a wait, 2 after one; 0: never */
};

static int spy_fd(void *ctx)
{
	const struct spy *s = ctx;

	return s->asked < s->fd_at ? -1 : s->fd;
}

static int spy_ready(void *ctx, bool readable, struct husk_error *e)
{
	struct spy *s = ctx;

	if (s->fails == 1 + readable)
		return husk_fail(e, HUSK_E_GUEST, "the source fails");
	if (!readable) {
		s->asked++;
		return s->ready;
	}
	s->asked_readable++;
	return s->good || (s->good_at != 0 && s->asked_readable >= s->good_at);
}

struct fixture {
	struct events ev;
	struct mailbox mailbox;
	struct waiter waiter;
	struct husk_error e;
	struct spy spies[EVENTS_MAX];
	uint64_t calls;
	unsigned asked;		/* what was posted at the end of the last wait */
};

static struct fixture *the_fixture;	/* for hooks and signal handlers */

#define SLACK_NS 50000ul	/* Linux's default */

static int set_up_blunt(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof f);
	memset(&host, 0, sizeof host);
	host.clock = 12345678901ull;
	host.call_ns = 1000;
	for (size_t i = 0; i < EVENTS_MAX; i++)
		f.spies[i].fd = f.spies[i].feed = -1;
	*state = the_fixture = &f;
	if (!slack_set(SLACK_NS))
		return -1;
	events_init(&f.ev);
	waiter_init(&f.waiter, &f.mailbox);
	return mailbox_init(&f.mailbox, &f.e);
}

/* With the first wait behind it, which makes one system call more than those to come. */
static int set_up(void **state)
{
	uint64_t ready, calls = 0;
	struct fixture *f;

	if (set_up_blunt(state) == -1)
		return -1;
	f = *state;
	return events_wait(&f->ev, &f->waiter, clock_deadline(1), &ready, &calls, &f->e);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	mailbox_fini(&f->mailbox);
	for (size_t i = 0; i < EVENTS_MAX; i++) {
		if (f->spies[i].fd != -1)
			close(f->spies[i].fd);
		if (f->spies[i].feed != -1)
			close(f->spies[i].feed);
	}
	return 0;
}

/* A source on a pipe; good says what it answers when the pipe is readable. */
static struct spy *add(struct fixture *f, unsigned bit, bool good)
{
	struct spy *s = &f->spies[bit];
	const struct event_source source = {spy_fd, spy_ready, s};
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	*s = (struct spy){.fd = ends[0], .feed = ends[1], .good = good};
	if (events_add(&f->ev, bit, &source, &f->e) != 0)
		fail_msg("%s", f->e.message);
	return s;
}

static void feed(const struct spy *s)
{
	assert_int_equal(write(s->feed, "x", 1), 1);
}

/* What was asked for is taken, as the run loop does. */
static uint64_t wait_in(struct fixture *f, uint64_t timeout)
{
	uint64_t ready = 0x5555555555555555;

	host.looks = host.clock_reads = 0;
	f->calls = 0;
	if (events_wait(&f->ev, &f->waiter, clock_deadline(timeout), &ready, &f->calls, &f->e) != 0)
		fail_msg("%s", f->e.message);
	f->asked = mailbox_take(&f->mailbox);
	return ready;
}

#define assert_set(a, b) assert_true((a) == (b))
#define PLAY(...) do { \
	static const struct step steps_[] = {__VA_ARGS__}; \
	host.steps = steps_; \
	host.n_steps = sizeof steps_ / sizeof steps_[0]; \
} while (0)

/* ---- sets of sources ---- */

static void a_source_has_one_of_64_bits_to_itself(void **state)
{
	static const unsigned bad[] = {64, 65, 127, 128, 1u << 31, UINT32_MAX};
	struct fixture *f = *state;
	const struct event_source source = {spy_fd, spy_ready, &f->spies[1]};

	add(f, 63, true);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		char text[80];

		assert_int_equal(events_add(&f->ev, bad[i], &source, &f->e), -1);
		assert_int_equal(f->e.kind, HUSK_E_HOST);
		snprintf(text, sizeof text, "bit %u of the ready set is out of range", bad[i]);
		assert_string_equal(f->e.message, text);
	}
	assert_int_equal(events_add(&f->ev, 63, &source, &f->e), -1);
	assert_int_equal(f->e.kind, HUSK_E_HOST);
	assert_string_equal(f->e.message, "bit 63 of the ready set is taken");
	assert_set(f->ev.sources, 1ull << 63);
	add(f, 0, true);
	feed(&f->spies[63]);
	assert_set(wait_in(f, 0), 1ull << 63);
	assert_int_equal(f->spies[1].asked, 0);
}

static void a_source_that_is_removed_is_not_asked_and_its_bit_is_free(void **state)
{
	struct fixture *f = *state;
	struct spy *first = add(f, 7, true), old;

	add(f, 8, true);
	feed(first);
	events_remove(&f->ev, 7);
	events_remove(&f->ev, 7);
	assert_set(wait_in(f, MS), 0);
	assert_int_equal(first->asked + first->asked_readable, 0);
	assert_int_equal(fcntl(first->fd, F_GETFD) == -1, 0);
	old = *first;
	feed(add(f, 7, true));
	assert_set(wait_in(f, MS), 1ull << 7);
	close(old.fd);
	close(old.feed);
}

static void what_was_not_added_can_be_removed(void **state)
{
	static const unsigned bits[] = {1, 62, 64, 64 + 5, 128 + 5, UINT32_MAX};
	struct fixture *f = *state;

	feed(add(f, 0, true));
	feed(add(f, 5, true));
	feed(add(f, 63, true));
	for (size_t i = 0; i < sizeof bits / sizeof bits[0]; i++)
		events_remove(&f->ev, bits[i]);
	assert_set(wait_in(f, 0), 1ull | 1ull << 5 | 1ull << 63);
}

static void a_mailbox_that_is_closed_can_be_closed_again(void **state)
{
	struct fixture *f = *state;
	struct spy *s = add(f, 3, true);
	int fd = f->mailbox.wake.fd;

	mailbox_fini(&f->mailbox);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_int_not_equal(fcntl(s->fd, F_GETFD), -1);
	assert_int_equal(f->mailbox.wake.fd, -1);
	mailbox_fini(&f->mailbox);
}

static void what_could_not_be_opened_can_be_closed(void **state)
{
	struct fixture *f = *state;
	struct mailbox m;

	memset(&m, 0xa5, sizeof m);
	host.no_eventfd = true;
	assert_int_equal(mailbox_init(&m, &f->e), -1);
	assert_int_equal(f->e.kind, HUSK_E_HOST);
	assert_int_equal(f->e.sys, EMFILE);
	assert_int_equal(m.wake.fd, -1);
	mailbox_fini(&m);
	mailbox_fini(&m);
}

static void the_wake_up_is_not_inherited_and_never_blocks(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fcntl(f->mailbox.wake.fd, F_GETFD), FD_CLOEXEC);
	assert_int_not_equal(fcntl(f->mailbox.wake.fd, F_GETFL) & O_NONBLOCK, 0);
}

/* ---- ready ---- */

static void a_source_that_is_ready_ends_the_wait_before_it_begins(void **state)
{
	struct fixture *f = *state;
	struct spy *s = add(f, 4, false);

	s->ready = true;
	assert_set(wait_in(f, 60 * NS_PER_S), 1ull << 4);
	assert_true(host.timeout[0] == 0);
	assert_true(f->calls == 1);
	assert_int_equal(s->asked, 1);
	assert_int_equal(s->asked_readable, 0);
}

static void a_source_that_is_ready_needs_no_descriptor(void **state)
{
	struct fixture *f = *state;
	struct spy *s = add(f, 4, false);

	s->ready = true;
	s->fd_at = UINT32_MAX;
	assert_set(wait_in(f, 60 * NS_PER_S), 1ull << 4);
	assert_true(host.timeout[0] == 0);
}

static void what_is_readable_as_well_is_reported_with_what_was_ready_before(void **state)
{
	struct fixture *f = *state;

	add(f, 0, true)->ready = true;
	feed(add(f, 17, true));
	feed(add(f, 18, false));
	add(f, 19, true);
	feed(add(f, 63, true));
	assert_set(wait_in(f, 60 * NS_PER_S), 1ull | 1ull << 17 | 1ull << 63);
	assert_int_equal(f->spies[18].asked_readable, 1);
	assert_int_equal(f->spies[19].asked_readable, 0);
	assert_true(f->calls == 1);
}

static void all_64_are_reported_at_once(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < EVENTS_MAX; i++)
		add(f, i, true);
	assert_set(wait_in(f, 0), 0);
	for (unsigned i = 1; i < EVENTS_MAX; i++)
		feed(&f->spies[i]);
	assert_set(wait_in(f, 60 * NS_PER_S), ~1ull);
	assert_int_equal(host.n_fds[0], 1 + EVENTS_MAX);
	assert_true(f->calls == 1);
	feed(&f->spies[0]);
	assert_set(wait_in(f, 60 * NS_PER_S), UINT64_MAX);
}

static void being_ready_is_a_level(void **state)
{
	struct fixture *f = *state;
	struct spy *s = add(f, 2, true);
	char byte;

	feed(s);
	for (int i = 0; i < 3; i++)
		assert_set(wait_in(f, MS), 4);
	assert_int_equal(read(s->fd, &byte, 1), 1);
	assert_set(wait_in(f, MS), 0);
}

static void an_end_that_is_gone_is_looked_at_too(void **state)
{
	struct fixture *f = *state;
	struct spy *s = add(f, 2, true);

	close(s->feed);
	s->feed = -1;
	assert_set(wait_in(f, 60 * NS_PER_S), 4);
	assert_int_equal(s->asked_readable, 1);
}

static void what_is_readable_but_not_ready_is_waited_for(void **state)
{
	struct fixture *f = *state;
	struct spy *s = add(f, 2, false);

	feed(s);
	s->good_at = 5;
	assert_set(wait_in(f, 10 * MS), 4);
	assert_int_equal(s->asked_readable, 5);
	assert_int_equal(s->asked, 5);
	assert_true(f->calls == 5);
	for (unsigned i = 1; i < 5; i++)
		assert_true(host.timeout[i] == 10 * MS - i * host.call_ns);
}

static void what_never_gets_ready_does_not_outlast_the_timeout(void **state)
{
	struct fixture *f = *state;

	feed(add(f, 2, false));
	assert_set(wait_in(f, 20 * host.call_ns), 0);
	assert_true(f->calls == 20);
	assert_true(host.timeout[19] == host.call_ns);
	host.real = true;
	assert_set(wait_in(f, 2 * MS), 0);
}

static void what_never_gets_ready_does_not_hold_up_a_mere_look(void **state)
{
	struct fixture *f = *state;

	feed(add(f, 2, false));
	assert_set(wait_in(f, 0), 0);
	assert_true(f->calls == 1);
}

static void what_never_gets_ready_can_be_woken_from(void **state)
{
	struct fixture *f = *state;

	feed(add(f, 2, false));
	mailbox_post(&f->mailbox, 1);
	assert_set(wait_in(f, UINT64_MAX), 0);
	assert_true(f->calls == 1);
}

/* ---- sources without a descriptor ---- */

static void a_source_without_a_descriptor_is_looked_at_now_and_then(void **state)
{
	struct fixture *f = *state;
	struct spy *s = add(f, 9, true);

	s->fd_at = UINT32_MAX;
	assert_set(wait_in(f, 4 * EVENTS_RETRY_NS + 7), 0);
	assert_int_equal(s->asked, 5);
	assert_int_equal(host.looks, 5);
	for (int i = 0; i < 4; i++)
		assert_true(host.timeout[i] == EVENTS_RETRY_NS);
	assert_true(host.timeout[4] == 7);
}

static void a_wait_shorter_than_that_is_not_made_longer(void **state)
{
	struct fixture *f = *state;

	add(f, 9, true)->fd_at = UINT32_MAX;
	assert_set(wait_in(f, EVENTS_RETRY_NS), 0);
	assert_int_equal(host.looks, 1);
	assert_true(host.timeout[0] == EVENTS_RETRY_NS);
	assert_set(wait_in(f, EVENTS_RETRY_NS - 1), 0);
	assert_int_equal(host.looks, 1);
	assert_true(host.timeout[0] == EVENTS_RETRY_NS - 1);
	assert_set(wait_in(f, 0), 0);
	assert_int_equal(host.looks, 1);
	assert_true(host.timeout[0] == 0);
}

static void a_descriptor_that_comes_back_is_waited_on(void **state)
{
	struct fixture *f = *state;
	struct spy *s = add(f, 9, true);

	s->fd_at = 3;
	assert_set(wait_in(f, 60 * NS_PER_S), 0);
	assert_int_equal(host.looks, 3);
	assert_true(host.timeout[1] == EVENTS_RETRY_NS);
	assert_true(host.timeout[2] == 60 * NS_PER_S - 2 * EVENTS_RETRY_NS);
	feed(s);
	s->asked = 0;
	assert_set(wait_in(f, 60 * NS_PER_S), 1ull << 9);
	assert_int_equal(host.looks, 3);
}

static void the_others_are_waited_on_meanwhile(void **state)
{
	struct fixture *f = *state;

	add(f, 9, true)->fd_at = UINT32_MAX;
	feed(add(f, 10, true));
	assert_set(wait_in(f, 60 * NS_PER_S), 1ull << 10);
	assert_int_equal(host.looks, 1);
}

/* ---- time ---- */

static void a_timeout_has_nanoseconds(void **state)
{
	static const uint64_t timeouts[] = {
		1, 999, NS_PER_S - 1, NS_PER_S, NS_PER_S + 1, 1234567891, 1ull << 63, UINT64_MAX,
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof timeouts / sizeof timeouts[0]; i++) {
		host.clock = 5;
		assert_set(wait_in(f, timeouts[i]), 0);
		assert_int_equal(host.looks, 1);
		assert_true(host.timeout[0] == (timeouts[i] < INT64_MAX ? timeouts[i] : UINT64_MAX));
		assert_true(f->calls == 1);
	}
}

static void a_mere_look_does_not_ask_for_the_time(void **state)
{
	struct fixture *f = *state;

	add(f, 1, true);
	assert_set(wait_in(f, 0), 0);
	assert_true(host.timeout[0] == 0);
	assert_int_equal(host.clock_reads, 0);
	assert_true(f->calls == 1);
}

static void a_wait_is_one_system_call_and_two_looks_at_the_clock(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < EVENTS_MAX; i++)
		add(f, i, true);
	assert_set(wait_in(f, 10 * MS), 0);
	assert_true(f->calls == 1);
	assert_int_equal(host.looks, 1);
	assert_int_equal(host.clock_reads, 2);
}

static void system_calls_are_added_to_those_before(void **state)
{
	struct fixture *f = *state;
	uint64_t ready, calls = 100;

	mailbox_post(&f->mailbox, 1);
	assert_int_equal(events_wait(&f->ev, &f->waiter, 0, &ready, &calls, &f->e), 0);
	assert_true(calls == 101);
	assert_int_equal(mailbox_take(&f->mailbox), 1);
	assert_int_equal(events_wait(&f->ev, &f->waiter, 0, &ready, &calls, &f->e), 0);
	assert_true(calls == 103);
	assert_int_equal(events_wait(&f->ev, &f->waiter, 0, &ready, &calls, &f->e), 0);
	assert_true(calls == 104);
}

static void real_time_passes_too(void **state)
{
	struct fixture *f = *state;
	struct timespec start, end;
	int64_t passed;

	host.real = true;
	__real_clock_gettime(CLOCK_MONOTONIC, &start);
	assert_set(wait_in(f, 20 * MS), 0);
	__real_clock_gettime(CLOCK_MONOTONIC, &end);
	passed = (end.tv_sec - start.tv_sec) * (int64_t)NS_PER_S + end.tv_nsec - start.tv_nsec;
	assert_in_range(passed, 20 * MS, 60 * NS_PER_S);
	assert_true(f->calls == 1);
}

/* ---- precision ---- */

static void assert_blunt(const struct fixture *f, uint64_t calls)
{
	assert_int_equal(host.sharpened, 0);
	assert_true(f->calls == calls);
	assert_true(slack_is(SLACK_NS));
}

static void timers_are_made_precise_before_the_first_wait_for_a_time(void **state)
{
	struct fixture *f = *state;

	assert_blunt(f, 0);
	assert_set(wait_in(f, 1), 0);
	assert_int_equal(host.sharpened, 1);
	assert_true(f->calls == 2);
	assert_int_equal(host.looks, 1);
	assert_true(slack_is(SLACK_LEAST));
	for (int i = 0; i < 3; i++) {
		assert_set(wait_in(f, MS), 0);
		assert_true(f->calls == 1);
	}
	assert_set(wait_in(f, INT64_MAX - 1), 0);
	assert_int_equal(host.sharpened, 1);
	assert_true(slack_is(SLACK_LEAST));
}

static void waits_for_no_time_need_no_precision(void **state)
{
	struct fixture *f = *state;
	struct spy *s;

	assert_set(wait_in(f, 0), 0);
	assert_blunt(f, 1);
	assert_set(wait_in(f, UINT64_MAX), 0);
	assert_blunt(f, 1);
	assert_set(wait_in(f, INT64_MAX), 0);
	assert_blunt(f, 1);
	s = add(f, 4, true);
	s->ready = true;
	assert_set(wait_in(f, MS), 1ull << 4);
	assert_blunt(f, 1);
	s->ready = false;
	assert_set(wait_in(f, INT64_MAX - 1), 0);
	assert_int_equal(host.sharpened, 1);
}

static void a_host_with_blunt_timers_will_do(void **state)
{
	struct fixture *f = *state;

	host.no_slack = true;
	assert_set(wait_in(f, MS), 0);
	assert_true(f->calls == 2);
	feed(add(f, 4, true));
	assert_set(wait_in(f, MS), 1ull << 4);
	assert_true(f->calls == 1);
	assert_int_equal(host.sharpened, 1);
}

static void *wait_elsewhere(void *ctx)
{
	struct fixture *f = ctx;
	const bool blunt = slack_is(SLACK_NS);

	waiter_adopt(&f->waiter);
	assert_set(wait_in(f, MS), 0);
	return (void *)(uintptr_t)(blunt && slack_is(SLACK_LEAST) && f->calls == 2);
}

/* The precision is the thread's, and a machine may go on in another one. */
static void each_thread_that_waits_has_precise_timers(void **state)
{
	struct fixture *f = *state;
	pthread_t thread;
	void *good;

	assert_int_equal(pthread_create(&thread, NULL, wait_elsewhere, f), 0);
	assert_int_equal(pthread_join(thread, &good), 0);
	assert_non_null(good);
	assert_true(slack_is(SLACK_NS));
	waiter_adopt(&f->waiter);
	assert_set(wait_in(f, MS), 0);
	assert_int_equal(host.sharpened, 2);
	assert_true(slack_is(SLACK_LEAST));
}

/* ---- signals and failures ---- */

static void a_signal_costs_the_wait_nothing_but_what_has_passed(void **state)
{
	struct fixture *f = *state;

	PLAY({EINTR, 3 * MS, NULL}, {EINTR, 0, NULL}, {EINTR, 4 * MS, NULL});
	assert_set(wait_in(f, 10 * MS), 0);
	assert_int_equal(host.looks, 4);
	assert_true(host.timeout[0] == 10 * MS);
	assert_true(host.timeout[1] == 7 * MS);
	assert_true(host.timeout[2] == 7 * MS);
	assert_true(host.timeout[3] == 3 * MS);
	assert_true(f->calls == 4);
}

static void a_signal_after_the_time_is_up_leaves_one_last_look(void **state)
{
	struct fixture *f = *state;

	feed(add(f, 6, true));
	PLAY({EINTR, 10 * MS, NULL});
	assert_set(wait_in(f, 10 * MS), 1ull << 6);
	assert_true(host.timeout[1] == 0);
	PLAY({EINTR, 11 * MS, NULL});
	assert_set(wait_in(f, 10 * MS), 1ull << 6);
	assert_true(host.timeout[1] == 0);
	PLAY({EINTR, 1, NULL});
	assert_set(wait_in(f, UINT64_MAX), 1ull << 6);
	assert_true(host.timeout[1] == UINT64_MAX);
}

static void a_signal_during_a_mere_look_is_followed_by_another(void **state)
{
	struct fixture *f = *state;

	feed(add(f, 6, true));
	PLAY({EINTR, 1, NULL}, {EINTR, 1, NULL});
	assert_set(wait_in(f, 0), 1ull << 6);
	assert_int_equal(host.looks, 3);
	assert_int_equal(host.clock_reads, 0);
}

/* What the descriptors said in a call that failed is not looked at. */
static void a_signal_does_not_take_back_what_was_ready(void **state)
{
	struct fixture *f = *state;
	struct spy *s = add(f, 6, true);

	s->ready = true;
	PLAY({EINTR, MS, NULL});
	assert_set(wait_in(f, 10 * MS), 1ull << 6);
	assert_int_equal(host.looks, 2);
	assert_int_equal(s->asked_readable, 0);
}

static void a_host_that_cannot_wait_is_an_error(void **state)
{
	static const struct step failures[] = {{ENOMEM, 0, NULL}, {EINVAL, 0, NULL}, {EFAULT, 0, NULL}};
	struct fixture *f = *state;

	feed(add(f, 6, true));
	host.steps = failures;
	host.n_steps = 3;
	for (size_t i = 0; i < 3; i++) {
		uint64_t ready = 77, calls = 0;

		assert_int_equal(events_wait(&f->ev, &f->waiter, clock_deadline(MS), &ready, &calls,
					     &f->e), -1);
		assert_int_equal(f->e.kind, HUSK_E_HOST);
		assert_int_equal(f->e.sys, failures[i].error);
		assert_true(calls == 1);
		assert_int_equal(strncmp(f->e.message, "waiting for descriptors: ", 25), 0);
	}
	assert_set(wait_in(f, MS), 1ull << 6);
}

/* ---- requests ---- */

static void a_request_before_the_wait_ends_it_without_waiting(void **state)
{
	struct fixture *f = *state;

	mailbox_post(&f->mailbox, 4);
	mailbox_post(&f->mailbox, 1);
	assert_set(wait_in(f, 60 * NS_PER_S), 0);
	assert_int_equal(f->asked, 5);
	assert_int_equal(host.looks, 1);
	assert_true(host.timeout[0] == 0);
	assert_true(f->calls == 1);
}

/* The descriptor still polls readable: that ends no wait, and costs the first one two calls. */
static void a_request_that_was_taken_ends_no_wait(void **state)
{
	struct fixture *f = *state;
	struct spy *s = add(f, 1, true);

	mailbox_post(&f->mailbox, 1);
	assert_int_equal(mailbox_take(&f->mailbox), 1);
	assert_int_equal(mailbox_take(&f->mailbox), 0);
	assert_set(wait_in(f, 10 * MS), 0);
	assert_true(host.clock >= 10 * MS);
	assert_int_equal(host.looks, 2);
	assert_true(f->calls == 3);
	assert_set(wait_in(f, MS), 0);
	assert_true(f->calls == 1);
	mailbox_post(&f->mailbox, 1);
	(void)mailbox_take(&f->mailbox);
	feed(s);
	assert_set(wait_in(f, 10 * MS), 2);
}

static void *wake_later(void *ctx)
{
	usleep(20000);
	mailbox_post(ctx, 1);
	return NULL;
}

static void a_request_from_another_thread_ends_the_wait(void **state)
{
	struct fixture *f = *state;
	pthread_t thread;

	host.real = true;
	add(f, 1, true);
	assert_int_equal(pthread_create(&thread, NULL, wake_later, &f->mailbox), 0);
	assert_set(wait_in(f, 60 * NS_PER_S), 0);
	pthread_join(thread, NULL);
	assert_int_equal(f->asked, 1);
	assert_true(f->calls == 1);
	assert_set(wait_in(f, MS), 0);
}

static void what_is_ready_is_told_with_a_request(void **state)
{
	struct fixture *f = *state;
	struct spy *s = add(f, 1, true);

	feed(s);
	mailbox_post(&f->mailbox, 1);
	assert_set(wait_in(f, 60 * NS_PER_S), 2);
	assert_int_equal(f->asked, 1);
	assert_set(wait_in(f, 60 * NS_PER_S), 2);
	assert_int_equal(f->asked, 0);
}

static void a_source_that_fails_ends_the_wait(void **state)
{
	struct fixture *f = *state;
	struct spy *s = add(f, 1, true);

	feed(s);
	for (s->fails = 1; s->fails <= 2; s->fails++) {
		uint64_t ready, calls = 0;

		f->e = (struct husk_error){0};
		assert_int_equal(events_wait(&f->ev, &f->waiter, clock_deadline(MS), &ready, &calls,
					     &f->e), -1);
		assert_int_equal(f->e.kind, HUSK_E_GUEST);
		assert_string_equal(f->e.message, "the source fails");
		assert_true(calls == (s->fails == 1 ? 0 : 1));
	}
	s->fails = 0;
	assert_set(wait_in(f, MS), 2);
}

static void interrupt(void)
{
	raise(SIGUSR1);
}

static void on_signal(int number)
{
	(void)number;
	errno = ENOTTY;
	mailbox_post(&the_fixture->mailbox, 1);
	if (errno != ENOTTY)
		abort();
}

static void a_request_from_a_signal_handler_ends_the_wait(void **state)
{
	const struct sigaction act = {.sa_handler = on_signal};
	struct fixture *f = *state;

	assert_int_equal(sigaction(SIGUSR1, &act, NULL), 0);
	PLAY({EINTR, MS, interrupt});
	assert_set(wait_in(f, UINT64_MAX), 0);
	signal(SIGUSR1, SIG_DFL);
	assert_int_equal(host.looks, 2);
}

static void a_wake_up_leaves_errno_alone(void **state)
{
	struct fixture *f = *state;
	const struct wake closed = {.fd = -1};

	errno = 0;
	wake_signal(&closed);
	assert_int_equal(errno, 0);
	errno = EDOM;
	wake_signal(&f->mailbox.wake);
	assert_int_equal(errno, EDOM);
}

static void no_number_of_wake_ups_blocks(void **state)
{
	const uint64_t most = UINT64_MAX - 1;
	struct fixture *f = *state;

	assert_int_equal(write(f->mailbox.wake.fd, &most, sizeof most), sizeof most);
	mailbox_post(&f->mailbox, 1);
	assert_set(wait_in(f, UINT64_MAX), 0);
	assert_set(wait_in(f, 0), 0);
	assert_set(wait_in(f, 0), 0);
	assert_true(f->calls == 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define BLUNT(name) cmocka_unit_test_setup_teardown(name, set_up_blunt, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_source_has_one_of_64_bits_to_itself),
		TEST(a_source_that_is_removed_is_not_asked_and_its_bit_is_free),
		TEST(what_was_not_added_can_be_removed),
		TEST(a_mailbox_that_is_closed_can_be_closed_again),
		TEST(what_could_not_be_opened_can_be_closed),
		TEST(the_wake_up_is_not_inherited_and_never_blocks),
		TEST(a_source_that_is_ready_ends_the_wait_before_it_begins),
		TEST(a_source_that_is_ready_needs_no_descriptor),
		TEST(what_is_readable_as_well_is_reported_with_what_was_ready_before),
		TEST(all_64_are_reported_at_once),
		TEST(being_ready_is_a_level),
		TEST(an_end_that_is_gone_is_looked_at_too),
		TEST(what_is_readable_but_not_ready_is_waited_for),
		TEST(what_never_gets_ready_does_not_outlast_the_timeout),
		TEST(what_never_gets_ready_does_not_hold_up_a_mere_look),
		TEST(what_never_gets_ready_can_be_woken_from),
		TEST(a_source_without_a_descriptor_is_looked_at_now_and_then),
		TEST(a_wait_shorter_than_that_is_not_made_longer),
		TEST(a_descriptor_that_comes_back_is_waited_on),
		TEST(the_others_are_waited_on_meanwhile),
		TEST(a_timeout_has_nanoseconds),
		TEST(a_mere_look_does_not_ask_for_the_time),
		TEST(a_wait_is_one_system_call_and_two_looks_at_the_clock),
		TEST(system_calls_are_added_to_those_before),
		TEST(real_time_passes_too),
		BLUNT(timers_are_made_precise_before_the_first_wait_for_a_time),
		BLUNT(waits_for_no_time_need_no_precision),
		BLUNT(a_host_with_blunt_timers_will_do),
		BLUNT(each_thread_that_waits_has_precise_timers),
		TEST(a_signal_costs_the_wait_nothing_but_what_has_passed),
		TEST(a_signal_after_the_time_is_up_leaves_one_last_look),
		TEST(a_signal_during_a_mere_look_is_followed_by_another),
		TEST(a_signal_does_not_take_back_what_was_ready),
		TEST(a_host_that_cannot_wait_is_an_error),
		TEST(a_request_before_the_wait_ends_it_without_waiting),
		TEST(a_request_that_was_taken_ends_no_wait),
		TEST(a_request_from_another_thread_ends_the_wait),
		TEST(what_is_ready_is_told_with_a_request),
		TEST(a_source_that_fails_ends_the_wait),
		TEST(a_request_from_a_signal_handler_ends_the_wait),
		TEST(a_wake_up_leaves_errno_alone),
		TEST(no_number_of_wake_ups_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
