/* SPDX-License-Identifier: ISC */
/*
 * test_ring_thread.c: two threads and one ring: the test's is guest and vcpu, the other is real.
 *
 * Most of it is about time, so it is repeated often and at random. Every way in which the steps of
 * the two can follow each other is in test_ring_handover.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "../../../monitor/cpu.h"
#include "../../../monitor/net/ring_thread.h"
#include "emulated.h"
#include "ring_peer.h"
#include "under_asan.h"
#include "wire.h"
#include "expect.h"

#define MEMORY 0x100000u
#define RING 0x20000u
#define RAM 0x40000u
#define ROOM 1514u
#define HANDLE 1u
#define BURST 4u		/* kicks in a row that make one */
#define PATIENCE_S 20		/* for what happens soon, even on a busy machine */

/* ---- host calls that are made to fail ---- */

static struct {
	bool one_processor;
	int eventfd_error, poll_error, add_error, mask_error, create_error;
	int eventfds, threads;	/* made */
} host;

bool __wrap_processors_only_one(void);
int __real_eventfd(unsigned count, int flags);
int __wrap_eventfd(unsigned count, int flags);
int __real_io_poll_open(void);
int __wrap_io_poll_open(void);
int __real_io_poll_add(int poll_fd, int fd, uint64_t key);
int __wrap_io_poll_add(int poll_fd, int fd, uint64_t key);
int __real_pthread_sigmask(int how, const sigset_t *set, sigset_t *old);
int __wrap_pthread_sigmask(int how, const sigset_t *set, sigset_t *old);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
			  void *(*start)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
			  void *(*start)(void *), void *arg);

bool __wrap_processors_only_one(void)
{
	return host.one_processor;
}

int __wrap_eventfd(unsigned count, int flags)
{
	assert_int_equal(flags, EFD_CLOEXEC | EFD_NONBLOCK);
	host.eventfds++;
	errno = host.eventfd_error;
	return host.eventfd_error != 0 ? -1 : __real_eventfd(count, flags);
}

int __wrap_io_poll_open(void)
{
	return host.poll_error != 0 ? -host.poll_error : __real_io_poll_open();
}

int __wrap_io_poll_add(int poll_fd, int fd, uint64_t key)
{
	return host.add_error != 0 ? -host.add_error : __real_io_poll_add(poll_fd, fd, key);
}

int __wrap_pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
	return host.mask_error != 0 ? host.mask_error : __real_pthread_sigmask(how, set, old);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
			  void *(*start)(void *), void *arg)
{
	if (host.create_error != 0)
		return host.create_error;
	host.threads++;
	return __real_pthread_create(thread, attributes, start, arg);
}

/* ---- a machine of one vcpu and one device ---- */

struct fixture {
	uint8_t *base;
	struct memory m;
	struct ring ring;
	struct ring_thread thread;
	struct ring_peer guest;
	struct netdev dev;
	struct wire wire;
	struct husk_error e;
	uint32_t seed;
	unsigned kicks;
	uint64_t touched;	/* times that the ring asked for a device: the owner's, not atomic */
	int inside;		/* threads that do so just now; atomic */
	int overlaps;		/* how often there was another; atomic */
	int alarms;		/* atomic */
	int stuck[2];		/* a pipe: whoever asks for a device waits for a byte of it */
	bool wait_for_byte;
	bool waiting;		/* somebody does; atomic */
	bool stopping;		/* the run is to end */
	int alarms_with_signals;	/* in which some signal was not blocked; atomic */
	int files;		/* descriptors that were open before */
};

static struct netdev *device_of(void *ctx, uint64_t handle)
{
	struct fixture *f = ctx;
	char byte;

	if (__atomic_add_fetch(&f->inside, 1, __ATOMIC_RELAXED) != 1)
		__atomic_add_fetch(&f->overlaps, 1, __ATOMIC_RELAXED);
	f->touched++;
	__atomic_sub_fetch(&f->inside, 1, __ATOMIC_RELAXED);
	if (f->wait_for_byte) {
		__atomic_store_n(&f->waiting, true, __ATOMIC_RELEASE);
		(void)!read(f->stuck[0], &byte, 1);
		__atomic_store_n(&f->waiting, false, __ATOMIC_RELEASE);
	}
	return handle == HANDLE ? &f->dev : NULL;
}

