/* SPDX-License-Identifier: ISC */
/* test_times.c: the time of a run is the guest's, the monitor's or a wait's, and nothing is lost between them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "../../monitor/times.h"

#define US 1000u

static uint64_t now_ns;

uint64_t __wrap_clock_now_ns(void);

uint64_t __wrap_clock_now_ns(void)
{
	return now_ns;
}

struct told {
	uint64_t guest, husk, waiting;
	unsigned n;
};

static void take(void *ctx, const char *subject, const char *name, uint64_t value)
{
	struct told *t = ctx;

	assert_string_equal(subject, "time");
	if (strcmp(name, "guest_us") == 0)
		t->guest = value;
	else if (strcmp(name, "husk_us") == 0)
		t->husk = value;
	else if (strcmp(name, "waiting_us") == 0)
		t->waiting = value;
	t->n++;
}

static void assert_times(const struct times *t, uint64_t guest, uint64_t husk, uint64_t waiting)
{
	struct told told = {0};

	times_report(t, take, &told);
	assert_int_equal(told.n, 3);
	assert_int_equal(told.guest, guest);
	assert_int_equal(told.husk, husk);
	assert_int_equal(told.waiting, waiting);
}

static struct core core;
static struct times times;

static int set_up(void **state)
{
	struct husk_error e;

	(void)state;
	memset(&core, 0, sizeof core);
	times = (struct times){.wanted = true};
	now_ns = 1000000;
	return times_attach(&times, &core, &e);
}

static const struct core_client *client(void)
{
	return core.clients[0].is;
}

static void wait_us(uint64_t us)
{
	now_ns += us * US;
	core.waiter.waited_ns += us * US;
}

static void begin(void)
{
	client()->exit(core.clients[0].ctx, &core.last);
}

static void served(void)
{
	client()->served(core.clients[0].ctx, &core.last, VMEXIT_RESUME);
}

static void end(void)
{
	client()->end(core.clients[0].ctx, &(struct core_ending){.end = CORE_STOPPED});
}

static void resume(void)
{
	client()->resume(core.clients[0].ctx);
}

static void each_part_has_its_time(void **state)
{
	(void)state;
	assert_true(core.waiter.timed);
	assert_times(&times, 0, 0, 0);
	resume();
	now_ns += 70 * US;
	assert_times(&times, 70, 0, 0);
	begin();
	now_ns += 5 * US;
	wait_us(400);
	assert_times(&times, 70, 5, 400);	/* in the middle of an exit, as SIGUSR1 finds it */
	now_ns += 2 * US;
	served();
	now_ns += 30 * US;
	assert_times(&times, 100, 7, 400);
	end();
	wait_us(1000);		/* as another client at its end may, or a debugger */
	assert_times(&times, 100, 7, 400);
	resume();
	wait_us(5);
	assert_times(&times, 100, 7, 405);
}

static void an_exit_that_a_stop_ends_goes_on_in_the_next_run(void **state)
{
	(void)state;
	resume();
	begin();
	now_ns += 3 * US;
	wait_us(50);
	end();
	now_ns += 1000 * US;
	core.retry = true;
	resume();
	wait_us(20);
	now_ns += 4 * US;
	served();
	now_ns += 10 * US;
	end();
	assert_times(&times, 10, 7, 70);
}

static void who_does_not_ask_pays_nothing(void **state)
{
	struct times none = {0};
	struct told told = {0};
	struct husk_error e;

	(void)state;
	memset(&core, 0, sizeof core);
	assert_int_equal(times_attach(&none, &core, &e), 0);
	assert_null(core.clients[0].is);
	assert_int_equal(core.exit_clients, 0);
	assert_false(core.waiter.timed);
	times_report(&none, take, &told);
	assert_int_equal(told.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(each_part_has_its_time, set_up),
		cmocka_unit_test_setup(an_exit_that_a_stop_ends_goes_on_in_the_next_run, set_up),
		cmocka_unit_test(who_does_not_ask_pays_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
