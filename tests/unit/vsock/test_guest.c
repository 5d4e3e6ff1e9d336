/* SPDX-License-Identifier: ISC */
/* test_guest.c: the bindings' vsock against the monitor's device, and against a broken one. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../../monitor/vsock/device.h"
#include "../../../monitor/vsock/mux_parts.h"
#include "fake_host.h"
#include "guest.h"

#define CID 3u
#define PORT 52u
#define MEMORY 0x400000u		/* all of it in a guest of 4 MiB */
#define STATE 0x10000u			/* where the bindings have theirs */
#define FOREVER UINT64_MAX
#define SECOND 1000000000ull

#define OK SOLO5X_VSOCK_OK
#define AGAIN SOLO5X_VSOCK_AGAIN
#define READABLE SOLO5X_VSOCK_READABLE
#define WRITABLE SOLO5X_VSOCK_WRITABLE

struct fixture {
	uint8_t *base;
	struct memory m;
	struct vsock_fake fake;
	struct vsock_host host;
	struct vsock_device d;
	struct vsock_guest_monitor monitor;
	struct husk_error e;
	solo5_handle_t handle;
	bool at_once;			/* the monitor works when the doorbell rings, not before a poll */
	bool awake, called;
	unsigned rings, polls, calls;
	uint64_t net;			/* what poll says of other devices */
	bool (*host_acts)(void);	/* when the guest sleeps; false: nothing to do */
	bool is_broken;			/* the monitor does not serve the queues */
	struct husk_queue announced[VSOCK_QUEUES];
};

static struct fixture f;

/* ---- the monitor ---- */

static void call(void *ctx)
{
	(void)ctx;
	f.called = true;
	f.calls++;
}

static void tell_events(void)
{
	uint64_t key;
	unsigned events;

	while (vsock_fake_event(&f.fake, &key, &events)) {
		vsock_mux_event(f.d.mux, key, events, f.monitor.now);
		f.awake = true;
	}
}

/* Until the device sleeps, as it does between doorbells and events. */
static void run_device(void)
{
	enum io_turn end;

	if (f.is_broken)
		return;
	for (tell_events(); f.awake; tell_events()) {
		end = vsock_device_turn(&f.d, f.monitor.now, &f.e);
		if (end == IO_FAILED)
			fail_msg("%s", f.e.message);
		f.awake = end == IO_MORE;
		if (end == IO_IDLE)
			vsock_device_rest(&f.d, f.monitor.now, f.monitor.now);
	}
}

static void doorbell(uint32_t number)
{
	assert_int_equal(number / HUSK_QUEUES_MAX, VSOCK_GUEST_HANDLE);
	assert_true(number % HUSK_QUEUES_MAX < VSOCK_QUEUES);
	f.rings++;
	f.awake = true;
	if (f.at_once)
		run_device();
}

static int32_t announce(const struct husk_queue *q)
{
	const struct virtqueue_layout layout = {q->desc, q->avail, q->used, q->size};

	if (q->size == 0) {
		vsock_device_reset(&f.d);
		return HVT_OK;
	}
	assert_true(q->index < VSOCK_QUEUES);
	f.announced[q->index] = *q;
	if (virtqueue_init(&f.d.queues[q->index], "queue", &f.m, &layout, &f.e) == -1)
		fail_msg("%s", f.e.message);
	f.awake = true;
	return HVT_OK;
}

static bool take_call(void)
{
	const bool called = f.called;

	f.called = false;
	return called;
}

/* To the next deadline, at most so far. */
static void pass_time(uint64_t most)
{
	const uint64_t deadline = vsock_device_deadline(&f.d);
	const uint64_t now = f.monitor.now;

	if (deadline > now && deadline - now < most)
		most = deadline - now;
	if (most > 1000 * SECOND)
		fail_msg("the guest would sleep for ever");
	f.monitor.now += most;
	f.awake = true;
	run_device();
}

static uint64_t poll_devices(uint64_t timeout)
{
	const uint64_t until = timeout < FOREVER - f.monitor.now ? f.monitor.now + timeout : FOREVER;

	f.polls++;
	for (;;) {
		run_device();
		if (take_call())
			return f.net | 1u << VSOCK_GUEST_HANDLE;
		if (f.net != 0 || f.monitor.now >= until)
			return f.net;
		if (f.host_acts == NULL || !f.host_acts())
			pass_time(until - f.monitor.now);
	}
}

/* ---- beginning and end ---- */

static int set_up(void **state)
{
	(void)state;
	memset(&f, 0, sizeof f);
	f.base = aligned_alloc(0x1000, MEMORY);
	if (f.base == NULL)
		return -1;
	memset(f.base, 0xa5, MEMORY);
	memory_init(&f.m, f.base, MEMORY);
	vsock_fake_init(&f.fake, &f.host);
	f.d.call = call;
	f.monitor = (struct vsock_guest_monitor){
		.base = f.base, .now = SECOND, .announce = announce, .doorbell = doorbell,
		.poll = poll_devices,
	};
	f.at_once = true;
	return vsock_mux_create(&f.d.mux, CID, 100, &f.host, &f.e);
}

static int tear_down(void **state)
{
	(void)state;
	vsock_mux_destroy(f.d.mux);
	assert_int_equal(f.fake.open, 0);
	assert_int_equal(f.fake.misused, 0);
	free(f.base);
	return 0;
}

static solo5x_vsock_result_t acquire(uint32_t queue_size, size_t memory, uint32_t sockets,
				     uint32_t buffer)
{
	const struct solo5x_vsock_config config = {f.base + STATE, memory, sockets, buffer};
	struct solo5x_vsock_info info = {0};
	solo5x_vsock_result_t r;

	vsock_guest_start(&f.monitor, HUSK_FEATURE_VSOCK, queue_size, CID, false);
	r = solo5x_vsock_acquire("service", &config, &f.handle, &info);
	if (r != OK)
		return r;
	assert_int_equal(f.handle, VSOCK_GUEST_HANDLE);
	assert_int_equal(info.cid, CID);
	run_device();
	return r;
}

static void start(uint32_t sockets, uint32_t buffer)
{
	assert_int_equal(acquire(VIRTQ_SIZE_MAX, SOLO5X_VSOCK_MEMORY(sockets, buffer), sockets,
				 buffer), OK);
}

static unsigned connections(void)
{
	unsigned commands;

	return vsock_mux_connections(f.d.mux, &commands);
}

/* ---- programs of the host ---- */

static void serve_clients(void)
{
	assert_int_equal(vsock_mux_listen(f.d.mux, FAKE_LISTENER, PORT), 0);
}

static void clients_come(unsigned n)
{
	f.fake.waiting += n;
	vsock_mux_event(f.d.mux, f.fake.listener_key, VSOCK_READABLE, f.monitor.now);
	f.awake = true;
	run_device();
}

/* The first socket is the first client's; what is changed is told. */
static struct fake_socket *host_socket(unsigned i)
{
	assert_true(f.fake.sockets[i].open);
	return &f.fake.sockets[i];
}

static void host_sends(unsigned i, uint64_t n)
{
	host_socket(i)->readable += n;
	host_socket(i)->events |= VSOCK_READABLE;
	run_device();
}

static void host_ends(unsigned i, bool both)
{
	host_socket(i)->ends = true;
	host_socket(i)->hung_up = both;
	host_socket(i)->events |= VSOCK_READABLE | (both ? VSOCK_HUNG_UP : 0u);
	run_device();
}

static void host_takes(unsigned i, uint64_t n)
{
	host_socket(i)->room += n;
	host_socket(i)->events |= VSOCK_WRITABLE;
	run_device();
}

