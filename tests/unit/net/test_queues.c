/* SPDX-License-Identifier: ISC */
/* test_queues.c: frames through the queues of network devices, good ones and others (include/net_abi.h). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../../../bindings/virtqueue.h"
#include "../../../include/net_abi.h"
#include "../../../monitor/net/processors.h"
#include "../../../monitor/net/ring_credit.h"
#include "emulated.h"
#include "rig.h"
#include "expect.h"
#include "wire.h"

extern const struct module module_net;

#define DEVICES 2u
#define SIZE 256u			/* entries */
#define ARG (HVT_GUEST_MIN_BASE + 0x100u)
#define QUEUES (HVT_GUEST_MIN_BASE + 0x1000u)
#define QUEUE_STEP 0x2000u
#define HEADERS (HVT_GUEST_MIN_BASE + 0x10000u)
#define FRAMES (HVT_GUEST_MIN_BASE + 0x20000u)	/* to send */
#define BUFFERS (HVT_GUEST_MIN_BASE + 0x80000u)
#define STEP 2048u			/* from one buffer or frame to the next */
#define HEADER ((uint32_t)sizeof(struct net_header))
#define LONGEST (1500 + 14)
#define ROOM (HEADER + LONGEST + 8)	/* of the longest frame, with tags */
#define MS 1000000u
#define UNTOUCHED 0x77

/* ---- what is made to fail, and who serves ---- */

static struct {
	unsigned mallocs, malloc_fails;	/* the n-th of them does, 0: none */
	bool two;			/* processors: rings and queues have a thread */
} host;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
bool __wrap_processors_only_one(void);
bool __wrap_ring_credit_allows(const struct ring_credit *c);
bool __wrap_ring_credit_spent(const struct ring_credit *c);
int64_t __wrap_ring_credit_patience(const struct ring_credit *c);

void *__wrap_malloc(size_t size)
{
	return ++host.mallocs == host.malloc_fails ? NULL : __real_malloc(size);
}

bool __wrap_processors_only_one(void)
{
	return !host.two;
}

bool __wrap_ring_credit_allows(const struct ring_credit *c)
{
	(void)c;
	return true;
}

bool __wrap_ring_credit_spent(const struct ring_credit *c)
{
	(void)c;
	return false;
}

int64_t __wrap_ring_credit_patience(const struct ring_credit *c)
{
	(void)c;
	return 1 << 28;
}

/* ---- a guest with two devices ---- */

struct fixture {
	struct rig rig;
	struct wire wires[DEVICES];	/* of handles 1, 2 */
	char words[8][64];		/* options */
	unsigned n_words;
	struct virtq q[DEVICES][NET_QUEUES];
	unsigned posted, sent;
	int files;
};

static struct fixture f;

static void option(const char *word)
{
	char *copy = f.words[f.n_words++];

	snprintf(copy, sizeof f.words[0], "%s", word);
	assert_int_equal(rig_option(&f.rig, &module_net, copy), 0);
}

static int set_up_bare(void **state)
{
	(void)state;
	memset(&f, 0, sizeof f);
	memset(&host, 0, sizeof host);
	f.files = open_descriptors();
	if (rig_make(&f.rig, RIG_MEMORY) == -1)
		return -1;
	f.rig.core.wanted = HUSK_FEATURE_NET;
	for (unsigned i = 0; i < DEVICES; i++) {
		static const char *const names[DEVICES] = {"service0", "service1"};
		char word[64];

		wire_make(&f.wires[i]);
		rig_device(&f.rig, names[i], MFT_DEV_NET_BASIC);
		snprintf(word, sizeof word, "--net:service%u=%s", i, f.wires[i].where);
		option(word);
	}
	return rig_attach(&f.rig, &module_core);
}

static int tear_down(void **state)
{
	(void)state;
	rig_free(&f.rig);
	for (unsigned i = 0; i < DEVICES; i++)
		wire_free(&f.wires[i]);
	return open_descriptors() == f.files ? 0 : -1;
}

static void attach(void)
{
	if (rig_attach(&f.rig, &module_net) == -1)
		fail_msg("%s", f.rig.e.message);
	memset(rig_at(&f.rig, HVT_GUEST_MIN_BASE), UNTOUCHED, RIG_MEMORY - HVT_GUEST_MIN_BASE);
	rig_live(&f.rig);
}

static struct virtq *queue(unsigned device, unsigned index)
{
	return &f.q[device][index];
}

static struct husk_queue layout(unsigned device, unsigned index)
{
	const uint64_t at = QUEUES + (device * NET_QUEUES + index) * QUEUE_STEP;
	struct virtq *q = queue(device, index);
	struct husk_queue rq = {.handle = device + 1, .index = index, .size = SIZE, .desc = at, .ret = 77};

	memset(rig_at(&f.rig, at), 0, QUEUE_STEP);
	virtq_init(q, SIZE, rig_at(&f.rig, at));
	if (index == NET_QUEUE_TX)	/* completions are of no interest */
		*virtq_used_event(q->avail, SIZE) = UINT16_MAX;
	rq.avail = at + (uint64_t)((uint8_t *)q->avail - (uint8_t *)q->desc);
	rq.used = at + (uint64_t)((uint8_t *)q->used - (uint8_t *)q->desc);
	return rq;
}

