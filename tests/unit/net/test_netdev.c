/* SPDX-License-Identifier: ISC */
/* test_netdev.c: frames through a device: which are dropped and why, in what order, and who is asked. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../../../monitor/net/netdev.h"
#include "wire.h"

#define NS_PER_S 1000000000ull
#define MTU 1500u
#define ROOM (MTU + UPLINK_HEADER)
#define FLOOD 64u		/* frames that no call looks at more of */
#define FAILURES 16u		/* in a row, before reading is left for a while */

/* ---- an uplink that plays a script, and a clock that stands still ---- */

struct heard {
	enum uplink_result result;
	size_t len;
	uint32_t n;		/* which frame, see wire_fill */
};

static struct {
	bool fake;		/* the uplink is not real */
	unsigned mtu, mtu_max;
	bool reads_ahead;	/* it has frames in memory, and cannot be attached again */
	int open;		/* -1: opening fails; else how many are open */
	enum uplink_result write;	/* what writing comes to */
	const struct heard *heard;	/* what reading comes to, then UPLINK_AGAIN */
	size_t n_heard;
	int reattach;		/* what that comes to */
	unsigned reads, writes, reattaches;
	size_t wrote;		/* bytes of the last frame */
	uint64_t clock;
	unsigned mallocs, malloc_fails;	/* the n-th of them does, 0: none */
	int blocks;		/* allocated and not freed */
} host;

int __real_uplink_open(struct uplink **u, const struct uplink_request *rq, struct husk_error *e);
int __wrap_uplink_open(struct uplink **u, const struct uplink_request *rq, struct husk_error *e);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ts);
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void __real_free(void *p);
void __wrap_free(void *p);

static int fake_reattach(struct uplink *u)
{
	assert_int_not_equal(u->fd, -1);
	host.reattaches++;
	return host.reattach;
}

/* As the kernel: what does not fit is cut, and gone. */
static enum uplink_result fake_read(struct uplink *u, struct iovec buffer, size_t *len)
{
	const struct heard *h = host.heard;

	(void)u;
	host.reads++;
	if (host.n_heard == 0)
		return UPLINK_AGAIN;
	host.heard++, host.n_heard--;
	if (h->result != UPLINK_OK)
		return h->result;
	wire_fill(buffer.iov_base, h->len < buffer.iov_len ? h->len : buffer.iov_len, h->n);
	*len = h->len;
	return h->len > buffer.iov_len ? UPLINK_TOO_LONG : UPLINK_OK;
}

static enum uplink_result fake_write(struct uplink *u, struct iovec frame)
{
	(void)u;
	host.writes++;
	host.wrote = frame.iov_len;
	return host.write;
}

static void fake_close(struct uplink *u)
{
	host.open--;
	__real_free(u);
}

static bool fake_buffered(const struct uplink *u)
{
	(void)u;
	return host.n_heard > 0;
}

static const struct uplink_ops fake_ops = {
	.read = fake_read, .write = fake_write, .reattach = fake_reattach, .close = fake_close,
};

static const struct uplink_ops ahead_ops = {
	.read = fake_read, .write = fake_write, .buffered = fake_buffered, .close = fake_close,
};

int __wrap_uplink_open(struct uplink **u, const struct uplink_request *rq, struct husk_error *e)
{
	if (!host.fake)
		return __real_uplink_open(u, rq, e);
	if (host.open == -1)
		return husk_fail(e, HUSK_E_USAGE, "no %s", rq->where);
	host.open++;
	*u = __real_malloc(sizeof **u);
	**u = (struct uplink){.ops = host.reads_ahead ? &ahead_ops : &fake_ops, .fd = 1000,
			      .mtu = host.mtu, .mtu_max = host.mtu_max};
	return 0;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *ts)
{
	assert_int_equal(clock, CLOCK_MONOTONIC);
	ts->tv_sec = (time_t)(host.clock / NS_PER_S);
	ts->tv_nsec = (long)(host.clock % NS_PER_S);
	return 0;
}

void *__wrap_malloc(size_t size)
{
	if (++host.mallocs == host.malloc_fails)
		return NULL;
	host.blocks++;
	return __real_malloc(size);
}

void __wrap_free(void *p)
{
	host.blocks -= p != NULL;
	__real_free(p);
}

/* ---- a device ---- */

struct fixture {
	struct netdev dev;
	struct husk_error e;
	struct wire wire;
	uint8_t frame[UINT16_MAX + 100];
};

static int set_up(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof f);
	memset(&host, 0, sizeof host);
	f.wire.device = f.wire.host = -1;
	host.clock = 77 * NS_PER_S;
	host.mtu = MTU;
	signal(SIGPIPE, SIG_IGN);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	netdev_close(&f->dev);
	wire_free(&f->wire);
	return 0;
}

static int open_device(struct fixture *f, const char *where, unsigned mtu)
{
	const struct uplink_request rq = {.where = where};

	return netdev_open(&f->dev, "service0", &rq, mtu, &f->e);
}

static int set_up_fake(void **state)
{
	struct fixture *f;

	set_up(state);
	f = *state;
	host.fake = true;
	return open_device(f, "tap0", 0);
}

static int set_up_wire(void **state)
{
	struct fixture *f;

	set_up(state);
	f = *state;
	wire_make(&f->wire);
	return open_device(f, f->wire.where, 0);
}

static void send_frame(struct fixture *f, size_t len)
{
	netdev_send(&f->dev, (struct iovec){f->frame, len});
}

static void hear(const struct heard *heard, size_t n)
{
	host.heard = heard;
	host.n_heard = n;
}

#define HEAR(...) do { \
	static const struct heard heard_[] = {__VA_ARGS__}; \
	hear(heard_, sizeof heard_ / sizeof heard_[0]); \
} while (0)

/* Receives into a buffer of exactly room bytes, and expects frame n of len bytes. */
static void assert_receives(struct fixture *f, size_t room, size_t len, uint32_t n)
{
	uint8_t *buffer = __real_malloc(room > 0 ? room : 1);
	size_t got = SIZE_MAX;

	assert_int_equal(netdev_receive(&f->dev, (struct iovec){buffer, room}, &got), HVT_OK);
	assert_int_equal(got, len);
	assert_true(wire_matches(buffer, len, n));
	__real_free(buffer);
}

