/* SPDX-License-Identifier: ISC */
/*
 * test_ring_credit.c: the account of handovers; and what it comes to for guests and hosts of many
 * kinds, on a machine in virtual time: never more than a little above what exits cost.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "../../../monitor/net/ring_credit.h"

/* Nothing is handed over before there has been income for it. */
static void earn(struct ring_credit *c, int64_t price, unsigned exits)
{
	for (unsigned i = 0; i < exits; i++)
		ring_credit_exit(c, price, price / 2, 1);
}

static void an_empty_account_allows_nothing(void **state)
{
	struct ring_credit c = {0};

	(void)state;
	assert_false(ring_credit_allows(&c));
	assert_false(ring_credit_spent(&c));
	assert_true(ring_credit_patience(&c) == 0);
	earn(&c, 0, 1000);
	assert_false(ring_credit_allows(&c));
}

static void exits_earn_a_handover(void **state)
{
	struct ring_credit c = {0};
	unsigned exits = 0;

	(void)state;
	for (; !ring_credit_allows(&c); exits++)
		earn(&c, 1000, 1);
	assert_in_range(exits, 100, 200);
	assert_true(ring_credit_patience(&c) == 1000);
}

/* A frequency of 24 MHz, as some counters of aarch64 have. */
static void a_slow_counter_earns_as_much(void **state)
{
	struct ring_credit slow = {0};

	(void)state;
	earn(&slow, 20, 200);
	assert_true(ring_credit_allows(&slow));
}

static void kicks_for_several_entries_count_as_so_many(void **state)
{
	struct ring_credit one = {0}, many = {0};

	(void)state;
	earn(&one, 1000, 320);
	for (unsigned i = 0; i < 10; i++)
		ring_credit_exit(&many, 32000, 16000, 32);
	assert_true(one.price == many.price && one.balance == many.balance);
}

static void a_handover_for_nothing_must_be_earned_again(void **state)
{
	struct ring_credit c = {0};
	unsigned exits = 0;

	(void)state;
	earn(&c, 1000, 200);
	ring_credit_wakeup(&c, 1000);
	ring_credit_settle(&c, 3000, 0);
	assert_true(ring_credit_spent(&c));
	for (; !ring_credit_allows(&c); exits++)
		earn(&c, 1000, 1);
	assert_in_range(exits, 300, 700);
}

/* Two threads for half of the price each: that is as good as one. */
static void what_pays_goes_on(void **state)
{
	struct ring_credit c = {0};

	(void)state;
	earn(&c, 1000, 200);
	for (unsigned i = 0; i < 1000; i++) {
		ring_credit_settle(&c, 499, 1);
		assert_false(ring_credit_spent(&c));
	}
	for (unsigned i = 0; i < 100000 && !ring_credit_spent(&c); i++)
		ring_credit_settle(&c, 510, 1);
	assert_true(ring_credit_spent(&c));
}

static void gains_of_the_past_pay_for_little(void **state)
{
	struct ring_credit c = {0};
	unsigned n = 0;

	(void)state;
	earn(&c, 1000, 200);
	for (unsigned i = 0; i < 100000; i++)
		ring_credit_settle(&c, 100, 1);
	for (; !ring_credit_spent(&c); n++)
		ring_credit_settle(&c, 1000, 1);
	assert_in_range(n, 2, 70);
}

static void prices_follow_the_guest(void **state)
{
	struct ring_credit c = {0};

	(void)state;
	earn(&c, 1000, 100);
	earn(&c, 3000, 100);
	assert_in_range(ring_credit_patience(&c), 2900, 3000);
	earn(&c, 1000, 100);
	assert_in_range(ring_credit_patience(&c), 1000, 1100);
}

