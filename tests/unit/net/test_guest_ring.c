/* SPDX-License-Identifier: ISC */
/* test_guest_ring.c: the guest's end of the network ring, against a made-up monitor. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "../../../bindings/ring.c"

#define MTU 1500u
#define FRAME_MAX (MTU + SOLO5_NET_HLEN)
#define BEFORE_THE_WRAP (UINT32_MAX - 300)
#define MANY 50000u
#define HANDLE 5u

/* What the monitor has seen; reset for each test. */
static struct {
	struct hvt_ring *ring;
	uint32_t ent_head, com_tail;
	size_t mtu;			/* of the devices, 0: there are none */
	size_t heap;			/* bytes that may be taken */
	uint8_t *taken;
	unsigned kicks, relaxed;
	void (*relax)(void);		/* what happens while the guest waits */
	uint32_t frames;		/* numbers of frames sent, all in order so far */
	int disorder;
	enum hvt_result answer;		/* to reads */
	struct hvt_ring_entry last_read;
	sem_t wake;
	int stop;
} m;

/* ---- what the rest of the bindings does for ring.c ---- */

size_t manifest_max_mtu(void)
{
	return m.mtu;
}

uint8_t *memory_take(struct solo5_start_info *info, size_t size)
{
	if (size > m.heap)
		return NULL;
	m.taken = calloc(1, size);
	info->heap_start += size;
	return m.taken;
}

void cpu_ring_kick(void)
{
	/* By now the entry must be there. */
	assert_int_equal(load(&m.ring->ent_tail), ent_tail);
	m.kicks++;
	sem_post(&m.wake);
}