/* ---- the guest ---- */

static solo5x_socket_t accept_one(void)
{
	solo5x_socket_t s = 0;

	assert_int_equal(solo5x_vsock_accept_wait(f.handle, PORT, FOREVER, &s), OK);
	assert_true(s != 0);
	return s;
}

/* A connection from socket 0 of the host. */
static solo5x_socket_t connection(void)
{
	solo5x_socket_t s;

	serve_clients();
	assert_int_equal(solo5x_vsock_listen(f.handle, PORT, 4), OK);
	clients_come(1);
	s = accept_one();
	assert_int_equal(connections(), 1);
	return s;
}

static void expect_bytes(const uint8_t *bytes, size_t n, uint8_t stream, uint64_t at)
{
	for (size_t i = 0; i < n; i++)
		if (bytes[i] != vsock_fake_byte(stream, at + i))
			fail_msg("byte %zu", (size_t)at + i);
}

static void guest_reads(solo5x_socket_t s, uint8_t stream, uint64_t at, uint64_t count,
			size_t at_a_time)
{
	static uint8_t buf[100000];
	size_t n;

	while (count > 0) {
		const size_t size = count < at_a_time ? (size_t)count : at_a_time;

		assert_int_equal(solo5x_vsock_read_wait(s, buf, size, FOREVER, &n), OK);
		assert_true(n > 0 && n <= size);
		expect_bytes(buf, n, stream, at);
		at += n;
		count -= n;
	}
}

static void guest_writes(solo5x_socket_t s, uint8_t stream, uint64_t at, uint64_t count,
			 size_t at_a_time)
{
	static uint8_t buf[100000];
	size_t n;

	for (; count > 0; at += n, count -= n) {
		const size_t size = count < at_a_time ? (size_t)count : at_a_time;

		for (size_t i = 0; i < size; i++)
			buf[i] = vsock_fake_byte((uint8_t)~stream, at + i);
		assert_int_equal(solo5x_vsock_write_wait(s, buf, size, FOREVER, &n), OK);
		assert_int_equal(n, size);
	}
}

static void expect_read(solo5x_socket_t s, solo5x_vsock_result_t r, size_t expected)
{
	uint8_t buf[100];
	size_t n = 12345;

	assert_int_equal(solo5x_vsock_read(s, buf, sizeof buf, &n), r);
	if (r == OK)
		assert_int_equal(n, expected);
}

static solo5x_vsock_result_t write_some(solo5x_socket_t s, size_t size)
{
	static uint8_t buf[200000];
	size_t n;

	return solo5x_vsock_write(s, buf, size, &n);
}

/* Nobody has anything to do with a connection any more. */
static void expect_nothing_left(void)
{
	run_device();
	solo5_yield(f.monitor.now, NULL);
	run_device();
	assert_int_equal(vsock_guest_sockets(), 0);
	assert_int_equal(connections(), 0);
	assert_int_equal(f.fake.open, 0);
}

/* ---- without ---- */

static void expect_of_all_calls(solo5_handle_t handle, solo5x_socket_t socket,
				solo5x_vsock_result_t r)
{
	solo5x_socket_t s;
	unsigned events;
	size_t n;
	char c = 0;

	assert_int_equal(solo5x_vsock_release(handle), r);
	assert_int_equal(solo5x_vsock_listen(handle, PORT, 1), r);
	assert_int_equal(solo5x_vsock_unlisten(handle, PORT), r);
	assert_int_equal(solo5x_vsock_accept(handle, PORT, &s), r);
	assert_int_equal(solo5x_vsock_accept_wait(handle, PORT, FOREVER, &s), r);
	assert_int_equal(solo5x_vsock_connect(handle, PORT, &s), r);
	assert_int_equal(solo5x_vsock_connect_wait(handle, PORT, FOREVER, &s), r);
	assert_int_equal(solo5x_vsock_next(handle, &s, &events), r);
	assert_int_equal(solo5x_vsock_read(socket, &c, 1, &n), r);
	assert_int_equal(solo5x_vsock_read_wait(socket, &c, 1, FOREVER, &n), r);
	assert_int_equal(solo5x_vsock_write(socket, &c, 1, &n), r);
	assert_int_equal(solo5x_vsock_write_wait(socket, &c, 1, FOREVER, &n), r);
	assert_int_equal(solo5x_vsock_shutdown(socket, 3), r);
	assert_int_equal(solo5x_vsock_close(socket), r);
	assert_int_equal(solo5x_vsock_watch(socket, READABLE), r);
	assert_int_equal(solo5x_vsock_ready(socket), 0);
}

static void without_the_feature_every_call_says_so(void **state)
{
	const struct solo5x_vsock_config config = {
		f.base, SOLO5X_VSOCK_MEMORY(1, 4096), 1, 4096,
	};
	solo5_handle_set_t ready = 7;
	solo5_handle_t handle;

	(void)state;
	vsock_guest_start(&f.monitor, 0, 0, CID, false);
	assert_int_equal(solo5x_features(), 0);
	assert_int_equal(solo5x_vsock_acquire("service", &config, &handle, NULL),
			 SOLO5X_VSOCK_ENOTSUP);
	expect_of_all_calls(VSOCK_GUEST_HANDLE, 1, SOLO5X_VSOCK_ENOTSUP);
	solo5_yield(f.monitor.now, &ready);
	assert_int_equal(ready, 0);
	assert_int_equal(f.base[0], 0xa5);
}

static void what_there_is_not_is_refused(void **state)
{
	struct solo5x_vsock_config config = {f.base + STATE, SOLO5X_VSOCK_MEMORY(1, 4096), 1, 4096};
	solo5_handle_t handle;
	solo5x_socket_t s;

	(void)state;
	vsock_guest_start(&f.monitor, HUSK_FEATURE_VSOCK, 256, CID, true);
	assert_int_equal(solo5x_features(), HUSK_FEATURE_VSOCK);
	expect_of_all_calls(VSOCK_GUEST_HANDLE, 1, SOLO5X_VSOCK_EINVAL);
	assert_int_equal(solo5x_vsock_acquire("other", &config, &handle, NULL),
			 SOLO5X_VSOCK_EINVAL);
	assert_int_equal(solo5x_vsock_acquire("net", &config, &handle, NULL), SOLO5X_VSOCK_EINVAL);
	assert_int_equal(solo5x_vsock_acquire("service", &config, &handle, NULL), OK);
	assert_int_equal(solo5x_vsock_acquire("service", &config, &handle, NULL),
			 SOLO5X_VSOCK_EINUSE);
	assert_int_equal(solo5x_vsock_connect(handle, PORT, &s), OK);
	expect_of_all_calls(2, s + 1, SOLO5X_VSOCK_EINVAL);
	expect_of_all_calls(0, s ^ 1ull << 48, SOLO5X_VSOCK_EINVAL);
	assert_int_equal(solo5x_vsock_watch(s, 4), SOLO5X_VSOCK_EINVAL);
	assert_int_equal(solo5x_vsock_close(s), OK);
	expect_of_all_calls(3, s, SOLO5X_VSOCK_EINVAL);
	assert_int_equal(solo5x_vsock_release(handle), OK);
}