static void assert_receives_nothing(struct fixture *f, size_t room)
{
	size_t got = 0;

	assert_int_equal(netdev_receive(&f->dev, (struct iovec){f->frame, room}, &got), HVT_AGAIN);
}

/* How many frames were dropped, all for this reason. */
static void assert_drops(const struct fixture *f, enum netdev_drop reason, uint64_t n)
{
	for (enum netdev_drop k = 0; k < NETDEV_DROPS; k++)
		if (f->dev.counters.drops[k] != (k == reason ? n : 0))
			fail_msg("%s: %llu", netdev_drop_name(k),
				 (unsigned long long)f->dev.counters.drops[k]);
}

#define assert_count(a, b) assert_true((a) == (b))
#define assert_no_drops(f) assert_drops((f), NETDEV_DROPS, 0)

/* ---- opening and closing ---- */

static void it_opens_a_tap_and_closes_it(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(f->dev.name, "service0");
	assert_int_equal(host.open, 1);
	assert_int_equal(host.blocks, 2);
	assert_int_equal(netdev_fd(&f->dev), 1000);
	netdev_close(&f->dev);
	netdev_close(&f->dev);
	assert_int_equal(host.open, 0);
	assert_int_equal(host.blocks, 0);
	assert_null(f->dev.uplink);
}

static void a_tap_that_cannot_be_opened_is_told(void **state)
{
	struct fixture *f = *state;

	host.fake = true;
	host.open = -1;
	assert_int_equal(open_device(f, "tap0", 0), -1);
	assert_int_equal(f->e.kind, HUSK_E_USAGE);
	assert_string_equal(f->e.message, "no tap0");
	assert_int_equal(host.blocks, 0);
	assert_null(f->dev.uplink);
	host.open = 0;
}

static void it_needs_memory_to_read_ahead(void **state)
{
	struct fixture *f = *state;

	host.fake = true;
	for (unsigned n = 1; n <= 2; n++) {
		host.mallocs = 0;
		host.malloc_fails = n;
		assert_int_equal(open_device(f, "tap0", 0), -1);
		assert_int_equal(f->e.kind, HUSK_E_HOST);
		assert_int_equal(f->e.sys, ENOMEM);
		assert_non_null(strstr(f->e.message, "buffers for frames: Cannot allocate"));
		assert_int_equal(host.open, 0);
		assert_int_equal(host.blocks, 0);
		assert_null(f->dev.uplink);
		netdev_close(&f->dev);
	}
}

static void each_reason_has_a_name_of_its_own(void **state)
{
	static const char *const names[] = {
		"tx_short", "tx_long", "tx_full", "tx_down", "tx_error", "rx_long", "rx_error",
	};

	(void)state;
	assert_int_equal(sizeof names / sizeof names[0], NETDEV_DROPS);
	for (enum netdev_drop k = 0; k < NETDEV_DROPS; k++)
		assert_string_equal(netdev_drop_name(k), names[k]);
}

/* ---- sending ---- */

static void what_is_shorter_than_a_header_is_dropped(void **state)
{
	struct fixture *f = *state;

	send_frame(f, 0);
	send_frame(f, 1);
	send_frame(f, UPLINK_HEADER - 1);
	assert_drops(f, NETDEV_TX_SHORT, 3);
	assert_int_equal(host.writes, 0);
	assert_count(f->dev.counters.calls, 0);
	send_frame(f, UPLINK_HEADER);
	assert_int_equal(host.wrote, UPLINK_HEADER);
	assert_drops(f, NETDEV_TX_SHORT, 3);
}

static void what_is_longer_than_the_mtu_is_dropped(void **state)
{
	struct fixture *f = *state;

	send_frame(f, ROOM + 1);
	netdev_send(&f->dev, (struct iovec){f->frame, UINT32_MAX});
	netdev_send(&f->dev, (struct iovec){f->frame, SIZE_MAX});
	assert_drops(f, NETDEV_TX_LONG, 3);
	assert_int_equal(host.writes, 0);
	send_frame(f, ROOM);
	assert_int_equal(host.wrote, ROOM);
	assert_drops(f, NETDEV_TX_LONG, 3);
}

static void what_is_sent_is_counted(void **state)
{
	struct fixture *f = *state;

	send_frame(f, 60);
	send_frame(f, 1000);
	assert_count(f->dev.counters.tx_frames, 2);
	assert_count(f->dev.counters.tx_bytes, 1060);
	assert_count(f->dev.counters.calls, 2);
	assert_no_drops(f);
}

static void what_the_tap_refuses_is_dropped_and_counted(void **state)
{
	static const struct { enum uplink_result result; enum netdev_drop reason; } refusals[] = {
		{UPLINK_AGAIN, NETDEV_TX_FULL}, {UPLINK_DOWN, NETDEV_TX_DOWN},
		{UPLINK_ERROR, NETDEV_TX_ERROR}, {UPLINK_TOO_LONG, NETDEV_TX_ERROR},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
		memset(&f->dev.counters, 0, sizeof f->dev.counters);
		host.write = refusals[i].result;
		send_frame(f, 100);
		send_frame(f, 100);
		assert_drops(f, refusals[i].reason, 2);
		assert_count(f->dev.counters.calls, 2);
		assert_count(f->dev.counters.tx_frames, 0);
		assert_count(f->dev.counters.tx_bytes, 0);
		host.write = UPLINK_OK;
		send_frame(f, 100);
		assert_count(f->dev.counters.tx_frames, 1);
	}
	assert_int_equal(host.reattaches, 0);
}

/* As far as frames show it; that one is refused says nothing of the link. */
static void the_link_is_what_the_last_frame_has_shown(void **state)
{
	struct fixture *f = *state;

	assert_count(f->dev.counters.link_up, 1);
	host.write = UPLINK_DOWN;
	send_frame(f, 100);
	assert_count(f->dev.counters.link_up, 0);
	host.write = UPLINK_ERROR;
	send_frame(f, 100);
	assert_count(f->dev.counters.link_up, 0);
	host.write = UPLINK_OK;
	send_frame(f, 100);
	assert_count(f->dev.counters.link_up, 1);
	HEAR({UPLINK_DOWN, 0, 0}, {UPLINK_OK, 60, 7});
	assert_receives_nothing(f, ROOM);
	assert_count(f->dev.counters.link_up, 0);
	assert_receives(f, ROOM, 60, 7);
	assert_count(f->dev.counters.link_up, 1);
}