static int announce(const struct husk_queue *rq)
{
	memcpy(rig_at(&f.rig, ARG), rq, sizeof *rq);
	assert_int_equal(rig_call(&f.rig, HUSK_HYPERCALL_QUEUE, ARG), RIG_RESUMED);
	return ((struct husk_queue *)rig_at(&f.rig, ARG))->ret;
}

static void announce_all(void)
{
	for (unsigned i = 0; i < DEVICES * NET_QUEUES; i++) {
		const struct husk_queue rq = layout(i / NET_QUEUES, i % NET_QUEUES);

		assert_int_equal(announce(&rq), HVT_OK);
	}
}

static int set_up(void **state)
{
	if (set_up_bare(state) != 0)
		return -1;
	attach();
	announce_all();
	return 0;
}

static int set_up_thread(void **state)
{
	if (set_up_bare(state) != 0)
		return -1;
	host.two = true;
	attach();
	announce_all();
	return 0;
}

static enum rig_end bell(unsigned device, unsigned index)
{
	const enum bus_kind kind = cpu_hypercall_window.kind;

	hv_fake_store(f.rig.core.hv, kind, kind == BUS_PIO ? HUSK_DOORBELL_PIO_BASE :
		      HUSK_DOORBELL_MMIO_BASE, 4, HUSK_QUEUE_NUMBER(device + 1, index));
	return rig_run(&f.rig);
}

static uint64_t guest_polls(uint64_t ns)
{
	const struct hvt_poll rq = {.timeout_nsecs = ns};

	memcpy(rig_at(&f.rig, ARG), &rq, sizeof rq);
	if (rig_call(&f.rig, HVT_HYPERCALL_POLL, ARG) != RIG_RESUMED)
		fail_msg("%s", f.rig.e.message);
	return ((struct hvt_poll *)rig_at(&f.rig, ARG))->ready_set;
}

static uint64_t figure(const char *name)
{
	return rig_figure(&f.rig, 1, "net:service0", name);
}

/* ---- frames that come ---- */

static uint64_t buffer_at(unsigned n)
{
	return BUFFERS + (uint64_t)(n % SIZE) * STEP;
}

/* Buffers of so many bytes each. */
static void post(unsigned n, uint32_t len)
{
	while (n-- > 0) {
		const struct virtq_span span = {buffer_at(f.posted++), len};

		assert_true(virtq_add(queue(0, NET_QUEUE_RX), &span, 0, 1) >= 0);
	}
	(void)virtq_submit(queue(0, NET_QUEUE_RX));
}

static void host_sends(unsigned device, uint32_t n, size_t len)
{
	uint8_t frame[WIRE_FRAME_MAX];

	wire_fill(frame, len, n);
	assert_true(wire_send(&f.wires[device], frame, len));
}

/* The next buffer that is back: where it is. */
static uint8_t *back(uint32_t *written)
{
	struct virtq *q = queue(0, NET_QUEUE_RX);
	const int head = virtq_take(q, written);

	return head < 0 ? NULL : rig_at(&f.rig, q->desc[head].addr);
}

static void assert_frame_comes(uint32_t n, size_t len, uint32_t buffer)
{
	static const struct net_header plain;
	uint8_t whole[HEADER + WIRE_FRAME_MAX];
	struct net_header h;
	size_t got = 0;
	uint16_t parts = 0;

	for (uint32_t written; got < HEADER + len; got += written, parts++) {
		const uint8_t *at = back(&written);

		assert_non_null(at);
		assert_in_range(written, 1, buffer);
		assert_true(written == buffer || got + written == HEADER + len);
		memcpy(whole + got, at, written);
	}
	memcpy(&h, whole, sizeof h);
	assert_int_equal(h.num_buffers, parts);
	h.num_buffers = 0;
	assert_memory_equal(&h, &plain, HEADER);
	assert_true(wire_matches(whole + HEADER, len, n));
}

static void assert_nothing_comes(void)
{
	uint32_t written;

	assert_null(back(&written));
}

static struct husk_net_offloads ask_offloads(uint64_t handle, uint64_t wanted)
{
	const struct husk_net_offloads rq = {
		.handle = handle, .wanted = wanted, .granted = UINT64_MAX, .ret = 77,
	};

	memcpy(rig_at(&f.rig, ARG), &rq, sizeof rq);
	assert_int_equal(rig_call(&f.rig, HUSK_HYPERCALL_NET_OFFLOADS, ARG), RIG_RESUMED);
	return *(struct husk_net_offloads *)rig_at(&f.rig, ARG);
}

/* A pair of sockets has no offloads. */
static void offloads_are_asked_for_before_there_is_a_queue(void **state)
{
	static const struct { uint64_t handle; int ret; } handles[] = {
		{0, HVT_EINVAL}, {1, HVT_EINVAL}, {2, HVT_EINVAL}, {3, HVT_EINVAL}, {64, HVT_EINVAL},
		{UINT64_MAX, HVT_EINVAL},
	};
	struct husk_queue rq = {.handle = 1};

	(void)state;
	for (size_t i = 0; i < sizeof handles / sizeof handles[0]; i++) {
		const struct husk_net_offloads answer = ask_offloads(handles[i].handle, UINT64_MAX);

		assert_int_equal(answer.ret, handles[i].ret);
		assert_true(answer.granted == 0);
	}
	assert_int_equal(announce(&rq), HVT_OK);
	assert_int_equal(ask_offloads(1, UINT64_MAX).ret, HVT_OK);
	assert_true(ask_offloads(1, UINT64_MAX).granted == 0);
	assert_int_equal(ask_offloads(2, 0).ret, HVT_EINVAL);
	rq = layout(0, NET_QUEUE_TX);
	assert_int_equal(announce(&rq), HVT_OK);
	assert_int_equal(ask_offloads(1, 0).ret, HVT_EINVAL);
	assert_int_not_equal(rig_call(&f.rig, HUSK_HYPERCALL_NET_OFFLOADS, RIG_MEMORY - 8), RIG_RESUMED);
}