static void memory_is_enough_or_refused(void **state)
{
	static const uint32_t sockets[] = {1, 2, 7, 40}, buffers[] = {1024, 1025, 4096, 30000};
	static const struct solo5x_vsock_config wrong[] = {
		{NULL, 1 << 20, 1, 4096}, {&f, 1 << 20, 0, 4096}, {&f, 1 << 20, 1024, 4096},
		{&f, 1 << 20, 1, 1023}, {&f, 1 << 20, 1, 1u << 31},
	};

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		for (unsigned j = 0; j < 4; j++)
			for (uint32_t max = 4; max <= 256; max *= 2) {
				const size_t least = SOLO5X_VSOCK_MEMORY_MIN(sockets[i], buffers[j]);

				f.base[STATE + least] = 0xa5;
				assert_int_equal(acquire(max, least, sockets[i], buffers[j]), OK);
				assert_int_equal(solo5x_vsock_release(f.handle), OK);
				assert_int_equal(f.base[STATE + least], 0xa5);
			}
	for (size_t size = 0; size < 16000; size += 13)
		assert_int_equal(acquire(64, size, 1, 4096), SOLO5X_VSOCK_EINVAL);
	assert_int_equal(acquire(2, 1 << 20, 1, 4096), SOLO5X_VSOCK_EINVAL);
	assert_int_equal(acquire(0, 1 << 20, 1, 4096), SOLO5X_VSOCK_EINVAL);
	for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_int_equal(solo5x_vsock_acquire("service", &wrong[i], &f.handle, NULL),
				 SOLO5X_VSOCK_EINVAL);
}

static int32_t refuse(const struct husk_queue *q)
{
	return q->size == 0 ? HVT_OK : HVT_EINVAL;
}

static void a_monitor_may_refuse_queues(void **state)
{
	(void)state;
	f.monitor.announce = refuse;
	assert_int_equal(acquire(64, SOLO5X_VSOCK_MEMORY(1, 4096), 1, 4096), SOLO5X_VSOCK_EUNSPEC);
	expect_of_all_calls(VSOCK_GUEST_HANDLE, 1, SOLO5X_VSOCK_EINVAL);
}

/* ---- both ways ---- */

#define MUCH 300000u

/* The host's side of a transfer in which each has its pauses. */
static bool host_goes_on(void)
{
	struct fake_socket *s = &f.fake.sockets[0];

	if (!s->open || (s->sent + s->readable >= MUCH && s->got >= MUCH))
		return false;
	if (s->sent + s->readable < MUCH && s->readable == 0)
		host_sends(0, MUCH - s->sent < 77777 ? MUCH - s->sent : 77777);
	else
		host_takes(0, 50001);
	return true;
}

static void transfer(uint32_t queue_size, size_t more_memory, uint32_t buffer, size_t at_a_time,
		     bool at_once)
{
	void *none = NULL;
	solo5x_socket_t s;

	assert_int_equal(tear_down(&none), 0);
	assert_int_equal(set_up(&none), 0);
	f.at_once = at_once;
	f.fake.client.room = 1000;
	assert_int_equal(acquire(queue_size, SOLO5X_VSOCK_MEMORY_MIN(3, buffer) + more_memory, 3,
				 buffer), OK);
	s = connection();
	f.host_acts = host_goes_on;
	guest_reads(s, 0, 0, MUCH / 2, at_a_time);
	guest_writes(s, 0, 0, MUCH / 2, at_a_time);
	guest_reads(s, 0, MUCH / 2, MUCH / 2, at_a_time);
	guest_writes(s, 0, MUCH / 2, MUCH / 2, at_a_time);
	host_takes(0, MUCH);
	assert_int_equal(f.fake.sockets[0].got, MUCH);
	assert_false(f.fake.sockets[0].wrong);
	assert_int_equal(solo5x_vsock_close(s), OK);
	expect_nothing_left();
	assert_int_equal(f.d.malformed, 0);
}

static void bytes_go_both_ways(void **state)
{
	static const uint32_t sizes[] = {4, 16, 32, 64, 256};

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		for (unsigned at_once = 0; at_once < 2; at_once++) {
			transfer(sizes[i], 0, 1024, 777, at_once != 0);
			transfer(sizes[i], 200000, 65536, 65536, at_once != 0);
			transfer(sizes[i], 3000000, 5000, 100000, at_once != 0);
		}
}

static void counters_wrap(void **state)
{
	solo5x_socket_t s;

	(void)state;
	start(2, 65536);
	s = connection();
	vsock_guest_preset(s, UINT32_MAX - 50000);
	for (unsigned i = 0; i < 100; i++) {
		struct vsock_connection *c = &f.d.mux->table.connections[i];

		if (c->state == VSOCK_FREE)
			continue;
		c->fwd_cnt = c->told_fwd_cnt = c->tx_cnt = c->peer_fwd_cnt = UINT32_MAX - 50000;
	}
	f.fake.sockets[0].room = MUCH;
	f.host_acts = host_goes_on;
	guest_reads(s, 0, 0, MUCH, 5000);
	guest_writes(s, 0, 0, MUCH, 5000);
	assert_int_equal(f.fake.sockets[0].got, MUCH);
	assert_false(f.fake.sockets[0].wrong);
	assert_int_equal(solo5x_vsock_close(s), OK);
	expect_nothing_left();
}

/* 64 KiB at a time: by its own buffers, not byte by byte; and the doorbell is not rung in vain. */
static void large_transfers_take_few_doorbells(void **state)
{
	solo5x_socket_t s;
	unsigned rings, polls;

	(void)state;
	assert_int_equal(acquire(64, 0x300000, 1, 65536 * 4), OK);
	f.at_once = false;
	s = connection();
	rings = f.rings;
	polls = f.polls;
	host_sends(0, 1 << 20);
	guest_reads(s, 0, 0, 1 << 20, 65536);
	guest_writes(s, 0, 0, 1 << 20, 65536);
	assert_true(f.rings - rings <= 60);
	assert_true(f.polls - polls <= 60);
	assert_int_equal(solo5x_vsock_close(s), OK);
	expect_nothing_left();
}

/* ---- connecting ---- */

static void a_guest_connects_to_the_host(void **state)
{
	solo5x_socket_t s;

	(void)state;
	start(2, 4096);
	f.at_once = false;
	assert_int_equal(solo5x_vsock_connect(f.handle, 1234, &s), OK);
	expect_read(s, AGAIN, 0);
	assert_int_equal(write_some(s, 10), AGAIN);
	assert_int_equal(solo5x_vsock_shutdown(s, SOLO5X_VSOCK_SHUT_SEND), AGAIN);
	assert_int_equal(solo5x_vsock_ready(s), 0);
	run_device();
	assert_int_equal(f.fake.connected_port, 1234);
	assert_int_equal(solo5x_vsock_ready(s), WRITABLE);
	guest_writes(s, 0, 0, 1000, 100);
	host_sends(0, 1000);
	guest_reads(s, 0, 0, 1000, 100);
	assert_int_equal(f.fake.sockets[0].got, 1000);
	assert_int_equal(solo5x_vsock_close(s), OK);
	expect_nothing_left();
}

static void a_refused_connection_says_so(void **state)
{
	solo5x_socket_t s;

	(void)state;
	start(2, 4096);
	f.fake.connect_error = ECONNREFUSED;
	assert_int_equal(solo5x_vsock_connect(f.handle, 1, &s), OK);
	expect_read(s, SOLO5X_VSOCK_EREFUSED, 0);
	assert_int_equal(write_some(s, 10), SOLO5X_VSOCK_EREFUSED);
	assert_int_equal(solo5x_vsock_shutdown(s, 3), SOLO5X_VSOCK_EREFUSED);
	assert_int_equal(solo5x_vsock_close(s), OK);
	assert_int_equal(solo5x_vsock_connect_wait(f.handle, 1, FOREVER, &s),
			 SOLO5X_VSOCK_EREFUSED);
	expect_nothing_left();
	f.fake.connect_error = 0;
	assert_int_equal(solo5x_vsock_connect_wait(f.handle, 1, FOREVER, &s), OK);
	assert_int_equal(solo5x_vsock_close(s), OK);
	expect_nothing_left();
}