/* ---- an interface that comes and goes ---- */

static void an_interface_that_vanishes_while_sending_is_looked_for(void **state)
{
	struct fixture *f = *state;

	host.write = UPLINK_GONE;
	host.reattach = -1;
	send_frame(f, 100);
	assert_drops(f, NETDEV_TX_DOWN, 1);
	assert_int_equal(netdev_fd(&f->dev), -1);
	host.clock += NETDEV_RETRY_NS - 1;
	send_frame(f, 100);
	assert_int_equal(host.reattaches, 0);
	assert_count(f->dev.counters.calls, 1);
	host.clock++;
	send_frame(f, 100);
	send_frame(f, 100);
	assert_int_equal(host.reattaches, 1);
	assert_count(f->dev.counters.calls, 2);
	assert_int_equal(host.writes, 1);
	assert_drops(f, NETDEV_TX_DOWN, 4);
	assert_count(f->dev.counters.reattached, 0);
	assert_count(f->dev.counters.link_up, 0);
}

static void an_interface_that_is_back_is_used_at_once(void **state)
{
	struct fixture *f = *state;

	host.write = UPLINK_GONE;
	host.reattach = -1;
	send_frame(f, 100);
	for (int i = 0; i < 3; i++) {
		host.clock += NETDEV_RETRY_NS;
		send_frame(f, 100);
	}
	host.clock += NETDEV_RETRY_NS;
	host.write = UPLINK_OK;
	host.reattach = 0;
	send_frame(f, 100);
	assert_count(f->dev.counters.tx_frames, 1);
	assert_count(f->dev.counters.reattached, 1);
	assert_count(f->dev.counters.link_up, 1);
	assert_int_equal(host.reattaches, 4);
	assert_int_equal(netdev_fd(&f->dev), 1000);
	send_frame(f, 100);
	assert_int_equal(host.reattaches, 4);
	assert_drops(f, NETDEV_TX_DOWN, 4);
}

static void an_interface_that_vanishes_again_is_looked_for_again(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 1; i <= 3; i++) {
		host.write = UPLINK_GONE;
		send_frame(f, 100);
		host.write = UPLINK_OK;
		send_frame(f, 100);
		assert_count(f->dev.counters.reattached, i - 1);
		host.clock += NETDEV_RETRY_NS;
		send_frame(f, 100);
		assert_count(f->dev.counters.reattached, i);
		assert_count(f->dev.counters.tx_frames, i);
	}
	assert_drops(f, NETDEV_TX_DOWN, 6);
}

static void an_interface_that_vanishes_while_reading_is_looked_for(void **state)
{
	struct fixture *f = *state;

	HEAR({UPLINK_GONE, 0, 0}, {UPLINK_OK, 60, 5});
	assert_receives_nothing(f, ROOM);
	assert_int_equal(netdev_fd(&f->dev), -1);
	assert_receives_nothing(f, ROOM);
	assert_int_equal(host.reads, 1);
	host.clock += NETDEV_RETRY_NS;
	assert_receives(f, ROOM, 60, 5);
	assert_count(f->dev.counters.reattached, 1);
	assert_no_drops(f);
}

static void reading_ahead_looks_for_it_too(void **state)
{
	struct fixture *f = *state;

	HEAR({UPLINK_OK, 60, 1}, {UPLINK_GONE, 0, 0}, {UPLINK_OK, 60, 2});
	assert_int_equal(netdev_read_ahead(&f->dev, 8), 1);
	assert_int_equal(netdev_fd(&f->dev), -1);
	assert_int_equal(netdev_read_ahead(&f->dev, 8), 1);
	assert_int_equal(host.reads, 2);
	host.reattach = -1;
	host.clock += NETDEV_RETRY_NS;
	assert_int_equal(netdev_read_ahead(&f->dev, 8), 1);
	assert_int_equal(host.reattaches, 1);
	host.reattach = 0;
	host.clock += NETDEV_RETRY_NS;
	assert_int_equal(netdev_read_ahead(&f->dev, 8), 2);
	assert_receives(f, ROOM, 60, 1);
	assert_receives(f, ROOM, 60, 2);
}

static void what_was_read_ahead_outlives_the_interface(void **state)
{
	struct fixture *f = *state;

	HEAR({UPLINK_OK, 60, 1}, {UPLINK_OK, 61, 2}, {UPLINK_GONE, 0, 0});
	assert_int_equal(netdev_read_ahead(&f->dev, 8), 2);
	assert_int_equal(netdev_fd(&f->dev), -1);
	assert_receives(f, ROOM, 60, 1);
	assert_receives(f, ROOM, 61, 2);
	assert_receives_nothing(f, ROOM);
}

/* ---- receiving ---- */

static void a_frame_is_received_and_counted(void **state)
{
	struct fixture *f = *state;

	HEAR({UPLINK_OK, 60, 1}, {UPLINK_OK, ROOM, 2});
	assert_receives(f, ROOM, 60, 1);
	assert_receives(f, ROOM, ROOM, 2);
	assert_receives_nothing(f, ROOM);
	assert_count(f->dev.counters.rx_frames, 2);
	assert_count(f->dev.counters.rx_bytes, 60 + ROOM);
	assert_count(f->dev.counters.calls, 3);
	assert_no_drops(f);
}

