/* SPDX-License-Identifier: ISC */
/* test_guest_net_queue.c: the guest's frames by queues (bindings/net_queue.c), against a made-up monitor. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

/* The monitor has functions of these names, too. */
#define manifest_find guest_manifest_find
#define manifest_get guest_manifest_get
#define memory_init guest_memory_init

#include "../../../bindings/net.c"
#include "../../../bindings/net_queue.c"
#include "../../../bindings/price.c"
#define add add_parts
#define take_frame take_frame_in_parts
#include "../../../bindings/net_offload.c"
#undef add
#undef take_frame
#include "../../../bindings/yield.c"

#undef manifest_find
#undef manifest_get
#undef memory_init

#include "../../../monitor/iov.h"
#include "../../../monitor/virtqueue.h"

#define NET 1u
#define OTHER 2u			/* a second device, if there is one */
#define ARENA (8u << 20)
#define LONGEST 1514u
#define PRICE 100u			/* ticks of an exit */

static const uint32_t no_ring = 1;
const uint32_t *ring_needs_kick = &no_ring;

static uint8_t arena[ARENA] __attribute__((aligned(4096)));

/* What the monitor is like, and what it has seen; reset for each test. */
static struct {
	struct mft_entry entries[3];
	uint32_t granted, queue_size_max;
	bool refuses_tx;
	uint64_t direct;		/* set of handles: nobody exits for a doorbell */
	bool outage;			/* nobody takes what these send, */
	unsigned seen_at;		/* but if not 0, that POLL ends it */
	uint64_t poll_ns;		/* that each POLL takes */
	bool old;			/* it knows nothing of offloads */
	bool by_thread;			/* it looks at the TX queue by itself, and wants no doorbell */
	bool gone_mad;			/* it gives back what it was not given */
	unsigned hypercalls, polls, bells[NET_QUEUES], announced;
	size_t taken, heap;
	struct memory memory;
	struct virtqueue q[3][NET_QUEUES];
	uint64_t ticks, now;
	bool asks;			/* the image itself, for queues */
	uint64_t frame_ticks;		/* for a buffer that is posted */
	unsigned read, quiet;		/* how often the counter was; if not 0: of three runs the quiet-th is */
					/* the only one in which the host does nothing else */
	unsigned waiting[3];		/* frames on the host */
	uint32_t next_in, next_out;	/* numbers: of the next frame that comes, and that was sent */
	size_t len;			/* of the frames that come */
	unsigned broken_headers;	/* of so many frames that come */
	solo5_handle_set_t ready;	/* what POLL says beside */
	uint64_t can, granted_offloads;
	bool keeps;			/* what is sent, in place of looking at it */
	struct net_header out_header;
	size_t out_len, outs;
	uint8_t out[70000];
} m;

/* ---- what the rest of the bindings does ---- */

const struct mft_entry *guest_manifest_get(solo5_handle_t handle, uint32_t type)
{
	return handle < 3 && m.entries[handle].type == type && type != 0 ? &m.entries[handle] : NULL;
}

const struct mft_entry *guest_manifest_find(const char *name, uint32_t type, solo5_handle_t *handle)
{
	*handle = name[0] == 'o' ? OTHER : NET;
	return guest_manifest_get(*handle, type);
}

size_t manifest_max_mtu(void)
{
	return m.entries[NET].u.net.mtu;
}

uint8_t *memory_take(struct solo5_start_info *info, size_t size)
{
	uint8_t *at = arena + m.taken;

	(void)info;
	if (size > m.heap)
		return NULL;
	m.taken += (size + 4095) & ~4095ul;
	return at;
}

uint32_t solo5x_features(void)
{
	return m.granted;
}

uint32_t features_queue_size_max(void)
{
	return m.granted != 0 ? m.queue_size_max : 0;
}

uint64_t features_net_direct(void)
{
	return m.direct;
}

bool features_has_offloads(void)
{
	return !m.old && m.granted != 0;
}

solo5_time_t solo5_clock_monotonic(void)
{
	yield_send_late();
	return m.now;
}

bool features_image_wants(uint32_t feature)
{
	return feature == HUSK_FEATURE_NET && m.asks;
}

/* Every second time is the end of a run. */
uint64_t cpu_ticks(void)
{
	if (m.quiet != 0 && m.read % 2 == 1 && m.read / 2 % 3 != m.quiet - 1)
		m.ticks += 1000 * PRICE;
	m.read++;
	return m.ticks;
}

uint64_t queue_gpa(const void *memory)
{
	m.ticks += m.frame_ticks;
	return (uint64_t)((const uint8_t *)memory - arena);
}

void ring_write(solo5_handle_t handle, const uint8_t *buf, size_t size)
{
	(void)handle, (void)buf, (void)size;
	fail();
}

solo5_result_t ring_read(solo5_handle_t handle, uint8_t *buf, size_t size, size_t *read_size)
{
	(void)handle, (void)buf, (void)size, (void)read_size;
	fail();
	return SOLO5_R_EUNSPEC;
}

/* ---- the monitor ---- */

static uint8_t byte_of(uint32_t n, size_t at)
{
	return at == 13 ? 0 : (uint8_t)(n * 7 + at * 3);
}

static bool keep_sent(const struct net_header *h, const uint8_t *frame, size_t len)
{
	if (!m.keeps)
		return false;
	m.outs++;
	m.out_header = *h;
	m.out_len = len;
	memcpy(m.out, frame, len);
	return true;
}

static void check_sent(const uint8_t *frame, size_t len)
{
	assert_in_range(len, SOLO5_NET_HLEN, 70000);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(frame[i], byte_of(m.next_out, i));
	m.next_out++;
}

static void send_all(solo5_handle_t handle)
{
	static uint8_t frame[70000];
	struct virtqueue *q = &m.q[handle][NET_QUEUE_TX];
	struct iovec iov[VIRTQ_SIZE_MAX];
	struct virtqueue_chain c;
	struct husk_error e;

	if (m.outage)
		return;
	while (q->memory != NULL && virtqueue_pop(q, &c, 1, iov, VIRTQ_SIZE_MAX, &e) == 1) {
		assert_int_equal(c.n_writable, 0);
		assert_int_equal(iov_gather(c.iov, c.n_readable, 0, frame, sizeof frame), c.readable);
		if (!keep_sent((const void *)frame, frame + HEADER, c.readable - HEADER)) {
			for (unsigned i = 0; i < HEADER; i++)
				assert_int_equal(frame[i], 0);
			check_sent(frame + HEADER, c.readable - HEADER);
		}
		virtqueue_push(q, c.head, 0);
		assert_false(virtqueue_publish(q));	/* completions are of no interest */
	}
	if (q->memory != NULL && !m.by_thread)
		(void)virtqueue_arm(q);
}