static void frames_lie_in_buffers_when_poll_says_so(void **state)
{
	(void)state;
	post(SIZE, STEP);
	assert_true(guest_polls(0) == 0);
	for (uint32_t n = 0; n < 10; n++)
		host_sends(0, n, 14 + n * 166);
	assert_true(guest_polls(1000 * MS) == 2);
	for (uint32_t n = 0; n < 10; n++)
		assert_frame_comes(n, 14 + n * 166, STEP);
	assert_nothing_comes();
	assert_true(figure("frames_received") == 10 && figure("queue_received") == 10);
	assert_true(figure("doorbells") == 0);
}

static void a_frame_may_take_several_buffers(void **state)
{
	static const size_t lens[] = {14, 51, 52, 53, 115, 116, 117, 1000, LONGEST};
	const size_t n = sizeof lens / sizeof lens[0];

	(void)state;
	post(SIZE, NET_BUFFER_MIN);
	for (uint32_t i = 0; i < n; i++)
		host_sends(0, i, lens[i]);
	assert_true(guest_polls(1000 * MS) == 2);
	for (uint32_t i = 0; i < n; i++)
		assert_frame_comes(i, lens[i], NET_BUFFER_MIN);
	assert_nothing_comes();
}

static void a_buffer_may_have_several_pieces(void **state)
{
	struct virtq_span spans[14];

	(void)state;
	for (unsigned i = 0; i < 13; i++)
		spans[i] = (struct virtq_span){BUFFERS + i, 1};
	spans[13] = (struct virtq_span){BUFFERS + 13, ROOM - 13};
	assert_true(virtq_add(queue(0, NET_QUEUE_RX), spans, 0, 14) >= 0);
	(void)virtq_submit(queue(0, NET_QUEUE_RX));
	host_sends(0, 5, 500);
	assert_true(guest_polls(1000 * MS) == 2);
	assert_frame_comes(5, 500, STEP);
}

static void without_room_for_the_longest_a_frame_waits(void **state)
{
	uint64_t calls;

	(void)state;
	post(1, ROOM - 1);
	host_sends(0, 1, 60);
	assert_true(guest_polls(0) == 0);
	calls = f.rig.core.calls;
	assert_true(guest_polls(20 * MS) == 0);	/* and is not asked for again and again */
	assert_in_range(f.rig.core.calls - calls, 0, 10);
	assert_nothing_comes();
	post(1, NET_BUFFER_MIN);
	assert_true(guest_polls(1000 * MS) == 2);
	assert_frame_comes(1, 60, ROOM - 1);
	assert_true(figure("rx_long") == 0);
}

static void what_is_no_buffer_comes_back(void **state)
{
	struct virtq *rx = queue(0, NET_QUEUE_RX);
	const struct virtq_span readable = {BUFFERS, STEP}, shorter = {BUFFERS, NET_BUFFER_MIN - 1};
	const struct virtq_span both[] = {{HEADERS, 12}, {BUFFERS, STEP}};
	uint32_t written;

	(void)state;
	assert_true(virtq_add(rx, &readable, 1, 0) >= 0);
	assert_true(virtq_add(rx, &shorter, 0, 1) >= 0);
	assert_true(virtq_add(rx, both, 1, 1) >= 0);
	post(SIZE / 2, STEP);
	host_sends(0, 3, 100);
	assert_true(guest_polls(1000 * MS) == 2);
	for (unsigned i = 0; i < 3; i++) {
		assert_non_null(back(&written));
		assert_int_equal(written, 0);
	}
	assert_frame_comes(3, 100, STEP);
	assert_true(figure("queue_refused") == 3);
}

/* With those before it, which no frame has used yet. */
static void what_is_no_buffer_may_be_behind_one(void **state)
{
	const struct virtq_span shorter = {BUFFERS, 1};
	uint32_t written;

	(void)state;
	post(1, NET_BUFFER_MIN);
	assert_true(virtq_add(queue(0, NET_QUEUE_RX), &shorter, 0, 1) >= 0);
	post(2, STEP);
	host_sends(0, 4, 200);
	assert_true(guest_polls(1000 * MS) == 2);
	for (unsigned i = 0; i < 2; i++) {
		assert_non_null(back(&written));
		assert_int_equal(written, 0);
	}
	assert_frame_comes(4, 200, STEP);
}

static void poll_tells_what_used_event_asked_for(void **state)
{
	(void)state;
	post(SIZE, STEP);
	host_sends(0, 0, 60);
	assert_true(guest_polls(1000 * MS) == 2);
	assert_true(guest_polls(0) == 0);
	assert_frame_comes(0, 60, STEP);
	host_sends(0, 1, 60);		/* used_event was not set anew */
	assert_true(guest_polls(0) == 0);
	assert_frame_comes(1, 60, STEP);
	assert_true(virtq_arm(queue(0, NET_QUEUE_RX)));
	host_sends(0, 2, 60);
	assert_true(guest_polls(1000 * MS) == 2);
	assert_frame_comes(2, 60, STEP);
}

