/* SPDX-License-Identifier: ISC */
/* test_guest_virtqueue.c: the guest's side of a virtqueue against the monitor's, and both against
 * a naive model. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "virtqueue.h"

#include "../../bindings/virtqueue.c"

#define MEMORY 0x200000u
#define QUEUE 0x1000u
#define RAM 0x10000u
#define SPANS 12u		/* at most, of a chain */

static unsigned barriers;

void cpu_store_load_barrier(void)
{
	barriers++;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

struct fixture {
	uint8_t *base;
	struct memory m;
	struct virtqueue device;
	struct virtq guest;
	struct husk_error e;
};

static struct fixture f;

/* Both sides at index start of a queue of so many entries. */
static void start(uint16_t size, uint16_t index)
{
	struct virtqueue_state at = {.next_avail = index, .next_used = index};

	memset(f.base, 0, RAM);
	virtq_init(&f.guest, size, f.base + QUEUE);
	f.guest.added = f.guest.submitted = f.guest.taken = index;
	f.guest.avail->idx = f.guest.used->idx = index;
	*virtq_used_event(f.guest.avail, size) = index;
	*virtq_avail_event(f.guest.used, size) = index;
	at.layout = (struct virtqueue_layout){
		.desc = QUEUE, .avail = (uint64_t)((uint8_t *)f.guest.avail - f.base),
		.used = (uint64_t)((uint8_t *)f.guest.used - f.base), .size = size,
	};
	assert_true(virtq_memory(size) >= at.layout.used - QUEUE + VIRTQ_USED_BYTES(size));
	assert_true(virtq_memory(size) < RAM - QUEUE);
	if (virtqueue_restore(&f.device, "queue", &f.m, &at, &f.e) == -1)
		fail_msg("%s", f.e.message);
}

static int set_up(void **state)
{
	(void)state;
	memset(&f, 0, sizeof f);
	f.base = aligned_alloc(0x1000, MEMORY);
	if (f.base == NULL)
		return -1;
	memset(f.base, 0, MEMORY);
	memory_init(&f.m, f.base, MEMORY);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(f.base);
	return 0;
}

static int pop(struct virtqueue_chain *chains, unsigned max, struct iovec *iov)
{
	int n = virtqueue_pop(&f.device, chains, max, iov, VIRTQ_SIZE_MAX, &f.e);

	if (n == -1)
		fail_msg("%s", f.e.message);
	return n;
}

/* ---- the guest's side by itself ---- */

static void as_many_chains_fit_as_there_are_descriptors(void **state)
{
	const struct virtq_span spans[8] = {{RAM, 1}};

	(void)state;
	start(8, 0);
	assert_int_equal(virtq_add(&f.guest, spans, 2, 1), 0);
	assert_int_equal(virtq_add(&f.guest, spans, 0, 3), 3);
	assert_int_equal(virtq_add(&f.guest, spans, 3, 0), -1);
	assert_int_equal(virtq_add(&f.guest, spans, 1, 1), 6);
	assert_int_equal(virtq_add(&f.guest, spans, 1, 0), -1);
	assert_int_equal(f.guest.n_free, 0);
}

static void chains_are_seen_when_they_are_submitted(void **state)
{
	const struct virtq_span span = {RAM, 1};
	struct virtqueue_chain c;
	struct iovec iov[VIRTQ_SIZE_MAX];

	(void)state;
	start(8, 65535);
	assert_int_equal(virtq_add(&f.guest, &span, 1, 0), 0);
	assert_int_equal(pop(&c, 1, iov), 0);
	assert_true(virtq_submit(&f.guest));
	assert_int_equal(pop(&c, 1, iov), 1);
}

/* What was never given, what does not exist, what has come back before: then nothing comes any more. */
static void what_the_monitor_does_not_have_breaks_the_queue(void **state)
{
	static const uint32_t ids[] = {3, 8, 256, 65536, UINT32_MAX, 0};
	const struct virtq_span spans[2] = {{RAM, 1}, {RAM, 1}};
	uint32_t written;

	(void)state;
	for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
		start(8, 65535);
		assert_int_equal(virtq_add(&f.guest, spans, 1, 1), 0);
		assert_int_equal(virtq_add(&f.guest, spans, 1, 0), 2);
		assert_false(f.guest.broken);
		f.guest.used->ring[7] = (struct virtq_used_elem){0, 77};
		f.guest.used->ring[0] = (struct virtq_used_elem){ids[i], 0};
		f.guest.used->ring[1] = (struct virtq_used_elem){2, 0};
		f.guest.used->idx = 2;
		assert_int_equal(virtq_take(&f.guest, &written), 0);
		assert_int_equal(written, 77);
		assert_int_equal(virtq_take(&f.guest, &written), -1);
		assert_true(f.guest.broken);
		assert_int_equal(virtq_take(&f.guest, &written), -1);
		assert_true(virtq_arm(&f.guest));
		assert_int_equal(f.guest.n_free, 7);
	}
}