static void a_monitor_that_does_not_answer_is_not_waited_for(void **state)
{
	solo5x_socket_t s;

	(void)state;
	start(1, 4096);
	f.is_broken = true;
	for (unsigned i = 0; i < 5; i++) {
		const uint64_t deadline = f.monitor.now + SECOND;

		assert_int_equal(solo5x_vsock_connect_wait(f.handle, 1, deadline, &s), AGAIN);
		assert_int_equal(f.monitor.now, deadline);
	}
}

static void closing_before_the_answer_is_no_harm(void **state)
{
	solo5x_socket_t s;

	(void)state;
	start(1, 4096);
	f.at_once = false;
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(solo5x_vsock_connect(f.handle, 1, &s), OK);
		assert_int_equal(solo5x_vsock_close(s), OK);
	}
	expect_nothing_left();
	assert_int_equal(f.d.mux->counters.no_connection, 0);
}

/* ---- listening ---- */

static void those_who_wait_are_accepted_in_turn(void **state)
{
	solo5x_socket_t s[3], none;

	(void)state;
	start(8, 4096);
	serve_clients();
	assert_int_equal(solo5x_vsock_listen(f.handle, PORT, 3), OK);
	assert_int_equal(solo5x_vsock_listen(f.handle, PORT, 3), SOLO5X_VSOCK_EINUSE);
	assert_int_equal(solo5x_vsock_accept(f.handle, PORT, &none), AGAIN);
	assert_int_equal(solo5x_vsock_accept(f.handle, PORT + 1, &none), SOLO5X_VSOCK_EINVAL);
	clients_come(4);
	solo5_yield(f.monitor.now, NULL);
	run_device();
	assert_int_equal(f.fake.open, 3);	/* the backlog */
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(solo5x_vsock_accept(f.handle, PORT, &s[i]), OK);
		host_sends(i, 10);
		guest_reads(s[i], (uint8_t)i, 0, 10, 10);
	}
	assert_int_equal(solo5x_vsock_accept(f.handle, PORT, &none), AGAIN);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(solo5x_vsock_close(s[i]), OK);
	expect_nothing_left();
}

static void what_a_client_sends_and_ends_before_it_is_accepted_is_there(void **state)
{
	solo5x_socket_t s;

	(void)state;
	start(2, 4096);
	serve_clients();
	assert_int_equal(solo5x_vsock_listen(f.handle, PORT, 1), OK);
	clients_come(1);
	host_sends(0, 1000);
	solo5_yield(f.monitor.now, NULL);
	host_ends(0, true);
	solo5_yield(f.monitor.now, NULL);
	assert_int_equal(f.fake.open, 0);
	s = accept_one();
	guest_reads(s, 0, 0, 1000, 300);
	expect_read(s, OK, 0);
	expect_read(s, OK, 0);
	assert_int_equal(write_some(s, 1), SOLO5X_VSOCK_ERESET);
	assert_int_equal(solo5x_vsock_shutdown(s, SOLO5X_VSOCK_SHUT_SEND), OK);
	assert_int_equal(solo5x_vsock_close(s), OK);
	expect_nothing_left();
}

static void sockets_and_ports_are_limited(void **state)
{
	solo5x_socket_t s[3], more;

	(void)state;
	start(3, 4096);
	for (uint32_t i = 0; i < SOLO5X_VSOCK_PORTS_MAX; i++)
		assert_int_equal(solo5x_vsock_listen(f.handle, PORT + i, 9), OK);
	assert_int_equal(solo5x_vsock_listen(f.handle, 1, 9), SOLO5X_VSOCK_EFULL);
	assert_int_equal(solo5x_vsock_listen(f.handle, 1, 0), SOLO5X_VSOCK_EINVAL);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(solo5x_vsock_connect_wait(f.handle, 7, FOREVER, &s[i]), OK);
	assert_int_equal(solo5x_vsock_connect(f.handle, 7, &more), SOLO5X_VSOCK_EFULL);
	serve_clients();
	clients_come(1);
	solo5_yield(f.monitor.now, NULL);
	run_device();
	assert_int_equal(f.fake.open, 3);	/* refused */
	assert_int_equal(solo5x_vsock_close(s[1]), OK);
	clients_come(1);
	s[1] = accept_one();
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(solo5x_vsock_close(s[i]), OK);
	expect_nothing_left();
}

static void clients_of_a_port_that_nobody_serves_are_refused(void **state)
{
	(void)state;
	start(8, 4096);
	serve_clients();
	clients_come(40);
	for (unsigned i = 0; i < 10; i++) {
		solo5_yield(f.monitor.now, NULL);
		run_device();
	}
	/* More RSTs than the guest remembers: the monitor's patience ends for the rest. */
	f.monitor.now += 3 * SECOND;
	f.awake = true;
	expect_nothing_left();
}

static void who_stops_listening_resets_those_who_wait(void **state)
{
	(void)state;
	start(4, 4096);
	serve_clients();
	assert_int_equal(solo5x_vsock_listen(f.handle, PORT + 1, 2), OK);
	assert_int_equal(solo5x_vsock_listen(f.handle, PORT, 2), OK);
	clients_come(2);
	solo5_yield(f.monitor.now, NULL);
	assert_int_equal(solo5x_vsock_unlisten(f.handle, PORT + 1), OK);
	assert_int_equal(f.fake.open, 2);
	assert_int_equal(solo5x_vsock_unlisten(f.handle, PORT), OK);
	assert_int_equal(solo5x_vsock_unlisten(f.handle, PORT), SOLO5X_VSOCK_EINVAL);
	expect_nothing_left();
}

/* ---- ends ---- */

static void each_direction_ends_by_itself(void **state)
{
	solo5x_socket_t s;

	(void)state;
	start(2, 4096);
	s = connection();
	host_sends(0, 500);
	host_ends(0, false);
	guest_reads(s, 0, 0, 500, 500);
	expect_read(s, OK, 0);
	guest_writes(s, 0, 0, 20000, 3000);
	assert_int_equal(f.fake.sockets[0].got, 20000);
	assert_int_equal(solo5x_vsock_shutdown(s, SOLO5X_VSOCK_SHUT_SEND), OK);
	assert_true(f.fake.sockets[0].shut_write);
	assert_int_equal(write_some(s, 1), SOLO5X_VSOCK_EINVAL);
	assert_false(f.fake.sockets[0].wrong);
	assert_int_equal(solo5x_vsock_close(s), OK);
	expect_nothing_left();
}

static void a_guest_that_sends_no_more_still_reads(void **state)
{
	solo5x_socket_t s;

	(void)state;
	start(2, 4096);
	s = connection();
	guest_writes(s, 0, 0, 100, 100);
	assert_int_equal(solo5x_vsock_shutdown(s, SOLO5X_VSOCK_SHUT_SEND), OK);
	assert_true(host_socket(0)->shut_write);
	host_sends(0, 20000);
	guest_reads(s, 0, 0, 20000, 700);
	assert_int_equal(solo5x_vsock_shutdown(s, SOLO5X_VSOCK_SHUT_RECEIVE), OK);
	assert_int_equal(f.fake.open, 0);
	expect_read(s, OK, 0);
	assert_int_equal(solo5x_vsock_close(s), OK);
	expect_nothing_left();
}