/* One frame into as many buffers as it takes. */
static bool bring(solo5_handle_t handle)
{
	static uint8_t frame[70000];
	struct virtqueue *q = &m.q[handle][NET_QUEUE_RX];
	struct iovec iov[VIRTQ_SIZE_MAX];
	struct virtqueue_chain c[40];
	const uint32_t unit = (m.granted_offloads & NET_GUEST_TSO) != 0 ? BIG_UNIT : RX_UNIT;
	struct net_header h = {.num_buffers = (uint16_t)((HEADER + m.len + unit - 1) / unit),
			       .flags = m.granted_offloads != 0 ? NET_DATA_VALID : 0};
	struct husk_error e;
	size_t at = 0;

	if (virtqueue_pop(q, c, h.num_buffers, iov, VIRTQ_SIZE_MAX, &e) != h.num_buffers) {
		virtqueue_unpop(q, q->in_flight);
		return false;
	}
	if (m.broken_headers > 0)
		m.broken_headers--, h.num_buffers = 0;
	memcpy(frame, &h, HEADER);
	for (size_t i = 0; i < m.len; i++)
		frame[HEADER + i] = byte_of(m.next_in, i);
	m.next_in++;
	for (unsigned i = 0; at < HEADER + m.len; i++) {
		const size_t left = HEADER + m.len - at, part = left < unit ? left : unit;

		(void)iov_scatter(c[i].iov, c[i].n_writable, 0, frame + at, part);
		virtqueue_push(q, m.gone_mad ? (uint16_t)(c[i].head + VIRTQ_SIZE_MAX) : c[i].head, (uint32_t)part);
		at += part;
	}
	return true;
}

/* The ready set's bit. */
static solo5_handle_set_t receive_all(solo5_handle_t handle)
{
	struct virtqueue *q = &m.q[handle][NET_QUEUE_RX];

	if (q->memory == NULL)
		return 0;
	while (m.waiting[handle] > 0 && bring(handle))
		m.waiting[handle]--;
	return virtqueue_publish(q) ? (solo5_handle_set_t)1 << handle : 0;
}

bool queue_announce(solo5_handle_t handle, uint32_t index, const struct virtq *q)
{
	const struct virtqueue_layout at = {
		queue_gpa(q->desc), queue_gpa(q->avail), queue_gpa(q->used), q->size,
	};
	struct husk_error e;

	m.announced++;
	if (index == NET_QUEUE_TX && m.refuses_tx)
		return false;
	memory_init(&m.memory, arena, ARENA);
	assert_int_equal(virtqueue_init(&m.q[handle][index], "queue", &m.memory, &at, &e), 0);
	send_all(handle);
	return true;
}

void queue_take_back(solo5_handle_t handle)
{
	memset(m.q[handle], 0, sizeof m.q[handle]);
}

void cpu_doorbell(uint32_t number)
{
	const solo5_handle_t handle = number / HUSK_QUEUES_MAX;

	m.ticks += PRICE;
	m.bells[number % HUSK_QUEUES_MAX]++;
	send_all(handle);
	if (number % HUSK_QUEUES_MAX == NET_QUEUE_RX)
		(void)receive_all(handle);
}

static void on_poll(struct hvt_poll *arg)
{
	m.polls++;
	if (m.polls == m.seen_at)
		m.outage = false;
	arg->ready_set = m.ready;
	for (solo5_handle_t i = NET; i <= OTHER; i++) {
		send_all(i);
		arg->ready_set |= receive_all(i);
	}
	m.now += arg->timeout_nsecs + m.poll_ns;
}

static void on_offloads(struct husk_net_offloads *rq)
{
	assert_false(m.old);
	rq->ret = m.q[rq->handle][NET_QUEUE_RX].memory == NULL ? HVT_OK : HVT_EINVAL;
	rq->granted = rq->ret == HVT_OK ? rq->wanted & m.can : UINT64_MAX;
	m.granted_offloads = rq->granted;
}

void cpu_hypercall(enum hvt_hypercall nr, void *arg)
{
	struct hvt_net *rq = arg;

	m.ticks += PRICE;
	if ((int)nr == HUSK_HYPERCALL_NET_OFFLOADS) {
		on_offloads(arg);
		return;
	}
	if (nr == HVT_HYPERCALL_POLL) {
		on_poll(arg);
		return;
	}
	m.hypercalls++;
	send_all(rq->handle);
	rq->ret = nr == HVT_HYPERCALL_NET_WRITE ? HVT_OK : HVT_AGAIN;
	if (nr == HVT_HYPERCALL_NET_WRITE &&
	    !keep_sent(&(struct net_header){.flags = 0}, (const uint8_t *)rq->data, rq->len))
		check_sent((const uint8_t *)rq->data, rq->len);
}

/* ---- the application ---- */

static int set_up(void **state)
{
	(void)state;
	memset(&m, 0, sizeof m);
	memset(arena, 0, sizeof arena);
	m.entries[NET] = (struct mft_entry){.type = MFT_DEV_NET_BASIC, .attached = 1};
	m.entries[NET].u.net.mtu = 1500;
	m.granted = HUSK_FEATURE_NET;
	m.asks = true;
	m.queue_size_max = VIRTQ_SIZE_MAX;
	m.heap = ARENA;
	m.len = 100;
	yield_frames = NULL;
	skipped = 0;
	return 0;
}

static void start(void)
{
	struct solo5_start_info info = {0};
	struct solo5_net_info net;
	solo5_handle_t handle;

	net_queue_init(&info);
	assert_int_equal(solo5_net_acquire("net", &handle, &net), SOLO5_R_OK);
	assert_int_equal(handle, NET);
	if (m.entries[OTHER].type != 0)
		assert_int_equal(solo5_net_acquire("other", &handle, &net), SOLO5_R_OK);
}

static void write_frame(uint32_t n, size_t len)
{
	uint8_t frame[70000];

	for (size_t i = 0; i < len; i++)
		frame[i] = byte_of(n, i);
	assert_int_equal(solo5_net_write(NET, frame, len), SOLO5_R_OK);
	memset(frame, 0xee, len);
}

static bool read_frame(uint32_t n)
{
	static uint8_t frame[70000];
	size_t size = 0;
	solo5_result_t r = solo5_net_read(NET, frame, sizeof frame, &size);

	if (r == SOLO5_R_AGAIN)
		return false;
	assert_int_equal(r, SOLO5_R_OK);
	assert_int_equal(size, m.len);
	for (size_t i = 0; i < size; i++)
		assert_int_equal(frame[i], byte_of(n, i));
	return true;
}