/* Signals that can be blocked at all, and that the thread library does not keep for itself. */
static bool all_blocked(void)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGALRM, SIGUSR1, SIGUSR2, SIGURG, SIGHUP};
	sigset_t set;

	__real_pthread_sigmask(SIG_BLOCK, NULL, &set);
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		if (!sigismember(&set, numbers[i]))
			return false;
	return true;
}

static void on_alarm(void *ctx)
{
	struct fixture *f = ctx;

	__atomic_add_fetch(&f->alarms_with_signals, !all_blocked(), __ATOMIC_RELAXED);
	__atomic_add_fetch(&f->alarms, 1, __ATOMIC_RELEASE);
}

static bool on_stopping(void *ctx)
{
	const struct fixture *f = ctx;

	return f->stopping;
}

static int alarms(struct fixture *f)
{
	return __atomic_load_n(&f->alarms, __ATOMIC_ACQUIRE);
}

static int set_up(void **state)
{
	static struct fixture f;
	sigset_t none;

	memset(&f, 0, sizeof f);
	memset(&host, 0, sizeof host);
	sigemptyset(&none);
	__real_pthread_sigmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_IGN);
	f.seed = 0x1234567;
	*state = &f;
	f.base = aligned_alloc(0x1000, MEMORY);
	if (f.base == NULL)
		return -1;
	memset(f.base, 0, MEMORY);
	memory_init(&f.m, f.base, MEMORY);
	wire_make(&f.wire);
	if (memory_declare(&f.m, RING, RING + 0xcfff, MEMORY_R | MEMORY_RING, "network ring",
			   &f.e) == -1 ||
	    netdev_open(&f.dev, "service0", &(struct uplink_request){.where = f.wire.where}, 0,
			&f.e) == -1 ||
	    ring_init(&f.ring, &f.m, RING, device_of, &f, &f.e) == -1)
		return -1;
	ring_peer_init(&f.guest, f.ring.shared);
	f.files = open_descriptors();
	return 0;
}

static int try_start(struct fixture *f)
{
	const struct ring_thread_host callbacks = {
		.alarm = on_alarm, .stopping = on_stopping, .ctx = f,
	};

	return ring_thread_start(&f->thread, &ring_work, &f->ring, &callbacks);
}

static void start(struct fixture *f)
{
	assert_int_equal(try_start(f), 0);
}

static int set_up_started(void **state)
{
	int rc = set_up(state);

	if (rc == 0)
		start(*state);
	return rc;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	ring_thread_stop(&f->thread);
	if (open_descriptors() != f->files)
		return -1;
	netdev_close(&f->dev);
	wire_free(&f->wire);
	free(f->base);
	return f->overlaps == 0 ? 0 : -1;
}