static void what_is_not_wanted_any_more_is_dropped(void **state)
{
	solo5x_socket_t s;

	(void)state;
	start(2, 4096);
	s = connection();
	host_sends(0, 20000);
	assert_int_equal(solo5x_vsock_ready(s), READABLE | WRITABLE);
	assert_int_equal(solo5x_vsock_shutdown(s, SOLO5X_VSOCK_SHUT_RECEIVE), OK);
	expect_read(s, OK, 0);
	assert_true(host_socket(0)->shut_read);
	guest_writes(s, 0, 0, 20000, 3000);
	assert_int_equal(f.fake.sockets[0].got, 20000);
	assert_int_equal(solo5x_vsock_shutdown(s, 0), SOLO5X_VSOCK_EINVAL);
	assert_int_equal(solo5x_vsock_shutdown(s, 4), SOLO5X_VSOCK_EINVAL);
	assert_int_equal(solo5x_vsock_close(s), OK);
	expect_nothing_left();
}

static void a_close_loses_nothing_that_was_written(void **state)
{
	solo5x_socket_t s;

	(void)state;
	start(2, 4096);
	f.fake.client.room = 0;
	s = connection();
	guest_writes(s, 0, 0, 60000, 60000);
	assert_int_equal(solo5x_vsock_close(s), OK);
	assert_int_equal(vsock_guest_sockets(), 1);
	expect_of_all_calls(9, s, SOLO5X_VSOCK_EINVAL);
	host_takes(0, 100000);
	assert_int_equal(f.fake.sockets[0].got, 60000);
	assert_false(f.fake.sockets[0].wrong);
	expect_nothing_left();
}

static void a_reset_is_told_after_what_has_come(void **state)
{
	solo5x_socket_t s;

	(void)state;
	start(2, 4096);
	s = connection();
	host_sends(0, 100);
	solo5_yield(f.monitor.now, NULL);
	f.fake.sockets[0].write_error = EPIPE;
	f.fake.sockets[0].ends = true;
	assert_int_equal(write_some(s, 10), OK);
	assert_int_equal(write_some(s, 10), SOLO5X_VSOCK_ERESET);
	guest_reads(s, 0, 0, 100, 60);
	expect_read(s, SOLO5X_VSOCK_ERESET, 0);
	assert_int_equal(solo5x_vsock_shutdown(s, 1), SOLO5X_VSOCK_ERESET);
	assert_int_equal(solo5x_vsock_close(s), OK);
	expect_nothing_left();
}

/* A monitor that never answers a close: the socket is free again all the same. */
static void a_close_is_not_waited_for_for_ever(void **state)
{
	solo5x_socket_t s, other;

	(void)state;
	start(1, 4096);
	s = connection();
	f.is_broken = true;
	assert_int_equal(solo5x_vsock_close(s), OK);
	assert_int_equal(solo5x_vsock_connect(f.handle, 1, &other), SOLO5X_VSOCK_EFULL);
	f.monitor.now += 11 * SECOND;
	assert_int_equal(solo5x_vsock_connect(f.handle, 1, &other), OK);
	f.is_broken = false;
	f.awake = true;
	run_device();
	assert_int_equal(solo5x_vsock_close(other), OK);
	expect_nothing_left();
}

/* ---- readiness ---- */

static solo5_handle_set_t yielded(void)
{
	solo5_handle_set_t ready = 7;

	solo5_yield(f.monitor.now + SECOND, &ready);
	return ready;
}

#define BIT (1u << VSOCK_GUEST_HANDLE)

static void the_ready_set_has_the_device_as_long_as_there_is_something(void **state)
{
	solo5x_socket_t s, next;
	unsigned events;

	(void)state;
	start(2, 4096);
	serve_clients();
	assert_int_equal(solo5x_vsock_listen(f.handle, PORT, 1), OK);
	assert_int_equal(yielded(), 0);
	clients_come(1);
	assert_int_equal(yielded(), BIT);
	assert_int_equal(yielded(), BIT);
	s = accept_one();
	assert_int_equal(yielded(), 0);
	assert_int_equal(solo5x_vsock_next(f.handle, &next, &events), AGAIN);
	host_sends(0, 10);
	assert_int_equal(yielded(), BIT);
	guest_reads(s, 0, 0, 5, 5);
	assert_int_equal(yielded(), BIT);
	assert_int_equal(solo5x_vsock_next(f.handle, &next, &events), OK);
	assert_true(next == s && events == READABLE);
	guest_reads(s, 0, 5, 5, 5);
	assert_int_equal(yielded(), 0);
	host_ends(0, false);
	assert_int_equal(yielded(), BIT);
	expect_read(s, OK, 0);
	assert_int_equal(yielded(), 0);
	assert_int_equal(solo5x_vsock_close(s), OK);
	expect_nothing_left();
}

static void only_what_is_watched_for_counts(void **state)
{
	solo5x_socket_t s;

	(void)state;
	start(2, 4096);
	f.fake.client.room = 0;
	s = connection();
	host_sends(0, 10);
	assert_int_equal(solo5x_vsock_watch(s, 0), OK);
	assert_int_equal(yielded(), 0);
	assert_int_equal(solo5x_vsock_watch(s, WRITABLE), OK);
	assert_int_equal(yielded(), BIT);
	while (write_some(s, 100000) == OK)
		;
	assert_int_equal(yielded(), 0);
	host_takes(0, 1 << 20);
	assert_int_equal(yielded(), BIT);
	assert_int_equal(solo5x_vsock_ready(s), READABLE | WRITABLE);
	f.fake.sockets[0].skip = 1 << 20;
	f.fake.sockets[0].wrong = false;
	host_ends(0, true);
	assert_int_equal(yielded(), BIT);
	assert_int_equal(write_some(s, 1), SOLO5X_VSOCK_ERESET);
	assert_int_equal(yielded(), 0);
	assert_int_equal(solo5x_vsock_close(s), OK);
	expect_nothing_left();
}

static void other_devices_are_seen_beside(void **state)
{
	const struct solo5x_vsock_config config = {
		f.base + STATE, SOLO5X_VSOCK_MEMORY(2, 4096), 2, 4096,
	};
	solo5_handle_set_t ready;
	unsigned polls;

	(void)state;
	vsock_guest_start(&f.monitor, HUSK_FEATURE_VSOCK, 64, CID, true);
	assert_int_equal(solo5x_vsock_acquire("service", &config, &f.handle, NULL), OK);
	f.net = 4;
	assert_int_equal(yielded(), 4);
	serve_clients();
	assert_int_equal(solo5x_vsock_listen(f.handle, PORT, 1), OK);
	clients_come(1);
	assert_int_equal(yielded(), 4 | BIT);
	f.net = 0;
	assert_int_equal(yielded(), BIT);
	polls = f.polls;
	solo5_yield(0, &ready);
	assert_int_equal(ready, BIT);
	assert_int_equal(f.polls, polls + 1);
	assert_int_equal(solo5x_vsock_unlisten(f.handle, PORT), OK);
	expect_nothing_left();
}

/* It costs no exit if there is nothing else to ask for. */
static void what_has_come_is_seen_without_the_monitor(void **state)
{
	solo5x_socket_t s;
	unsigned polls;

	(void)state;
	start(2, 4096);
	s = connection();
	host_sends(0, 10);
	polls = f.polls;
	assert_int_equal(yielded(), BIT);
	assert_int_equal(f.polls, polls);
	assert_int_equal(solo5x_vsock_close(s), OK);
	expect_nothing_left();
}

