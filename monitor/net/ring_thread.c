/* ring_thread.c: hands the ring to an I/O thread for a burst, and takes it back. */
#include "ring_thread.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "cpu.h"

enum ring_owner {
	OWNER_VCPU,		/* the I/O thread sleeps */
	/* the I/O thread is being woken; the vcpu's may still take it back */
	OWNER_OFFERED,
	OWNER_IO,
	OWNER_IO_RECALLED,	/* the vcpu's thread waits for the I/O thread to let go */
	OWNER_NOBODY,		/* the end: the I/O thread leaves */
};

/* So many kicks without a wait make a burst: more than a request and its answer cost. */
#define KICKS_IN_A_ROW 4u

/*
 * A guest that has had a burst is believed at its first kick, and after a wait without one; until
 * it has disappointed so many times. What is one burst to people may be several with waits.
 */
#define TRUST 4u

#define IO_STACK ((size_t)256 << 10)

#define BATCH 64u		/* entries between two looks at the state */

/*
 * For how long an idle ring is watched: longer than a guest takes from frame to frame even where
 * its instructions are emulated, and than a host that is short of processors mostly keeps its
 * thread waiting. A wait of the guest ends the watch at once.
 */
#define LINGER_US 2000u

#define RECALL_SPINS 1000u

#define SHYNESS_MIN 8u		/* kicks for which the I/O thread is left alone */
#define SHYNESS_MAX 4096u
#define WORTH_IT 16u		/* entries of a burst that was rightly handed over */

static int state_of(const struct ring_thread *t)
{
	return __atomic_load_n(&t->state, __ATOMIC_ACQUIRE);
}

static void set_state(struct ring_thread *t, int state)
{
	__atomic_store_n(&t->state, state, __ATOMIC_RELEASE);
}

static bool change(struct ring_thread *t, int from, int to)
{
	return __atomic_compare_exchange_n(&t->state, &from, to, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_ACQUIRE);
}

/* Gives the ring back, with kicks from now on. */
static void let_go(struct ring_thread *t)
{
	ring_ask_for_kicks(t->ring, true);
	set_state(t, OWNER_VCPU);
}

/* A guest that submitted before it could see needs_kick will not kick: look once more. */
static bool fall_asleep(struct ring_thread *t)
{
	ring_ask_for_kicks(t->ring, true);
	if (!ring_pending(t->ring) && change(t, OWNER_IO, OWNER_VCPU))
		return true;
	ring_ask_for_kicks(t->ring, false);
	return false;
}

/* Watches an idle ring; false if the I/O thread has given it up and shall sleep. */
static bool watch(struct ring_thread *t)
{
	const uint64_t start = cpu_ticks(), patience = LINGER_US * t->ticks_per_us;

	while (!ring_pending(t->ring)) {
		if (state_of(t) != OWNER_IO)
			return true;
		if (cpu_ticks() - start > patience)
			return !fall_asleep(t);
		cpu_relax();
	}
	return true;
}

/* What the guest did wrong is told by the vcpu's thread, which must be made to look. */
static void fail(struct ring_thread *t)
{
	t->failed = true;
	let_go(t);
	t->alarm(t->alarm_ctx);
}

/* One burst: from the moment the ring was handed over until it is given back. */
static void serve_burst(struct ring_thread *t)
{
	if (!change(t, OWNER_OFFERED, OWNER_IO))
		return;
	while (state_of(t) == OWNER_IO) {
		int n = ring_serve(t->ring, BATCH, &t->error);

		if (n == -1) {
			fail(t);
			return;
		}
		t->served += (uint64_t)n;
		if (n == 0 && !watch(t))
			return;
	}
	if (state_of(t) == OWNER_IO_RECALLED)
		let_go(t);
}

/* The I/O thread cannot wait for bursts any more: the one on offer ends the run, none follows. */
static void give_up(struct ring_thread *t, int sys)
{
	__atomic_store_n(&t->deaf, true, __ATOMIC_SEQ_CST);
	if (!change(t, OWNER_OFFERED, OWNER_IO))
		return;
	husk_fail_sys(&t->error, sys, "network ring: I/O thread");
	fail(t);
}

static void *io_thread(void *arg)
{
	struct ring_thread *t = arg;
	uint64_t n;

	for (;;) {
		if (read(t->wake_fd, &n, sizeof n) != sizeof n) {
			give_up(t, errno);
			return NULL;
		}
		if (state_of(t) == OWNER_NOBODY)
			return NULL;
		serve_burst(t);
	}
}

static void wake(const struct ring_thread *t)
{
	const uint64_t one = 1;

	(void)!write(t->wake_fd, &one, sizeof one);
}

static bool one_processor(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) == 1;
}

/* The default is RLIMIT_STACK, which may be anything that a starter hands down. */
static int create_with_stack(struct ring_thread *t)
{
	pthread_attr_t attr;
	int rc = pthread_attr_init(&attr);

	if (rc != 0)
		return rc;
	rc = pthread_attr_setstacksize(&attr, IO_STACK);
	if (rc == 0)
		rc = pthread_create(&t->thread, &attr, io_thread, t);
	(void)pthread_attr_destroy(&attr);
	return rc;
}

