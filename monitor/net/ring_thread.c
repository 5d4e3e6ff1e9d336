/* SPDX-License-Identifier: ISC */
/* ring_thread.c: hands the ring to an I/O thread where that pays, and takes it back. */
#include "ring_thread.h"

#include <time.h>

#include "cpu.h"
#include "processors.h"

enum ring_owner {
	OWNER_VCPU,		/* the I/O thread sleeps */
	OWNER_OFFERED,		/* it is being woken; the vcpu's may still take the ring back */
	OWNER_IO,
	OWNER_IO_RECALLED,	/* the vcpu's thread waits for the I/O thread to release it */
};

/* Exits without a wait in between before the ring is handed over: more than request and answer. */
#define ROW_MIN 4u

#define BATCH 64u		/* entries between two looks at the state */

/* Entries of a handover, after which some have exits again: their price changes with the guest. */
#define HANDOVER_MAX 1024u

/* More than a guest that stands still can have submitted: 63 queues, HVT_RING_SIZE entries in each round. */
#define ROUNDS_MAX 64u

#define RECALL_SPINS 1000u	/* the time of some frames */
#define SLEEP_MIN_NS 50000	/* then it sleeps, each time twice as long */
#define SLEEP_MAX_NS 10000000

/* A read or write that takes longer, when the run is to end, will not come back by itself. */
#define STOP_GRACE_NS 500000000

/* ---- the ring ---- */

static int serve_ring(void *of, unsigned max, struct husk_error *e)
{
	return ring_serve(of, max, e);
}

static bool ring_is_pending(const void *of)
{
	return ring_pending(of);
}

static void ask_for_kicks(void *of, bool ask)
{
	ring_ask_for_kicks(of, ask);
}

static void ring_is_kicked(void *of)
{
	struct ring *r = of;

	r->kicked = true;
}

const struct ring_work ring_work = {
	"network ring", serve_ring, ring_is_pending, ask_for_kicks, ring_is_kicked,
};

/* ---- who owns it ---- */

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

/* ---- the account ---- */

/* What the handover took since the account was last settled. */
static void settle(struct ring_thread *t)
{
	struct ring_handover *h = &t->handover;
	const uint64_t now = cpu_ticks();

	ring_credit_settle(&t->credit, (int64_t)(now - h->since), h->served);
	h->since = now;
	h->total += h->served;
	h->served = 0;
}

/* The rest of it, once the ring is back. */
static void close_handover(struct ring_thread *t)
{
	if (!t->handover.open)
		return;
	if (!t->handover.over)
		settle(t);
	t->handover.open = false;
	t->row = 0;
}

/* An exit for frames is over. The first of a row has none before it to measure from. */
static void end_exit(struct ring_thread *t, unsigned entries)
{
	const uint64_t now = cpu_ticks();

	if (t->row > 0 && entries > 0)
		ring_credit_exit(&t->credit, (int64_t)(now - t->exit_ended),
				 (int64_t)(now - t->exit_began), entries);
	t->exit_ended = now;
	t->row++;
}

/* ---- the I/O thread ---- */

static void release(struct ring_thread *t)
{
	t->work->ask_for_kicks(t->of, true);
	set_state(t, OWNER_VCPU);
}

/* What the guest did wrong is told by the vcpu's thread. */
static void fail(struct ring_thread *t)
{
	t->failed = true;
	release(t);
	t->host.alarm(t->host.ctx);
}

/* Returns how many entries there were, or -1 if the run has failed and the ring is released. */
static int serve_batch(struct ring_thread *t)
{
	int n = t->work->serve(t->of, BATCH, &t->error);

	if (n == -1)
		fail(t);
	else
		t->handover.served += (unsigned)n;
	return n;
}

/* Polls an idle ring. False if nothing came for so long that sleeping is cheaper. */
static bool poll_ring(const struct ring_thread *t)
{
	const uint64_t start = cpu_ticks();
	const int64_t patience = ring_credit_patience(&t->credit);

	while (!t->work->pending(t->of) && state_of(t) == OWNER_IO) {
		if ((int64_t)(cpu_ticks() - start) > patience)
			return false;
		cpu_relax();
	}
	return true;
}

