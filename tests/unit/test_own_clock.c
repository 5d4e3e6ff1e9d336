/* SPDX-License-Identifier: ISC */
/* test_own_clock.c: a guest whose clock and console the program makes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "../../include/husk_abi.h"
#include "expect.h"
#include "rig.h"

#define ARG (HVT_GUEST_MIN_BASE + 0x100u)
#define TEXT (HVT_GUEST_MIN_BASE + 0x1000u)
#define WALL 1000000u
#define TICK 10u

struct fixture {
	struct rig rig;
	int pipe[2];		/* the guest's device: [0] is what it waits for */
	uint64_t asked, until;	/* what wait was given last */
	unsigned waits;
	uint64_t answer;	/* what it says */
	bool comes, stops;	/* it makes the device ready; it stops the run */
	size_t pieces, longest, len;
	char said[20000];
};

static uint64_t on_wait(void *ctx, uint64_t now, uint64_t until)
{
	struct fixture *f = ctx;

	f->waits++;
	f->asked = now;
	f->until = until;
	if (f->comes)
		(void)!write(f->pipe[1], "", 1);
	if (f->stops)
		core_stop(&f->rig.core, 9);
	return f->answer;
}

static void on_console(void *ctx, const void *text, size_t len)
{
	struct fixture *f = ctx;

	memcpy(f->said + f->len, text, len);
	f->len += len;
	f->pieces++;
	if (len > f->longest)
		f->longest = len;
}

static int set_up(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof f);
	*state = &f;
	if (pipe(f.pipe) == -1 || rig_make(&f.rig, RIG_MEMORY) == -1)
		return -1;
	f.rig.core.own_clock = (struct clock_own){
		.on = true, .wall = WALL, .tick = TICK, .wait = on_wait, .ctx = &f,
	};
	f.rig.core.console = on_console;
	f.rig.core.console_ctx = &f;
	if (rig_add_device(&f.rig, f.pipe[0], 5) == -1)
		return -1;
	return rig_attach(&f.rig, &module_core);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	rig_free(&f->rig);
	close(f->pipe[0]);
	close(f->pipe[1]);
	return 0;
}

/* What a call says whose answer comes first in its structure. */
static uint64_t ask(struct fixture *f, unsigned nr)
{
	uint64_t ns;

	assert_int_equal(rig_call(&f->rig, nr, ARG), RIG_RESUMED);
	memcpy(&ns, rig_at(&f->rig, ARG), sizeof ns);
	return ns;
}

static enum rig_end poll_for(struct fixture *f, uint64_t timeout, struct hvt_poll *rq)
{
	enum rig_end end;

	*rq = (struct hvt_poll){.timeout_nsecs = timeout};
	memcpy(rig_at(&f->rig, ARG), rq, sizeof *rq);
	end = rig_call(&f->rig, HVT_HYPERCALL_POLL, ARG);
	memcpy(rq, rig_at(&f->rig, ARG), sizeof *rq);
	return end;
}

/* ---- the clock ---- */

static void time_goes_on_when_it_is_asked_for(void **state)
{
	struct fixture *f = *state;

	assert_true(ask(f, HUSK_HYPERCALL_CLOCK) == TICK);
	assert_true(ask(f, HUSK_HYPERCALL_CLOCK) == 2 * TICK);
	assert_true(ask(f, HVT_HYPERCALL_WALLTIME) == WALL + 3 * TICK);
}

static void the_call_is_refused_where_there_is_no_such_clock(void **state)
{
	struct fixture *f = *state;

	rig_free(&f->rig);
	assert_int_equal(rig_make(&f->rig, RIG_MEMORY), 0);
	assert_int_equal(rig_attach(&f->rig, &module_core), 0);
	assert_int_equal(rig_call(&f->rig, HUSK_HYPERCALL_CLOCK, ARG), RIG_FAILED);
	assert_int_equal(f->rig.e.kind, HUSK_E_GUEST);
}

static void the_answer_is_only_written_where_the_guest_may_write(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(rig_call(&f->rig, HUSK_HYPERCALL_CLOCK, RIG_MEMORY - 4), RIG_FAILED);
	assert_int_equal(f->rig.e.kind, HUSK_E_GUEST);
}

static void a_wait_takes_the_time_that_the_program_says(void **state)
{
	struct fixture *f = *state;
	struct hvt_poll rq;

	f->answer = 5000;
	assert_int_equal(poll_for(f, 4990, &rq), RIG_RESUMED);
	assert_int_equal(rq.ret, 0);
	assert_int_equal(f->waits, 1);
	assert_true(f->asked == TICK && f->until == 5000);
	assert_true(ask(f, HUSK_HYPERCALL_CLOCK) == 5000 + TICK);
}