/* Signals are for the vcpu's thread: they must interrupt the guest. */
static int create_thread(struct ring_thread *t)
{
	sigset_t all, old;
	int rc;

	sigfillset(&all);
	rc = pthread_sigmask(SIG_SETMASK, &all, &old);
	if (rc != 0)
		return rc;
	rc = create_with_stack(t);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rc;
}

int ring_thread_start(struct ring_thread *t, struct ring *ring, uint64_t ticks_per_us,
		      void (*alarm)(void *ctx), void *alarm_ctx)
{
	int rc;

	*t = (struct ring_thread){.ring = ring, .wake_fd = -1, .ticks_per_us = ticks_per_us,
				  .shyness = SHYNESS_MIN, .alarm = alarm, .alarm_ctx = alarm_ctx};
	if (one_processor())
		return 0;
	t->wake_fd = eventfd(0, EFD_CLOEXEC);
	if (t->wake_fd == -1)
		return errno;
	rc = create_thread(t);
	t->running = rc == 0;
	if (t->running)
		return 0;
	close(t->wake_fd);
	t->wake_fd = -1;
	return rc;
}

/* The I/O thread lets go between two batches: soon, but not at once. */
static void recall(struct ring_thread *t)
{
	if (change(t, OWNER_OFFERED, OWNER_VCPU)) {
		ring_ask_for_kicks(t->ring, true);
		return;
	}
	if (!change(t, OWNER_IO, OWNER_IO_RECALLED))
		return;
	for (unsigned spins = 0; state_of(t) == OWNER_IO_RECALLED; spins++)
		if (spins < RECALL_SPINS)
			cpu_relax();
		else
			(void)sched_yield();	/* it may need this very processor to go on */
}

int ring_thread_claim(struct ring_thread *t, struct husk_error *e)
{
	if (state_of(t) != OWNER_VCPU)
		recall(t);
	if (!t->failed)
		return 0;
	*e = t->error;
	return -1;
}

/* How many there were. A failure stays: whoever asks next is told the same. */
static int serve_all(struct ring_thread *t, struct husk_error *e)
{
	int n, all = 0;

	do {
		n = ring_serve(t->ring, HVT_RING_SIZE, &t->error);
		all += n;
	} while (n > 0 && ring_pending(t->ring));
	t->failed = n == -1;
	if (!t->failed)
		return all;
	*e = t->error;
	return -1;
}

/*
 * With the ring back: a burst that was none, or for which the processor was not free, has cost a
 * wake-up for nothing. The I/O thread is then left alone, for longer and longer.
 */
static void judge(struct ring_thread *t)
{
	if (!t->handed)
		return;
	t->handed = false;
	if (t->served >= WORTH_IT) {
		t->trust = TRUST;
		t->shyness = SHYNESS_MIN;
	} else if (t->trust > 0) {
		t->trust--;
	} else {
		t->shy = t->shyness;
		t->shyness = t->shyness < SHYNESS_MAX ? 2 * t->shyness : SHYNESS_MAX;
	}
}

static bool has_helper(const struct ring_thread *t)
{
	return t->running && !__atomic_load_n(&t->deaf, __ATOMIC_SEQ_CST);
}

static bool is_burst(struct ring_thread *t)
{
	if (++t->kicks < (t->trust > 0 ? 1 : KICKS_IN_A_ROW) || !has_helper(t))
		return false;
	if (t->shy == 0)
		return true;
	t->shy--;
	return false;
}

static void hand_over(struct ring_thread *t)
{
	t->handovers++;
	t->kicks = 0;
	t->handed = true;
	t->served = 0;
	ring_ask_for_kicks(t->ring, false);
	set_state(t, OWNER_OFFERED);
	wake(t);
	if (__atomic_load_n(&t->deaf, __ATOMIC_SEQ_CST))
		recall(t);
}

int ring_thread_kick(struct ring_thread *t, struct husk_error *e)
{
	if (ring_thread_claim(t, e) == -1)
		return -1;
	t->ring->kicked = true;
	if (serve_all(t, e) == -1)
		return -1;
	judge(t);
	if (is_burst(t))
		hand_over(t);
	return 0;
}

int ring_thread_drain(struct ring_thread *t, struct husk_error *e)
{
	int n;

	if (ring_thread_claim(t, e) == -1 || (n = serve_all(t, e)) == -1)
		return -1;
	t->served += (unsigned)n;	/* without a kick: the rest of a burst */
	judge(t);
	t->kicks = 0;
	return 0;
}

void ring_thread_resume(struct ring_thread *t)
{
	if (state_of(t) == OWNER_VCPU && t->trust > 0 && has_helper(t))
		hand_over(t);
}

void ring_thread_stop(struct ring_thread *t)
{
	struct husk_error ignored;

	if (t->ring != NULL)
		(void)ring_thread_drain(t, &ignored);
	if (t->running) {
		set_state(t, OWNER_NOBODY);
		wake(t);
		pthread_join(t->thread, NULL);
	}
	if (t->wake_fd != -1)
		close(t->wake_fd);
	*t = (struct ring_thread){.wake_fd = -1};
}