/* The one buffer lies on the queue: each frame says that there is one more. */
static void frames_that_are_buffers_come_to_an_end(void **state)
{
	enum { ENTRIES = 16, FRAMES_SENT = 60 };
	struct husk_queue rq = {.handle = 1, .index = NET_QUEUE_RX, .size = ENTRIES, .desc = QUEUES};
	struct virtq *q = queue(0, NET_QUEUE_RX);
	uint8_t frame[14 + 4] = {0};		/* behind the Ethernet header: flags and idx of avail */
	struct virtq_span span;

	(void)state;
	attach();
	memset(rig_at(&f.rig, QUEUES), 0, QUEUE_STEP);
	virtq_init(q, ENTRIES, rig_at(&f.rig, QUEUES));
	rq.avail = QUEUES + (uint64_t)((uint8_t *)q->avail - (uint8_t *)q->desc);
	rq.used = QUEUES + (uint64_t)((uint8_t *)q->used - (uint8_t *)q->desc);
	assert_int_equal(announce(&rq), HVT_OK);
	span = (struct virtq_span){rq.avail - 14 - HEADER, ROOM};
	assert_true(virtq_add(q, &span, 0, 1) >= 0);
	(void)virtq_submit(q);
	for (uint16_t idx = 2; idx < 2 + FRAMES_SENT; idx++) {
		memcpy(frame + 16, &idx, sizeof idx);
		assert_true(wire_send(&f.wires[0], frame, sizeof frame));
	}
	(void)guest_polls(0);
	assert_in_range(figure("queue_received"), 1, 2 * (ENTRIES + 1));
}

static void the_doorbell_of_rx_reads_now(void **state)
{
	(void)state;
	post(SIZE, STEP);
	host_sends(0, 7, 300);
	assert_int_equal(bell(0, NET_QUEUE_RX), RIG_RESUMED);
	assert_frame_comes(7, 300, STEP);
	assert_int_equal(bell(0, NET_QUEUE_RX), RIG_RESUMED);
	assert_nothing_comes();
	assert_true(figure("doorbells") == 2);
}

static void a_device_beside_it_is_not_touched(void **state)
{
	(void)state;
	post(SIZE, STEP);
	host_sends(1, 7, 300);		/* has queues without buffers */
	assert_true(guest_polls(0) == 0);
	host_sends(0, 8, 300);
	assert_true(guest_polls(1000 * MS) == 2);
	assert_frame_comes(8, 300, STEP);
}

/* ---- frames to send ---- */

static uint64_t frame_at(void)
{
	return FRAMES + (uint64_t)(f.sent % 128) * STEP;
}

/* Header and frame in one piece. */
static void put(unsigned device, uint32_t n, uint32_t len)
{
	const struct virtq_span span = {frame_at(), HEADER + len};

	memset(rig_at(&f.rig, span.addr), 0, HEADER);
	wire_fill((uint8_t *)rig_at(&f.rig, span.addr) + HEADER, len < 4 ? 4 : len, n);
	f.sent++;
	assert_true(virtq_add(queue(device, NET_QUEUE_TX), &span, 1, 0) >= 0);
}

static void assert_host_gets(unsigned device, uint32_t n, long len)
{
	uint8_t frame[WIRE_FRAME_MAX];

	assert_int_equal(wire_receive(&f.wires[device], frame), len);
	assert_true(len == -1 || wire_matches(frame, (size_t)len, n));
}

static void assert_all_back(unsigned device)
{
	struct virtq *tx = queue(device, NET_QUEUE_TX);
	uint32_t written;

	while (virtq_take(tx, &written) >= 0)
		assert_int_equal(written, 0);
	assert_int_equal(tx->n_free, SIZE);
}

static void a_doorbell_sends_all(void **state)
{
	(void)state;
	for (uint32_t n = 0; n < 50; n++)
		put(0, n, 14 + n * 30);
	assert_true(virtq_submit(queue(0, NET_QUEUE_TX)));
	assert_int_equal(bell(0, NET_QUEUE_TX), RIG_RESUMED);
	for (uint32_t n = 0; n < 50; n++)
		assert_host_gets(0, n, 14 + (long)n * 30);
	assert_host_gets(0, 0, -1);
	assert_all_back(0);
	assert_true(figure("frames_sent") == 50 && figure("queue_sent") == 50);
	assert_true(figure("doorbells") == 1);
	assert_true(figure("system_calls") == 50);
	put(0, 0, 60);
	assert_true(virtq_submit(queue(0, NET_QUEUE_TX)));	/* it is wanted again */
}

static void poll_sends_without_a_doorbell(void **state)
{
	(void)state;
	for (unsigned device = 0; device < DEVICES; device++) {
		put(device, device, 60);
		(void)virtq_submit(queue(device, NET_QUEUE_TX));
	}
	assert_true(guest_polls(0) == 0);
	for (unsigned device = 0; device < DEVICES; device++) {
		assert_host_gets(device, device, 60);
		assert_all_back(device);
	}
	assert_true(figure("doorbells") == 0);
}

