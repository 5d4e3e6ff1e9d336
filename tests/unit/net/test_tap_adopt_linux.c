/* SPDX-License-Identifier: ISC */
/* test_tap_adopt_linux.c: taps by an inherited descriptor: what is found out, and what is left alone. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

/* After net/if.h, whose names it would define again. */
#include <linux/if_tun.h>

#include "../../../monitor/net/tap.h"
#include "../../../monitor/net/tap_linux.h"
#include "tap_host.h"

/* __wrap_socket __wrap_ioctl __wrap_open __wrap_link_learn __wrap_netns_call */
/* __wrap_syscall __wrap_geteuid __wrap_calloc: tap_host.c stands in for them. */

#define PERSISTENT (IFF_TAP | IFF_NO_PI | IFF_PERSIST)

struct fixture {
	struct uplink *uplink;	/* what is attached; NULL: nothing */
	bool look;
	struct husk_error e;
	int given;		/* stands in for the descriptor of a tap */
	int files;		/* descriptors that were open before */
};

static int set_up(void **state)
{
	static struct fixture f;
	int ends[2];

	memset(&f, 0, sizeof f);
	tap_host_reset();
	if (pipe(ends) != 0)
		return -1;
	close(ends[1]);
	f.given = ends[0];
	f.files = tap_host_descriptors();
	*state = &f;
	return 0;
}

static void detach(struct fixture *f)
{
	uplink_close(f->uplink);
	f->uplink = NULL;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	bool all;

	detach(f);
	all = tap_host_descriptors() == f->files;
	close(f->given);
	return all ? 0 : -1;
}

static int adopt(struct fixture *f)
{
	const struct uplink_request rq = {.where = "@5", .look = f->look};

	return tap_adopt(&f->uplink, &rq, dup(f->given), &f->e);
}

static void assert_opens(struct fixture *f)
{
	if (adopt(f) != 0)
		fail_msg("%s", f->e.message);
}

static void assert_refused(struct fixture *f, enum husk_error_class kind, const char *message)
{
	memset(&f->e, 0, sizeof f->e);
	assert_int_equal(adopt(f), -1);
	assert_int_equal(f->e.kind, kind);
	if (strncmp(f->e.message, message, strlen(message)) != 0)
		fail_msg("\"%s\", expected \"%s\"", f->e.message, message);
	assert_null(f->uplink);
	assert_int_equal(tap_host_descriptors(), f->files);
}

static unsigned prefix_of(const struct fixture *f)
{
	return ((struct tap *)f->uplink)->prefix;
}

static void its_flags_are_left_alone(void **state)
{
	static const int flags[] = {0, O_NONBLOCK, O_APPEND, O_NONBLOCK | O_ASYNC};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
		for (int look = 0; look <= 1; look++) {
			f->look = look == 1;
			assert_int_equal(fcntl(f->given, F_SETFL, flags[i]), 0);
			assert_opens(f);
			assert_null(f->uplink->ops->reattach);
			assert_int_equal(tap_host_descriptors(), f->files + !f->look);
			detach(f);
			assert_int_equal(fcntl(f->given, F_GETFL) & (O_NONBLOCK | O_APPEND | O_ASYNC),
					 flags[i]);
		}
	assert_int_equal(tap_host.attached, 0);
	assert_int_equal(tap_host.offloads, 4);
}

static void looking_changes_nothing(void **state)
{
	struct fixture *f = *state;

	f->look = true;
	tap_host.known = false;		/* a filter would be tried out */
	assert_opens(f);
	assert_int_equal(f->uplink->fd, -1);
	assert_int_equal(f->uplink->mtu, 1400);
	assert_int_equal(tap_host.filters + tap_host.offloads + tap_host.attached, 0);
}

static void its_mtu_is_found_by_netlink_or_by_name(void **state)
{
	struct fixture *f = *state;

	tap_host.facts.mtu = 9000;
	assert_opens(f);
	assert_int_equal(f->uplink->mtu, 9000);
	assert_int_equal(f->uplink->mtu_max, 9000);
	assert_false(f->uplink->mtu_hidden);
	detach(f);
	tap_host.known = false;
	assert_opens(f);
	assert_int_equal(f->uplink->mtu, 1400);
	assert_false(f->uplink->mtu_hidden);
}