/* A server of one client at a time waits for that one, however many others there are. */
static void who_waits_for_one_is_not_woken_by_others(void **state)
{
	solo5x_socket_t s;
	uint8_t buf[10];
	unsigned polls;
	size_t n;

	(void)state;
	start(4, 4096);
	s = connection();
	clients_come(2);
	host_sends(1, 10);
	polls = f.polls;
	assert_int_equal(solo5x_vsock_read_wait(s, buf, sizeof buf, f.monitor.now + SECOND, &n),
			 AGAIN);
	assert_true(f.polls - polls <= 3);
	assert_int_equal(solo5x_vsock_release(f.handle), OK);
}

static bool host_sends_later(void)
{
	f.host_acts = NULL;
	host_sends(0, 10);
	return true;
}

static void who_waits_is_woken(void **state)
{
	solo5x_socket_t s;
	uint8_t buf[10];
	size_t n;

	(void)state;
	start(4, 4096);
	s = connection();
	f.host_acts = host_sends_later;
	assert_int_equal(solo5x_vsock_read_wait(s, buf, sizeof buf, FOREVER, &n), OK);
	assert_int_equal(n, 10);
	assert_int_equal(solo5x_vsock_accept_wait(f.handle, PORT, f.monitor.now + SECOND, &s),
			 AGAIN);
	assert_int_equal(solo5x_vsock_release(f.handle), OK);
}

static void host_sends_once(void)
{
	static bool has;

	if (!has)
		host_sends(0, 10);
	has = true;
}

/* After the guest has looked, and before it has said that it wants to be called. */
static void what_comes_in_between_is_not_missed(void **state)
{
	solo5x_socket_t s;
	uint8_t buf[10];
	size_t n;

	(void)state;
	start(4, 4096);
	s = connection();
	f.called = false;
	vsock_guest_between(host_sends_once);
	assert_int_equal(solo5x_vsock_read_wait(s, buf, sizeof buf, FOREVER, &n), OK);
	assert_int_equal(n, 10);
	assert_int_equal(solo5x_vsock_release(f.handle), OK);
}

/* Answers for which there was no descriptor left: the guest is woken when there is one. */
static void what_could_not_be_sent_is_sent_later(void **state)
{
	solo5x_socket_t s;
	uint8_t buf[10];
	size_t n;

	(void)state;
	assert_int_equal(acquire(16, SOLO5X_VSOCK_MEMORY_MIN(8, 4096), 8, 4096), OK);
	assert_int_equal(solo5x_vsock_connect_wait(f.handle, 1, FOREVER, &s), OK);
	assert_int_equal(solo5x_vsock_listen(f.handle, PORT, 6), OK);
	serve_clients();
	f.at_once = false;
	clients_come(6);
	f.called = false;
	assert_int_equal(solo5x_vsock_read_wait(s, buf, sizeof buf, f.monitor.now + SECOND, &n),
			 AGAIN);
	assert_int_equal(f.d.mux->counters.opened, 7);
	assert_int_equal(solo5x_vsock_release(f.handle), OK);
}

/* ---- resets ---- */

static void a_transport_reset_ends_connections_and_keeps_ports(void **state)
{
	solo5x_socket_t s, other;

	(void)state;
	start(4, 4096);
	s = connection();
	host_sends(0, 10);
	solo5_yield(f.monitor.now, NULL);
	f.d.mux->cid = CID + 1;
	vsock_guest_set_cid(CID + 1);
	assert_int_equal(vsock_device_reset_transport(&f.d, &f.e), 0);
	clients_come(1);
	assert_int_equal(write_some(s, 10), SOLO5X_VSOCK_ERESET);
	guest_reads(s, 0, 0, 10, 10);
	expect_read(s, SOLO5X_VSOCK_ERESET, 0);
	other = accept_one();
	host_sends(0, 10);
	guest_reads(other, 1, 0, 10, 10);
	assert_int_equal(solo5x_vsock_close(s), OK);
	assert_int_equal(solo5x_vsock_close(other), OK);
	expect_nothing_left();
	assert_int_equal(f.d.mux->counters.wrong_cid, 0);
}

static void a_released_device_can_be_acquired_again(void **state)
{
	solo5x_socket_t s;

	(void)state;
	start(4, 4096);
	s = connection();
	assert_int_equal(solo5x_vsock_release(f.handle), OK);
	expect_of_all_calls(f.handle, s, SOLO5X_VSOCK_EINVAL);
	assert_int_equal(connections(), 0);
	start(2, 8192);
	assert_int_equal(solo5x_vsock_listen(f.handle, PORT, 1), OK);
	clients_come(1);
	s = accept_one();
	assert_int_equal(solo5x_vsock_close(s), OK);
	expect_nothing_left();
}

/* ---- at random ---- */

#define N 12u

struct party {
	solo5x_socket_t s;
	bool open, said_end;
	int stream;			/* -1: not known yet */
	uint64_t read, written;
};

static uint32_t seed;

static uint32_t next_random(void)
{
	seed = seed * 1664525u + 1013904223u;
	return seed >> 8;
}

static void party_reads(struct party *p)
{
	static uint8_t buf[9000];
	solo5x_vsock_result_t r;
	size_t n = 0;

	r = solo5x_vsock_read(p->s, buf, 1 + next_random() % sizeof buf, &n);
	if (r != OK || n == 0)
		return;
	if (p->stream == -1)
		p->stream = buf[0];
	expect_bytes(buf, n, (uint8_t)p->stream, p->read);
	p->read += n;
}

static void party_writes(struct party *p)
{
	static uint8_t buf[9000];
	const size_t size = 1 + next_random() % sizeof buf;
	size_t n = 0;

	if (p->stream == -1)
		return;
	for (size_t i = 0; i < size; i++)
		buf[i] = vsock_fake_byte((uint8_t)~p->stream, p->written + i);
	if (solo5x_vsock_write(p->s, buf, size, &n) == OK)
		p->written += n;
}

static void party_begins(struct party *p)
{
	*p = (struct party){.stream = -1};
	if (next_random() % 2 == 0)
		p->open = solo5x_vsock_accept(f.handle, PORT, &p->s) == OK;
	else
		p->open = solo5x_vsock_connect(f.handle, next_random() % 5, &p->s) == OK;
}

static void party_acts(struct party *p)
{
	if (!p->open) {
		party_begins(p);
		return;
	}
	switch (next_random() % 32) {
	case 0:
		(void)solo5x_vsock_shutdown(p->s, 1 + next_random() % 3);
		break;
	case 1:
		assert_int_equal(solo5x_vsock_close(p->s), OK);
		p->open = false;
		break;
	case 2:
		assert_int_equal(solo5x_vsock_watch(p->s, next_random() % 4), OK);
		break;
	default:
		if (next_random() % 2 == 0)
			party_reads(p);
		else
			party_writes(p);
	}
}

static void program_acts(struct fake_socket *s)
{
	if (!s->open)
		return;
	switch (next_random() % 32) {
	case 0:
		s->ends = true;
		break;
	case 1:
		s->ends = s->hung_up = true;
		s->events |= VSOCK_HUNG_UP;
		break;
	case 2:
		s->read_error = next_random() % 8 == 0 ? ECONNRESET : 0;
		break;
	default:
		if (!s->ends)
			s->readable += next_random() % 9000;
		s->room = s->hung_up ? 0 : s->room + next_random() % 9000;
	}
	s->events |= VSOCK_READABLE | VSOCK_WRITABLE;
}