static solo5_handle_set_t yield_now(void)
{
	solo5_handle_set_t ready;

	solo5_yield(m.now + 1000, &ready);
	return ready;
}

/* ---- tests ---- */

static void many_frames_come_for_one_poll(void **state)
{
	(void)state;
	start();
	m.waiting[NET] = RX_MAX;
	assert_true(yield_now() == 1u << NET);
	for (uint32_t n = 0; n < RX_MAX; n++)
		assert_true(read_frame(n));
	assert_false(read_frame(0));
	assert_int_equal(m.polls, 1);
	assert_int_equal(m.hypercalls + m.bells[NET_QUEUE_RX], 0);
	m.waiting[NET] = 3;
	assert_true(yield_now() == 1u << NET);
	for (uint32_t n = 0; n < 3; n++)
		assert_true(read_frame(RX_MAX + n));
}

static void yield_sees_what_is_there_for_itself(void **state)
{
	(void)state;
	start();
	m.waiting[NET] = 20;
	for (uint32_t n = 0; n < 20; n++) {
		assert_true(yield_now() == 1u << NET);
		assert_true(read_frame(n));
	}
	assert_int_equal(m.polls, 1);
	assert_true(yield_now() == 0);
	assert_int_equal(m.polls, 2);
}

/* Or a device with frames that are taken one by one would keep the other waiting. */
static void the_monitor_is_asked_now_and_then(void **state)
{
	(void)state;
	m.entries[OTHER] = m.entries[NET];
	start();
	m.waiting[NET] = 200;
	assert_true(yield_now() == 1u << NET);
	m.waiting[OTHER] = 1;
	for (uint32_t n = 0; m.waiting[OTHER] > 0; n++) {
		assert_in_range(n, 0, SKIPS_MAX);
		assert_true(read_frame(n));
		assert_true((yield_now() & 1u << NET) != 0);
	}
	assert_true(yield_now() == (1u << NET | 1u << OTHER));
}

static void other_devices_are_asked_for_by_poll(void **state)
{
	(void)state;
	start();
	m.ready = UINT64_C(1) << 9;
	assert_true(yield_now() == UINT64_C(1) << 9);
}

/* The monitor looked when the guest waited. Who asks again means it. */
static void a_guest_that_only_reads_gets_its_frames(void **state)
{
	uint32_t n = 0;

	(void)state;
	start();
	for (unsigned i = 0; i < 10; i++) {
		m.waiting[NET] = 5;
		for (unsigned tries = 0; n < 5 * (i + 1); tries++) {
			assert_in_range(tries, 0, 6);
			n += read_frame(n);
		}
	}
	assert_in_range(m.bells[NET_QUEUE_RX], 10, 20);
	assert_int_equal(m.polls, 0);
}

static void frames_of_all_lengths_come(void **state)
{
	static const size_t mtus[] = {1500, 9000, 65521};
	uint32_t n = 0;

	for (unsigned i = 0; i < sizeof mtus / sizeof mtus[0]; i++) {
		assert_int_equal(set_up(state), 0);
		m.entries[NET].u.net.mtu = (uint16_t)mtus[i];
		start();
		for (n = 0, m.len = SOLO5_NET_HLEN; m.len <= mtus[i] + SOLO5_NET_HLEN; m.len += 1 + m.len / 9, n++) {
			m.waiting[NET] = 1;
			assert_true(yield_now() == 1u << NET);
			assert_true(read_frame(n));
		}
		m.len = mtus[i] + SOLO5_NET_HLEN;
		write_frame(0, m.len);
	}
}

static void a_frame_that_does_not_fit_is_passed_over(void **state)
{
	uint8_t small[60];
	size_t size;

	(void)state;
	start();
	m.waiting[NET] = 1;
	(void)yield_now();
	m.len = 60;
	m.waiting[NET] = 1;
	cpu_doorbell(HUSK_QUEUE_NUMBER(NET, NET_QUEUE_RX));
	assert_int_equal(solo5_net_read(NET, small, sizeof small, &size), SOLO5_R_OK);
	assert_int_equal(size, 60);
	assert_int_equal(small[0], byte_of(1, 0));
}

static void a_frame_with_an_impossible_header_is_passed_over(void **state)
{
	(void)state;
	start();
	m.broken_headers = 2;
	m.waiting[NET] = 3;
	(void)yield_now();
	assert_true(read_frame(2));
	assert_false(read_frame(3));
}

/* While a doorbell is wanted for each, a frame is a hypercall, which takes no copy. */
static void one_by_one_they_are_hypercalls(void **state)
{
	(void)state;
	start();
	for (uint32_t n = 0; n < ROW_MIN; n++)
		write_frame(n, 60 + n);
	assert_int_equal(m.hypercalls, ROW_MIN);
	assert_int_equal(m.bells[NET_QUEUE_TX], 0);
	assert_int_equal(m.next_out, ROW_MIN);
	for (uint32_t n = ROW_MIN; n < 100; n++) {
		m.ticks += (PATIENCE + 1) * PRICE;
		write_frame(n, 60);
		assert_int_equal(m.next_out, n + 1);
	}
	assert_int_equal(m.hypercalls, 100);
}

/* Nobody waits for the program to go on: it sends one after the other. */
static void many_in_a_row_leave_together(void **state)
{
	(void)state;
	start();
	for (uint32_t n = 0; n < 256; n++)
		write_frame(n, LONGEST);
	assert_int_equal(m.hypercalls, ROW_MIN);
	assert_in_range(m.bells[NET_QUEUE_TX], 7, 8);
	assert_in_range(m.next_out, 256 - queues[NET]->tx.size / 2, 256);
	(void)yield_now();		/* POLL sends the rest */
	assert_int_equal(m.next_out, 256);
	for (uint32_t n = 256; n < 256 + ROW_MIN; n++) {
		write_frame(n, 60);	/* and no row goes on behind it */
		assert_int_equal(m.next_out, n + 1);
	}
}

static unsigned exits(void)
{
	return m.hypercalls + m.polls + m.bells[NET_QUEUE_RX] + m.bells[NET_QUEUE_TX];
}