static void poll_tells_of_frames_that_were_sent_if_asked(void **state)
{
	(void)state;
	*virtq_used_event(queue(0, NET_QUEUE_TX)->avail, SIZE) = 0;
	put(0, 3, 60);
	(void)virtq_submit(queue(0, NET_QUEUE_TX));
	assert_true(guest_polls(1000 * MS) == 2);
	assert_host_gets(0, 3, 60);
	assert_true(guest_polls(0) == 0);
}

static void what_was_submitted_goes_before_a_hypercall(void **state)
{
	const struct hvt_net rq = {.handle = 1, .data = FRAMES + 0x30000, .len = 64};

	(void)state;
	put(0, 1, 60);
	(void)virtq_submit(queue(0, NET_QUEUE_TX));
	wire_fill(rig_at(&f.rig, rq.data), 64, 2);
	memcpy(rig_at(&f.rig, ARG), &rq, sizeof rq);
	assert_int_equal(rig_call(&f.rig, HVT_HYPERCALL_NET_WRITE, ARG), RIG_RESUMED);
	assert_host_gets(0, 1, 60);
	assert_host_gets(0, 2, 64);
}

static void what_was_submitted_is_sent_before_the_end(void **state)
{
	(void)state;
	put(0, 1, 60);
	(void)virtq_submit(queue(0, NET_QUEUE_TX));
	memset(rig_at(&f.rig, ARG), 0, sizeof(struct hvt_halt));
	assert_int_equal(rig_call(&f.rig, HVT_HYPERCALL_HALT, ARG), RIG_HALTED);
	assert_host_gets(0, 1, 60);
}

static void what_was_submitted_before_the_announcement_is_sent(void **state)
{
	struct husk_queue rq;

	(void)state;
	attach();
	rq = layout(0, NET_QUEUE_TX);
	put(0, 1, 60);
	(void)virtq_submit(queue(0, NET_QUEUE_TX));
	assert_int_equal(announce(&rq), HVT_OK);
	assert_host_gets(0, 1, 60);
	host_sends(0, 1, 60);		/* what comes is for hypercalls: there is no RX queue */
	assert_true(guest_polls(1000 * MS) == 2);
}

static void a_frame_may_be_cut_anywhere(void **state)
{
	const uint64_t at = frame_at();
	struct virtq_span spans[72];

	(void)state;
	memset(rig_at(&f.rig, at), 0, HEADER);
	wire_fill((uint8_t *)rig_at(&f.rig, at) + HEADER, 60, 9);
	for (uint32_t cut = 1; cut < 72; cut++) {
		spans[0] = (struct virtq_span){at, cut};
		spans[1] = (struct virtq_span){at + cut, 72 - cut};
		assert_true(virtq_add(queue(0, NET_QUEUE_TX), spans, 2, 0) >= 0);
	}
	for (unsigned i = 0; i < 72; i++)
		spans[i] = (struct virtq_span){at + i, 1};
	assert_true(virtq_add(queue(0, NET_QUEUE_TX), spans, 72, 0) >= 0);
	(void)virtq_submit(queue(0, NET_QUEUE_TX));
	assert_int_equal(bell(0, NET_QUEUE_TX), RIG_RESUMED);
	for (uint32_t i = 0; i < 72; i++)
		assert_host_gets(0, 9, 60);
	assert_all_back(0);
}

/* One chain, with the header given: which figure counts it. */
static void assert_counted(const char *name, const struct net_header *h, uint32_t len)
{
	const uint64_t before = figure(name), at = frame_at();

	put(0, 1, len > HEADER ? len - HEADER : 0);
	memcpy(rig_at(&f.rig, at), h, sizeof *h);
	queue(0, NET_QUEUE_TX)->desc[queue(0, NET_QUEUE_TX)->avail->ring[(queue(0, NET_QUEUE_TX)->added - 1) %
		SIZE]].len = len;
	(void)virtq_submit(queue(0, NET_QUEUE_TX));
	assert_int_equal(bell(0, NET_QUEUE_TX), RIG_RESUMED);
	assert_all_back(0);
	assert_true(figure(name) == before + 1);
}

static void what_is_no_frame_is_dropped(void **state)
{
	static const struct net_header plain, odd = {
		.hdr_len = UINT16_MAX, .gso_size = UINT16_MAX, .csum_start = UINT16_MAX,
		.csum_offset = UINT16_MAX, .num_buffers = UINT16_MAX,
	};
	struct net_header h = {.flags = 0};

	(void)state;
	assert_counted("queue_refused", &plain, 1);
	assert_counted("queue_refused", &plain, HEADER - 1);
	assert_counted("tx_short", &plain, HEADER);
	assert_counted("tx_short", &plain, HEADER + 13);
	assert_counted("tx_long", &plain, HEADER + LONGEST + 1);
	assert_counted("tx_long", &plain, 70000);
	for (unsigned bit = 1; bit < 256; bit *= 2) {
		h.flags = (uint8_t)bit;
		assert_counted("queue_refused", &h, HEADER + 60);
		h = (struct net_header){.gso_type = (uint8_t)bit};
		assert_counted("queue_refused", &h, HEADER + 60);
		h.gso_type = 0;
	}
	assert_host_gets(0, 1, -1);
	assert_counted("frames_sent", &odd, HEADER + 60);
	assert_host_gets(0, 1, 60);
}