static void anybody_acts(struct party parties[N])
{
	solo5_handle_set_t ready;

	switch (next_random() % 8) {
	case 0:
		f.fake.connect_error = next_random() % 4 == 0 ? ECONNREFUSED : 0;
		clients_come(next_random() % 3);
		break;
	case 1:
		run_device();
		break;
	case 2:
		f.monitor.now += next_random() % 100 == 0 ? 3 * SECOND : 1000;
		f.awake = true;
		solo5_yield(0, &ready);
		break;
	case 3: case 4:
		program_acts(&f.fake.sockets[next_random() % N]);
		break;
	default:
		party_acts(&parties[next_random() % N]);
	}
	for (unsigned i = 0; i < FAKE_SOCKETS; i++)
		assert_false(f.fake.sockets[i].wrong);
}

static void nothing_is_lost_or_left_whatever_happens(void **state)
{
	static const uint32_t sizes[] = {4, 32, 64};
	struct party parties[N] = {{.s = 0}};

	for (unsigned round = 0; round < 12; round++) {
		assert_int_equal(tear_down(state), 0);
		assert_int_equal(set_up(state), 0);
		seed = 1000 + round;
		memset(parties, 0, sizeof parties);
		f.at_once = round % 2 == 0;
		assert_int_equal(acquire(sizes[round % 3], SOLO5X_VSOCK_MEMORY_MIN(N, 3000), N, 3000),
				 OK);
		serve_clients();
		assert_int_equal(solo5x_vsock_listen(f.handle, PORT, 5), OK);
		for (unsigned i = 0; i < 5000; i++)
			anybody_acts(parties);
		for (unsigned i = 0; i < N; i++)
			if (parties[i].open)
				assert_int_equal(solo5x_vsock_close(parties[i].s), OK);
		assert_int_equal(solo5x_vsock_unlisten(f.handle, PORT), OK);
		for (unsigned i = 0; i < 20; i++) {
			f.monitor.now += SECOND;
			f.awake = true;
			run_device();
			solo5_yield(0, NULL);
		}
		expect_nothing_left();
		assert_int_equal(f.d.mux->counters.overrun, 0);
		assert_int_equal(f.d.malformed, 0);
	}
}

/* ---- a broken monitor ---- */

static struct virtq_used *used_of(unsigned queue)
{
	return (struct virtq_used *)(void *)(f.base + f.announced[queue].used);
}

static uint8_t *buffer_of(unsigned queue, unsigned slot)
{
	const struct virtq_desc *desc = (const void *)(f.base + f.announced[queue].desc);

	return f.base + desc[slot].addr;
}

static void gives_back(unsigned queue, uint32_t id, uint32_t len)
{
	struct virtq_used *used = used_of(queue);

	used->ring[used->idx % f.announced[queue].size] = (struct virtq_used_elem){id, len};
	used->idx++;
}

static void expect_failed(solo5x_socket_t s)
{
	solo5x_socket_t other;

	assert_int_equal(solo5x_vsock_ready(s), READABLE | WRITABLE);
	expect_read(s, SOLO5X_VSOCK_ERESET, 0);
	assert_int_equal(write_some(s, 1), SOLO5X_VSOCK_ERESET);
	assert_int_equal(solo5x_vsock_accept(f.handle, PORT, &other), SOLO5X_VSOCK_EUNSPEC);
	assert_int_equal(solo5x_vsock_connect(f.handle, PORT, &other), SOLO5X_VSOCK_EUNSPEC);
	assert_int_equal(yielded(), 0);
	assert_int_equal(solo5x_vsock_close(s), OK);
	assert_int_equal(solo5x_vsock_release(f.handle), OK);
}

static void a_queue_that_makes_no_sense_fails_the_device(void **state)
{
	static const uint32_t ids[] = {64, 256, 65536, UINT32_MAX, 63};

	for (unsigned queue = 0; queue < VSOCK_QUEUES; queue++)
		for (unsigned i = 0; i < sizeof ids / sizeof ids[0]; i++) {
			solo5x_socket_t s;

			assert_int_equal(tear_down(state), 0);
			assert_int_equal(set_up(state), 0);
			start(4, 4096);
			s = connection();
			f.is_broken = true;
			gives_back(queue, ids[i], 0);
			expect_failed(s);
		}
}

/* The guest takes one buffer back, and gives it again: the second time is one too many. */
static void a_buffer_comes_back_once(void **state)
{
	solo5x_socket_t s;

	(void)state;
	start(4, 4096);
	s = connection();
	f.is_broken = true;
	guest_writes(s, 0, 0, 10, 10);
	solo5_yield(f.monitor.now, NULL);
	gives_back(VSOCK_QUEUE_TX, 0, 0);
	gives_back(VSOCK_QUEUE_TX, 0, 0);
	expect_failed(s);
}

static void packet_comes(struct vsock_header h, uint32_t written)
{
	struct virtq_avail *avail = (void *)(f.base + f.announced[VSOCK_QUEUE_RX].avail);
	const struct virtq_used *used = used_of(VSOCK_QUEUE_RX);
	const uint16_t slot = avail->ring[used->idx % f.announced[VSOCK_QUEUE_RX].size];

	memcpy(buffer_of(VSOCK_QUEUE_RX, slot), &h, sizeof h);
	gives_back(VSOCK_QUEUE_RX, slot, written);
}

static struct vsock_header header(unsigned op, uint32_t len)
{
	return (struct vsock_header){
		.src_cid = VSOCK_CID_HOST, .dst_cid = CID, .src_port = VSOCK_PORT_FIRST,
		.dst_port = PORT, .len = len, .type = VSOCK_TYPE_STREAM, .op = (uint16_t)op,
		.buf_alloc = 65536,
	};
}

static void expect_dropped(solo5x_socket_t s, struct vsock_header h, uint32_t written)
{
	packet_comes(h, written);
	assert_int_equal(solo5x_vsock_ready(s), WRITABLE);
	expect_read(s, AGAIN, 0);
}

static void packets_that_make_no_sense_are_dropped(void **state)
{
	struct vsock_header h;
	solo5x_socket_t s;

	(void)state;
	start(4, 4096);
	s = connection();
	f.is_broken = true;
	expect_dropped(s, header(VSOCK_OP_RW, 10), 43);
	expect_dropped(s, header(VSOCK_OP_RW, 10), 44 + 9);
	expect_dropped(s, header(VSOCK_OP_RW, UINT32_MAX), 44 + 9);
	expect_dropped(s, header(VSOCK_OP_RW, 10), UINT32_MAX);
	expect_dropped(s, header(VSOCK_OP_RW, 0), 44);
	expect_dropped(s, header(VSOCK_OP_REQUEST, 0), 44);
	expect_dropped(s, header(0, 0), 44);
	expect_dropped(s, header(8, 0), 44);
	expect_dropped(s, header(0xffff, 0), 44);
	expect_dropped(s, header(VSOCK_OP_RESPONSE, 0), 44);
	h = header(VSOCK_OP_RST, 0);
	h.src_cid = 1;
	expect_dropped(s, h, 44);
	h = header(VSOCK_OP_RST, 0);
	h.dst_cid = CID + (1ull << 32);
	expect_dropped(s, h, 44);
	h = header(VSOCK_OP_RST, 0);
	h.type = VSOCK_TYPE_SEQPACKET;
	expect_dropped(s, h, 44);
	packet_comes(header(VSOCK_OP_RW, 4096), 44 + 4096);
	assert_int_equal(solo5x_vsock_ready(s), READABLE | WRITABLE);
	packet_comes(header(VSOCK_OP_RW, 1), 44 + 1);	/* there is no room for it */
	assert_int_equal(write_some(s, 1), SOLO5X_VSOCK_ERESET);
	assert_int_equal(solo5x_vsock_release(f.handle), OK);
}