static void doorbells_and_calls_are_few(void **state)
{
	const struct virtq_span span = {RAM, 1};
	struct virtqueue_chain c[8];
	struct iovec iov[VIRTQ_SIZE_MAX];
	uint32_t written;

	(void)state;
	start(8, 0);
	assert_true(virtqueue_arm(&f.device));
	(void)virtq_add(&f.guest, &span, 1, 0);
	assert_true(virtq_submit(&f.guest));
	(void)virtq_add(&f.guest, &span, 1, 0);
	assert_false(virtq_submit(&f.guest));	/* the monitor is awake */
	assert_false(virtq_submit(&f.guest));	/* nothing new */
	assert_true(virtq_arm(&f.guest));
	assert_int_equal(pop(c, 8, iov), 2);
	virtqueue_push(&f.device, c[0].head, 0);
	assert_true(virtqueue_publish(&f.device));
	assert_false(virtq_arm(&f.guest));
	virtqueue_push(&f.device, c[1].head, 5);
	assert_false(virtqueue_publish(&f.device));	/* the guest is awake */
	assert_int_equal(virtq_take(&f.guest, &written), c[0].head);
	assert_int_equal(written, 0);
	assert_int_equal(virtq_take(&f.guest, &written), c[1].head);
	assert_int_equal(written, 5);
	assert_int_equal(virtq_take(&f.guest, &written), -1);
	assert_int_equal(f.guest.n_free, 8);
}

/* ---- both against a naive model ---- */

static uint32_t next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

struct model_chain {
	int head;
	struct virtq_span spans[SPANS];
	uint16_t n_readable, n_writable;
	uint32_t written;
};

struct list {
	struct model_chain *of[VIRTQ_SIZE_MAX];
	unsigned n;
};

/* Where chains are: in no list, or in exactly one. */
struct model {
	uint32_t seed;
	struct model_chain chains[VIRTQ_SIZE_MAX];	/* by head */
	struct list added, submitted, popped, pushed, published;
	unsigned descriptors;			/* in use */
	bool guest_waits, device_waits;		/* armed, nothing there */
	uint64_t through, rings, calls;
};

static struct model model;

static void append(struct list *l, struct model_chain *c)
{
	l->of[l->n++] = c;
}

static struct model_chain *take_from(struct list *l, unsigned at)
{
	struct model_chain *c = l->of[at];

	memmove(&l->of[at], &l->of[at + 1], (--l->n - at) * sizeof l->of[0]);
	return c;
}

static void move_all(struct list *from, struct list *to)
{
	while (from->n > 0)
		append(to, take_from(from, 0));
}

static void guest_adds(struct model *m)
{
	struct model_chain c = {.head = -1};
	const unsigned most = f.guest.size < SPANS ? f.guest.size : SPANS;
	const unsigned n = 1 + next_random(&m->seed) % most;

	c.n_readable = (uint16_t)(next_random(&m->seed) % (n + 1));
	c.n_writable = (uint16_t)(n - c.n_readable);
	for (unsigned i = 0; i < n; i++)
		c.spans[i] = (struct virtq_span){
			.addr = RAM + next_random(&m->seed) % (MEMORY - RAM - 100),
			.len = 1 + next_random(&m->seed) % 100,
		};
	c.head = virtq_add(&f.guest, c.spans, c.n_readable, c.n_writable);
	assert_int_equal(c.head != -1, m->descriptors + n <= f.guest.size);
	if (c.head == -1)
		return;
	assert_true(c.head < f.guest.size);
	m->descriptors += n;
	m->chains[c.head] = c;
	append(&m->added, &m->chains[c.head]);
}

static void guest_submits(struct model *m)
{
	bool ring = virtq_submit(&f.guest);

	assert_int_equal(ring, m->added.n > 0 && m->device_waits);
	m->rings += ring;
	if (m->added.n > 0)
		m->device_waits = false;
	move_all(&m->added, &m->submitted);
}