/* The guest was promised an MTU; whether it polls first makes no difference. */
static void no_buffer_is_too_large_for_the_mtu_to_count(void **state)
{
	static const struct heard frames[] = {
		{UPLINK_OK, ROOM + 1, 1}, {UPLINK_OK, ROOM, 2}, {UPLINK_OK, ROOM + 4, 3}, {UPLINK_OK, 60, 4},
	};
	struct fixture *f = *state;

	for (uint64_t round = 1; round <= 2; round++) {
		hear(frames, 4);
		assert_receives(f, ROOM + 1, ROOM, 2);
		assert_receives(f, UINT16_MAX, 60, 4);
		assert_receives_nothing(f, UINT16_MAX);
		assert_drops(f, NETDEV_RX_LONG, 4 * round - 2);
		hear(frames, 4);
		assert_int_equal(netdev_read_ahead(&f->dev, 4), 2);
		assert_receives(f, ROOM + 1, ROOM, 2);
		assert_receives(f, UINT16_MAX, 60, 4);
		assert_drops(f, NETDEV_RX_LONG, 4 * round);
	}
	assert_count(f->dev.counters.rx_bytes, 4 * (ROOM + 60));
}

static void a_frame_that_does_not_fit_the_buffer_is_dropped(void **state)
{
	struct fixture *f = *state;

	HEAR({UPLINK_OK, 101, 1}, {UPLINK_OK, 100, 2}, {UPLINK_OK, 1, 3});
	assert_receives(f, 100, 100, 2);
	assert_receives_nothing(f, 0);
	assert_drops(f, NETDEV_RX_LONG, 2);
	assert_count(f->dev.counters.rx_frames, 1);
	assert_count(f->dev.counters.rx_bytes, 100);
}

static void a_frame_that_the_tap_got_wrong_is_dropped(void **state)
{
	struct fixture *f = *state;

	HEAR({UPLINK_ERROR, 0, 0}, {UPLINK_DOWN, 0, 0}, {UPLINK_OK, 60, 7});
	assert_receives_nothing(f, ROOM);
	assert_receives_nothing(f, ROOM);
	assert_receives(f, ROOM, 60, 7);
	assert_drops(f, NETDEV_RX_ERROR, 1);
	assert_int_equal(host.reads, 3);
}

/* A wait for something that is readable for ever, and fails for ever, must not be a busy loop. */
static void what_fails_again_and_again_is_left_alone_for_a_while(void **state)
{
	static const struct heard good[] = {{UPLINK_OK, 60, 1}};
	struct heard bad[FAILURES];
	struct fixture *f = *state;

	for (unsigned i = 0; i < FAILURES; i++)
		bad[i] = (struct heard){i % 2 == 0 ? UPLINK_ERROR : UPLINK_DOWN, 0, 0};
	for (uint64_t round = 0; round < 2; round++) {
		host.reads = 0;
		hear(bad, FAILURES);
		for (unsigned i = 0; i < FAILURES; i++) {
			assert_int_equal(netdev_fd(&f->dev), 1000);
			assert_int_equal(netdev_read_ahead(&f->dev, 1), 0);
		}
		for (unsigned tries = 1; tries <= 4; tries++) {
			hear(bad, 1);
			assert_int_equal(netdev_fd(&f->dev), -1);
			assert_int_equal(netdev_read_ahead(&f->dev, 1), 0);
			assert_receives_nothing(f, ROOM);
			assert_int_equal(host.reads, FAILURES + tries - 1);
			host.clock += NETDEV_RETRY_NS;
			assert_receives_nothing(f, ROOM);
			assert_int_equal(host.reads, FAILURES + tries);
		}
		send_frame(f, 60);
		assert_count(f->dev.counters.tx_frames, round + 1);
		host.clock += NETDEV_RETRY_NS;
		hear(good, 1);
		assert_int_equal(netdev_read_ahead(&f->dev, 1), 1);
		assert_int_equal(netdev_fd(&f->dev), 1000);
		assert_receives(f, ROOM, 60, 1);
	}
	assert_int_equal(host.reattaches, 0);
}

static void an_error_now_and_then_holds_up_nothing(void **state)
{
	static const struct heard frames[] = {{UPLINK_ERROR, 0, 0}, {UPLINK_OK, 60, 1}};
	struct fixture *f = *state;

	for (unsigned i = 1; i <= 3 * FAILURES; i++) {
		hear(frames, i % 2 == 0 ? 2 : 1);
		assert_receives_nothing(f, ROOM);
		if (i % 2 == 0)
			assert_receives(f, ROOM, 60, 1);
		else
			assert_receives_nothing(f, ROOM);
		assert_int_equal(netdev_fd(&f->dev), 1000);
	}
	assert_drops(f, NETDEV_RX_ERROR, 3 * FAILURES);
}

static void an_interface_that_is_back_is_listened_to_at_once(void **state)
{
	struct heard bad[FAILURES + 1];
	struct fixture *f = *state;

	for (unsigned i = 0; i < FAILURES; i++)
		bad[i] = (struct heard){UPLINK_ERROR, 0, 0};
	bad[FAILURES] = (struct heard){UPLINK_OK, 60, 1};
	hear(bad, FAILURES + 1);
	for (unsigned i = 0; i < FAILURES; i++)
		assert_receives_nothing(f, ROOM);
	host.write = UPLINK_GONE;
	send_frame(f, 60);
	host.write = UPLINK_OK;
	host.clock += NETDEV_RETRY_NS - 1;
	assert_receives_nothing(f, ROOM);
	host.clock++;
	send_frame(f, 60);
	assert_count(f->dev.counters.reattached, 1);
	assert_int_equal(netdev_fd(&f->dev), 1000);
	assert_receives(f, ROOM, 60, 1);
}

/* Numbered from 1; all too long but the last. */
static struct heard *make_flood(size_t n)
{
	struct heard *flood = __real_malloc(n * sizeof *flood);

	for (size_t i = 0; i < n; i++)
		flood[i] = (struct heard){UPLINK_OK, i < n - 1 ? ROOM + 1 : 60, (uint32_t)i + 1};
	hear(flood, n);
	return flood;
}

static void a_flood_of_frames_that_do_not_fit_is_skipped(void **state)
{
	struct fixture *f = *state;
	struct heard *flood = make_flood(FLOOD);

	assert_receives(f, ROOM, 60, FLOOD);
	assert_drops(f, NETDEV_RX_LONG, FLOOD - 1);
	assert_int_equal(host.reads, FLOOD);
	__real_free(flood);
}