/* The host may use the ports again while the application still has the old socket. */
static void ports_of_a_connection_that_is_over_are_free(void **state)
{
	solo5x_socket_t s, other;

	(void)state;
	start(4, 4096);
	s = connection();
	f.is_broken = true;
	packet_comes(header(VSOCK_OP_RST, 0), 44);
	packet_comes(header(VSOCK_OP_REQUEST, 0), 44);
	packet_comes(header(VSOCK_OP_RW, 10), 44 + 10);
	other = accept_one();
	assert_int_equal(solo5x_vsock_ready(other), READABLE | WRITABLE);
	expect_read(s, SOLO5X_VSOCK_ERESET, 0);
	assert_int_equal(solo5x_vsock_ready(s), 0);	/* it is told */
	assert_int_equal(solo5x_vsock_release(f.handle), OK);
}

static void a_monitor_that_takes_back_credit_gets_nothing(void **state)
{
	struct vsock_header h = header(VSOCK_OP_CREDIT_UPDATE, 0);
	solo5x_socket_t s;

	(void)state;
	start(4, 4096);
	s = connection();
	guest_writes(s, 0, 0, 1000, 1000);
	f.is_broken = true;
	h.fwd_cnt = 1001;		/* more than it got */
	packet_comes(h, 44);
	assert_int_equal(write_some(s, 1), AGAIN);
	h.fwd_cnt = 0;
	h.buf_alloc = 1000;
	packet_comes(h, 44);
	assert_int_equal(write_some(s, 1), AGAIN);
	h.buf_alloc = 10;
	packet_comes(h, 44);
	assert_int_equal(write_some(s, 1), AGAIN);
	h.buf_alloc = UINT32_MAX;
	packet_comes(h, 44);
	assert_int_equal(write_some(s, 200000), OK);
	assert_int_equal(solo5x_vsock_release(f.handle), OK);
}

static void other_types_are_reset(void **state)
{
	struct vsock_header h = header(VSOCK_OP_REQUEST, 0), got;

	(void)state;
	start(4, 4096);
	assert_int_equal(solo5x_vsock_listen(f.handle, PORT, 4), OK);
	f.is_broken = true;
	h.type = VSOCK_TYPE_SEQPACKET;
	packet_comes(h, 44);
	solo5_yield(f.monitor.now, NULL);
	memcpy(&got, buffer_of(VSOCK_QUEUE_TX, 0), sizeof got);
	assert_int_equal(got.op, VSOCK_OP_RST);
	assert_int_equal(got.type, VSOCK_TYPE_SEQPACKET);
	assert_int_equal(got.src_port, PORT);
	assert_int_equal(got.dst_port, VSOCK_PORT_FIRST);
	assert_int_equal(got.src_cid, CID);
	assert_int_equal(got.dst_cid, VSOCK_CID_HOST);
	assert_int_equal(vsock_guest_sockets(), 0);
	assert_int_equal(solo5x_vsock_release(f.handle), OK);
}

/* Whatever it writes where it may write, in the used rings and in buffers. */
static void noise_comes(void)
{
	const struct vsock_header h = {
		.src_cid = 2, .dst_cid = CID, .src_port = next_random() % 4,
		.dst_port = next_random() % 3 == 0 ? PORT : VSOCK_PORT_FIRST + next_random() % 4,
		.len = next_random() % 5000, .type = (uint16_t)(1 + next_random() % 50 / 49),
		.op = (uint16_t)(next_random() % 9), .flags = next_random() % 4,
		.buf_alloc = next_random() << next_random() % 9,
		.fwd_cnt = next_random() >> next_random() % 24,
	};

	packet_comes(h, 44 + (next_random() % 4 == 0 ? next_random() : h.len));
	if (next_random() % 300 == 0)
		gives_back(next_random() % 3, next_random() % 40, next_random());
	if (next_random() % 300 == 0)
		used_of(next_random() % 3)->idx += (uint16_t)next_random();
}

static void party_bears_it(struct party *p)
{
	static uint8_t buf[3000];
	bool readable;
	size_t n;

	if (!p->open) {
		party_begins(p);
		return;
	}
	switch (next_random() % 8) {
	case 0:
		assert_int_equal(solo5x_vsock_close(p->s), OK);
		p->open = false;
		break;
	case 1:
		(void)solo5x_vsock_shutdown(p->s, 1 + next_random() % 3);
		break;
	case 2: case 3: case 4:
		(void)write_some(p->s, next_random() % 20000);
		break;
	default:
		readable = (solo5x_vsock_ready(p->s) & READABLE) != 0;
		if (solo5x_vsock_read(p->s, buf, 1 + next_random() % sizeof buf, &n) == AGAIN)
			assert_false(readable);
	}
}

static void noise_is_no_harm(void **state)
{
	struct party parties[N];

	for (unsigned round = 0; round < 60; round++) {
		assert_int_equal(tear_down(state), 0);
		assert_int_equal(set_up(state), 0);
		seed = 77 + round;
		memset(parties, 0, sizeof parties);
		assert_int_equal(acquire(32, SOLO5X_VSOCK_MEMORY_MIN(N, 3000), N, 3000), OK);
		assert_int_equal(solo5x_vsock_listen(f.handle, PORT, 5), OK);
		f.is_broken = true;
		for (unsigned i = 0; i < 600; i++) {
			noise_comes();
			for (unsigned j = 0; j < 3; j++)
				party_bears_it(&parties[next_random() % N]);
			solo5_yield(f.monitor.now, NULL);
		}
		assert_int_equal(solo5x_vsock_release(f.handle), OK);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_the_feature_every_call_says_so),
		TEST(what_there_is_not_is_refused),
		TEST(memory_is_enough_or_refused),
		TEST(a_monitor_may_refuse_queues),
		TEST(bytes_go_both_ways),
		TEST(counters_wrap),
		TEST(large_transfers_take_few_doorbells),
		TEST(a_guest_connects_to_the_host),
		TEST(a_refused_connection_says_so),
		TEST(a_monitor_that_does_not_answer_is_not_waited_for),
		TEST(closing_before_the_answer_is_no_harm),
		TEST(those_who_wait_are_accepted_in_turn),
		TEST(what_a_client_sends_and_ends_before_it_is_accepted_is_there),
		TEST(sockets_and_ports_are_limited),
		TEST(clients_of_a_port_that_nobody_serves_are_refused),
		TEST(who_stops_listening_resets_those_who_wait),
		TEST(each_direction_ends_by_itself),
		TEST(a_guest_that_sends_no_more_still_reads),
		TEST(what_is_not_wanted_any_more_is_dropped),
		TEST(a_close_loses_nothing_that_was_written),
		TEST(a_reset_is_told_after_what_has_come),
		TEST(a_close_is_not_waited_for_for_ever),
		TEST(the_ready_set_has_the_device_as_long_as_there_is_something),
		TEST(only_what_is_watched_for_counts),
		TEST(other_devices_are_seen_beside),
		TEST(what_has_come_is_seen_without_the_monitor),
		TEST(who_waits_for_one_is_not_woken_by_others),
		TEST(who_waits_is_woken),
		TEST(what_comes_in_between_is_not_missed),
		TEST(what_could_not_be_sent_is_sent_later),
		TEST(a_transport_reset_ends_connections_and_keeps_ports),
		TEST(a_released_device_can_be_acquired_again),
		TEST(nothing_is_lost_or_left_whatever_happens),
		TEST(a_queue_that_makes_no_sense_fails_the_device),
		TEST(a_buffer_comes_back_once),
		TEST(packets_that_make_no_sense_are_dropped),
		TEST(ports_of_a_connection_that_is_over_are_free),
		TEST(a_monitor_that_takes_back_credit_gets_nothing),
		TEST(other_types_are_reset),
		TEST(noise_is_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