static void device_pops(struct model *m)
{
	struct virtqueue_chain chains[8];
	struct iovec iov[VIRTQ_SIZE_MAX];
	const unsigned max = next_random(&m->seed) % 9;
	int n = pop(chains, max, iov);

	assert_int_equal(n, max < m->submitted.n ? max : m->submitted.n);
	for (int i = 0; i < n; i++) {
		struct model_chain *c = take_from(&m->submitted, 0);

		assert_int_equal(chains[i].head, c->head);
		assert_int_equal(chains[i].n_readable, c->n_readable);
		assert_int_equal(chains[i].n_writable, c->n_writable);
		for (unsigned j = 0; j < (unsigned)c->n_readable + c->n_writable; j++) {
			assert_ptr_equal(chains[i].iov[j].iov_base, f.base + c->spans[j].addr);
			assert_int_equal(chains[i].iov[j].iov_len, c->spans[j].len);
		}
		append(&m->popped, c);
	}
}

/* The last ones, in the order in which they were submitted; only while no push mixes them. */
static void device_unpops(struct model *m)
{
	if (m->popped.n == 0 || m->pushed.n > 0)
		return;
	virtqueue_unpop(&f.device, 1);
	memmove(&m->submitted.of[1], &m->submitted.of[0],
		m->submitted.n++ * sizeof m->submitted.of[0]);
	m->submitted.of[0] = take_from(&m->popped, m->popped.n - 1);
}

static void device_pushes(struct model *m, bool in_order)
{
	struct model_chain *c;

	if (m->popped.n == 0)
		return;
	c = take_from(&m->popped, in_order ? 0 : next_random(&m->seed) % m->popped.n);
	c->written = next_random(&m->seed);
	virtqueue_push(&f.device, (uint16_t)c->head, c->written);
	append(&m->pushed, c);
}

static void device_publishes(struct model *m)
{
	bool call = virtqueue_publish(&f.device);

	assert_int_equal(call, m->pushed.n > 0 && m->guest_waits);
	m->calls += call;
	if (m->pushed.n > 0)
		m->guest_waits = false;
	move_all(&m->pushed, &m->published);
}

static void guest_takes(struct model *m)
{
	uint32_t written;
	int head = virtq_take(&f.guest, &written);
	struct model_chain *c;

	assert_int_equal(head != -1, m->published.n > 0);
	if (head == -1)
		return;
	c = take_from(&m->published, 0);
	assert_int_equal(head, c->head);
	assert_int_equal(written, c->written);
	m->descriptors -= (unsigned)c->n_readable + c->n_writable;
	m->through++;
}

static void step(struct model *m, bool in_order)
{
	switch (next_random(&m->seed) % 10) {
	case 0: case 1:
		guest_adds(m);
		break;
	case 2:
		guest_submits(m);
		break;
	case 3: case 4:
		device_pops(m);
		break;
	case 5:
		if (in_order)
			device_unpops(m);
		else
			device_pushes(m, false);
		break;
	case 6:
		device_pushes(m, in_order);
		break;
	case 7:
		device_publishes(m);
		break;
	case 8:
		guest_takes(m);
		break;
	default:
		if (next_random(&m->seed) % 64 < 32)
			assert_int_equal(m->device_waits = virtqueue_arm(&f.device),
					 m->submitted.n == 0);
		else
			assert_int_equal(m->guest_waits = virtq_arm(&f.guest),
					 m->published.n == 0);
	}
}

/* Not beyond 2^15 chains without a look at the events: longer ago they would lie ahead again. */
static void play(uint16_t size, uint32_t seed, unsigned steps, bool in_order)
{
	memset(&model, 0, sizeof model);
	model.seed = seed;
	start(size, (uint16_t)(65536u - steps / 20));
	model.guest_waits = model.device_waits = true;
	for (unsigned i = 0; i < steps; i++)
		step(&model, in_order);
}

static void they_do_what_two_lists_do(void **state)
{
	(void)state;
	for (uint16_t size = 1; size <= VIRTQ_SIZE_MAX; size = (uint16_t)(size * 2)) {
		play(size, 0x1234567u + size, 100000, false);
		assert_true(model.through > 1000 && model.rings > 1000);
		assert_true(size > 16 || model.calls > 1000);
		play(size, 0x7654321u + size, 100000, true);
	}
}