static void no_flood_holds_up_the_guest(void **state)
{
	struct fixture *f = *state;
	struct heard *flood = make_flood(3 * FLOOD + 1);

	assert_receives_nothing(f, ROOM);
	assert_int_equal(host.reads, FLOOD);
	assert_receives_nothing(f, ROOM);
	assert_int_equal(host.reads, 2 * FLOOD);
	assert_int_equal(netdev_read_ahead(&f->dev, 8), 0);
	assert_int_equal(host.reads, 3 * FLOOD);
	assert_int_equal(netdev_read_ahead(&f->dev, 8), 1);
	assert_receives(f, ROOM, 60, 3 * FLOOD + 1);
	assert_drops(f, NETDEV_RX_LONG, 3 * FLOOD);
	assert_count(f->dev.counters.calls, 3 * FLOOD + 2);
	__real_free(flood);
}

/* ---- reading ahead ---- */

static void frames_read_ahead_come_first_and_in_order(void **state)
{
	struct fixture *f = *state;

	HEAR({UPLINK_OK, 60, 1}, {UPLINK_OK, 61, 2}, {UPLINK_OK, ROOM, 3}, {UPLINK_OK, 63, 4});
	assert_int_equal(netdev_read_ahead(&f->dev, 1), 1);
	assert_int_equal(netdev_read_ahead(&f->dev, 1), 1);
	assert_int_equal(host.reads, 1);
	assert_int_equal(netdev_read_ahead(&f->dev, 3), 3);
	assert_int_equal(netdev_read_ahead(&f->dev, 2), 3);
	assert_count(f->dev.counters.rx_frames, 0);
	for (uint32_t n = 1; n <= 2; n++)
		assert_receives(f, ROOM, 59 + n, n);
	assert_receives(f, ROOM, ROOM, 3);
	assert_int_equal(host.reads, 3);
	assert_receives(f, ROOM, 63, 4);
	assert_receives_nothing(f, ROOM);
	assert_count(f->dev.counters.rx_frames, 4);
	assert_count(f->dev.counters.rx_bytes, 60 + 61 + ROOM + 63);
	assert_no_drops(f);
}

static void reading_ahead_reads_none_if_none_are_asked_for(void **state)
{
	struct fixture *f = *state;

	HEAR({UPLINK_OK, 60, 1});
	assert_int_equal(netdev_read_ahead(&f->dev, 0), 0);
	assert_int_equal(host.reads, 0);
}

static void reading_ahead_has_an_end(void **state)
{
	struct heard many[2 * NETDEV_AHEAD];
	struct fixture *f = *state;

	for (uint32_t i = 0; i < 2 * NETDEV_AHEAD; i++)
		many[i] = (struct heard){UPLINK_OK, 20 + i, i};
	hear(many, 2 * NETDEV_AHEAD);
	assert_int_equal(netdev_read_ahead(&f->dev, SIZE_MAX), NETDEV_AHEAD);
	assert_int_equal(host.reads, NETDEV_AHEAD);
	for (uint32_t i = 0; i < 2 * NETDEV_AHEAD; i++)
		assert_receives(f, ROOM, 20 + i, i);
	assert_receives_nothing(f, ROOM);
}

static void a_frame_read_ahead_that_does_not_fit_the_buffer_is_dropped(void **state)
{
	struct fixture *f = *state;

	HEAR({UPLINK_OK, 101, 1}, {UPLINK_OK, 102, 2}, {UPLINK_OK, 100, 3}, {UPLINK_OK, 101, 4}, {UPLINK_OK, 9, 5});
	assert_int_equal(netdev_read_ahead(&f->dev, 4), 4);
	assert_receives(f, 100, 100, 3);
	assert_drops(f, NETDEV_RX_LONG, 2);
	assert_receives(f, 100, 9, 5);
	assert_drops(f, NETDEV_RX_LONG, 3);
	assert_receives_nothing(f, 100);
}

static void what_exceeds_the_mtu_is_not_read_ahead(void **state)
{
	struct fixture *f = *state;

	HEAR({UPLINK_OK, ROOM + 1, 1}, {UPLINK_OK, ROOM, 2});
	assert_int_equal(netdev_read_ahead(&f->dev, 4), 1);
	assert_receives(f, ROOM + 100, ROOM, 2);
	assert_drops(f, NETDEV_RX_LONG, 1);
}

static void the_largest_frames_that_there_are_can_be_read_ahead(void **state)
{
	const size_t most = NETDEV_MTU_MAX + UPLINK_HEADER;
	struct fixture *f = *state;

	host.fake = true;
	host.mtu = NETDEV_MTU_MAX;
	assert_int_equal(open_device(f, "tap0", 0), 0);
	HEAR({UPLINK_OK, NETDEV_MTU_MAX + UPLINK_HEADER, 1},
	     {UPLINK_OK, NETDEV_MTU_MAX + UPLINK_HEADER, 2});
	assert_int_equal(netdev_read_ahead(&f->dev, 4), 2);
	assert_receives(f, most, most, 1);
	assert_receives(f, most, most, 2);
	send_frame(f, most);
	assert_count(f->dev.counters.tx_frames, 1);
}

/* ---- the MTU ---- */

static void the_mtu_is_what_was_asked_for_or_what_the_uplink_has(void **state)
{
	static const struct { unsigned asked, own, max, result; } cases[] = {
		{0, 0, 0, 1500}, {0, 9000, 9000, 9000}, {1400, 9000, 9000, 1400},
		{9000, 9000, 9000, 9000}, {9001, 9000, 9000, 0}, {65520, 0, 0, 65520},
		{0, 65521, 65521, 65521}, {0, 65522, 65522, 65521}, {0, 65536, 65536, 65521},
		{0, UINT_MAX, UINT_MAX, 65521}, {0, 0, 4074, 1500}, {4074, 0, 4074, 4074}, {4075, 0, 4074, 0}, {0, 0, 1000, 0},
	};
	struct fixture *f = *state;

	host.fake = true;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int rc;

		host.mtu = cases[i].own;
		host.mtu_max = cases[i].max;
		rc = open_device(f, "tap0", cases[i].asked);
		assert_int_equal(rc, cases[i].result != 0 ? 0 : -1);
		assert_int_equal(f->dev.mtu, cases[i].result);
		netdev_close(&f->dev);
		assert_int_equal(host.open, 0);
	}
	host.mtu = host.mtu_max = 1500;
	assert_int_equal(open_device(f, "tap0", 9000), -1);
	assert_int_equal(f->e.kind, HUSK_E_USAGE);
	assert_string_equal(f->e.message, "the MTU 9000 is more than the 1500 of "
			    "tap0: make that larger first, or say --net-mtu:service0=1500");
}