/* Those of a burst that was there when the guest was told, and of one that is sent, with the wait behind it. */
static void a_burst_takes_few_exits(void **state)
{
	static const struct {
		unsigned frames, in, out;
	} most[] = {{1, 1, 2}, {32, 1, ROW_MIN + 1}, {256, 1, ROW_MIN + 9}};

	for (size_t i = 0; i < sizeof most / sizeof most[0]; i++) {
		assert_int_equal(set_up(state), 0);
		start();
		for (unsigned k = 0; k < 10; k++) {
			unsigned before = exits();

			m.waiting[NET] = most[i].frames;
			assert_true(yield_now() == 1u << NET);
			for (uint32_t n = 0; n < most[i].frames; n++)
				assert_true(read_frame(k * most[i].frames + n));
			assert_false(read_frame(0));
			assert_in_range(exits() - before, 1, most[i].in);
			before = exits();
			for (uint32_t n = 0; n < most[i].frames; n++)
				write_frame(k * most[i].frames + n, 60);
			(void)yield_now();
			assert_in_range(exits() - before, 1, most[i].out);
			assert_int_equal(m.next_out, (k + 1) * most[i].frames);
		}
	}
}

static void who_looks_for_frames_has_sent_what_it_had(void **state)
{
	(void)state;
	start();
	for (uint32_t n = 0; n < 3 * ROW_MIN; n++)
		write_frame(n, 60);
	assert_int_equal(m.next_out, ROW_MIN);
	assert_false(read_frame(0));
	assert_int_equal(m.next_out, 3 * ROW_MIN);
	assert_int_equal(m.bells[NET_QUEUE_TX], 1);
}

/* A program that does something else after each row, and never looks: late once for more and more frames. */
static void where_rows_end_without_a_look_fewer_are_held_back(void **state)
{
	uint32_t n = 0, late = 0;

	(void)state;
	start();
	for (unsigned i = 0; i < 1000; i++) {
		for (unsigned j = 0; j < 20; j++)
			write_frame(n++, 60);
		late += m.next_out != n;
		m.ticks += 1000 * PRICE;
	}
	assert_in_range(late, 1, 12);
}

/* Where nothing else is ready, a POLL sends them, and the time that it waits is not theirs. */
static void end_in_a_yield(unsigned others)
{
	uint32_t n = 0, late = 0;

	m.entries[OTHER] = m.entries[NET];
	start();
	m.waiting[OTHER] = others;
	for (unsigned i = 0; i < 1000; i++) {
		for (unsigned j = 0; j < 20; j++)
			write_frame(n++, 60);
		late += m.next_out != n;
		m.ticks += 1000 * PRICE;
		assert_int_equal(yield_now(), others != 0 ? 1u << OTHER : 0);
		assert_int_equal(m.next_out, n);
	}
	assert_in_range(late, 1, 12);
}

static void so_it_is_where_they_end_in_a_yield(void **state)
{
	end_in_a_yield(0);
	assert_int_equal(set_up(state), 0);
	end_in_a_yield(2);
}

static void a_yield_that_is_not_late_punishes_nothing(void **state)
{
	uint32_t n = 0;

	(void)state;
	start();
	for (unsigned i = 0; i < 10; i++) {
		for (unsigned j = 0; j < 20; j++)
			write_frame(n++, 60);
		(void)yield_now();
		m.ticks += 1000 * PRICE;
	}
	assert_int_equal(m.bells[NET_QUEUE_TX], 0);
	assert_int_equal(m.hypercalls, 10 * ROW_MIN);
}

static void who_waits_for_the_clock_sends_what_is_late(void **state)
{
	(void)state;
	start();
	for (uint32_t n = 0; n < 20; n++)
		write_frame(n, 60);
	(void)solo5_clock_monotonic();
	assert_in_range(m.next_out, 1, 19);
	m.ticks += (PATIENCE + 1) * PRICE;
	(void)solo5_clock_monotonic();
	assert_int_equal(m.next_out, 20);
	assert_int_equal(m.bells[NET_QUEUE_TX], 1);
	m.ticks += 1000 * PRICE;
	(void)solo5_clock_monotonic();
	assert_int_equal(m.bells[NET_QUEUE_TX], 1);
}

/* Where another device is direct, the queue is longer. */
static void no_more_than_32_are_held_back(void **state)
{
	(void)state;
	m.entries[OTHER] = m.entries[NET];
	m.direct = 1u << OTHER;
	start();
	assert_int_equal(queues[NET]->tx.size, 256);
	for (uint32_t n = 0; n < 256; n++) {
		write_frame(n, 60);
		assert_in_range(n + 1 - m.next_out, 0, HOLD_MAX);
	}
}

/* Where the monitor polls the queue. */
static void without_doorbells_they_go_by_the_queue(void **state)
{
	(void)state;
	start();
	m.by_thread = true;
	virtqueue_arm_beyond(&m.q[NET][NET_QUEUE_TX], UINT16_MAX);
	for (uint32_t n = 0; n < 40; n++)
		write_frame(n, 60 + n);
	assert_int_equal(m.hypercalls + m.bells[NET_QUEUE_TX], 0);
	assert_int_equal(m.next_out, 0);
	send_all(NET);
	assert_int_equal(m.next_out, 40);
}

/* It is no exit, and nothing is held back for want of one. */
static void where_a_doorbell_costs_nothing_it_is_rung(void **state)
{
	(void)state;
	m.direct = 1u << NET;
	start();
	for (uint32_t n = 0; n < 40; n++)
		write_frame(n, 60 + n);
	assert_int_equal(m.hypercalls, 0);
	assert_int_equal(m.bells[NET_QUEUE_TX], 40);
	assert_int_equal(m.next_out, 40);
}

static void buffers_are_shown_by_a_doorbell_there(void **state)
{
	(void)state;
	m.direct = 1u << NET;
	start();
	m.waiting[NET] = RX_MAX;
	(void)yield_now();
	m.bells[NET_QUEUE_RX] = 0;
	(void)virtqueue_arm(&m.q[NET][NET_QUEUE_RX]);
	for (uint32_t n = 0; n < RX_MAX; n++)
		assert_true(read_frame(n));
	assert_int_equal(m.bells[NET_QUEUE_RX], 1);
}

static void a_full_queue_is_emptied(void **state)
{
	(void)state;
	start();
	m.by_thread = true;
	virtqueue_arm_beyond(&m.q[NET][NET_QUEUE_TX], UINT16_MAX);
	for (uint32_t n = 0; n < 1000; n++)
		write_frame(n, LONGEST);
	assert_int_equal(m.hypercalls, 0);
	assert_in_range(m.bells[NET_QUEUE_TX], 10, 20);
	send_all(NET);
	assert_int_equal(m.next_out, 1000);
}

/* So many frames have come, and each is answered at once. */
static void answer(unsigned n, uint64_t ticks_each)
{
	const uint32_t in = m.next_in, out = m.next_out;

	m.waiting[NET] = n;
	assert_true(yield_now() == 1u << NET);
	for (uint32_t i = 0; i < n; i++) {
		assert_true(read_frame(in + i));
		m.ticks += ticks_each;
		write_frame(out + i, 60);
	}
	assert_int_equal(m.next_out, out + n);
}