static void indices_wrap_again_and_again(void **state)
{
	const struct virtq_span span = {RAM, 8};
	struct virtqueue_chain c;
	struct iovec iov[VIRTQ_SIZE_MAX];
	uint32_t written;

	(void)state;
	start(2, 65000);
	for (uint32_t i = 0; i < 5 * 65536 + 1000; i++) {
		assert_true(virtqueue_arm(&f.device));
		int head = virtq_add(&f.guest, &span, 0, 1);

		assert_true(head >= 0 && virtq_submit(&f.guest));
		assert_true(virtq_arm(&f.guest));
		assert_int_equal(pop(&c, 1, iov), 1);
		virtqueue_push(&f.device, c.head, i);
		assert_true(virtqueue_publish(&f.device));
		assert_int_equal(virtq_take(&f.guest, &written), head);
		assert_int_equal(written, i);
	}
}

/* ---- two threads, each of which sleeps whenever it may ---- */

#define MANY 50000u

struct threads {
	sem_t doorbell, call;
	uint32_t served, wrong;
	unsigned rings, calls;
};

static struct threads t;

/* Adds one to the number that the chain brings, in place. */
static void serve(const struct virtqueue_chain *c)
{
	uint32_t number;

	memcpy(&number, c->iov[0].iov_base, sizeof number);
	t.wrong += number != t.served || c->n_readable != 1 || c->n_writable != 1;
	number++;
	memcpy(c->iov[1].iov_base, &number, sizeof number);
	virtqueue_push(&f.device, c->head, sizeof number);
	t.served++;
}

static void *device_thread(void *arg)
{
	struct virtqueue_chain chains[4];
	struct iovec iov[VIRTQ_SIZE_MAX];
	struct husk_error e;
	int n;

	while (t.served < MANY) {
		while ((n = virtqueue_pop(&f.device, chains, 4, iov, VIRTQ_SIZE_MAX, &e)) > 0)
			for (int i = 0; i < n; i++)
				serve(&chains[i]);
		if (n == -1)
			return arg;
		if (virtqueue_publish(&f.device)) {
			t.calls++;
			sem_post(&t.call);
		}
		if (t.served < MANY && virtqueue_arm(&f.device))
			sem_wait(&t.doorbell);
	}
	return NULL;
}

/* Chain number n has its number at its own place, and gets the answer behind it. */
static bool guest_sends(uint32_t number)
{
	const uintptr_t at = RAM + number % 64 * 64;
	const struct virtq_span spans[] = {{at, 4}, {at + 32, 4}};

	if (f.guest.n_free < 2)
		return false;
	memcpy(f.base + at, &number, sizeof number);
	(void)virtq_add(&f.guest, spans, 1, 1);
	if (virtq_submit(&f.guest)) {
		t.rings++;
		sem_post(&t.doorbell);
	}
	return true;
}

static uint32_t guest_gets(uint32_t back)
{
	uint32_t written, answer;

	while (virtq_take(&f.guest, &written) != -1) {
		memcpy(&answer, f.base + RAM + back % 64 * 64 + 32, sizeof answer);
		assert_int_equal(written, 4);
		assert_int_equal(answer, back + 1);
		back++;
	}
	return back;
}

static void guest_thread(void)
{
	uint32_t sent = 0, back = 0;

	while (back < MANY) {
		while (sent < MANY && sent - back < 60 && guest_sends(sent))
			sent++;
		back = guest_gets(back);
		if ((sent == MANY || f.guest.n_free < 2) && back < MANY && virtq_arm(&f.guest))
			sem_wait(&t.call);
	}
}

static void two_threads_lose_nothing(void **state)
{
	static const uint16_t sizes[] = {2, 8, 128};
	pthread_t device;
	void *failed;

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		memset(&t, 0, sizeof t);
		sem_init(&t.doorbell, 0, 0);
		sem_init(&t.call, 0, 0);
		start(sizes[i], 0);
		assert_int_equal(pthread_create(&device, NULL, device_thread, &t), 0);
		guest_thread();
		assert_int_equal(pthread_join(device, &failed), 0);
		assert_null(failed);
		assert_int_equal(t.served, MANY);
		assert_int_equal(t.wrong, 0);
		assert_true(t.rings > 0 && t.rings <= MANY && t.calls <= MANY);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(as_many_chains_fit_as_there_are_descriptors),
		TEST(chains_are_seen_when_they_are_submitted),
		TEST(what_the_monitor_does_not_have_breaks_the_queue),
		TEST(doorbells_and_calls_are_few),
		TEST(they_do_what_two_lists_do),
		TEST(indices_wrap_again_and_again),
		TEST(two_threads_lose_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