/* ---- tagged frames ---- */

/* EtherTypes from the thirteenth byte on, and how much longer than others a frame may be. */
static const struct tagged { char types[11]; size_t more; } tagged[] = {
	{"\x08\x00", 0}, {"\x81\x00\x00\x64\x08\x00", 4}, {"\x88\xa8\x00\x64\x08\x00", 4},
	{"\x88\xa8\x00\x64\x81\x00\x00\x65\x08\x00", 8},
	{"\x81\x00\x00\x64\x81\x00\x00\x65\x08\x00", 8},
	{"\x88\xa8\x00\x64\x88\xa8\x00\x65\x81\x00", 8},	/* a third counts as payload */
	{"\x81\x01\x00\x64\x08\x00", 0}, {"\x88\xa9\x00\x64\x08\x00", 0},
	{"\x91\x00\x00\x64\x08\x00", 0}, {"\x00\x81\x00\x64\x08\x00", 0},
	{"\x08\x00\x81\x00\x81\x00", 0},
};
#define TAGGED (sizeof tagged / sizeof tagged[0])

static void make_tagged(uint8_t *frame, const struct tagged *t)
{
	memset(frame, 0, ROOM + UPLINK_TAGS + 1);
	memcpy(frame + 12, t->types, 10);
}

static void a_tag_makes_a_frame_longer_than_the_mtu(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < TAGGED; i++) {
		uint8_t *frame = f->frame;

		memset(&f->dev.counters, 0, sizeof f->dev.counters);
		make_tagged(frame, &tagged[i]);
		host.writes = 0;
		send_frame(f, ROOM + tagged[i].more);
		assert_int_equal(host.writes, 1);
		send_frame(f, ROOM + tagged[i].more + 1);
		assert_int_equal(host.writes, 1);
		assert_drops(f, NETDEV_TX_LONG, 1);
	}
}

static void tagged_frames_are_received_by_the_same_measure(void **state)
{
	static uint8_t sent[ROOM + UPLINK_TAGS + 1], got[ROOM + UPLINK_TAGS + 1];
	struct fixture *f = *state;

	for (size_t i = 0; i < TAGGED; i++)
		for (int ahead = 0; ahead <= 1; ahead++) {
			size_t len = 0, most = ROOM + tagged[i].more;

			memset(&f->dev.counters, 0, sizeof f->dev.counters);
			make_tagged(sent, &tagged[i]);
			assert_true(wire_send(&f->wire, sent, most + 1));
			assert_true(wire_send(&f->wire, sent, most));
			if (ahead == 1)
				assert_int_equal(netdev_read_ahead(&f->dev, 2), 1);
			assert_int_equal(netdev_receive(&f->dev, (struct iovec){got, sizeof got}, &len),
					 HVT_OK);
			assert_int_equal(len, most);
			assert_memory_equal(got, sent, most);
			assert_drops(f, NETDEV_RX_LONG, 1);
		}
}

/* ---- what is ready ---- */

static void frames_in_an_uplinks_memory_make_a_device_ready(void **state)
{
	struct fixture *f = *state;

	assert_false(netdev_ready(&f->dev, false));
	assert_int_equal(host.reads, 0);
	HEAR({UPLINK_OK, 60, 1}, {UPLINK_OK, 61, 2}, {UPLINK_OK, 62, 3});
	assert_false(netdev_ready(&f->dev, false));	/* nobody has said that it polls readable */
	assert_true(netdev_ready(&f->dev, true));
	assert_true(netdev_ready(&f->dev, false));
	assert_true(netdev_ready(&f->dev, true));
	assert_int_equal(host.reads, 1);
	netdev_close(&f->dev);
	host.reads_ahead = true;
	assert_int_equal(open_device(f, "unix:x", 0), 0);
	assert_true(netdev_ready(&f->dev, false));
	assert_receives(f, ROOM, 61, 2);
	assert_true(netdev_ready(&f->dev, false));
	assert_receives(f, ROOM, 62, 3);
	assert_false(netdev_ready(&f->dev, false));
	assert_false(netdev_ready(&f->dev, true));
}

static void behind_many_that_are_none_a_buffered_frame_is_found(void **state)
{
	static const struct heard good = {UPLINK_OK, 60, 7};
	struct heard heard[3 * FLOOD + 1];
	struct fixture *f = *state;

	host.fake = host.reads_ahead = true;
	assert_int_equal(open_device(f, "stream:@5", 0), 0);
	for (size_t i = 0; i < sizeof heard / sizeof heard[0]; i++)
		heard[i] = (struct heard){i % 2 == 0 ? UPLINK_NO_FRAME : UPLINK_TOO_LONG, 0, 0};
	heard[3 * FLOOD] = good;
	hear(heard, 3 * FLOOD + 1);
	assert_true(netdev_ready(&f->dev, true));
	assert_receives(f, ROOM, 60, 7);
	hear(heard, 3 * FLOOD);
	assert_false(netdev_ready(&f->dev, false));
	assert_int_equal(host.n_heard, 0);
}

static void what_is_gone_for_good_is_not_asked_again(void **state)
{
	struct fixture *f = *state;

	host.fake = host.reads_ahead = true;
	assert_int_equal(open_device(f, "stream:@5", 0), 0);
	HEAR({UPLINK_GONE, 0, 0});
	for (int i = 0; i < 3; i++) {
		assert_false(netdev_ready(&f->dev, true));
		assert_int_equal(netdev_fd(&f->dev), -1);
		send_frame(f, 60);
		host.clock += NETDEV_RETRY_NS;
	}
	assert_int_equal(host.reads, 1);
	assert_int_equal(host.writes + host.reattaches, 0);
	assert_drops(f, NETDEV_TX_DOWN, 3);
}

/* ---- against a plain model of what it does ---- */