/* A guest that was busy with something else, or a thread that had to wait for its processor. */
static void outliers_hardly_count(void **state)
{
	struct ring_credit c = {0};

	(void)state;
	ring_credit_exit(&c, 1000000, 500, 1);
	earn(&c, 1000, 2);
	assert_true(ring_credit_patience(&c) == 1000);
	ring_credit_exit(&c, 1000000, 500, 1);
	assert_in_range(ring_credit_patience(&c), 1000, 1200);
	ring_credit_wakeup(&c, 1000);
	ring_credit_wakeup(&c, 1000000);
	assert_in_range(ring_credit_patience(&c), 2000, 2400);
}

/* Counters that differ between processors, a machine that slept, and the largest of everything. */
static void no_time_is_too_strange(void **state)
{
	static const int64_t ticks[] = {INT64_MIN, -1, 0, 1, INT64_MAX};
	static const unsigned entries[] = {1, 1024, UINT32_MAX};

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		for (unsigned j = 0; j < 5; j++)
			for (unsigned k = 0; k < 3; k++) {
				struct ring_credit c = {0};

				ring_credit_exit(&c, ticks[i], ticks[j], entries[k]);
				ring_credit_wakeup(&c, ticks[j]);
				ring_credit_settle(&c, ticks[j], entries[k]);
				ring_credit_settle(&c, ticks[i], 0);
				ring_credit_exit(&c, ticks[j], ticks[i], entries[k]);
				(void)ring_credit_allows(&c);
				assert_true(ring_credit_patience(&c) >= 0);
			}
}

/* A second during which the host did nothing: later bursts are tried again some time. */
static void debts_are_paid(void **state)
{
	struct ring_credit c = {0};

	(void)state;
	earn(&c, 1000, 200);
	ring_credit_settle(&c, INT64_C(1000000000), 1);
	assert_false(ring_credit_allows(&c));
	earn(&c, 1000, 5000000);
	assert_true(ring_credit_allows(&c));
}

/* ---- a machine in virtual time, in ns ---- */

struct machine {
	const char *name;
	double exit, serve, wakeup, waking;	/* waking: what a wake-up takes each of two threads */
	double call, entry;	/* what the guest takes for a frame by call, and by the ring */
	unsigned burst;		/* frames between two waits */
	bool reading;		/* the guest waits for each frame */
};

struct cost {
	double wall, cpu;	/* cpu: of both threads, outside the guest */
	unsigned long exits;
};

#define ROW_MIN 4u
#define BUFFERS 64u
#define FRAMES 300000u

struct run {
	const struct machine *m;
	struct ring_credit c;
	struct cost cost;
	unsigned row;
};

/* A frame with an exit. */
static void exit_for_frame(struct run *r)
{
	double took = r->m->call + r->m->exit + r->m->serve;

	r->cost.wall += took;
	r->cost.cpu += r->m->exit + r->m->serve;
	r->cost.exits++;
	if (r->row++ > 0)
		ring_credit_exit(&r->c, (int64_t)took, (int64_t)r->m->serve, 1);
}

/* One handover of at most n frames; how many there were. */
static unsigned handover(struct run *r, unsigned n)
{
	double served[BUFFERS] = {0}, made = r->m->waking, free = r->m->wakeup, settled = 0;
	unsigned buffers = r->m->reading ? 1 : BUFFERS, i;

	ring_credit_wakeup(&r->c, (int64_t)r->m->wakeup);
	for (i = 0; i < n && i < 1024 && !ring_credit_spent(&r->c); i++) {
		double room = served[i % buffers];

		made = (made > room ? made : room) + r->m->entry;
		if (made > free + (double)ring_credit_patience(&r->c)) {
			free += (double)ring_credit_patience(&r->c);
			break;
		}
		free = (made > free ? made : free) + r->m->serve;
		served[i % buffers] = free;
		ring_credit_settle(&r->c, (int64_t)(free - settled), 1);
		settled = free;
	}
	ring_credit_settle(&r->c, (int64_t)(free - settled), 0);
	r->cost.cpu += 2 * r->m->waking + free - r->m->wakeup;
	r->cost.wall += free;
	r->row = 0;
	return i;
}