static uint32_t random_number(struct fixture *f)
{
	f->seed ^= f->seed << 13;
	f->seed ^= f->seed >> 17;
	f->seed ^= f->seed << 5;
	return f->seed;
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* ---- what a guest does ---- */

#define LONG_WAKEUP (64 << 20)	/* some 100 us */

/* Whether two threads pay is for test_ring_credit: here they always have credit for some time. */
static void give_credit(struct fixture *f)
{
	f->thread.credit.wakeup = LONG_WAKEUP;
	f->thread.credit.balance = 4 * LONG_WAKEUP;
}

/* 0, or -1 if the kick that was asked for ended the guest. */
static int submit(struct fixture *f, const struct hvt_ring_entry *entry)
{
	if (!ring_peer_submit(&f->guest, entry))
		return 0;
	f->kicks++;
	if (ring_thread_claim(&f->thread, &f->e) == -1)
		return -1;
	give_credit(f);
	return ring_thread_kick(&f->thread, &f->e);
}

static void put_write(struct fixture *f, uint32_t n, uint32_t len)
{
	uint64_t gpa = RAM + n % 128 * 0x800;

	wire_fill(f->base + gpa, len, n);
	assert_int_equal(submit(f, &(struct hvt_ring_entry){
		.operation = HVT_RING_NET_WRITE, .handle = HANDLE, .data = gpa, .len = len,
	}), 0);
}

static void put_read(struct fixture *f, uint32_t id)
{
	assert_int_equal(submit(f, &(struct hvt_ring_entry){
		.operation = HVT_RING_NET_READ, .handle = HANDLE, .data = RAM + id % 128 * 0x800,
		.len = ROOM, .id = id,
	}), 0);
}

/* What no device gets, and nobody answers. */
static void put_nothing(struct fixture *f)
{
	assert_int_equal(submit(f, &(struct hvt_ring_entry){.operation = HVT_RING_NET_WRITE}), 0);
}

/* As a guest spins, but kinder to the other tests. */
static void spin_until_served(struct fixture *f)
{
	double give_up = seconds() + PATIENCE_S;

	while (!ring_peer_idle(&f->guest)) {
		if (seconds() > give_up)
			fail_msg("an entry was forgotten");
		sched_yield();
	}
}

static struct hvt_ring_completion spin_for_completion(struct fixture *f)
{
	double give_up = seconds() + PATIENCE_S;
	struct hvt_ring_completion c;

	while (!ring_peer_take(&f->guest, &c)) {
		if (seconds() > give_up)
			fail_msg("a completion never came");
		sched_yield();
	}
	return c;
}

static void drain(struct fixture *f)
{
	if (ring_thread_drain(&f->thread, &f->e) != 0)
		fail_msg("%s", f->e.message);
	assert_true(ring_peer_idle(&f->guest));
}

/* Kicks until the ring is handed over. */
static void make_burst(struct fixture *f)
{
	drain(f);
	for (unsigned i = 0; i < BURST; i++)
		put_nothing(f);
}

static bool asks_for_kicks(const struct fixture *f)
{
	return __atomic_load_n(&f->ring.shared->needs_kick, __ATOMIC_ACQUIRE) != 0;
}

static void wait_for_sleep(const struct fixture *f)
{
	double give_up = seconds() + PATIENCE_S;

	while (!asks_for_kicks(f)) {
		if (seconds() > give_up)
			fail_msg("the I/O thread never sleeps");
		sched_yield();
	}
}

static void idle_for(uint32_t us)
{
	double end = seconds() + us / 1e6;

	while (seconds() < end)
		cpu_relax();
}

/* ---- starting and stopping ---- */

/* What the calling thread blocks, a bit for each signal. */
static uint64_t blocked(void)
{
	sigset_t set;
	uint64_t bits = 0;

	__real_pthread_sigmask(SIG_BLOCK, NULL, &set);
	for (int i = 1; i < 64; i++)
		bits |= (uint64_t)(sigismember(&set, i) == 1) << i;
	return bits;
}

static void assert_stopped(const struct fixture *f)
{
	assert_null(f->thread.work);
	assert_false(f->thread.io.running);
	assert_false(f->thread.failed);
	assert_int_equal(open_descriptors(), f->files);
}

static void it_starts_and_stops(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 50; i++) {
		start(f);
		assert_true(f->thread.io.running);
		assert_true(asks_for_kicks(f));
		ring_thread_stop(&f->thread);
		assert_stopped(f);
		ring_thread_stop(&f->thread);
		assert_stopped(f);
	}
	assert_int_equal(host.threads, 50);
}

static void what_was_never_started_can_be_stopped(void **state)
{
	struct fixture *f = *state;

	ring_thread_stop(&f->thread);
	assert_stopped(f);
}

/* Every frame takes a kick, and is on its way when that returns. */
static void serves_itself(struct fixture *f)
{
	uint8_t frame[WIRE_FRAME_MAX];
	unsigned before = f->kicks;

	assert_false(f->thread.io.running);
	for (uint32_t n = 0; n < 100; n++) {
		put_write(f, n, 60);
		assert_true(ring_peer_idle(&f->guest));
		assert_int_equal(wire_receive(&f->wire, frame), 60);
	}
	drain(f);
	assert_int_equal(f->kicks - before, 100);
	assert_true(f->thread.handovers == 0);
}

static void a_host_that_denies_the_thread_is_done_without(void **state)
{
	static const struct { int *what, error; } failures[] = {
		{&host.eventfd_error, EMFILE}, {&host.poll_error, ENFILE},
		{&host.add_error, ENOSPC}, {&host.mask_error, EINVAL},
		{&host.create_error, EAGAIN},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
		*failures[i].what = failures[i].error;
		memset(&f->thread, 0xa5, sizeof f->thread);
		assert_int_equal(try_start(f), failures[i].error);
		serves_itself(f);
		ring_thread_stop(&f->thread);
		assert_stopped(f);
		*failures[i].what = 0;
	}
	assert_true(blocked() == 0);
}

static void the_callers_signals_stay_as_they_are(void **state)
{
	struct fixture *f = *state;
	start(f);
	assert_true(blocked() == 0);
}

