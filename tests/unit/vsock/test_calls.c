/* SPDX-License-Identifier: ISC */
/* test_calls.c: when a guest is called, turn by turn. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../../monitor/vsock/calls.h"

#define MUCH 100000u

static struct vsock_calls c;
static uint64_t now;
static unsigned called;

static int set_up(void **state)
{
	(void)state;
	c = (struct vsock_calls){.asked = false};
	now = 1000;
	called = 0;
	return 0;
}

/* A turn of 10 ns; asks: the guest sleeps, and has not been told since. */
static void turn(uint32_t bytes, bool can_wait, bool asks)
{
	if (bytes > 0)
		vsock_calls_packet(&c, bytes, can_wait);
	called += vsock_calls_publish(&c, asks, true);
	called += vsock_calls_rest(&c, now, now + 10);
	now += 10;
}

static void assert_called(unsigned n)
{
	assert_int_equal(called, n);
	assert_true(vsock_calls_deadline(&c) == VSOCK_CALL_NEVER);
}

static void assert_put_off(unsigned n, uint64_t ns)
{
	assert_int_equal(called, n);
	assert_true(vsock_calls_deadline(&c) == now + ns);
}

static void who_has_not_asked_is_not_called(void **state)
{
	(void)state;
	turn(MUCH, true, false);
	turn(MUCH, false, false);
	turn(0, false, false);
	assert_called(0);
	turn(1, true, true);		/* it has seen the rest */
	assert_called(1);
}

static void little_is_told_at_once(void **state)
{
	(void)state;
	turn(VSOCK_BULK_MIN - 1, true, true);
	assert_called(1);
	turn(VSOCK_BULK_MIN, true, true);
	assert_put_off(1, 10);
}

static void what_cannot_wait_is_told_at_once(void **state)
{
	(void)state;
	turn(MUCH, false, true);
	assert_called(1);
	turn(MUCH, true, true);
	assert_put_off(1, 10);
	turn(44, false, false);
	assert_called(2);
	turn(MUCH, true, true);
	called += vsock_calls_publish(&c, true, false);	/* of another queue */
	assert_called(3);
}

static void more_puts_it_off_again_up_to_an_end(void **state)
{
	unsigned turns = 1;

	(void)state;
	turn(MUCH, true, true);
	while (called == 0 && turns < 100) {
		assert_put_off(0, 10);
		now += 9;
		turn(MUCH, true, false);
		turns++;
	}
	assert_called(1);
	assert_int_equal(turns, VSOCK_BULK_MAX / MUCH + 1);
}

static void a_turn_in_between_changes_nothing(void **state)
{
	(void)state;
	turn(MUCH, true, true);
	now -= 5;
	turn(0, true, false);
	assert_true(vsock_calls_deadline(&c) == now + 5);
	now += 5;
	called += vsock_calls_rest(&c, now, now);
	assert_called(1);
}

/* A request and its answer of 100 KB, again and again: one in 64 is late. */
static void what_is_in_vain_is_done_rarely(void **state)
{
	unsigned late = 0, before = 0;

	(void)state;
	for (unsigned i = 0; i < 6400; i++) {
		turn(MUCH, true, true);
		if (vsock_calls_deadline(&c) != VSOCK_CALL_NEVER) {
			late++;
			now = vsock_calls_deadline(&c);
			turn(0, true, false);
		}
		assert_int_equal(called, i + 1);
		before += i < 3 ? late : 0;
	}
	assert_in_range(late, 90, 110);
	assert_in_range(before, 3, 5);
	while (vsock_calls_deadline(&c) == VSOCK_CALL_NEVER)
		turn(MUCH, true, true);
	turn(MUCH, true, false);	/* now there is more: the next is put off too */
	now += 20;
	turn(0, true, false);
	assert_int_equal(c.at_once, 1);
}

/* Where the clock stands still there is nothing to wait for. */
static void turns_without_time_put_off_nothing(void **state)
{
	(void)state;
	vsock_calls_packet(&c, MUCH, true);
	assert_false(vsock_calls_publish(&c, true, true));
	assert_true(vsock_calls_rest(&c, now, now));
	assert_called(0);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_has_not_asked_is_not_called),
		TEST(little_is_told_at_once),
		TEST(what_cannot_wait_is_told_at_once),
		TEST(more_puts_it_off_again_up_to_an_end),
		TEST(a_turn_in_between_changes_nothing),
		TEST(what_is_in_vain_is_done_rarely),
		TEST(turns_without_time_put_off_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