static void answers_to_what_has_come_leave_together(void **state)
{
	unsigned exits;

	(void)state;
	start();
	write_frame(0, 60);		/* it says what an exit takes */
	exits = m.hypercalls;
	for (unsigned i = 0; i < 10; i++)
		answer(20, PRICE / 10);
	assert_int_equal(m.hypercalls, exits);
	assert_int_equal(m.bells[NET_QUEUE_TX], 10);
	answer(200, PRICE / 10);
	assert_in_range(m.bells[NET_QUEUE_TX], 16, 20);
}

static void the_only_answer_leaves_at_once(void **state)
{
	(void)state;
	start();
	write_frame(0, 60);
	for (unsigned i = 0; i < 10; i++)
		answer(1, 0);
	assert_int_equal(m.hypercalls, 11);
	assert_int_equal(m.bells[NET_QUEUE_TX], 0);
}

/* Late once, and then once for more and more frames. */
static void where_answers_take_long_none_waits_for_the_next(void **state)
{
	(void)state;
	start();
	write_frame(0, 60);
	for (unsigned i = 0; i < 30; i++)
		answer(20, 100 * PRICE);
	assert_in_range(m.bells[NET_QUEUE_TX], 1, 10);
	assert_in_range(m.hypercalls, 560, 600);
}

static void what_is_held_back_leaves_when_no_more_has_come(void **state)
{
	(void)state;
	start();
	write_frame(0, 60);
	m.waiting[NET] = 3;
	(void)yield_now();
	assert_true(read_frame(0));
	write_frame(1, 60);
	assert_int_equal(m.next_out, 1);
	assert_true(read_frame(1));
	assert_true(read_frame(2));
	assert_int_equal(m.next_out, 1);
	assert_false(read_frame(3));
	assert_int_equal(m.next_out, 2);
}

static void a_poll_sends_what_is_held_back(void **state)
{
	(void)state;
	start();
	write_frame(0, 60);
	m.waiting[NET] = 2;
	(void)yield_now();
	assert_true(read_frame(0));
	write_frame(1, 60);
	assert_true(read_frame(1));
	assert_int_equal(m.next_out, 1);
	(void)yield_now();
	assert_int_equal(m.next_out, 2);
	assert_int_equal(m.bells[NET_QUEUE_TX], 0);
}

static void hypercalls_do_not_overtake(void **state)
{
	(void)state;
	start();
	write_frame(0, 60);
	m.waiting[NET] = 100;
	(void)yield_now();
	for (uint32_t n = 1; n <= 100; n++) {
		write_frame(n, 60);	/* check_sent minds the order */
		if (n % 7 == 0)
			m.ticks += 100 * PRICE;
	}
	(void)yield_now();
	solo5_yield(0, NULL);
}

static void without_the_feature_there_are_none(void **state)
{
	(void)state;
	m.granted = 0;
	start();
	assert_int_equal(m.announced, 0);
	assert_int_equal(m.taken, 0);
	write_frame(0, 60);
	assert_false(read_frame(0));
	assert_int_equal(m.hypercalls, 2);
	assert_null(yield_frames);
}

static void little_memory_means_fewer_and_then_none(void **state)
{
	(void)state;
	m.heap = 100000;
	start();
	assert_int_equal(m.announced, 2);
	assert_in_range(queues[NET]->rx.size, RX_MIN, 32);
	m.waiting[NET] = 100;
	assert_true(yield_now() == 1u << NET);
	for (uint32_t n = 0; n < 100; n++)
		if (!read_frame(n))
			assert_true(yield_now() == 1u << NET && read_frame(n));
	assert_int_equal(set_up(state), 0);
	m.heap = 30000;
	start();
	assert_int_equal(m.announced, 0);
	assert_false(net_queue_has(NET));
}

static void where_a_queue_is_refused_neither_is_used(void **state)
{
	(void)state;
	m.refuses_tx = true;
	start();
	assert_int_equal(m.announced, 2);
	assert_null(m.q[NET][NET_QUEUE_RX].memory);
	write_frame(0, 60);
	assert_false(read_frame(0));
	assert_int_equal(m.hypercalls, 2);
}

static void a_monitor_gone_mad_does_no_harm(void **state)
{
	(void)state;
	start();
	m.gone_mad = true;
	m.waiting[NET] = 3;
	(void)yield_now();
	for (unsigned i = 0; i < 5; i++)
		(void)solo5_net_read(NET, arena + ARENA / 2, 2000, &(size_t){0});
	assert_true(m.hypercalls > 0);
	(void)yield_now();
}

/* ---- the rule of price ---- */

/* Whether there are queues for an image that did not ask by itself. */
static bool has_queues(void **state, uint64_t frame_ticks, unsigned quiet)
{
	assert_int_equal(set_up(state), 0);
	m.asks = false;
	m.frame_ticks = frame_ticks;
	m.quiet = quiet;
	start();
	assert_int_equal(m.taken != 0, net_queue_has(NET));
	return net_queue_has(NET);
}

static void there_are_queues_where_an_exit_is_dearer_than_a_frame(void **state)
{
	assert_true(has_queues(state, PRICE / 20, 0));
	assert_true(has_queues(state, PRICE - 1, 0));
	assert_false(has_queues(state, PRICE, 0));
	assert_false(has_queues(state, 40 * PRICE, 0));
	assert_int_equal(m.announced, 0);
	write_frame(0, 60);
	assert_false(read_frame(0));
	assert_int_equal(m.hypercalls, 2);
}

static void a_busy_host_does_not_change_that(void **state)
{
	for (unsigned quiet = 1; quiet <= PRICE_TRIES; quiet++) {
		assert_true(has_queues(state, PRICE / 2, quiet));
		assert_false(has_queues(state, 2 * PRICE, quiet));
	}
}

static void what_is_measured_costs_a_few_exits(void **state)
{
	assert_true(has_queues(state, PRICE / 2, 0));
	assert_int_equal(m.bells[NET_QUEUE_RX], PRICE_TRIES);
	assert_int_equal(m.hypercalls + m.polls, 0);
}

static void an_image_that_asks_has_them_at_any_price(void **state)
{
	(void)state;
	m.frame_ticks = 40 * PRICE;
	start();
	assert_true(net_queue_has(NET));
	assert_int_equal(m.bells[NET_QUEUE_RX], 0);
}

