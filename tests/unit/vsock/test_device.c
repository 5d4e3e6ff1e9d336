/* SPDX-License-Identifier: ISC */
/* test_device.c: a vsock device between the queues of a guest and a made-up host. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../../../monitor/vsock/device.h"
#include "../../../monitor/vsock/orphans.h"

#include "../../../bindings/virtqueue.c"

#include "fake_host.h"

#define CID 3u
#define MEMORY 0x400000u
#define SIZE 16u
#define BUFFER 0x11000u		/* bytes of a buffer: 64 KiB and a header */
#define TX 0x100000u		/* buffers for packets from the guest, by turns */
#define RX 0x250000u		/* for the guest */
#define NOW 1000u

void cpu_store_load_barrier(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

struct fixture {
	uint8_t *base;
	struct memory m;
	struct vsock_fake fake;
	struct vsock_host host;
	struct vsock_device d;
	struct virtq guest[VSOCK_QUEUES];
	struct husk_error e;
	unsigned calls, sent;
	bool rings[VSOCK_QUEUES];
	uint64_t now, turn_ns;		/* when turns are, and how long they take */
	uint32_t fwd_cnt;		/* what the guest says that it has passed on */
};

static struct fixture f;

static void called(void *ctx)
{
	(void)ctx;
	f.calls++;
}

static int announce(unsigned i)
{
	const uint64_t at = 0x10000u * (i + 1);
	struct virtqueue_layout layout = {.desc = at, .size = SIZE};

	virtq_init(&f.guest[i], SIZE, f.base + at);
	layout.avail = (uint64_t)((uint8_t *)f.guest[i].avail - f.base);
	layout.used = (uint64_t)((uint8_t *)f.guest[i].used - f.base);
	return virtqueue_init(&f.d.queues[i], "vsock test", &f.m, &layout, &f.e);
}

static int set_up(void **state)
{
	(void)state;
	memset(&f, 0, sizeof f);
	f.base = calloc(1, MEMORY);
	if (f.base == NULL)
		return -1;
	memory_init(&f.m, f.base, MEMORY);
	vsock_fake_init(&f.fake, &f.host);
	f.d.call = called;
	f.now = NOW;
	return vsock_mux_create(&f.d.mux, CID, 100, &f.host, &f.e) == -1 || announce(0) == -1 ||
	       announce(1) == -1 || announce(2) == -1 ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	vsock_mux_destroy(f.d.mux);
	assert_int_equal(f.fake.open, 0);
	free(f.base);
	return 0;
}

static void submit(unsigned queue, uintptr_t gpa, uint32_t len, bool writable)
{
	const struct virtq_span span = {gpa, len};

	assert_true(virtq_add(&f.guest[queue], &span, !writable, writable) >= 0);
	f.rings[queue] = virtq_submit(&f.guest[queue]);
}

static void posts(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		submit(VSOCK_QUEUE_RX, RX + i * BUFFER, BUFFER, true);
}

static void sends(unsigned op, uint32_t port, uint32_t len)
{
	const uint32_t at = TX + f.sent++ % SIZE * BUFFER;
	const struct vsock_header h = {
		.src_cid = CID, .dst_cid = VSOCK_CID_HOST, .src_port = port, .dst_port = 52,
		.len = len, .type = VSOCK_TYPE_STREAM, .op = (uint16_t)op, .buf_alloc = 1u << 20,
		.fwd_cnt = f.fwd_cnt,
	};

	memcpy(f.base + at, &h, sizeof h);
	submit(VSOCK_QUEUE_TX, at, (uint32_t)sizeof h + len, false);
}

static enum io_turn turn(void)
{
	enum io_turn end = vsock_device_turn(&f.d, f.now, &f.e);
	uint64_t key;
	unsigned events;

	if (end == IO_IDLE)
		vsock_device_rest(&f.d, f.now, f.now + f.turn_ns);
	while (vsock_fake_event(&f.fake, &key, &events))
		vsock_mux_event(f.d.mux, key, events, f.now);
	return end;
}

/* The next packet that is back on the rx queue. */
static struct vsock_header receives(void)
{
	struct vsock_header h;
	uint32_t written;
	const int id = virtq_take(&f.guest[VSOCK_QUEUE_RX], &written);

	assert_true(id >= 0);
	memcpy(&h, f.base + f.guest[VSOCK_QUEUE_RX].desc[id].addr, sizeof h);
	assert_int_equal(written, sizeof h + h.len);
	return h;
}

static void assert_receives_nothing(void)
{
	uint32_t written;

	assert_int_equal(virtq_take(&f.guest[VSOCK_QUEUE_RX], &written), -1);
}

static void assert_returned(unsigned n)
{
	uint32_t written;

	for (unsigned i = 0; i < n; i++) {
		assert_true(virtq_take(&f.guest[VSOCK_QUEUE_TX], &written) >= 0);
		assert_int_equal(written, 0);
	}
	assert_int_equal(virtq_take(&f.guest[VSOCK_QUEUE_TX], &written), -1);
}

/* Bug 8: one event is enough for all that there is. */
static void packets_go_through(void **state)
{
	(void)state;
	posts(3);
	sends(VSOCK_OP_REQUEST, 7, 0);
	assert_int_equal(turn(), IO_IDLE);
	assert_int_equal(receives().op, VSOCK_OP_RESPONSE);
	assert_returned(1);
	assert_true(f.calls >= 1);
	f.fake.sockets[0].readable = 100000;
	assert_int_equal(turn(), IO_IDLE);	/* has heard nothing */
	f.fake.sockets[0].events = VSOCK_READABLE;
	(void)turn();
	assert_int_equal(turn(), IO_IDLE);
	assert_int_equal(receives().len, 65536);
	assert_int_equal(receives().len, 100000 - 65536);
	assert_receives_nothing();
	f.fake.sockets[0].skip = UINT64_MAX;
	sends(VSOCK_OP_RW, 7, 65536);
	assert_true(f.rings[VSOCK_QUEUE_TX]);
	(void)turn();
	assert_int_equal(f.fake.sockets[0].got, 65536);
}

static void opens_one(void)
{
	posts(SIZE);
	sends(VSOCK_OP_REQUEST, 7, 0);
	(void)turn();
	assert_int_equal(receives().op, VSOCK_OP_RESPONSE);
	assert_returned(1);
	assert_true(virtq_arm(&f.guest[VSOCK_QUEUE_RX]));
	f.calls = 0;
}

static void host_says(uint64_t n)
{
	uint64_t key;
	unsigned events;

	f.fake.sockets[0].readable += n;
	f.fake.sockets[0].events = VSOCK_READABLE;
	while (vsock_fake_event(&f.fake, &key, &events))
		vsock_mux_event(f.d.mux, key, events, f.now);
	assert_int_equal(turn(), IO_IDLE);
}

/*
 * Takes all packets with payload, which is the first socket's stream from f.fwd_cnt on, posts their
 * buffers again, and says so. Returns how many.
 */
static unsigned guest_takes(void)
{
	struct virtq *q = &f.guest[VSOCK_QUEUE_RX];
	unsigned n = 0;
	uint32_t written;
	int id;

	while ((id = virtq_take(q, &written)) >= 0) {
		const uint64_t at = q->desc[id].addr;
		const uint8_t *payload = f.base + at + sizeof(struct vsock_header);
		struct vsock_header h;

		memcpy(&h, f.base + at, sizeof h);
		assert_int_equal(h.op, VSOCK_OP_RW);
		assert_int_equal(written, sizeof h + h.len);
		for (uint32_t i = 0; i < h.len; i++)
			if (payload[i] != vsock_fake_byte(0, f.fwd_cnt + i))
				fail_msg("wrong byte %u of packet %u", i, n);
		f.fwd_cnt += h.len;
		submit(VSOCK_QUEUE_RX, at, BUFFER, true);
		n++;
	}
	sends(VSOCK_OP_CREDIT_UPDATE, 7, 0);
	(void)turn();
	assert_returned(1);
	return n;
}

/* What a MB costs in reads: where there is much at a time, and where it comes in pieces. */
static void a_read_fills_several_buffers(void **state)
{
	unsigned reads;

	(void)state;
	opens_one();
	f.now = 1000000000;
	host_says(65536);		/* now it is known to be bulk data */
	assert_int_equal(guest_takes(), 1);
	reads = f.fake.reads;
	for (unsigned i = 0; i < 5; i++) {
		f.now += 1000000;
		host_says(200000);
		assert_int_equal(guest_takes(), 4);
	}
	assert_int_equal(f.fake.reads - reads, 5);
	for (unsigned i = 0; i < 16; i++) {
		f.now += 1000000;
		host_says(65536);
		assert_int_equal(guest_takes(), 1);
	}
	assert_int_equal(f.fake.reads - reads, 5 + 16);
	assert_int_equal(f.d.queues[VSOCK_QUEUE_RX].in_flight, 0);
}

/* One that is none is behind some that are. */
static void what_is_no_buffer_comes_back_in_between(void **state)
{
	struct virtq *q = &f.guest[VSOCK_QUEUE_RX];
	uint32_t written;

	(void)state;
	posts(2);
	sends(VSOCK_OP_REQUEST, 7, 0);
	(void)turn();
	assert_int_equal(receives().op, VSOCK_OP_RESPONSE);
	f.now = 1000000000;
	host_says(65536);
	assert_int_equal(receives().len, 65536);
	for (unsigned i = 0; i < 5; i++)
		submit(VSOCK_QUEUE_RX, RX + i * BUFFER, i == 2 ? 44 : BUFFER, true);
	f.now += 1000000;
	host_says(200000);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(receives().len, 65536);
	assert_true(virtq_take(q, &written) >= 0);
	assert_int_equal(written, 0);
	assert_int_equal(receives().len, 65536);
	assert_int_equal(receives().len, 200000 - 3 * 65536);
	assert_receives_nothing();
	assert_int_equal(f.d.malformed, 1);
	assert_int_equal(f.d.queues[VSOCK_QUEUE_RX].in_flight, 0);
}

/* Two with much to say have a packet by turns; alone, one fills several buffers by a read. */
static void bulk_data_leaves_others_their_turn(void **state)
{
	(void)state;
	posts(SIZE);
	for (uint32_t port = 7; port < 9; port++) {
		sends(VSOCK_OP_REQUEST, port, 0);
		(void)turn();
		assert_int_equal(receives().op, VSOCK_OP_RESPONSE);
	}
	for (unsigned i = 0; i < 2; i++) {
		f.fake.sockets[i].readable = 400000;
		f.fake.sockets[i].events = VSOCK_READABLE;
	}
	(void)turn();
	while (turn() == IO_MORE)
		;
	for (unsigned i = 0; i < 12; i++)
		assert_int_equal(receives().dst_port, 7 + i % 2);
}

/* By as long as the turn took, while more comes; then it is told. A line is told at once. */
static void a_guest_is_called_later_for_bulk_data(void **state)
{
	(void)state;
	opens_one();
	f.turn_ns = 500;
	host_says(100000);
	assert_int_equal(f.calls, 0);
	assert_true(vsock_device_deadline(&f.d) == f.now + 1000);
	f.now += 900;
	host_says(100000);
	assert_int_equal(f.calls, 0);
	assert_true(vsock_device_deadline(&f.d) == f.now + 1000);
	f.now += 1000;
	assert_int_equal(turn(), IO_IDLE);
	assert_int_equal(f.calls, 1);
	assert_true(vsock_calls_deadline(&f.d.calls) == VSOCK_CALL_NEVER);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(receives().op, VSOCK_OP_RW);
	assert_true(virtq_arm(&f.guest[VSOCK_QUEUE_RX]));
	host_says(100);
	assert_int_equal(f.calls, 2);
}

/* With less than a fourth of its room left, and to hear that there is no more. */
static void what_a_guest_is_to_answer_is_told_at_once(void **state)
{
	(void)state;
	opens_one();
	f.turn_ns = 500;
	host_says(400000);
	assert_int_equal(f.calls, 0);
	host_says(430000);
	assert_int_equal(f.calls, 1);
	while (f.guest[VSOCK_QUEUE_RX].taken != f.guest[VSOCK_QUEUE_RX].used->idx)
		assert_int_equal(receives().op, VSOCK_OP_RW);
	assert_true(virtq_arm(&f.guest[VSOCK_QUEUE_RX]));
	f.fake.sockets[0].ends = true;
	host_says(70000);
	assert_int_equal(f.calls, 2);
}

/* The guest has ended: what is held has its last chance, and what is submitted its first. */
static void the_last_packets_go_behind_what_is_held(void **state)
{
	struct fake_socket *s = &f.fake.sockets[0];

	(void)state;
	posts(1);
	sends(VSOCK_OP_REQUEST, 7, 0);
	(void)turn();
	s->skip = UINT64_MAX;
	s->room = 0;
	sends(VSOCK_OP_RW, 7, 100);
	(void)turn();
	sends(VSOCK_OP_RW, 7, 200);
	assert_int_equal(s->got, 0);
	s->room = 1000;			/* not told yet */
	vsock_device_finish(&f.d, NOW);
	assert_int_equal(s->got, 300);
	s->room = 0;
	sends(VSOCK_OP_RW, 7, 200);
	vsock_device_finish(&f.d, NOW);
	f.d.queues[VSOCK_QUEUE_TX].memory = NULL;
	s->room = 1000;
	vsock_device_finish(&f.d, NOW);
	assert_int_equal(s->got, 500);
}

/* V08, V11, V16, bugs 1, 2, 19: they come back, and the next is served. */
static void what_is_no_packet_comes_back(void **state)
{
	(void)state;
	submit(VSOCK_QUEUE_TX, TX, 43, false);
	submit(VSOCK_QUEUE_TX, TX, 100, true);
	sends(VSOCK_OP_RW, 7, 10);
	submit(VSOCK_QUEUE_RX, RX, 43, true);
	submit(VSOCK_QUEUE_RX, RX, 100, false);
	submit(VSOCK_QUEUE_RX, RX, 44, true);
	posts(1);
	assert_int_equal(turn(), IO_IDLE);
	assert_int_equal(f.d.malformed, 5);
	assert_returned(3);
	for (unsigned i = 0; i < 3; i++) {
		uint32_t written;

		assert_true(virtq_take(&f.guest[VSOCK_QUEUE_RX], &written) >= 0);
		assert_int_equal(written, 0);
	}
	assert_int_equal(receives().op, VSOCK_OP_RST);
}

/* V12, V13, bug 3 */
static void an_impossible_chain_fails_the_turn(void **state)
{
	(void)state;
	submit(VSOCK_QUEUE_TX, MEMORY - 10, 44, false);
	assert_int_equal(turn(), IO_FAILED);
	assert_int_equal(f.e.kind, HUSK_E_GUEST);
	assert_non_null(strstr(f.e.message, "vsock test: descriptor 0: Invalid guest access"));
}

/* V54: the guest's packets are taken while there is room for answers, and wait in the queue then. */
static void a_guest_without_buffers_waits_and_the_device_sleeps(void **state)
{
	unsigned sent = 0, got = 0;

	(void)state;
	while (f.guest[VSOCK_QUEUE_TX].n_free > 0) {
		uint32_t written;

		sends(VSOCK_OP_RW, 1000 + sent++, 0);
		(void)turn();
		while (virtq_take(&f.guest[VSOCK_QUEUE_TX], &written) >= 0)
			;
	}
	assert_int_equal(sent, VSOCK_ORPHANS_MAX + SIZE);
	assert_int_equal(turn(), IO_IDLE);
	while (got < sent) {
		posts(1);
		assert_true(f.rings[VSOCK_QUEUE_RX] || got % SIZE != 0);
		while (turn() == IO_MORE)
			;
		assert_int_equal(receives().dst_port, 1000 + got++);
	}
	assert_returned(SIZE);
}

static void a_turn_has_a_budget(void **state)
{
	struct fake_socket *s = &f.fake.sockets[0];
	uint64_t before;

	(void)state;
	posts(16);
	sends(VSOCK_OP_REQUEST, 7, 0);
	(void)turn();
	s->readable = 100u << 20;
	s->events = VSOCK_READABLE;
	(void)turn();
	before = s->sent;
	assert_int_equal(turn(), IO_MORE);
	assert_in_range(s->sent - before, IO_TURN_BYTES - 65536, IO_TURN_BYTES + 65536);
}

/* V57, bug 16 */
static void a_transport_reset_is_told_and_waited_for(void **state)
{
	uint32_t written, event = 99;

	(void)state;
	posts(4);
	submit(VSOCK_QUEUE_EVENT, TX, 4, true);
	submit(VSOCK_QUEUE_EVENT, TX + 8, 4, true);
	sends(VSOCK_OP_REQUEST, 7, 0);
	(void)turn();
	assert_int_equal(receives().op, VSOCK_OP_RESPONSE);
	memcpy(f.base + TX, &event, 4);
	(void)virtq_arm(&f.guest[VSOCK_QUEUE_EVENT]);
	f.calls = 0;
	assert_int_equal(vsock_device_reset_transport(&f.d, &f.e), 0);
	assert_int_equal(f.calls, 1);
	assert_int_equal(f.fake.open, 0);
	assert_int_equal(virtq_take(&f.guest[VSOCK_QUEUE_EVENT], &written), 0);
	assert_int_equal(written, 4);
	memcpy(&event, f.base + TX, 4);
	assert_int_equal(event, VSOCK_EVENT_TRANSPORT_RESET);
	sends(VSOCK_OP_RW, 8, 0);
	assert_int_equal(turn(), IO_IDLE);
	assert_receives_nothing();
	submit(VSOCK_QUEUE_EVENT, TX, 4, true);
	assert_true(f.rings[VSOCK_QUEUE_EVENT]);
	assert_int_equal(turn(), IO_IDLE);
	assert_int_equal(receives().dst_port, 8);
}

static void without_a_buffer_for_the_event_nothing_is_gated(void **state)
{
	(void)state;
	posts(1);
	assert_int_equal(vsock_device_reset_transport(&f.d, &f.e), 0);
	submit(VSOCK_QUEUE_EVENT, TX, 3, true);
	assert_int_equal(vsock_device_reset_transport(&f.d, &f.e), 0);
	assert_int_equal(f.d.malformed, 1);
	sends(VSOCK_OP_RW, 8, 0);
	(void)turn();
	assert_int_equal(receives().dst_port, 8);
}

/* V55, V56 */
static void a_device_without_queues_does_nothing(void **state)
{
	(void)state;
	sends(VSOCK_OP_REQUEST, 7, 0);
	(void)turn();
	vsock_device_reset(&f.d);
	assert_int_equal(f.fake.open, 0);
	sends(VSOCK_OP_REQUEST, 7, 0);
	posts(1);
	assert_int_equal(turn(), IO_IDLE);
	assert_int_equal(vsock_device_reset_transport(&f.d, &f.e), 0);
	assert_int_equal(f.fake.connects, 1);
	assert_int_equal(announce(0) + announce(1), 0);
	posts(1);
	sends(VSOCK_OP_REQUEST, 7, 0);
	assert_int_equal(turn(), IO_IDLE);
	assert_int_equal(receives().op, VSOCK_OP_RESPONSE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(packets_go_through),
		TEST(a_read_fills_several_buffers),
		TEST(what_is_no_buffer_comes_back_in_between),
		TEST(bulk_data_leaves_others_their_turn),
		TEST(a_guest_is_called_later_for_bulk_data),
		TEST(what_a_guest_is_to_answer_is_told_at_once),
		TEST(the_last_packets_go_behind_what_is_held),
		TEST(what_is_no_packet_comes_back),
		TEST(an_impossible_chain_fails_the_turn),
		TEST(a_guest_without_buffers_waits_and_the_device_sleeps),
		TEST(a_turn_has_a_budget),
		TEST(a_transport_reset_is_told_and_waited_for),
		TEST(without_a_buffer_for_the_event_nothing_is_gated),
		TEST(a_device_without_queues_does_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