static void one_processor_has_no_second_thread(void **state)
{
	struct fixture *f = *state;

	host.one_processor = true;
	start(f);
	assert_int_equal(host.eventfds + host.threads, 0);
	serves_itself(f);
	ring_thread_stop(&f->thread);
	assert_stopped(f);
}

/* ---- who serves ---- */

static void a_kick_is_served_on_the_spot(void **state)
{
	struct fixture *f = *state;
	struct hvt_ring_completion c;

	put_write(f, 1, 60);
	assert_true(ring_peer_idle(&f->guest));
	put_read(f, 2);
	assert_true(ring_peer_take(&f->guest, &c));
	assert_int_equal(c.id, 2);
	assert_int_equal(c.ret, HVT_AGAIN);
	assert_int_equal(f->kicks, 2);
}

static void a_request_and_its_answer_are_no_burst(void **state)
{
	struct fixture *f = *state;

	for (uint32_t n = 0; n < 1000; n++) {
		for (unsigned i = 1; i < BURST; i++)
			put_nothing(f);
		drain(f);
	}
	assert_int_equal(f->kicks, 1000 * (BURST - 1));
	assert_true(f->thread.handovers == 0);
}

static void kicks_in_a_row_hand_the_ring_over(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 1; i < BURST; i++)
		put_nothing(f);
	assert_true(asks_for_kicks(f));
	put_nothing(f);
	assert_true(f->thread.handovers == 1);
	assert_int_equal(f->kicks, BURST);
	put_nothing(f);
	spin_until_served(f);
	drain(f);
	assert_true(asks_for_kicks(f));
}

static void claiming_alone_does_not_end_a_row(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < BURST; i++) {
		assert_true(f->thread.handovers == 0);
		assert_int_equal(ring_thread_claim(&f->thread, &f->e), 0);
		put_nothing(f);
	}
	assert_true(f->thread.handovers == 1);
}

static void without_credit_the_ring_is_not_handed_over(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < 100; i++) {
		f->thread.credit.balance = 0;
		assert_true(ring_peer_submit(&f->guest, &(struct hvt_ring_entry){.operation = 0}));
		assert_int_equal(ring_thread_kick(&f->thread, &f->e), 0);
	}
	assert_true(f->thread.handovers == 0);
	assert_true(f->thread.credit.price > 0);
}

/* A frame by hypercall, of a guest that has left something in the ring before. */
static void frames_by_hypercall_count_like_kicks(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < BURST; i++) {
		assert_true(f->thread.handovers == 0);
		ring_peer_submit(&f->guest, &(struct hvt_ring_entry){.operation = 0});
		assert_int_equal(ring_thread_begin_call(&f->thread, &f->e), 0);
		assert_true(ring_peer_idle(&f->guest));
		f->touched++;		/* the frame */
		give_credit(f);
		ring_thread_end_call(&f->thread);
	}
	assert_true(f->thread.handovers == 1);
	assert_int_equal(ring_thread_begin_call(&f->thread, &f->e), 0);
	assert_true(asks_for_kicks(f));
	ring_thread_end_call(&f->thread);
	assert_true(f->thread.handovers == 1);
}

static void the_other_thread_falls_asleep_when_nothing_comes(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 20; i++) {
		unsigned kicks;

		make_burst(f);
		wait_for_sleep(f);
		kicks = f->kicks;
		put_nothing(f);
		assert_int_equal(f->kicks, kicks + 1);
		assert_true(ring_peer_idle(&f->guest));
	}
}

/* What the handover took is in the account before the call, which is the first of a new row. */
static void a_call_when_it_sleeps_begins_a_row(void **state)
{
	struct fixture *f = *state;

	make_burst(f);
	wait_for_sleep(f);
	assert_int_equal(ring_thread_begin_call(&f->thread, &f->e), 0);
	assert_false(f->thread.handover.open);
	assert_int_equal(f->thread.row, 0);
	ring_thread_end_call(&f->thread);
	assert_int_equal(f->thread.row, 1);
}