/* Its name says nothing in this network namespace, or leads to another interface. */
static void in_another_namespace_it_is_looked_for_there(void **state)
{
	struct fixture *f = *state;

	tap_host.elsewhere = true;
	tap_host.facts.mtu = 9000;
	tap_host.facts.pi = 1;
	for (int another = 0; another <= 1; another++) {
		tap_host.another = another == 1;
		tap_host.may_enter = true;
		assert_opens(f);
		assert_int_equal(f->uplink->mtu, 9000);
		assert_int_equal(prefix_of(f), 4);
		assert_false(f->uplink->mtu_hidden);
		detach(f);
		tap_host.may_enter = false;
		assert_opens(f);
		assert_int_equal(f->uplink->mtu, 0);
		assert_int_equal(f->uplink->mtu_max, 0);
		assert_true(f->uplink->mtu_hidden);
		detach(f);
	}
}

static void another_queue_beside_it_is_refused(void **state)
{
	struct fixture *f = *state;

	tap_host.tun_flags = PERSISTENT | IFF_MULTI_QUEUE;
	tap_host.facts.multi_queue = true;
	tap_host.facts.queues = tap_host.queues_after = 1;
	assert_opens(f);
	detach(f);
	tap_host.facts.queues = tap_host.queues_after = 2;
	for (int look = 0; look <= 1; look++) {
		f->look = look == 1;
		assert_refused(f, HUSK_E_HOST, "Could not attach interface: @5: Device or resource busy");
	}
	assert_int_equal(f->e.sys, EBUSY);
	tap_host.another = tap_host.elsewhere = true;	/* it is not meant */
	assert_opens(f);
}

static void a_tun_interface_is_no_tap(void **state)
{
	struct fixture *f = *state;

	tap_host.tun_flags = IFF_TUN | IFF_NO_PI;
	assert_refused(f, HUSK_E_USAGE, "Could not attach interface: @5: tap0 is a tun interface, not a "
		       "tap; make it with IFF_TAP");
}

static void an_interface_that_is_gone_is_refused(void **state)
{
	struct fixture *f = *state;

	tap_host.get_error = EBADFD;
	assert_refused(f, HUSK_E_HOST, "Could not attach interface: @5: File descriptor in bad state");
}

/* ---- what is in front of frames ---- */