/* A frame that is in pieces is copied first: no more of it than shows that it is too long. */
static void long_frames_in_pieces_are_dropped(void **state)
{
	const struct virtq_span spans[] = {{frame_at(), 40}, {frame_at(), 0x20000}, {frame_at(), 0x20000}};

	(void)state;
	memset(rig_at(&f.rig, frame_at()), 0, 40);
	assert_true(virtq_add(queue(0, NET_QUEUE_TX), spans, 3, 0) >= 0);
	(void)virtq_submit(queue(0, NET_QUEUE_TX));
	assert_int_equal(bell(0, NET_QUEUE_TX), RIG_RESUMED);
	assert_true(figure("tx_long") == 1);
	assert_all_back(0);
}

static void a_writable_piece_makes_it_no_frame(void **state)
{
	const struct virtq_span spans[] = {{frame_at(), HEADER + 60}, {BUFFERS, 60}};

	(void)state;
	memset(rig_at(&f.rig, frame_at()), 0, HEADER + 60);
	assert_true(virtq_add(queue(0, NET_QUEUE_TX), spans, 1, 1) >= 0);
	(void)virtq_submit(queue(0, NET_QUEUE_TX));
	assert_int_equal(bell(0, NET_QUEUE_TX), RIG_RESUMED);
	assert_true(figure("queue_refused") == 1);
	assert_host_gets(0, 1, -1);
}

/* ---- announcements ---- */

static void it_is_there_only_if_wanted_and_configured(void **state)
{
	(void)state;
	option("--no-net-queues");
	attach();
	assert_int_equal(f.rig.core.granted & HUSK_FEATURE_NET, 0);
	assert_true(figure("doorbells") == UINT64_MAX);
}

static void an_image_that_does_not_want_it_has_none(void **state)
{
	(void)state;
	f.rig.core.wanted = 0;
	attach();
	assert_int_equal(f.rig.core.granted, 0);
}

static void runs_that_are_to_be_alike_have_none(void **state)
{
	(void)state;
	f.rig.settings.steady = true;
	attach();
	assert_int_equal(f.rig.core.granted, 0);
}

static void queues_take_the_ring_s_place(void **state)
{
	(void)state;
	assert_int_equal(f.rig.core.granted, HUSK_FEATURE_NET);
	assert_true(f.rig.core.net_ring == 0);
	assert_true(rig_figure(&f.rig, 1, "ring", "entries") == UINT64_MAX);
	assert_true(rig_figure(&f.rig, 1, "net_queues", "handovers") == 0);
}

static void others_than_these_two_are_refused(void **state)
{
	struct husk_queue rq;

	(void)state;
	rq = layout(0, NET_QUEUE_RX);
	assert_int_equal(announce(&rq), HVT_EINVAL);	/* it is there already */
	rq.index = NET_QUEUES;
	assert_int_equal(announce(&rq), HVT_EINVAL);
	rq.index = UINT32_MAX;
	assert_int_equal(announce(&rq), HVT_EINVAL);
	rq.handle = DEVICES + 1;
	assert_int_equal(announce(&rq), HVT_EINVAL);
}

static void assert_ends(enum rig_end end, const char *message)
{
	assert_guest_error(&f.rig, end, message);
}

static void a_doorbell_of_no_queue_ends_the_run(void **state)
{
	(void)state;
	assert_ends(bell(0, NET_QUEUES), "no queue has the number of this doorbell");
}

static void a_doorbell_of_a_queue_that_is_not_there_does_nothing(void **state)
{
	(void)state;
	attach();
	assert_int_equal(bell(0, NET_QUEUE_RX), RIG_RESUMED);
	assert_int_equal(bell(0, NET_QUEUE_TX), RIG_RESUMED);
}

static void a_queue_on_top_of_another_ends_the_run(void **state)
{
	struct husk_queue rq = {.handle = 1};

	(void)state;
	assert_int_equal(announce(&rq), HVT_OK);	/* taken back */
	rq = layout(1, NET_QUEUE_RX);			/* of the other device */
	rq.handle = 1;
	memcpy(rig_at(&f.rig, ARG), &rq, sizeof rq);
	assert_ends(rig_call(&f.rig, HUSK_HYPERCALL_QUEUE, ARG),
		    "network device service0, RX queue: it shares memory with network device service1");
}

static void queues_that_are_taken_back_are_not_touched(void **state)
{
	struct husk_queue rq = {.handle = 1};
	struct hvt_net call = {.handle = 1, .data = BUFFERS, .len = STEP};
	uint32_t written;

	(void)state;
	post(SIZE, STEP);
	put(0, 5, 60);
	(void)virtq_submit(queue(0, NET_QUEUE_TX));
	assert_int_equal(announce(&rq), HVT_OK);
	assert_host_gets(0, 5, 60);			/* it was submitted */
	host_sends(0, 6, 60);
	assert_true(guest_polls(1000 * MS) == 2);
	assert_null(back(&written));
	memcpy(rig_at(&f.rig, ARG), &call, sizeof call);
	assert_int_equal(rig_call(&f.rig, HVT_HYPERCALL_NET_READ, ARG), RIG_RESUMED);
	assert_true(wire_matches(rig_at(&f.rig, BUFFERS), 60, 6));
	rq = layout(0, NET_QUEUE_RX);
	assert_int_equal(announce(&rq), HVT_OK);	/* and again */
	post(SIZE, STEP);
	host_sends(0, 7, 60);
	assert_true(guest_polls(1000 * MS) == 2);
	assert_frame_comes(7, 60, STEP);
}