static void runs_that_are_to_be_alike_are_not_measured(void **state)
{
	(void)state;
	m.asks = false;
	m.granted |= HUSK_FEATURE_CLOCK;
	m.frame_ticks = 40 * PRICE;
	start();
	assert_true(net_queue_has(NET));
	assert_int_equal(m.bells[NET_QUEUE_RX] + m.read, 0);
	for (uint32_t n = 0; n < 50; n++) {	/* whatever the counter says */
		write_frame(n, 60);
		assert_int_equal(m.next_out, n + 1);
	}
	m.waiting[NET] = 2;
	(void)yield_now();
	assert_true(read_frame(0));
	write_frame(50, 60);
	assert_int_equal(m.next_out, 51);
}

static void a_frame_of_the_trial_is_one(void **state)
{
	static const size_t mtus[] = {68, 1500, 9000};

	for (unsigned i = 0; i < sizeof mtus / sizeof mtus[0]; i++) {
		struct trial t = {.size = mtus[i] < TRIAL_LONG ? mtus[i] : TRIAL_LONG};
		static uint8_t memory[TRIAL_MEMORY] __attribute__((aligned(ALIGN)));

		(void)state;
		memset(memory, 0, sizeof memory);
		prepare(&t, memory);
		for (unsigned n = 0; n < 100; n++) {
			t.read_size = 0;
			t.unit[HEADER] = (uint8_t)n;
			frame_by_queue(&t);
			assert_int_equal(t.read_size, t.size);
			assert_int_equal(t.to[0], (uint8_t)n);
		}
	}
}

/* ---- what is left to the host ---- */

#define ALL_OFFLOADS ((uint64_t)NET_OFFLOADS)
#define DATA (arena + ARENA / 2)	/* of the application */

static void start_with(uint64_t can)
{
	m.can = can;
	start();
	assert_true(solo5x_net_offloads(NET, ALL_OFFLOADS) == can);
	assert_true(m.granted_offloads == can);
}

static void offloads_are_granted_before_the_first_frame_alone(void **state)
{
	size_t size;

	start_with(ALL_OFFLOADS);
	assert_int_equal(m.announced, 4);
	assert_true(solo5x_net_offloads(NET, NET_CSUM) == NET_CSUM);
	assert_true(solo5x_net_offloads(OTHER, ALL_OFFLOADS) == 0);
	assert_true(solo5x_net_offloads(1000, ALL_OFFLOADS) == 0);
	(void)solo5_net_read(NET, DATA, 2000, &size);
	assert_true(solo5x_net_offloads(NET, 0) == 0);
	assert_true(m.granted_offloads == NET_CSUM);
	(void)set_up(state);
	start_with(NET_CSUM);
	write_frame(0, 100);
	assert_true(solo5x_net_offloads(NET, ALL_OFFLOADS) == 0);
	(void)set_up(state);
	m.granted = 0;
	m.can = ALL_OFFLOADS;
	start();
	assert_true(solo5x_net_offloads(NET, ALL_OFFLOADS) == 0);
}

static void little_memory_means_no_segments(void **state)
{
	(void)state;
	m.can = ALL_OFFLOADS;
	m.heap = 150 << 10;
	start();
	assert_true(solo5x_net_offloads(NET, ALL_OFFLOADS) ==
		    (ALL_OFFLOADS & ~(uint64_t)(NET_GUEST_TSO | NET_GUEST_ECN)));
	m.waiting[NET] = 20;
	m.len = LONGEST;
	(void)yield_now();
	assert_true(m.waiting[NET] < 20);
}

/* And the second time all of them. */
static void asking_again_takes_nothing_away(void **state)
{
	(void)state;
	start_with(ALL_OFFLOADS);
	for (unsigned i = 0; i < 4; i++) {
		assert_true(solo5x_net_offloads(NET, ALL_OFFLOADS) == ALL_OFFLOADS);
		assert_int_equal(queues[NET]->rx.size, RX_MAX / 2);
		assert_true(solo5x_net_offloads(NET, NET_CSUM) == NET_CSUM);
		assert_int_equal(queues[NET]->rx.size, RX_MAX);
	}
	m.waiting[NET] = RX_MAX;
	(void)yield_now();
	for (uint32_t n = 0; n < RX_MAX; n++)
		assert_true(read_frame(n));
}

static void a_monitor_without_offloads_is_not_asked(void **state)
{
	(void)state;
	m.old = true;
	m.can = ALL_OFFLOADS;
	start();
	assert_true(solo5x_net_offloads(NET, ALL_OFFLOADS) == 0);
	assert_true(net_queue_has(NET));
}

static struct solo5x_net_frame come(uint32_t n)
{
	struct solo5x_net_frame f = {.n = 0};
	size_t at = 0;

	assert_int_equal(solo5x_net_receive(NET, &f), SOLO5_R_OK);
	assert_int_equal(f.size, m.len);
	assert_int_equal(f.meta.flags, SOLO5X_NET_DATA_VALID);
	for (size_t i = 0; i < f.n; i++)
		for (size_t k = 0; k < f.parts[i].size; k++, at++)
			assert_int_equal(f.parts[i].data[k], byte_of(n, at));
	assert_int_equal(at, m.len);
	return f;
}

/* Longer than the queue: each buffer is used again. */
static void large_frames_come_in_parts_that_go_back_in_any_order(void **state)
{
	struct solo5x_net_frame held[3];

	(void)state;
	start_with(ALL_OFFLOADS);
	m.len = 20000;
	for (uint32_t n = 0; n < 60; n += 3) {
		m.waiting[NET] = 3;
		(void)yield_now();
		for (uint32_t i = 0; i < 3; i++)
			held[i] = come(n + i);
		for (uint32_t i = 0; i < 3; i++)
			solo5x_net_release(&held[(n / 3 + 2 * i) % 3]);
		solo5x_net_release(&held[0]);	/* again: nothing */
		assert_int_equal(solo5x_net_receive(NET, &held[0]), SOLO5_R_AGAIN);
	}
	m.len = NET_SEGMENTS_MAX;
	m.waiting[NET] = 1;
	(void)yield_now();
	held[0] = come(60);
	assert_int_equal(held[0].n, 17);
	solo5x_net_release(&held[0]);
}

static void a_broken_frame_in_parts_is_passed_over(void **state)
{
	struct solo5x_net_frame f;

	(void)state;
	start_with(ALL_OFFLOADS);
	m.broken_headers = 3;
	m.waiting[NET] = 4;
	(void)yield_now();
	f = come(3);
	solo5x_net_release(&f);
	assert_int_equal(solo5x_net_receive(NET, &f), SOLO5_R_AGAIN);
}

static struct solo5x_net_meta meta_of(bool segments)
{
	return (struct solo5x_net_meta){
		.flags = SOLO5X_NET_NEEDS_CSUM, .csum_start = 34, .csum_offset = 16,
		.gso_type = segments ? SOLO5X_NET_GSO_TCPV4 : 0, .gso_size = segments ? 1460 : 0,
	};
}