static void it_sleeps_too_if_the_guest_takes_no_completions(void **state)
{
	struct fixture *f = *state;
	struct hvt_ring_completion c;
	uint32_t n = 0;

	make_burst(f);
	for (; n < HVT_RING_SIZE; n++)
		submit(f, &(struct hvt_ring_entry){.operation = HVT_RING_NET_READ, .id = n});
	spin_until_served(f);
	make_burst(f);
	submit(f, &(struct hvt_ring_entry){.operation = HVT_RING_NET_READ, .id = n});
	wait_for_sleep(f);
	assert_false(ring_peer_idle(&f->guest));
	assert_int_equal(ring_thread_drain(&f->thread, &f->e), 0);
	assert_false(ring_peer_idle(&f->guest));
	for (uint32_t i = 0; i < HVT_RING_SIZE; i++) {
		assert_true(ring_peer_take(&f->guest, &c));
		assert_int_equal(c.id, i);
	}
	drain(f);
	assert_true(ring_peer_take(&f->guest, &c));
	assert_int_equal(c.id, n);
}

static void a_burst_takes_few_kicks(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 20000; i++) {
		while (ring_peer_room(&f->guest) == 0)
			sched_yield();
		put_nothing(f);
	}
	drain(f);
	if (f->kicks > 10000)
		fail_msg("%u kicks for 20000 entries", f->kicks);
}

static void draining_serves_all_that_is_left(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[WIRE_FRAME_MAX];

	for (uint32_t round = 0; round < 500; round++) {
		make_burst(f);
		for (uint32_t n = 0; n < 50; n++)
			put_write(f, n, 60 + n);
		idle_for(random_number(f) % 30);
		drain(f);
		for (uint32_t n = 0; n < 50; n++) {
			assert_int_equal(wire_receive(&f->wire, frame), 60 + n);
			assert_true(wire_matches(frame, 60 + n, n));
		}
	}
}

static void stopping_serves_all_that_is_left(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[WIRE_FRAME_MAX];

	for (uint32_t round = 0; round < 100; round++) {
		start(f);
		make_burst(f);
		for (uint32_t n = 0; n < 100; n++)
			put_write(f, n, 60 + n);
		idle_for(random_number(f) % 30);
		ring_thread_stop(&f->thread);
		assert_stopped(f);
		for (uint32_t n = 0; n < 100; n++)
			assert_int_equal(wire_receive(&f->wire, frame), 60 + n);
		assert_true(ring_peer_idle(&f->guest));
		assert_true(asks_for_kicks(f));
	}
}

/* ---- races ---- */

/* Whoever has claimed the ring is alone with it, and sees what the other did. */
static void a_claim_is_exclusive(void **state)
{
	struct fixture *f = *state;
	uint64_t submitted = 0;

	for (int i = 0; i < 3000; i++) {
		for (uint32_t n = random_number(f) % 12; n > 0; n--, submitted++)
			put_nothing(f);
		idle_for(random_number(f) % 8);
		assert_int_equal(ring_thread_claim(&f->thread, &f->e), 0);
		assert_true(asks_for_kicks(f));
		f->touched++;
		assert_int_equal(__atomic_load_n(&f->inside, __ATOMIC_RELAXED), 0);
		if (random_number(f) % 4 == 0)
			drain(f);
		f->touched--;
	}
	drain(f);
	assert_true(f->touched == submitted);
	assert_true(f->ring.entries == submitted);
}

/* The guest has submitted something, but nobody was told. */
static void submit_quietly(struct fixture *f)
{
	f->ring.shared->entries[f->guest.ent_tail & HVT_RING_MASK] = (struct hvt_ring_entry){
		.operation = HVT_RING_NET_WRITE,
	};
	f->ring.shared->ent_tail = ++f->guest.ent_tail;
}

/*
 * What a snapshot, a debugger or a dump relies on. The thread sanitizer would report any access of
 * the other thread: the test's own are not atomic.
 */
static void after_a_drain_memory_and_devices_stand_still(void **state)
{
	static uint8_t before[MEMORY];
	struct fixture *f = *state;

	for (int i = 0; i < 200; i++) {
		uint64_t touched;

		for (uint32_t n = random_number(f) % 40; n > 0; n--)
			put_nothing(f);
		idle_for(random_number(f) % 30);
		drain(f);
		submit_quietly(f);
		memcpy(before, f->base, MEMORY);
		touched = f->touched++;
		idle_for(random_number(f) % 200);
		assert_memory_equal(f->base, before, MEMORY);
		assert_true(f->touched-- == touched + 1);
		drain(f);
	}
	assert_true(f->thread.handovers > 0);
}

/* Pauses about as long as the other thread's patience: it falls asleep as the next entry comes. */
static void no_entry_is_forgotten_by_a_thread_that_falls_asleep(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 5000; i++) {
		put_nothing(f);
		spin_until_served(f);
		if (random_number(f) % 4 != 0)
			idle_for(random_number(f) % 40);
		if (random_number(f) % 64 == 0)
			drain(f);
	}
	assert_true(f->thread.handovers > 0);
}