void cpu_store_load_barrier(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void cpu_relax(void)
{
	m.relaxed++;
	m.relax();
}

/* ---- the monitor ---- */

static void take_frame(const struct hvt_ring_entry *e)
{
	uint32_t number;

	memcpy(&number, (const void *)e->data, sizeof number);
	m.disorder |= number != m.frames || e->handle != HANDLE ||
		      e->len != SOLO5_NET_HLEN + number % MTU;
	m.frames++;
}

static void answer_read(const struct hvt_ring_entry *e)
{
	const struct hvt_ring_completion c = {
		.id = e->id, .ret = (int32_t)m.answer, .len = m.answer == HVT_OK ? 60 : 0,
	};

	m.last_read = *e;
	m.ring->completions[m.com_tail & HVT_RING_MASK] = c;
	publish(&m.ring->com_tail, ++m.com_tail);
}

/* One entry, if there is one. */
static void serve(void)
{
	const struct hvt_ring_entry *e = &m.ring->entries[m.ent_head & HVT_RING_MASK];

	if (load(&m.ring->ent_tail) == m.ent_head)
		return;
	if (e->operation == HVT_RING_NET_WRITE)
		take_frame(e);
	else
		answer_read(e);
	publish(&m.ring->ent_head, ++m.ent_head);
}

static void serve_all(void)
{
	while (load(&m.ring->ent_tail) != m.ent_head)
		serve();
}

/* Goes to sleep as soon as it can, so that wake-ups matter. */
static void *monitor_thread(void *unused)
{
	while (__atomic_load_n(&m.stop, __ATOMIC_ACQUIRE) == 0) {
		serve_all();
		publish(&m.ring->needs_kick, 1);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (load(&m.ring->ent_tail) == m.ent_head)
			sem_wait(&m.wake);
		publish(&m.ring->needs_kick, 0);
	}
	return unused;
}

static void yield_to_monitor(void)
{
	sched_yield();
}

/* ---- fixture ---- */

static void init(uint32_t features, uint64_t at)
{
	const struct hvt_boot_info boot = {.host_features = features, .net_ring = at};
	struct solo5_start_info info = {0};

	ring_init(&boot, &info);
}

/* A ring whose counters are about to wrap. */
static int set_up(void **state)
{
	(void)state;
	memset(&m, 0, sizeof m);
	m.ring = calloc(1, sizeof *m.ring);
	m.mtu = MTU;
	m.heap = SIZE_MAX;
	m.relax = serve;
	sem_init(&m.wake, 0, 0);
	init(HVT_FEATURE_RING_IO, (uintptr_t)m.ring);
	ent_tail = com_head = m.ent_head = m.com_tail = BEFORE_THE_WRAP;
	m.ring->ent_tail = m.ring->ent_head = m.ring->com_head = m.ring->com_tail = ent_tail;
	return m.ring == NULL;
}

static int tear_down(void **state)
{
	(void)state;
	sem_destroy(&m.wake);
	free(m.taken);
	free(m.ring);
	shared = NULL;
	ring_needs_kick = &no_ring;
	return 0;
}

/* Frame n, in a buffer that is overwritten afterwards. */
static void send_number(uint32_t n)
{
	uint8_t frame[FRAME_MAX];

	memcpy(frame, &n, sizeof n);
	ring_write(HANDLE, frame, SOLO5_NET_HLEN + n % MTU);
	memset(frame, 0xee, sizeof frame);
}

static void forget_ring(void)
{
	free(m.taken);
	m.taken = NULL;
	shared = NULL;
	ring_needs_kick = &no_ring;
}

/* ---- tests ---- */

static void without_an_offer_there_is_no_ring_and_nothing_is_taken(void **state)
{
	(void)state;
	forget_ring();
	init(0, (uintptr_t)m.ring);
	assert_false(ring_wanted());
	init(~HVT_FEATURE_RING_IO, (uintptr_t)m.ring);
	assert_false(ring_wanted());
	init(HVT_FEATURE_RING_IO, 0);		/* what a monitor without rings looks like */
	assert_false(ring_wanted());
	m.mtu = 0;
	init(HVT_FEATURE_RING_IO, (uintptr_t)m.ring);
	assert_false(ring_wanted());
	assert_null(m.taken);
}

static void small_memory_means_fewer_buffers_and_none_no_ring(void **state)
{
	(void)state;
	assert_int_equal(n_buffers, BUFFERS_MAX);
	assert_true(buffer_size >= FRAME_MAX + NET_TAGS);
	forget_ring();
	m.heap = 4 * buffer_size - 1;
	init(HVT_FEATURE_RING_IO, (uintptr_t)m.ring);
	assert_true(ring_wanted());
	assert_int_equal(n_buffers, 2);
	forget_ring();
	m.heap = buffer_size - 1;
	init(HVT_FEATURE_RING_IO, (uintptr_t)m.ring);
	assert_false(ring_wanted());
}

static void a_frame_of_the_largest_mtu_has_room(void **state)
{
	(void)state;
	forget_ring();
	m.mtu = UINT16_MAX;
	init(HVT_FEATURE_RING_IO, (uintptr_t)m.ring);
	assert_true(ring_wanted());
	assert_true(buffer_size >= m.mtu + SOLO5_NET_HLEN + NET_TAGS);
}

static void frames_are_copied_and_a_full_ring_is_waited_for(void **state)
{
	(void)state;
	for (uint32_t n = 0; n < n_buffers; n++)
		send_number(n);
	assert_int_equal(m.relaxed, 0);
	send_number(n_buffers);
	assert_int_equal(m.relaxed, 1);
	serve_all();
	assert_int_equal(m.frames, n_buffers + 1);
	assert_false(m.disorder);
}

static void counters_may_wrap(void **state)
{
	(void)state;
	for (uint32_t n = 0; n < 2000; n++)
		send_number(n);
	serve_all();
	assert_int_equal(m.frames, 2000);
	assert_false(m.disorder);
	assert_int_equal(m.ring->ent_tail, BEFORE_THE_WRAP + 2000);
}

static void kicks_are_for_those_who_ask(void **state)
{
	(void)state;
	send_number(0);
	send_number(1);
	assert_int_equal(m.kicks, 0);
	m.ring->needs_kick = 1;
	send_number(2);
	send_number(3);
	assert_int_equal(m.kicks, 2);
}

/* By hypercall, a frame takes no copy: worth as much as a kick, and less work. */
static void the_ring_is_for_a_monitor_that_polls_it(void **state)
{
	(void)state;
	assert_true(ring_wanted());
	m.ring->needs_kick = 1;
	assert_false(ring_wanted());
	m.ring->needs_kick = 0;
	assert_true(ring_wanted());
}

static void reads_tell_what_the_monitor_said(void **state)
{
	uint8_t frame[FRAME_MAX];
	size_t size = 1;

	(void)state;
	m.answer = HVT_AGAIN;
	assert_int_equal(ring_read(HANDLE, frame, sizeof frame, &size), SOLO5_R_AGAIN);
	m.answer = HVT_EINVAL;
	assert_int_equal(ring_read(HANDLE, frame, sizeof frame, &size), SOLO5_R_EINVAL);
	assert_int_equal(size, 1);
	m.answer = HVT_OK;
	assert_int_equal(ring_read(HANDLE, frame, sizeof frame, &size), SOLO5_R_OK);
	assert_int_equal(size, 60);
	assert_int_equal(m.last_read.data, (uintptr_t)frame);
	assert_int_equal(m.last_read.len, sizeof frame);
	assert_int_equal(m.last_read.handle, HANDLE);
	assert_int_equal(m.ring->com_head, BEFORE_THE_WRAP + 3);
}

static void reads_come_after_the_frames_sent_before(void **state)
{
	uint8_t frame[FRAME_MAX];
	size_t size;

	(void)state;
	for (uint32_t n = 0; n < 1000; n++) {
		send_number(n);
		assert_int_equal(ring_read(HANDLE, frame, sizeof frame, &size), SOLO5_R_OK);
		assert_int_equal(m.frames, n + 1);
	}
	assert_false(m.disorder);
	assert_int_equal(m.ring->com_head, m.ring->com_tail);
}

static void a_buffer_beyond_32_bits_is_not_taken_for_a_small_one(void **state)
{
	uint8_t frame[FRAME_MAX];
	size_t size;

	(void)state;
	(void)ring_read(HANDLE, frame, (size_t)1 << 32, &size);
	assert_int_equal(m.last_read.len, UINT32_MAX);
}

/* A wake-up that is lost is a test that does not end. */
static void no_wake_up_is_lost(void **state)
{
	uint8_t frame[FRAME_MAX];
	pthread_t thread;
	size_t size;

	(void)state;
	m.relax = yield_to_monitor;
	m.answer = HVT_AGAIN;
	assert_int_equal(pthread_create(&thread, NULL, monitor_thread, NULL), 0);
	for (uint32_t n = 0; n < MANY; n++) {
		send_number(n);
		if (n % 3 == 0)
			assert_int_equal(ring_read(HANDLE, frame, sizeof frame, &size),
					 SOLO5_R_AGAIN);
	}
	while (load(&m.ring->ent_head) != ent_tail)
		sched_yield();
	__atomic_store_n(&m.stop, 1, __ATOMIC_RELEASE);
	sem_post(&m.wake);
	pthread_join(thread, NULL);
	assert_int_equal(m.frames, MANY);
	assert_false(m.disorder);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_an_offer_there_is_no_ring_and_nothing_is_taken),
		TEST(small_memory_means_fewer_buffers_and_none_no_ring),
		TEST(a_frame_of_the_largest_mtu_has_room),
		TEST(frames_are_copied_and_a_full_ring_is_waited_for),
		TEST(counters_may_wrap),
		TEST(kicks_are_for_those_who_ask),
		TEST(the_ring_is_for_a_monitor_that_polls_it),
		TEST(reads_tell_what_the_monitor_said),
		TEST(reads_come_after_the_frames_sent_before),
		TEST(a_buffer_beyond_32_bits_is_not_taken_for_a_small_one),
		TEST(no_wake_up_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