static solo5_result_t send_parts(size_t first, size_t second, bool segments)
{
	const struct solo5x_net_part parts[] = {{DATA, first}, {DATA + 1000, second}};
	const struct solo5x_net_meta meta = meta_of(segments);

	for (size_t i = 0; i < 1000 + second; i++)
		DATA[i] = byte_of(7, i);
	return solo5x_net_send(NET, parts, 2, &meta);
}

static void frames_in_parts_leave_with_what_is_to_be_done(void **state)
{
	(void)state;
	start_with(ALL_OFFLOADS);
	m.keeps = true;
	for (unsigned round = 0; round < 200; round++) {
		m.by_thread = round % 3 == 1;
		assert_int_equal(send_parts(54, 40000, true), SOLO5_R_OK);
		assert_int_equal(m.out_len, 40054);
		assert_int_equal(m.out_header.gso_size, 1460);
		assert_int_equal(m.out_header.gso_type, NET_GSO_TCPV4);
		assert_memory_equal(m.out, DATA, 54);
		assert_memory_equal(m.out + 54, DATA + 1000, 40000);
		m.by_thread = false;
		assert_int_equal(send_parts(54, 100, false), SOLO5_R_OK);
	}
	(void)yield_now();
	assert_int_equal(m.outs, 400);
	assert_int_equal(m.out_len, 154);
	assert_int_equal(m.out_header.flags, NET_NEEDS_CSUM);
	assert_int_equal(m.out_header.csum_offset, 16);
	assert_int_equal(send_parts(54, NET_SEGMENTS_MAX, true), SOLO5_R_EINVAL);
	assert_int_equal(send_parts(5, 5, false), SOLO5_R_EINVAL);
}

static solo5_result_t send_asking(size_t size, struct solo5x_net_meta meta)
{
	const struct solo5x_net_part parts[] = {{DATA, 13}, {DATA + 13, size - 13}};

	return solo5x_net_send(NET, parts, 2, &meta);
}

static void what_would_be_dropped_is_refused(void **state)
{
	const struct solo5x_net_meta sum = meta_of(false), segments = meta_of(true);
	struct solo5x_net_meta meta;

	(void)state;
	start_with(NET_CSUM | NET_HOST_TSO4);
	m.keeps = true;
	assert_int_equal(send_asking(LONGEST + 1, sum), SOLO5_R_EINVAL);
	DATA[12] = 0x81;		/* a tag */
	assert_int_equal(send_asking(LONGEST + 5, sum), SOLO5_R_EINVAL);
	assert_int_equal(send_asking(LONGEST + 4, sum), SOLO5_R_OK);
	assert_int_equal(send_asking(51, sum), SOLO5_R_EINVAL);
	meta = sum, meta.csum_start = 13;
	assert_int_equal(send_asking(60, meta), SOLO5_R_EINVAL);
	meta = segments, meta.gso_size = 0;
	assert_int_equal(send_asking(3000, meta), SOLO5_R_EINVAL);
	meta = segments, meta.gso_size = 1469;	/* with two tags 1468 */
	assert_int_equal(send_asking(3000, meta), SOLO5_R_EINVAL);
	meta = segments, meta.csum_offset = 6;
	assert_int_equal(send_asking(3000, meta), SOLO5_R_EINVAL);
	meta = segments, meta.flags = 0;
	assert_int_equal(send_asking(3000, meta), SOLO5_R_EINVAL);
	meta = segments, meta.gso_type = SOLO5X_NET_GSO_TCPV6;
	assert_int_equal(send_asking(3000, meta), SOLO5_R_EUNSPEC);
	meta.gso_type = SOLO5X_NET_GSO_TCPV4 | SOLO5X_NET_GSO_ECN;
	assert_int_equal(send_asking(3000, meta), SOLO5_R_EUNSPEC);
	meta.gso_type = 3;
	assert_int_equal(send_asking(3000, meta), SOLO5_R_EUNSPEC);
	assert_int_equal(m.outs, 1);
	assert_int_equal(send_asking(3000, segments), SOLO5_R_OK);
	assert_int_equal(m.outs, 2);
}

/* Doorbells are no exits: only in one the monitor sees that nobody serves the queue. */
static void an_outage_is_shown_to_the_monitor(void **state)
{
	(void)state;
	m.direct = 1u << NET;
	start_with(ALL_OFFLOADS);
	m.keeps = m.outage = true;
	m.seen_at = 3;
	assert_int_equal(send_parts(54, 40000, true), SOLO5_R_OK);
	assert_int_equal(m.polls, 3);
	assert_int_equal(m.outs, 1);
	m.outage = true;
	m.seen_at = 4;			/* a full queue is shown, too */
	for (unsigned i = 0; i <= 256; i++)
		assert_int_equal(send_parts(54, 100, false), SOLO5_R_OK);
	assert_int_equal(m.polls, 4);
	assert_int_equal(m.outs, 258);
}

/* The parts must not be read any more when they are the caller's again. */
static void where_it_does_not_end_the_queues_are_taken_back(void **state)
{
	(void)state;
	m.direct = 1u << NET;
	start_with(ALL_OFFLOADS);
	m.keeps = m.outage = true;
	m.poll_ns = WAIT_NS / 10;	/* as where it stood still */
	m.seen_at = ASKS_MIN;
	assert_int_equal(send_parts(54, 40000, true), SOLO5_R_OK);
	m.outs = 0;
	m.outage = true;
	assert_int_equal(send_parts(54, 40000, true), SOLO5_R_AGAIN);
	assert_in_range(m.polls, 2 * ASKS_MIN, 2 * ASKS_MIN + 10);
	m.outage = false;
	assert_null(m.q[NET][NET_QUEUE_TX].memory);
	assert_false(net_queue_has(NET));
	assert_int_equal(send_parts(54, 40000, true), SOLO5_R_EUNSPEC);
	assert_int_equal(send_parts(54, 100, false), SOLO5_R_OK);
	assert_int_equal(m.hypercalls, 1);
	assert_int_equal(m.outs, 1);
}

static void looking_for_parts_is_reading(void **state)
{
	struct solo5x_net_frame f = {.n = 0};
	const uint64_t seen = inputs_seen;

	(void)state;
	start_with(NET_GUEST_CSUM);
	for (uint32_t n = 0; n < 20; n++)
		write_frame(n, 60);
	assert_in_range(m.next_out, 1, 19);
	m.ticks += 1000 * PRICE;
	m.waiting[NET] = 2;
	(void)receive_all(NET);
	assert_int_equal(solo5x_net_receive(NET, &f), SOLO5_R_OK);
	solo5x_net_release(&f);
	assert_true(inputs_seen > seen);
	assert_int_equal(m.next_out, 20);	/* it was late */
	assert_int_equal(queues[NET]->row, 0);
}