/* Moves n frames each way, in order, with random pauses and waits in between. */
static void exchange(struct fixture *f, uint32_t n)
{
	uint8_t frame[WIRE_FRAME_MAX];
	uint32_t sent = 0, arrived = 0, fed = 0, got = 0;

	while (arrived < n || got < n) {
		for (uint32_t k = random_number(f) % 24; k > 0 && sent < n && sent - arrived < 64; k--)
			put_write(f, sent, 14 + sent % 50), sent++;
		for (uint32_t k = random_number(f) % 24; k > 0 && fed < n && fed - got < 64; k--, fed++) {
			wire_fill(frame, 14 + fed % 60, fed);
			assert_true(wire_send(&f->wire, frame, 14 + fed % 60));
		}
		if (got < fed) {
			struct hvt_ring_completion c;

			put_read(f, 64);
			c = spin_for_completion(f);
			assert_int_equal(c.ret, HVT_OK);
			assert_int_equal(c.len, 14 + got % 60);
			assert_true(wire_matches(f->base + RAM + 64 * 0x800, c.len, got));
			got++;
		}
		if (random_number(f) % 16 == 0)
			drain(f);
		for (long len; (len = wire_receive(&f->wire, frame)) != -1; arrived++) {
			assert_int_equal(len, 14 + arrived % 50);
			assert_true(wire_matches(frame, (size_t)len, arrived));
		}
	}
}

/* Frames are written from places below that of the reads. */
static void many_frames_go_both_ways_in_order(void **state)
{
	struct fixture *f = *state;
	const uint32_t frames = emulated() ? 10000 : 100000;

	exchange(f, frames);
	drain(f);
	assert_true(f->dev.counters.tx_frames == frames);
	assert_true(f->dev.counters.rx_frames == frames);
	for (int k = 0; k < NETDEV_DROPS; k++)
		assert_true(f->dev.counters.drops[k] == 0);
	assert_true(f->thread.handovers > 0);
}

/*
 * The guest stores ent_tail and loads needs_kick, the monitor the other way round: at least one
 * of them sees what the other stored, however often both do so at the same time.
 */
#define MEETINGS 20000

/* In a cache line with anything else, the two hardly ever go on at the same time. */
static struct {
	struct ring *ring;
	struct {
		_Alignas(64) int n;
	} round[2];		/* of each side; atomic */
	bool pending[MEETINGS];	/* what the monitor saw */
} meeting;

/* False if the other side does not come: it has failed. */
static bool meet(int side, int round)
{
	double give_up = 0;

	__atomic_store_n(&meeting.round[side].n, round, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&meeting.round[1 - side].n, __ATOMIC_SEQ_CST) < round) {
		if (give_up == 0)
			give_up = seconds() + PATIENCE_S;
		else if (seconds() > give_up)
			return false;
		cpu_relax();
	}
	return true;
}

static void *monitor_side(void *arg)
{
	(void)arg;
	for (int i = 0; i < MEETINGS && meet(0, 2 * i + 1); i++) {
		ring_ask_for_kicks(meeting.ring, true);
		meeting.pending[i] = ring_pending(meeting.ring);
		if (!meet(0, 2 * i + 2))
			break;
	}
	return NULL;
}

static void guest_and_monitor_do_not_miss_each_other(void **state)
{
	struct fixture *f = *state;
	pthread_t thread;

	memset(&meeting, 0, sizeof meeting);
	meeting.ring = &f->ring;
	assert_int_equal(__real_pthread_create(&thread, NULL, monitor_side, NULL), 0);
	for (int i = 0; i < MEETINGS; i++) {
		bool kick;

		ring_ask_for_kicks(&f->ring, false);
		ring_peer_put(&f->guest, &(struct hvt_ring_entry){.operation = 0});
		assert_true(meet(1, 2 * i + 1));
		kick = ring_peer_publish(&f->guest);
		assert_true(meet(1, 2 * i + 2));
		if (!kick && !meeting.pending[i])
			fail_msg("entry %d: no kick, and not seen", i);
		assert_int_equal(ring_serve(&f->ring, 8, &f->e), 1);
	}
	pthread_join(thread, NULL);
}

/* ---- a thread that does not give the ring back ---- */