static void time_never_goes_back_or_beyond_the_deadline(void **state)
{
	struct fixture *f = *state;
	struct hvt_poll rq;

	f->answer = 1u << 20;
	assert_int_equal(poll_for(f, 1000, &rq), RIG_RESUMED);
	assert_true(ask(f, HUSK_HYPERCALL_CLOCK) == 1010 + TICK);
	f->answer = 0;
	f->comes = true;
	assert_int_equal(poll_for(f, 1000, &rq), RIG_RESUMED);
	assert_true(ask(f, HUSK_HYPERCALL_CLOCK) == 1020 + 2 * TICK);
}

static void what_comes_ends_the_wait(void **state)
{
	struct fixture *f = *state;
	struct hvt_poll rq;

	f->answer = 300;
	f->comes = true;
	assert_int_equal(poll_for(f, UINT64_MAX, &rq), RIG_RESUMED);
	assert_int_equal(rq.ret, 1);
	assert_true(rq.ready_set == 1u << 5);
	assert_true(f->until == UINT64_MAX);
	assert_int_equal(poll_for(f, UINT64_MAX, &rq), RIG_RESUMED);
	assert_int_equal(f->waits, 1);
}

static void without_a_timeout_nobody_is_asked(void **state)
{
	struct fixture *f = *state;
	struct hvt_poll rq;

	assert_int_equal(poll_for(f, 0, &rq), RIG_RESUMED);
	assert_int_equal(rq.ret, 0);
	assert_int_equal(f->waits, 0);
}

static void a_wait_that_nothing_will_end_ends_the_run(void **state)
{
	struct fixture *f = *state;
	struct hvt_poll rq;

	f->answer = UINT64_MAX;
	assert_int_equal(poll_for(f, UINT64_MAX, &rq), RIG_FAILED);
	assert_non_null(strstr(f->rig.e.message, "the guest waits, and nothing is to come"));
	f->rig.core.own_clock.wait = NULL;
	assert_int_equal(poll_for(f, UINT64_MAX, &rq), RIG_FAILED);
	assert_int_equal(poll_for(f, 700, &rq), RIG_RESUMED);
}

static void a_deadline_past_the_end_of_time_is_none(void **state)
{
	struct fixture *f = *state;
	struct hvt_poll rq;

	f->rig.core.own_clock.wait = NULL;
	assert_int_equal(poll_for(f, INT64_MAX - 1, &rq), RIG_RESUMED);
	assert_int_equal(poll_for(f, INT64_MAX - 1, &rq), RIG_FAILED);
}

static void a_stop_in_a_wait_ends_the_run(void **state)
{
	struct fixture *f = *state;
	struct hvt_poll rq;

	f->answer = UINT64_MAX;
	f->stops = true;
	assert_int_equal(poll_for(f, UINT64_MAX, &rq), RIG_STOPPED);
}

/* ---- the console ---- */

static void the_console_comes_in_pieces_and_whole(void **state)
{
	const struct hvt_puts rq = {TEXT, 10000};
	struct fixture *f = *state;
	uint8_t *text = rig_at(&f->rig, TEXT);

	for (size_t i = 0; i < rq.len; i++)
		text[i] = (uint8_t)(i * 7);
	memcpy(rig_at(&f->rig, ARG), &rq, sizeof rq);
	assert_int_equal(rig_call(&f->rig, HVT_HYPERCALL_PUTS, ARG), RIG_RESUMED);
	assert_int_equal(f->len, rq.len);
	assert_memory_equal(f->said, text, rq.len);
	assert_int_equal(f->longest, 4096);
	assert_int_equal(f->pieces, 3);
	assert_true(rig_figure(&f->rig, 0, "console", "bytes") == rq.len);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(time_goes_on_when_it_is_asked_for),
		TEST(the_call_is_refused_where_there_is_no_such_clock),
		TEST(the_answer_is_only_written_where_the_guest_may_write),
		TEST(a_wait_takes_the_time_that_the_program_says),
		TEST(time_never_goes_back_or_beyond_the_deadline),
		TEST(what_comes_ends_the_wait),
		TEST(without_a_timeout_nobody_is_asked),
		TEST(a_wait_that_nothing_will_end_ends_the_run),
		TEST(a_deadline_past_the_end_of_time_is_none),
		TEST(a_stop_in_a_wait_ends_the_run),
		TEST(the_console_comes_in_pieces_and_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