/*
 * Gives the ring back without having been asked. A guest that submitted before it could see that a
 * kick is wanted will not kick: what is there by then is served.
 */
static void give_back(struct ring_thread *t)
{
	t->work->ask_for_kicks(t->of, true);
	while (t->work->pending(t->of) && state_of(t) == OWNER_IO)
		if (serve_batch(t) == -1)
			return;
	settle(t);
	t->handover.over = true;
	if (change(t, OWNER_IO, OWNER_VCPU))
		return;
	t->handover.over = false;
	release(t);
}

/* Whether the I/O thread shall go on after a batch of n. */
static bool go_on(struct ring_thread *t, int n)
{
	if (n == 0 && !poll_ring(t))
		return false;
	settle(t);
	return !ring_credit_spent(&t->credit) && t->handover.total < HANDOVER_MAX;
}

/* From the moment the ring was handed over until it is given back. */
static void serve_handover(struct ring_thread *t)
{
	int n;

	if (!change(t, OWNER_OFFERED, OWNER_IO))
		return;
	ring_credit_wakeup(&t->credit, (int64_t)(cpu_ticks() - t->handover.since));
	do {
		n = serve_batch(t);
		if (n == -1)
			return;
	} while (state_of(t) == OWNER_IO && go_on(t, n));
	give_back(t);
}

/* The I/O thread cannot wait any more: the ring on offer ends the run, none follows. */
static void on_io_failed(void *ctx)
{
	struct ring_thread *t = ctx;
	struct husk_error e;

	(void)io_thread_check(&t->io, &e);
	__atomic_store_n(&t->ended, true, __ATOMIC_SEQ_CST);
	if (!change(t, OWNER_OFFERED, OWNER_IO))
		return;
	t->error = e;
	husk_wrap(&t->error, "%s", t->work->what);
	fail(t);
}

/* A failure of the ring is the vcpu's thread's to tell, and no reason to end the turns. */
static enum io_turn on_turn(void *ctx, uint64_t now, struct husk_error *e)
{
	(void)now;
	(void)e;
	serve_handover(ctx);
	return IO_IDLE;
}

static const struct io_client client = {.turn = on_turn};

int ring_thread_start(struct ring_thread *t, const struct ring_work *work, void *of,
		      const struct ring_thread_host *host)
{
	struct husk_error e;

	*t = (struct ring_thread){.work = work, .of = of, .host = *host};
	if (processors_only_one())
		return 0;
	if (io_thread_init(&t->io, on_io_failed, t, &e) == -1)
		return e.sys;
	(void)io_thread_add(&t->io, &client, t);
	if (io_thread_start(&t->io, &e) == 0)
		return 0;
	io_thread_stop(&t->io);
	return e.sys;
}

/* ---- the vcpu's thread ---- */

/*
 * The I/O thread does not come back from a read or write, and the run is to end. It holds nothing
 * there but the ring.
 */
static void cancel(struct ring_thread *t)
{
	io_thread_cancel(&t->io);
	if (state_of(t) == OWNER_VCPU)
		return;
	set_state(t, OWNER_VCPU);
	t->work->ask_for_kicks(t->of, true);
	t->failed = true;
	husk_fail(&t->error, HUSK_E_HOST, "%s: the I/O thread was ended in a read, a write or a callback "
		  "that did not come back soon; whoever shares a device's descriptor must leave "
		  "O_NONBLOCK set", t->work->what);
}

static void sleep_ns(long ns)
{
	(void)nanosleep(&(struct timespec){.tv_nsec = ns}, NULL);
}

/*
 * The I/O thread looks at the state after each batch: soon, unless the host lets it wait for a
 * processor, or it is stuck.
 */
static void await_release(struct ring_thread *t)
{
	long ns = SLEEP_MIN_NS, grace = STOP_GRACE_NS;

	for (unsigned spins = 0; spins < RECALL_SPINS; spins++) {
		if (state_of(t) != OWNER_IO_RECALLED)
			return;
		cpu_relax();
	}
	while (state_of(t) == OWNER_IO_RECALLED && grace > 0) {
		sleep_ns(ns);
		if (t->host.stopping(t->host.ctx))
			grace -= ns;
		ns = 2 * ns < SLEEP_MAX_NS ? 2 * ns : SLEEP_MAX_NS;
	}
	if (state_of(t) == OWNER_IO_RECALLED)
		cancel(t);
}