/* ---- what is impossible ---- */

enum trick {
	OUTSIDE, WRAPS, INTO_LOW_MEMORY, LOOP, NEXT_BEYOND, HEAD_BEYOND, INDIRECT, OUT_AFTER_IN, JUMP, BACK,
};

static void spoil(struct virtq *q, enum trick trick, bool rx)
{
	struct virtq_desc *d = &q->desc[q->avail->ring[(uint16_t)(q->added - 1) % SIZE]];

	if (trick == OUTSIDE)
		d->addr = RIG_MEMORY - 1;
	else if (trick == WRAPS)
		d->addr = UINT64_MAX - 1;
	else if (trick == INTO_LOW_MEMORY)
		d->addr = HVT_GUEST_MIN_BASE - STEP;
	else if (trick == LOOP)
		d->flags |= VIRTQ_DESC_NEXT, d->next = (uint16_t)(d - q->desc);
	else if (trick == NEXT_BEYOND)
		d->flags |= VIRTQ_DESC_NEXT, d->next = SIZE;
	else if (trick == HEAD_BEYOND)
		q->avail->ring[(uint16_t)(q->added - 1) % SIZE] = SIZE;
	else if (trick == INDIRECT)
		d->flags |= VIRTQ_DESC_INDIRECT;
	else if (trick == OUT_AFTER_IN)
		d->flags = (uint16_t)(VIRTQ_DESC_NEXT | VIRTQ_DESC_WRITE), d->next = 200,
		q->desc[200] = (struct virtq_desc){.addr = BUFFERS, .len = rx ? 2048 : 60};
	else if (trick == JUMP)
		q->added = (uint16_t)(q->added + SIZE);
	else
		q->added = (uint16_t)(q->added - 2);
}

static void assert_trick(enum trick trick, bool rx, const char *message)
{
	struct virtq *q = queue(0, rx ? NET_QUEUE_RX : NET_QUEUE_TX);

	(void)tear_down(NULL);
	assert_int_equal(set_up(NULL), 0);
	if (rx)
		post(1, STEP);
	else
		put(0, 1, 60);
	spoil(q, trick, rx);
	(void)virtq_submit(q);
	host_sends(0, 1, 60);
	assert_ends(bell(0, rx ? NET_QUEUE_RX : NET_QUEUE_TX), message);
	assert_non_null(strstr(f.rig.e.message, rx ? "service0, RX queue" : "service0, TX queue"));
}

static void what_is_impossible_ends_the_run(void **state)
{
	static const struct {
		enum trick trick;
		const char *message;
	} tricks[] = {
		{OUTSIDE, "outside"}, {WRAPS, "outside"},
		{LOOP, "comes twice in one chain"}, {NEXT_BEYOND, "descriptor 256 does not exist"},
		{HEAD_BEYOND, "descriptor 256 does not exist"}, {INDIRECT, "indirect"},
		{OUT_AFTER_IN, "behind a writable one"}, {JUMP, "chains submitted"},
		{BACK, "chains submitted"},
	};

	(void)state;
	for (unsigned i = 0; i < 2 * sizeof tricks / sizeof tricks[0]; i++)
		assert_trick(tricks[i / 2].trick, i % 2 == 0, tricks[i / 2].message);
	assert_trick(INTO_LOW_MEMORY, true, "read-only low memory");
}

/* ---- the other thread ---- */

#define ROW 5u				/* exits for frames, after which it has the queues */

static bool wants_doorbell(void)
{
	const struct virtq *tx = queue(0, NET_QUEUE_TX);

	return __atomic_load_n(virtq_avail_event(tx->used, SIZE), __ATOMIC_ACQUIRE) == tx->submitted;
}

/* Until the host has got it; there is no doorbell. */
static void await_frame(uint32_t n)
{
	uint8_t frame[WIRE_FRAME_MAX];
	long len;

	while ((len = wire_receive(&f.wires[0], frame)) == -1)
		sched_yield();
	assert_true(wire_matches(frame, (size_t)len, n));
}

/* The host has a frame before it is back. */
static void await_all_back(unsigned device)
{
	struct virtq *tx = queue(device, NET_QUEUE_TX);
	uint32_t written;

	while (tx->n_free != SIZE)
		if (virtq_take(tx, &written) < 0)
			sched_yield();
}

static void hand_over(void)
{
	for (uint32_t n = 0; n < ROW && wants_doorbell(); n++) {
		put(0, n, 60);
		assert_true(virtq_submit(queue(0, NET_QUEUE_TX)));
		assert_int_equal(bell(0, NET_QUEUE_TX), RIG_RESUMED);
		await_frame(n);
	}
}

/* Once they are back: their counts are the owner's. */
static void assert_were_handed_over(void)
{
	(void)guest_polls(0);
	assert_true(rig_figure(&f.rig, 1, "net_queues", "handovers") >= 1);
}