/* The I/O thread has the ring, and waits for a byte. */
static void get_stuck(struct fixture *f)
{
	double give_up = seconds() + PATIENCE_S;

	assert_int_equal(pipe(f->stuck), 0);
	start(f);
	do {
		f->wait_for_byte = false;
		make_burst(f);
		f->wait_for_byte = true;
	} while (ring_peer_submit(&f->guest, &(struct hvt_ring_entry){.operation = 1}));
	while (!__atomic_load_n(&f->waiting, __ATOMIC_ACQUIRE)) {
		assert_true(seconds() < give_up);
		sched_yield();
	}
}

static void get_free(struct fixture *f)
{
	f->wait_for_byte = f->waiting = false;
	ring_thread_stop(&f->thread);
	close(f->stuck[0]);
	close(f->stuck[1]);
	assert_stopped(f);
}

static void *later(void *arg)
{
	const struct fixture *f = arg;

	usleep(50000);
	assert_int_equal(write(f->stuck[1], "0123456789abcdef", 16), 16);
	return NULL;
}

/* It waits for its processor, say; and the run is not to end, or has some time left. */
static void it_is_waited_for(void **state)
{
	struct fixture *f = *state;
	pthread_t thread;

	for (int i = 0; i < 2; i++) {
		get_stuck(f);
		f->stopping = i == 1;
		assert_int_equal(__real_pthread_create(&thread, NULL, later, f), 0);
		assert_int_equal(ring_thread_drain(&f->thread, &f->e), 0);
		assert_true(ring_peer_idle(&f->guest));
		pthread_join(thread, NULL);
		get_free(f);
	}
}

static void a_stop_ends_it(void **state)
{
	struct fixture *f = *state;
	double began = seconds();

	if (UNDER_ASAN) {
		print_message("# the address sanitizer takes what a cancelled thread leaves for errors\n");
		skip();
	}
	get_stuck(f);
	f->stopping = true;
	for (int i = 0; i < 2; i++) {
		memset(&f->e, 0, sizeof f->e);
		assert_int_equal(ring_thread_drain(&f->thread, &f->e), -1);
		assert_int_equal(f->e.kind, HUSK_E_HOST);
		assert_non_null(strstr(f->e.message, "network ring: the I/O thread was ended"));
	}
	assert_false(f->thread.io.running);
	assert_true(asks_for_kicks(f));
	assert_true(seconds() - began < PATIENCE_S);
	get_free(f);
}

/* ---- failures ---- */

static const struct hvt_ring_entry bad_entry = {
	.operation = HVT_RING_NET_WRITE, .handle = HANDLE, .data = MEMORY, .len = 60,
};

static void assert_failed(struct fixture *f, int rc)
{
	assert_int_equal(rc, -1);
	assert_int_equal(f->e.kind, HUSK_E_GUEST);
	assert_non_null(strstr(f->e.message, "network ring, device service0: Invalid guest access"));
	memset(&f->e, 0, sizeof f->e);
}

/* From now on everything says so, even if the ring were in order again. */
static void assert_stays_failed(struct fixture *f)
{
	memset(f->ring.shared->entries, 0, sizeof f->ring.shared->entries);
	for (int i = 0; i < 2; i++) {
		assert_failed(f, ring_thread_claim(&f->thread, &f->e));
		assert_failed(f, ring_thread_kick(&f->thread, &f->e));
		assert_failed(f, ring_thread_drain(&f->thread, &f->e));
		assert_failed(f, ring_thread_begin_call(&f->thread, &f->e));
	}
	assert_true(asks_for_kicks(f));
}

static void what_the_vcpus_thread_finds_it_tells_itself(void **state)
{
	struct fixture *f = *state;

	put_nothing(f);
	assert_failed(f, submit(f, &bad_entry));
	assert_stays_failed(f);
	assert_int_equal(alarms(f), 0);
	ring_thread_stop(&f->thread);
	assert_stopped(f);
	assert_int_equal(alarms(f), 0);
}

static void what_draining_finds_is_told_too(void **state)
{
	struct fixture *f = *state;

	ring_peer_submit(&f->guest, &bad_entry);
	assert_failed(f, ring_thread_drain(&f->thread, &f->e));
	assert_stays_failed(f);
	assert_int_equal(alarms(f), 0);
}

static void wait_for_alarm(struct fixture *f)
{
	double give_up = seconds() + PATIENCE_S;

	while (alarms(f) == 0) {
		if (seconds() > give_up)
			fail_msg("the alarm never came");
		sched_yield();
	}
}