static void what_a_tap_puts_in_front_of_frames_is_known(void **state)
{
	static const struct { short flags; int vnet, error; unsigned prefix; } cases[] = {
		{IFF_TAP | IFF_NO_PI, 10, 0, 0},
		{IFF_TAP, 10, 0, 4},
		{IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, 10, 0, 10},
		{IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, 12, 0, 12},
		{IFF_TAP | IFF_VNET_HDR, 12, 0, 16},
		{IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE, 20, 0, 20},
		{IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, 0, 0, 0},
		{IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, -1, 0, 0},
		{IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, 12, EINVAL, 0},
		{IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, 64, 0, 64},
		{IFF_TAP | IFF_VNET_HDR, 60, 0, 64},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		for (int known = 0; known <= 1; known++) {
			tap_host.known = known == 1;
			tap_host.facts.pi = (cases[i].flags & IFF_NO_PI) == 0;
			tap_host.tun_flags = cases[i].flags;
			tap_host.vnet = cases[i].vnet;
			tap_host.vnet_error = cases[i].error;
			assert_opens(f);
			assert_int_equal(prefix_of(f), cases[i].prefix);
			assert_false(tap_host.filtered);
			assert_int_equal(tap_host.filter_len, 0);
			detach(f);
		}
}

static void a_tap_that_takes_no_filter_tells_the_truth(void **state)
{
	struct fixture *f = *state;

	tap_host.known = false;
	tap_host.filter_error = EINVAL;
	assert_opens(f);
	assert_int_equal(prefix_of(f), 0);
	detach(f);
	tap_host.filter_error = 0;
	tap_host.filtered = true;
	tap_host.tun_flags = IFF_TAP;
	assert_opens(f);
	assert_int_equal(prefix_of(f), 4);
	assert_true(tap_host.filtered);		/* somebody else's */
}

static void no_filter_is_tried_out_where_the_kernel_tells(void **state)
{
	struct fixture *f = *state;

	for (tap_host.facts.pi = 0; tap_host.facts.pi <= 1; tap_host.facts.pi++) {
		tap_host.tun_flags = tap_host.facts.pi != 0 ? IFF_TAP : IFF_TAP | IFF_NO_PI;
		for (int filtered = 0; filtered <= 1; filtered++) {
			tap_host.filtered = filtered != 0;
			assert_opens(f);
			assert_int_equal(prefix_of(f), 4 * tap_host.facts.pi);
			assert_int_equal(tap_host.filtered, filtered);
			detach(f);
		}
	}
	assert_int_equal(tap_host.filters, 0);
}

static void no_filter_of_others_is_lost(void **state)
{
	struct fixture *f = *state;

	tap_host.known = false;
	tap_host.filtered = true;
	tap_host.filter_len = 3;
	assert_opens(f);
	assert_int_equal(prefix_of(f), 0);
	assert_true(tap_host.filtered);
	assert_int_equal(tap_host.filters, 0);
}

static void more_than_64_bytes_in_front_are_refused(void **state)
{
	struct fixture *f = *state;

	tap_host.tun_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
	tap_host.vnet = 65;
	assert_refused(f, HUSK_E_USAGE, "Could not attach interface: @5: its header of 65 bytes is too "
		       "long; make it 64");
	tap_host.vnet = INT32_MAX;
	assert_refused(f, HUSK_E_USAGE, "Could not attach interface: @5: its header of");
	tap_host.tun_flags = IFF_TAP | IFF_VNET_HDR;
	tap_host.facts.pi = 1;
	tap_host.vnet = 61;
	assert_refused(f, HUSK_E_USAGE, "Could not attach interface: @5: its header of");
}

/* ---- every call may fail ---- */

/* The calls at which opening may fail and go on: a bit for each, counted from the first. */
static void assert_survives(struct fixture *f, unsigned calls, unsigned which)
{
	tap_host.fail_at = 0;
	tap_host.seen = 0;
	assert_opens(f);
	detach(f);
	assert_int_equal(tap_host.seen, calls);
	for (unsigned n = 1; n <= 2 * calls; n++) {
		tap_host.seen = 0;
		tap_host.fail_at = (n + 1) / 2;
		tap_host.from_then_on = n % 2 == 0;
		memset(&f->e, 0, sizeof f->e);
		if (adopt(f) == 0)
			detach(f);
		else
			assert_int_equal(f->e.kind, HUSK_E_HOST);
		assert_null(f->uplink);
		assert_int_equal(tap_host_descriptors(), f->files);
		if (!tap_host.from_then_on)
			assert_int_equal(f->e.kind == HUSK_E_NONE, which >> (n / 2) & 1);
	}
}

static void whatever_fails_leaves_nothing_open(void **state)
{
	struct fixture *f = *state;

	tap_host.tun_flags = PERSISTENT | IFF_VNET_HDR;
	tap_host.vnet = 12;
	/* memory, interface; question, address, vnet size, offload may fail */
	assert_survives(f, 6, 0x3c);
	tap_host.known = false;
	/*
	 * memory, interface; question, socket, address, address, socket, mtu, filter, filter,
	 * interface, vnet size, offload may fail
	 */
	assert_survives(f, 13, 0x1ffc);
	tap_host.known = tap_host.may_enter = tap_host.elsewhere = true;
	/*
	 * memory, interface; question, socket, address, namespace, thread, question, address, vnet
	 * size, offload may fail
	 */
	assert_survives(f, 11, 0x7fc);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(its_flags_are_left_alone),
		TEST(looking_changes_nothing),
		TEST(its_mtu_is_found_by_netlink_or_by_name),
		TEST(in_another_namespace_it_is_looked_for_there),
		TEST(another_queue_beside_it_is_refused),
		TEST(a_tun_interface_is_no_tap),
		TEST(an_interface_that_is_gone_is_refused),
		TEST(what_a_tap_puts_in_front_of_frames_is_known),
		TEST(a_tap_that_takes_no_filter_tells_the_truth),
		TEST(no_filter_is_tried_out_where_the_kernel_tells),
		TEST(no_filter_of_others_is_lost),
		TEST(more_than_64_bytes_in_front_are_refused),
		TEST(whatever_fails_leaves_nothing_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
