/* SPDX-License-Identifier: ISC */
/* test_uplink.c: which two words lead to one interface or connection; a program's callback. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <net/if.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* After net/if.h, whose names it would define again. */
#include <linux/if_tun.h>

#include "../../../monitor/given.h"
#include "../../../monitor/net/uplink.h"
#include "own_network.h"
#include "under_asan.h"
#include "wire.h"

static void assert_same(const char *a, const char *b, bool same)
{
	if (uplink_same(a, b) != same || uplink_same(b, a) != same)
		fail_msg("%s and %s", a, b);
}

static void a_descriptor_and_its_duplicate_are_one(void **state)
{
	struct wire w, other;
	char twin[16], stream[24], stream_twin[24];
	int fd;

	(void)state;
	wire_make(&w);
	wire_make(&other);
	fd = dup(w.device);
	snprintf(twin, sizeof twin, "@%d", fd);
	snprintf(stream, sizeof stream, "stream:%s", w.where);
	snprintf(stream_twin, sizeof stream_twin, "stream:%s", twin);
	assert_same(w.where, w.where, true);
	assert_same(w.where, twin, true);
	assert_same(w.where, stream, true);
	assert_same(stream, stream_twin, true);
	assert_same(w.where, other.where, false);
	assert_same(stream, other.where, false);
	assert_same(w.where, "tap0", false);
	assert_same(w.where, "@x", false);
	assert_same(w.where, "@60", false);
	assert_same("@60", "@60", true);
	assert_same("@60", "@61", false);
	assert_same("@60,@61", "@60,@62", true);
	assert_same("@60,@61", "@62,@61", false);
	snprintf(stream, sizeof stream, "%s,@60", twin);
	assert_same(w.where, stream, true);
	assert_same(other.where, stream, false);
	assert_same("tap0", "tap0", true);
	assert_same("tap0", "tap1", false);
	close(fd);
	wire_free(&w);
	wire_free(&other);
}

/* Whoever serves a socket tells its guests apart. */
static void each_connection_is_one_of_its_own(void **state)
{
	(void)state;
	assert_same("unix:/tmp/a", "unix:/tmp/a", false);
	assert_same("unix:/tmp/a", "unix:/tmp/b", false);
	assert_same("unix:@5", "@5", false);
}

static void a_tap_is_one_by_name_and_by_descriptor(void **state)
{
	char where[2][16];
	int fd, other, twin;

	(void)state;
	own_network_need();
	fd = own_network_queue("tap0", IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE);
	twin = own_network_queue("tap0", IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE);
	other = own_network_queue("tap1", IFF_TAP | IFF_NO_PI);
	snprintf(where[0], sizeof where[0], "@%d", fd);
	assert_same(where[0], "tap0", true);
	assert_same(where[0], "tap1", false);
	assert_same(where[0], "tap2", false);
	snprintf(where[1], sizeof where[1], "@%d", twin);
	assert_same(where[0], where[1], true);
	snprintf(where[1], sizeof where[1], "@%d", other);
	assert_same(where[0], where[1], false);
	assert_same(where[1], "@0", false);
	close(fd);
	close(twin);
	close(other);
}

/* It may hold locks that the program needs later. */
static void send_late(void *ctx, const void *frame, size_t len)
{
	bool *came_back = ctx;

	(void)frame, (void)len;
	pthread_testcancel();
	*came_back = true;
}

static void *send_and_end(void *ctx)
{
	struct uplink *u = ctx;
	uint8_t frame[60] = {0};

	(void)pthread_cancel(pthread_self());
	(void)u->ops->write(u, (struct iovec){frame, sizeof frame});
	pthread_testcancel();
	return NULL;
}

static void a_thread_is_not_ended_in_a_callback(void **state)
{
	bool came_back = false;
	const struct given_net what = {.send = send_late, .ctx = &came_back};
	struct uplink_request rq = {.where = "callback:net0"};
	struct husk_error e;
	struct uplink *u;
	pthread_t thread;
	void *end;

	(void)state;
	own_network_skip_if(UNDER_ASAN ? "the address sanitizer takes what a cancelled thread leaves for errors" :
			    NULL);
	rq.given = given_net_new(&what, &e);
	assert_non_null(rq.given);
	assert_int_equal(uplink_open(&u, &rq, &e), 0);
	assert_int_equal(pthread_create(&thread, NULL, send_and_end, u), 0);
	assert_int_equal(pthread_join(thread, &end), 0);
	assert_ptr_equal(end, PTHREAD_CANCELED);
	assert_true(came_back);
	uplink_close(u);
	given_net_free((struct given_net *)(uintptr_t)rq.given);
}

static void an_mtu_is_one_of_ethernet(void **state)
{
	static const struct {
		unsigned mtu;
		int opened;
	} cases[] = {{1, -1}, {67, -1}, {68, 0}, {65521, 0}, {65522, -1}, {0, 0}};
	struct uplink_request rq = {.where = "callback:net0"};
	struct husk_error e;
	struct uplink *u;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct given_net what = {.send = send_late, .mtu = cases[i].mtu};

		rq.given = given_net_new(&what, &e);
		assert_non_null(rq.given);
		assert_int_equal(uplink_open(&u, &rq, &e), cases[i].opened);
		if (cases[i].opened == 0)
			uplink_close(u);
		else
			assert_int_equal(e.kind, HUSK_E_USAGE);
		given_net_free((struct given_net *)(uintptr_t)rq.given);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_descriptor_and_its_duplicate_are_one),
		cmocka_unit_test(each_connection_is_one_of_its_own),
		cmocka_unit_test(a_tap_is_one_by_name_and_by_descriptor),
		cmocka_unit_test(a_thread_is_not_ended_in_a_callback),
		cmocka_unit_test(an_mtu_is_one_of_ethernet),
	};

	return cmocka_run_group_tests(tests, own_network_enter, NULL);
}