static struct cost by_ring(const struct machine *m)
{
	struct run r = {.m = m};
	unsigned in_burst = 0;

	for (unsigned n = 0; n < FRAMES;) {
		if (in_burst == m->burst)
			in_burst = r.row = 0;
		exit_for_frame(&r);
		n++, in_burst++;
		if (r.row >= ROW_MIN && ring_credit_allows(&r.c)) {
			unsigned done = handover(&r, m->burst - in_burst);

			n += done, in_burst += done;
		}
	}
	return r.cost;
}

/* Against exits alone, for as many frames. */
static void compare(const struct machine *m, double *cpu, double *wall)
{
	struct cost ring = by_ring(m);

	*cpu = ring.cpu / (FRAMES * (m->exit + m->serve));
	*wall = ring.wall / (FRAMES * (m->exit + m->serve + m->call));
}

static const struct machine machines[] = {
	{"a processor of today", 1500, 4000, 10000, 1500, 0, 0, 0, false},
	{"the same, and slow to wake", 1500, 4000, 50000, 5000, 0, 0, 0, false},
	{"a quick network", 1500, 800, 10000, 1500, 0, 0, 0, false},
	{"exits that are dear", 100000, 30000, 60000, 20000, 0, 0, 0, false},
	{"exits that are dear, wake-ups more so", 100000, 30000, 400000, 100000, 0, 0, 0, false},
	{"exits that cost nothing", 0, 4000, 10000, 1500, 0, 0, 0, false},
};

static const double guests[][2] = {	/* call, entry */
	{100, 150}, {1000, 1300}, {4000, 4300}, {10000, 10500}, {50000, 51000}, {40000, 400000},
};

static const unsigned bursts[] = {1, 5, 32, 256, 10000};

/* The worst of all that there are. */
static void the_ring_never_costs_much_more_than_calls(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof machines / sizeof machines[0]; i++)
		for (unsigned j = 0; j < sizeof guests / sizeof guests[0]; j++)
			for (unsigned k = 0; k < 2 * sizeof bursts / sizeof bursts[0]; k++) {
				struct machine m = machines[i];
				double cpu, wall;

				m.call = guests[j][0];
				m.entry = guests[j][1];
				m.burst = bursts[k / 2];
				m.reading = k % 2 == 1;
				compare(&m, &cpu, &wall);
				if (cpu > 1.1 || wall > 1 / 0.95)
					fail_msg("%s, guest %.0f and %.0f, burst %u, %s: CPU x %.3f, time x %.3f",
						 m.name, m.call, m.entry, m.burst,
						 m.reading ? "reading" : "writing", cpu, wall);
			}
}

static void two_threads_are_used_where_that_pays(void **state)
{
	static const struct machine pays[] = {
		{"guest and host take alike", 1500, 4000, 10000, 1500, 3500, 3800, 10000, false},
		{"exits are dear", 100000, 30000, 60000, 20000, 5000, 6000, 256, false},
		{"exits are dear, reading", 100000, 30000, 60000, 20000, 5000, 6000, 256, true},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof pays / sizeof pays[0]; i++) {
		double cpu, wall;

		compare(&pays[i], &cpu, &wall);
		if (wall > 0.7 || cpu > 1)
			fail_msg("%s: CPU x %.3f, time x %.3f", pays[i].name, cpu, wall);
	}
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_empty_account_allows_nothing),
		TEST(exits_earn_a_handover),
		TEST(a_slow_counter_earns_as_much),
		TEST(kicks_for_several_entries_count_as_so_many),
		TEST(a_handover_for_nothing_must_be_earned_again),
		TEST(what_pays_goes_on),
		TEST(gains_of_the_past_pay_for_little),
		TEST(prices_follow_the_guest),
		TEST(outliers_hardly_count),
		TEST(no_time_is_too_strange),
		TEST(debts_are_paid),
		TEST(the_ring_never_costs_much_more_than_calls),
		TEST(two_threads_are_used_where_that_pays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