static void recall(struct ring_thread *t)
{
	if (change(t, OWNER_OFFERED, OWNER_VCPU))
		t->work->ask_for_kicks(t->of, true);
	else if (change(t, OWNER_IO, OWNER_IO_RECALLED))
		await_release(t);
}

static void tell_batch(const struct ring_thread *t, bool by_thread)
{
	if (t->host.batch != NULL)
		t->host.batch(t->host.ctx, by_thread);
}

int ring_thread_claim(struct ring_thread *t, struct husk_error *e)
{
	if (state_of(t) != OWNER_VCPU)
		recall(t);
	tell_batch(t, true);
	if (!t->failed)
		return 0;
	*e = t->error;
	return -1;
}

/* How many there were. A failure stays: whoever asks next is told the same. */
static int serve_all(struct ring_thread *t, struct husk_error *e)
{
	int n, all = 0;
	unsigned rounds = 0;

	do {
		n = t->work->serve(t->of, HVT_RING_SIZE, &t->error);
		all += n;
	} while (n > 0 && t->work->pending(t->of) && ++rounds < ROUNDS_MAX);
	tell_batch(t, false);
	t->failed = n == -1;
	if (!t->failed)
		return all;
	*e = t->error;
	return -1;
}

static bool has_thread(const struct ring_thread *t)
{
	return t->io.running && !__atomic_load_n(&t->ended, __ATOMIC_SEQ_CST);
}

static void hand_over(struct ring_thread *t)
{
	t->handovers++;
	t->handover = (struct ring_handover){.open = true, .since = cpu_ticks()};
	t->work->ask_for_kicks(t->of, false);
	set_state(t, OWNER_OFFERED);
	io_thread_wake(&t->io);
	if (__atomic_load_n(&t->ended, __ATOMIC_SEQ_CST))
		recall(t);
}

static void hand_over_if_it_pays(struct ring_thread *t)
{
	if (t->row >= ROW_MIN && has_thread(t) && ring_credit_allows(&t->credit))
		hand_over(t);
}

int ring_thread_kick(struct ring_thread *t, struct husk_error *e)
{
	int n;

	t->exit_began = cpu_ticks();
	if (ring_thread_claim(t, e) == -1)
		return -1;
	close_handover(t);
	if (t->work->kicked != NULL)
		t->work->kicked(t->of);
	n = serve_all(t, e);
	if (n == -1)
		return -1;
	end_exit(t, (unsigned)n);
	hand_over_if_it_pays(t);
	return 0;
}

/* As nearly always while the ring is not handed over: the vcpu's thread has it, and it is empty. */
static bool has_nothing_left(const struct ring_thread *t)
{
	return state_of(t) == OWNER_VCPU && !t->handover.open && !t->failed &&
	       !t->work->pending(t->of);
}

/* What is left in the ring came without an exit, in the handover. */
static int serve_rest(struct ring_thread *t, struct husk_error *e)
{
	int n;

	if (t->work == NULL || has_nothing_left(t))
		return 0;
	if (ring_thread_claim(t, e) == -1)
		return -1;
	n = serve_all(t, e);
	if (n == -1)
		return -1;
	t->handover.served += (unsigned)n;
	close_handover(t);
	return 0;
}

int ring_thread_drain(struct ring_thread *t, struct husk_error *e)
{
	if (serve_rest(t, e) == -1)
		return -1;
	t->row = 0;
	return 0;
}

int ring_thread_begin_call(struct ring_thread *t, struct husk_error *e)
{
	t->exit_began = cpu_ticks();
	return serve_rest(t, e);
}

void ring_thread_end_call(struct ring_thread *t)
{
	end_exit(t, 1);
	hand_over_if_it_pays(t);
}

void ring_thread_stop(struct ring_thread *t)
{
	struct husk_error ignored;

	(void)ring_thread_drain(t, &ignored);
	io_thread_stop(&t->io);
	*t = (struct ring_thread){.work = NULL};
}