static uint32_t random_number(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

struct model {
	struct heard queue[8];	/* in the tap */
	size_t queued;
	struct heard ahead[NETDEV_AHEAD];
	size_t n;
	uint64_t too_long, received;
	uint32_t next;
};

/* The tap has its own copy: the model plays first. */
static void refill(struct model *m, struct heard tap[8], uint32_t *seed)
{
	while (m->queued < 8 && random_number(seed) % 3 != 0) {
		size_t len = random_number(seed) % 4 == 0 ? ROOM + random_number(seed) % 3 :
			     4 + random_number(seed) % 60;

		m->queue[m->queued++] = (struct heard){UPLINK_OK, len, m->next++};
	}
	memcpy(tap, m->queue, sizeof m->queue);
	hear(tap, m->queued);
}

static struct heard take(struct heard *list, size_t *n)
{
	struct heard first = list[0];

	memmove(list, list + 1, --*n * sizeof list[0]);
	return first;
}

static void model_read_ahead(struct model *m, size_t max)
{
	while (m->n < max && m->n < NETDEV_AHEAD && m->queued > 0) {
		struct heard h = take(m->queue, &m->queued);

		if (h.len <= ROOM)
			m->ahead[m->n++] = h;
		else
			m->too_long++;
	}
}

/* The frame that a buffer of room bytes gets; len 0: none. */
static struct heard model_receive(struct model *m, size_t room)
{
	while (m->n + m->queued > 0) {
		struct heard h = m->n > 0 ? take(m->ahead, &m->n) : take(m->queue, &m->queued);

		if (h.len <= room && h.len <= ROOM) {
			m->received++;
			return h;
		}
		m->too_long++;
	}
	return (struct heard){0};
}

static void compare_receive(struct fixture *f, struct model *m, uint32_t *seed)
{
	uint32_t way = random_number(seed) % 4;
	size_t room = way < 2 ? ROOM : way == 2 ? ROOM + 10 : random_number(seed) % 70;
	struct heard h = model_receive(m, room);

	if (h.len != 0)
		assert_receives(f, room, h.len, h.n);
	else
		assert_receives_nothing(f, room);
}

static void compare_read_ahead(struct fixture *f, struct model *m, uint32_t *seed)
{
	size_t max = random_number(seed) % 4 == 0 ? SIZE_MAX : random_number(seed) % 12;

	model_read_ahead(m, max);
	assert_int_equal(netdev_read_ahead(&f->dev, max), m->n);
}

static void it_does_what_a_queue_does(void **state)
{
	struct fixture *f = *state;
	struct model m = {.next = 1};
	struct heard tap[8];
	uint32_t seed = 0x12345678;

	for (int i = 0; i < 50000; i++) {
		refill(&m, tap, &seed);
		if (random_number(&seed) % 2 == 0)
			compare_read_ahead(f, &m, &seed);
		else
			compare_receive(f, &m, &seed);
		assert_int_equal(host.n_heard, m.queued);
	}
	assert_drops(f, NETDEV_RX_LONG, m.too_long);
	assert_count(f->dev.counters.rx_frames, m.received);
	assert_true(m.too_long > 1000 && m.received > 10000);
}

/* ---- over a pair of sockets ---- */

static void frames_go_both_ways(void **state)
{
	struct fixture *f = *state;
	uint8_t got[WIRE_FRAME_MAX];

	assert_int_equal(f->dev.mtu, MTU);
	for (uint32_t n = 0; n < 1000; n++) {
		wire_fill(f->frame, UPLINK_HEADER + n, n);
		send_frame(f, UPLINK_HEADER + n);
		assert_int_equal(wire_receive(&f->wire, got), UPLINK_HEADER + n);
		assert_true(wire_matches(got, UPLINK_HEADER + n, n));
		assert_true(wire_send(&f->wire, got, UPLINK_HEADER + n));
		assert_receives(f, ROOM, UPLINK_HEADER + n, n);
	}
	assert_no_drops(f);
	assert_count(f->dev.counters.calls, 2000);
}

static void a_frame_that_was_cut_is_not_delivered(void **state)
{
	struct fixture *f = *state;

	wire_fill(f->frame, ROOM + 1, 1);
	assert_true(wire_send(&f->wire, f->frame, ROOM + 1));
	assert_true(wire_send(&f->wire, f->frame, ROOM));
	assert_receives(f, ROOM, ROOM, 1);
	assert_drops(f, NETDEV_RX_LONG, 1);
	assert_true(wire_send(&f->wire, f->frame, 61));
	assert_true(wire_send(&f->wire, f->frame, 60));
	assert_receives(f, 60, 60, 1);
	assert_drops(f, NETDEV_RX_LONG, 2);
	assert_true(wire_send(&f->wire, f->frame, ROOM + 1));
	assert_true(wire_send(&f->wire, f->frame, 60));
	assert_receives(f, ROOM + 1, 60, 1);
	assert_drops(f, NETDEV_RX_LONG, 3);
}

static void a_host_that_does_not_read_costs_frames(void **state)
{
	struct fixture *f = *state;
	uint64_t sent;

	for (int i = 0; i < 10000; i++)
		send_frame(f, ROOM);
	sent = f->dev.counters.tx_frames;
	assert_true(sent >= 10 && sent < 10000);
	assert_drops(f, NETDEV_TX_FULL, 10000 - sent);
	for (uint64_t i = 0; i < sent; i++) {
		assert_receives_nothing(f, ROOM);	/* the rest of a frame goes out with any call */
		assert_int_equal(wire_receive(&f->wire, f->frame), ROOM);
	}
	send_frame(f, ROOM);
	assert_count(f->dev.counters.tx_frames, sent + 1);
}

static void a_peer_that_is_gone_costs_frames(void **state)
{
	struct fixture *f = *state;

	wire_close_host(&f->wire);
	send_frame(f, 60);
	send_frame(f, 60);
	assert_drops(f, NETDEV_TX_ERROR, 2);
}

/* A socket at its end is readable for ever, and has nothing. */
static void a_peer_that_is_gone_sends_no_frames(void **state)
{
	struct fixture *f = *state;

	assert_true(wire_send(&f->wire, f->frame, 60));
	wire_close_host(&f->wire);
	assert_int_equal(netdev_read_ahead(&f->dev, 1), 1);
	assert_int_equal(netdev_receive(&f->dev, (struct iovec){f->frame, ROOM}, &(size_t){0}), HVT_OK);
	for (int i = 0; i < 3; i++) {
		assert_receives_nothing(f, ROOM);
		assert_int_equal(netdev_read_ahead(&f->dev, 4), 0);
	}
	assert_int_equal(netdev_fd(&f->dev), -1);
	assert_count(f->dev.counters.rx_frames, 1);
}

/* It is readable for ever and not at its end: the guest may still send. */
static void a_peer_that_sends_no_more_is_not_asked_all_the_time(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(shutdown(f->wire.host, SHUT_WR), 0);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(netdev_read_ahead(&f->dev, 1), 0);
	assert_int_equal(netdev_fd(&f->dev), -1);
	assert_count(f->dev.counters.calls, FAILURES);
	send_frame(f, 60);
	assert_int_equal(wire_receive(&f->wire, f->frame), 60);
}

static void an_empty_datagram_is_no_frame(void **state)
{
	struct fixture *f = *state;

	wire_make_type(&f->wire, SOCK_DGRAM);
	assert_int_equal(open_device(f, f->wire.where, 0), 0);
	assert_true(wire_send(&f->wire, f->frame, 0));
	wire_fill(f->frame, 60, 3);
	assert_true(wire_send(&f->wire, f->frame, 60));
	assert_receives_nothing(f, ROOM);
	assert_drops(f, NETDEV_RX_ERROR, 1);
	assert_receives(f, ROOM, 60, 3);
	assert_int_not_equal(netdev_fd(&f->dev), -1);
}

/* They come from outside, over UDP from whoever knows the port, and are no failures to read. */
static void empty_datagrams_delay_no_frame(void **state)
{
	struct fixture *f = *state;

	wire_make_type(&f->wire, SOCK_DGRAM);
	assert_int_equal(open_device(f, f->wire.where, 0), 0);
	for (unsigned i = 0; i < 3 * FAILURES; i++) {
		assert_true(wire_send(&f->wire, f->frame, 0));
		assert_receives_nothing(f, ROOM);
	}
	assert_drops(f, NETDEV_RX_ERROR, 3 * FAILURES);
	assert_int_not_equal(netdev_fd(&f->dev), -1);
	wire_fill(f->frame, 60, 3);
	assert_true(wire_send(&f->wire, f->frame, 60));
	assert_receives(f, ROOM, 60, 3);
}

static void closing_leaves_the_inherited_descriptor_open(void **state)
{
	struct fixture *f = *state;
	int own = netdev_fd(&f->dev);

	assert_int_not_equal(own, f->wire.device);
	netdev_close(&f->dev);
	assert_int_equal(fcntl(own, F_GETFD), -1);
	assert_int_not_equal(fcntl(f->wire.device, F_GETFD), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define FAKE(name) cmocka_unit_test_setup_teardown(name, set_up_fake, tear_down)
#define WIRE(name) cmocka_unit_test_setup_teardown(name, set_up_wire, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FAKE(it_opens_a_tap_and_closes_it),
		TEST(a_tap_that_cannot_be_opened_is_told),
		TEST(it_needs_memory_to_read_ahead),
		TEST(each_reason_has_a_name_of_its_own),
		FAKE(what_is_shorter_than_a_header_is_dropped),
		FAKE(what_is_longer_than_the_mtu_is_dropped),
		FAKE(what_is_sent_is_counted),
		FAKE(what_the_tap_refuses_is_dropped_and_counted),
		FAKE(the_link_is_what_the_last_frame_has_shown),
		FAKE(an_interface_that_vanishes_while_sending_is_looked_for),
		FAKE(an_interface_that_is_back_is_used_at_once),
		FAKE(an_interface_that_vanishes_again_is_looked_for_again),
		FAKE(an_interface_that_vanishes_while_reading_is_looked_for),
		FAKE(reading_ahead_looks_for_it_too),
		FAKE(what_was_read_ahead_outlives_the_interface),
		FAKE(a_frame_is_received_and_counted),
		FAKE(no_buffer_is_too_large_for_the_mtu_to_count),
		FAKE(a_frame_that_does_not_fit_the_buffer_is_dropped),
		FAKE(a_frame_that_the_tap_got_wrong_is_dropped),
		FAKE(what_fails_again_and_again_is_left_alone_for_a_while),
		FAKE(an_error_now_and_then_holds_up_nothing),
		FAKE(an_interface_that_is_back_is_listened_to_at_once),
		FAKE(a_flood_of_frames_that_do_not_fit_is_skipped),
		FAKE(no_flood_holds_up_the_guest),
		FAKE(frames_read_ahead_come_first_and_in_order),
		FAKE(reading_ahead_reads_none_if_none_are_asked_for),
		FAKE(reading_ahead_has_an_end),
		FAKE(a_frame_read_ahead_that_does_not_fit_the_buffer_is_dropped),
		FAKE(what_exceeds_the_mtu_is_not_read_ahead),
		TEST(the_largest_frames_that_there_are_can_be_read_ahead),
		TEST(the_mtu_is_what_was_asked_for_or_what_the_uplink_has),
		FAKE(a_tag_makes_a_frame_longer_than_the_mtu),
		WIRE(tagged_frames_are_received_by_the_same_measure),
		FAKE(frames_in_an_uplinks_memory_make_a_device_ready),
		TEST(behind_many_that_are_none_a_buffered_frame_is_found),
		TEST(what_is_gone_for_good_is_not_asked_again),
		FAKE(it_does_what_a_queue_does),
		WIRE(frames_go_both_ways),
		WIRE(a_frame_that_was_cut_is_not_delivered),
		WIRE(a_host_that_does_not_read_costs_frames),
		WIRE(a_peer_that_is_gone_costs_frames),
		WIRE(a_peer_that_is_gone_sends_no_frames),
		WIRE(a_peer_that_sends_no_more_is_not_asked_all_the_time),
		TEST(an_empty_datagram_is_no_frame),
		TEST(empty_datagrams_delay_no_frame),
		WIRE(closing_leaves_the_inherited_descriptor_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