/* It may give the queues back meanwhile, for want of work; then the guest is told to ring. */
static void in_a_row_of_doorbells_a_thread_takes_over(void **state)
{
	unsigned without = 0;

	(void)state;
	hand_over();
	for (uint32_t n = 0; n < 100; n++) {
		put(0, n, 60);
		if (virtq_submit(queue(0, NET_QUEUE_TX)))
			assert_int_equal(bell(0, NET_QUEUE_TX), RIG_RESUMED);
		else
			without++;
		await_frame(n);
		await_all_back(0);
	}
	assert_true(without > 0);
	assert_were_handed_over();
}

static void what_the_thread_has_comes_back_for_a_poll(void **state)
{
	(void)state;
	post(SIZE, STEP);
	hand_over();
	put(0, 50, 60);
	(void)virtq_submit(queue(0, NET_QUEUE_TX));
	host_sends(0, 6, 60);
	assert_true(guest_polls(1000 * MS) == 2);
	assert_frame_comes(6, 60, STEP);
	await_frame(50);
	assert_true(wants_doorbell());
	assert_were_handed_over();
}

static void what_the_thread_has_may_be_taken_back(void **state)
{
	struct husk_queue rq = {.handle = 1};

	(void)state;
	hand_over();
	put(0, 50, 60);
	(void)virtq_submit(queue(0, NET_QUEUE_TX));
	assert_int_equal(announce(&rq), HVT_OK);
	await_frame(50);
	rq = layout(0, NET_QUEUE_TX);
	assert_int_equal(announce(&rq), HVT_OK);
	assert_true(wants_doorbell());
}

static void what_the_thread_finds_impossible_ends_the_run(void **state)
{
	struct virtq *tx = queue(0, NET_QUEUE_TX);

	(void)state;
	hand_over();
	put(0, 50, 60);
	spoil(tx, OUTSIDE, false);
	(void)virtq_submit(tx);
	assert_ends(bell(0, NET_QUEUE_TX), "service0, TX queue");
}

static void a_run_ends_while_the_thread_has_them(void **state)
{
	(void)state;
	hand_over();
	put(0, 50, 60);
	(void)virtq_submit(queue(0, NET_QUEUE_TX));
	rig_stop(&f.rig);
	assert_host_gets(0, 50, 60);
}

/* ---- failures of the host ---- */

static void it_is_there_or_nothing_is(void **state)
{
	unsigned calls;

	(void)state;
	assert_int_equal(rig_attach(&f.rig, &module_net), 0);
	calls = host.mallocs;
	for (unsigned i = 1; i <= calls; i++) {
		(void)tear_down(state);
		assert_int_equal(set_up_bare(state), 0);
		host.mallocs = 0;
		host.malloc_fails = i;
		if (rig_attach(&f.rig, &module_net) == 0)
			continue;
		assert_error(&f.rig.e, HUSK_E_HOST, "Cannot allocate memory");
		assert_int_equal(f.rig.core.granted, 0);
		assert_int_equal(f.rig.core.queues.n, 0);
		assert_true(f.rig.core.events.sources == 0);
	}
}

#define BARE(name) cmocka_unit_test_setup_teardown(name, set_up_bare, tear_down)
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define THREAD(name) cmocka_unit_test_setup_teardown(name, set_up_thread, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(offloads_are_asked_for_before_there_is_a_queue),
		TEST(frames_lie_in_buffers_when_poll_says_so),
		TEST(a_frame_may_take_several_buffers),
		TEST(a_buffer_may_have_several_pieces),
		TEST(without_room_for_the_longest_a_frame_waits),
		TEST(what_is_no_buffer_comes_back),
		TEST(what_is_no_buffer_may_be_behind_one),
		TEST(poll_tells_what_used_event_asked_for),
		BARE(frames_that_are_buffers_come_to_an_end),
		TEST(the_doorbell_of_rx_reads_now),
		TEST(a_device_beside_it_is_not_touched),
		TEST(a_doorbell_sends_all),
		TEST(poll_sends_without_a_doorbell),
		TEST(poll_tells_of_frames_that_were_sent_if_asked),
		TEST(what_was_submitted_goes_before_a_hypercall),
		TEST(what_was_submitted_is_sent_before_the_end),
		BARE(what_was_submitted_before_the_announcement_is_sent),
		TEST(a_frame_may_be_cut_anywhere),
		TEST(what_is_no_frame_is_dropped),
		TEST(long_frames_in_pieces_are_dropped),
		TEST(a_writable_piece_makes_it_no_frame),
		BARE(it_is_there_only_if_wanted_and_configured),
		BARE(an_image_that_does_not_want_it_has_none),
		BARE(runs_that_are_to_be_alike_have_none),
		TEST(queues_take_the_ring_s_place),
		TEST(others_than_these_two_are_refused),
		TEST(a_doorbell_of_no_queue_ends_the_run),
		BARE(a_doorbell_of_a_queue_that_is_not_there_does_nothing),
		TEST(a_queue_on_top_of_another_ends_the_run),
		TEST(queues_that_are_taken_back_are_not_touched),
		TEST(what_is_impossible_ends_the_run),
		THREAD(in_a_row_of_doorbells_a_thread_takes_over),
		THREAD(what_the_thread_has_comes_back_for_a_poll),
		THREAD(what_the_thread_has_may_be_taken_back),
		THREAD(what_the_thread_finds_impossible_ends_the_run),
		THREAD(a_run_ends_while_the_thread_has_them),
		BARE(it_is_there_or_nothing_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