/* RFC 1071: of what is summed, with the field that was filled in. */
static uint32_t sum_of(const uint8_t *at, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += (uint32_t)at[i] << (i % 2 == 0 ? 8 : 0);
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void what_is_not_granted_is_done_here(void **state)
{
	const struct solo5x_net_meta outside = {
		.flags = SOLO5X_NET_NEEDS_CSUM, .csum_start = 34, .csum_offset = 500,
	};
	const struct solo5x_net_part part = {DATA, 100};
	struct solo5x_net_frame f = {.room = DATA + 4096, .room_size = 2000};
	uint8_t whole[200];

	(void)state;
	m.granted = 0;
	m.entries[NET].u.net.mtu = 9000;
	start();
	m.keeps = true;
	assert_int_equal(send_parts(54, 3000, false), SOLO5_R_OK);
	assert_int_equal(m.out_len, 3054);
	for (size_t len = 40; len < 43; len++) {
		assert_int_equal(send_parts(54, len, false), SOLO5_R_OK);
		assert_int_equal(m.out_len, 54 + len);
		/* What the pattern has in the field stands for the pseudo header. */
		memcpy(whole, DATA, 54);
		memcpy(whole + 54, DATA + 1000, len);
		assert_int_equal(m.out[50] << 8 | m.out[51], ~sum_of(whole + 34, 20 + len) & 0xffff);
	}
	assert_int_equal(send_parts(54, 3000, true), SOLO5_R_EUNSPEC);
	assert_int_equal(solo5x_net_send(NET, &part, 1, &outside), SOLO5_R_EINVAL);
	assert_int_equal(solo5x_net_send(NET, &part, 1, NULL), SOLO5_R_OK);
	assert_int_equal(solo5x_net_send(NET, &part, 0, NULL), SOLO5_R_EINVAL);
	assert_int_equal(solo5x_net_send(OTHER, &part, 1, NULL), SOLO5_R_EINVAL);
	assert_int_equal(solo5x_net_receive(NET, &f), SOLO5_R_AGAIN);
	solo5x_net_release(&f);
}

/* RFC 768: 0 would say that there is no checksum. */
static void a_checksum_is_never_0(void **state)
{
	const struct solo5x_net_meta meta = {
		.flags = SOLO5X_NET_NEEDS_CSUM, .csum_start = 34, .csum_offset = 6,
	};
	const struct solo5x_net_part part = {DATA, 60};

	(void)state;
	m.granted = 0;
	start();
	m.keeps = true;
	memset(DATA, 0, 60);
	DATA[50] = DATA[51] = 0xff;
	assert_int_equal(solo5x_net_send(NET, &part, 1, &meta), SOLO5_R_OK);
	assert_true(m.out[40] == 0xff && m.out[41] == 0xff);
}

static void without_large_frames_they_come_copied(void **state)
{
	struct solo5x_net_frame f = {.room = DATA, .room_size = 2000};

	(void)state;
	start();
	assert_true(solo5x_net_offloads(NET, NET_CSUM) == 0);
	m.waiting[NET] = 1;
	(void)yield_now();
	assert_int_equal(solo5x_net_receive(NET, &f), SOLO5_R_OK);
	assert_true(f.n == 1 && f.parts[0].data == DATA && f.size == m.len);
	assert_int_equal(f.meta.flags, 0);
	solo5x_net_release(&f);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(many_frames_come_for_one_poll),
		TEST(yield_sees_what_is_there_for_itself),
		TEST(the_monitor_is_asked_now_and_then),
		TEST(other_devices_are_asked_for_by_poll),
		TEST(a_guest_that_only_reads_gets_its_frames),
		TEST(frames_of_all_lengths_come),
		TEST(a_frame_that_does_not_fit_is_passed_over),
		TEST(a_frame_with_an_impossible_header_is_passed_over),
		TEST(one_by_one_they_are_hypercalls),
		TEST(many_in_a_row_leave_together),
		TEST(a_burst_takes_few_exits),
		TEST(who_looks_for_frames_has_sent_what_it_had),
		TEST(where_rows_end_without_a_look_fewer_are_held_back),
		TEST(so_it_is_where_they_end_in_a_yield),
		TEST(a_yield_that_is_not_late_punishes_nothing),
		TEST(who_waits_for_the_clock_sends_what_is_late),
		TEST(no_more_than_32_are_held_back),
		TEST(without_doorbells_they_go_by_the_queue),
		TEST(where_a_doorbell_costs_nothing_it_is_rung),
		TEST(buffers_are_shown_by_a_doorbell_there),
		TEST(a_full_queue_is_emptied),
		TEST(answers_to_what_has_come_leave_together),
		TEST(the_only_answer_leaves_at_once),
		TEST(where_answers_take_long_none_waits_for_the_next),
		TEST(what_is_held_back_leaves_when_no_more_has_come),
		TEST(a_poll_sends_what_is_held_back),
		TEST(hypercalls_do_not_overtake),
		TEST(without_the_feature_there_are_none),
		TEST(little_memory_means_fewer_and_then_none),
		TEST(where_a_queue_is_refused_neither_is_used),
		TEST(a_monitor_gone_mad_does_no_harm),
		TEST(there_are_queues_where_an_exit_is_dearer_than_a_frame),
		TEST(a_busy_host_does_not_change_that),
		TEST(what_is_measured_costs_a_few_exits),
		TEST(an_image_that_asks_has_them_at_any_price),
		TEST(runs_that_are_to_be_alike_are_not_measured),
		TEST(a_frame_of_the_trial_is_one),
		TEST(offloads_are_granted_before_the_first_frame_alone),
		TEST(little_memory_means_no_segments),
		TEST(asking_again_takes_nothing_away),
		TEST(a_monitor_without_offloads_is_not_asked),
		TEST(large_frames_come_in_parts_that_go_back_in_any_order),
		TEST(a_broken_frame_in_parts_is_passed_over),
		TEST(frames_in_parts_leave_with_what_is_to_be_done),
		TEST(what_would_be_dropped_is_refused),
		TEST(an_outage_is_shown_to_the_monitor),
		TEST(where_it_does_not_end_the_queues_are_taken_back),
		TEST(looking_for_parts_is_reading),
		TEST(what_is_not_granted_is_done_here),
		TEST(a_checksum_is_never_0),
		TEST(without_large_frames_they_come_copied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