/* Whether the I/O thread was left with the entry; else a kick was asked for, and told. */
static bool submit_bad(struct fixture *f)
{
	if (!ring_peer_submit(&f->guest, &bad_entry))
		return true;
	assert_failed(f, ring_thread_kick(&f->thread, &f->e));
	return false;
}

static void what_the_other_thread_finds_raises_the_alarm_once(void **state)
{
	struct fixture *f = *state;
	int left = 0;

	for (int i = 0; i < 200; i++) {
		ring_peer_start_at(&f->guest, &f->ring, (uint32_t)i, 0);
		f->alarms = 0;
		start(f);
		make_burst(f);
		if (submit_bad(f)) {
			wait_for_alarm(f);
			left++;
		}
		assert_stays_failed(f);
		ring_thread_stop(&f->thread);
		assert_true(alarms(f) <= 1);
	}
	assert_true(left > 100);
	assert_int_equal(f->alarms_with_signals, 0);
}

/* The vcpu's thread asks in the same moment: it is told once and for all, by whichever found it. */
static void a_failure_and_a_recall_may_meet(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 300; i++) {
		ring_peer_start_at(&f->guest, &f->ring, (uint32_t)i, 0);
		f->alarms = 0;
		start(f);
		make_burst(f);
		put_nothing(f);
		if (submit_bad(f)) {
			idle_for(random_number(f) % 20);
			assert_failed(f, ring_thread_drain(&f->thread, &f->e));
		}
		assert_stays_failed(f);
		ring_thread_stop(&f->thread);
		assert_stopped(f);
		assert_true(alarms(f) <= 1);
	}
}

static void stopping_a_failed_one_consumes_no_more(void **state)
{
	struct fixture *f = *state;
	uint32_t head;

	make_burst(f);
	if (submit_bad(f))
		wait_for_alarm(f);
	head = f->ring.ent_head;
	ring_peer_submit(&f->guest, &(struct hvt_ring_entry){.operation = 0});
	ring_thread_stop(&f->thread);
	assert_int_equal(f->ring.ent_head, head);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define STARTED(name) cmocka_unit_test_setup_teardown(name, set_up_started, tear_down)

static void a_zeroed_one_does_not_own_descriptor_0(void **state)
{
	struct ring_thread zeroed = {0};
	int saved = fcntl(0, F_DUPFD_CLOEXEC, 3), zero = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(dup2(zero, 0), 0);
	ring_thread_stop(&zeroed);
	assert_int_not_equal(fcntl(0, F_GETFD), -1);
	if (saved != -1)
		assert_int_equal(dup2(saved, 0), 0);
	close(saved);
	close(zero);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_zeroed_one_does_not_own_descriptor_0),
		TEST(it_starts_and_stops),
		TEST(what_was_never_started_can_be_stopped),
		TEST(a_host_that_denies_the_thread_is_done_without),
		TEST(the_callers_signals_stay_as_they_are),
		TEST(one_processor_has_no_second_thread),
		STARTED(a_kick_is_served_on_the_spot),
		STARTED(a_request_and_its_answer_are_no_burst),
		STARTED(kicks_in_a_row_hand_the_ring_over),
		STARTED(claiming_alone_does_not_end_a_row),
		STARTED(without_credit_the_ring_is_not_handed_over),
		STARTED(frames_by_hypercall_count_like_kicks),
		STARTED(the_other_thread_falls_asleep_when_nothing_comes),
		STARTED(a_call_when_it_sleeps_begins_a_row),
		STARTED(it_sleeps_too_if_the_guest_takes_no_completions),
		STARTED(a_burst_takes_few_kicks),
		STARTED(draining_serves_all_that_is_left),
		TEST(stopping_serves_all_that_is_left),
		STARTED(a_claim_is_exclusive),
		STARTED(after_a_drain_memory_and_devices_stand_still),
		STARTED(no_entry_is_forgotten_by_a_thread_that_falls_asleep),
		STARTED(many_frames_go_both_ways_in_order),
		TEST(guest_and_monitor_do_not_miss_each_other),
		TEST(it_is_waited_for),
		TEST(a_stop_ends_it),
		STARTED(what_the_vcpus_thread_finds_it_tells_itself),
		STARTED(what_draining_finds_is_told_too),
		TEST(what_the_other_thread_finds_raises_the_alarm_once),
		TEST(a_failure_and_a_recall_may_meet),
		STARTED(stopping_a_failed_one_consumes_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
