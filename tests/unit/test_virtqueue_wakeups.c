/* SPDX-License-Identifier: ISC */
/*
 * test_virtqueue_wakeups.c: no wake-up is lost, whatever the order in which two processors do things.
 *
 * The code of both sides runs on a made-up machine: two threads, each with a store buffer, over the
 * fields that they share. Every access is one step; every order of steps, and of stores reaching
 * memory, is tried. A thread is a function of where its round began and of what it has read since, so
 * for every step the round is run again, with the results of its earlier accesses. Then each barrier, and each order that a
 * store keeps, is taken out in turn: the same search must find what goes wrong.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "virtqueue.h"

#include "../../bindings/cpu.h"

static uint16_t access_load(const uint16_t *field);
static void access_store(uint16_t *field, uint16_t value, int order, int site);
static uint16_t access_exchange(uint16_t *field, uint16_t value, int site);
static void access_barrier(int site);

/* A site is a line, and what is stored there; those of the guest's side are negative. */
static int side;

#define __atomic_load_n(field, order) access_load(field)
#define __atomic_store_n(field, value, order) access_store(field, value, order, side * __LINE__)
#define __atomic_exchange_n(field, value, order) access_exchange(field, value, side * __LINE__)
#define cpu_store_load_barrier() access_barrier(side * __LINE__)

#include "../../monitor/virtqueue.c"

#include "../../bindings/virtqueue.c"

#undef __atomic_load_n
#undef __atomic_store_n
#undef __atomic_exchange_n
#undef cpu_store_load_barrier

#define MEMORY 0x4000u
#define QUEUE 0x1000u
#define ENTRIES 3
#define FIELDS 12
#define ACCESSES 8		/* of a round */
#define STORES 12
#define UNWRITTEN 0xdeadu

enum { GUEST, DEVICE, THREADS };

/* A store that has not reached memory. */
struct store {
	uint8_t field, ordered;		/* ordered: not before the earlier ones */
	uint16_t value;
};

/* What a thread knows at the start of a round. */
struct guest {
	struct virtq q;
	int sent, back;
	/* What else lies in memory and only the guest changes, or could tell from what it knows. */
	uint16_t heads[ENTRIES];
	struct virtq_desc desc[4];
};

struct device {
	struct virtqueue q;
	int served;
};

struct thread {
	union {
		struct guest guest;
		struct device device;
	} start;
	uint16_t results[ACCESSES];	/* of the round's accesses so far */
	struct store stores[STORES];
	uint8_t n_results, n_stores, started, finished, wrong;
};

/* All that the future depends on. */
struct machine {
	struct thread threads[THREADS];
	uint16_t fields[FIELDS];
	uint8_t bells[THREADS];		/* rung for this thread */
} __attribute__((aligned(8)));

/* ---- one step of one thread ---- */

static struct {
	struct machine *m;
	struct thread *self;
	unsigned at;			/* number of the next access */
	bool moved;			/* has made it */
	bool changed;			/* has at least made one that nobody else can tell */
	jmp_buf out;
	int weak;			/* the site that is taken out, 0 for none */
	int sites[32];
	unsigned n_sites;
	const uint16_t *where[FIELDS];
	unsigned n_fields;
} run;

static uint8_t base[MEMORY] __attribute__((aligned(4096)));
static struct memory memory;

static uint8_t field_of(const uint16_t *field)
{
	unsigned i = 0;

	while (i < run.n_fields && run.where[i] != field)
		i++;
	assert_true(i < FIELDS);
	run.where[i] = field;
	run.n_fields += i == run.n_fields;
	return (uint8_t)i;
}

static bool strong(int site)
{
	unsigned i = 0;

	while (i < run.n_sites && run.sites[i] != site)
		i++;
	assert_true(i < sizeof run.sites / sizeof run.sites[0]);
	run.sites[i] = site;
	run.n_sites += i == run.n_sites;
	return site != run.weak;
}

/* Whether this access was not made in an earlier step. */
static bool is_new_access(void)
{
	return run.at == run.self->n_results;
}

/* Whether it is the one to make in this step. */
static bool is_due(void)
{
	if (is_new_access() && run.moved)
		longjmp(run.out, 1);
	return is_new_access();
}

static uint16_t done(uint16_t result)
{
	if (is_new_access()) {
		assert_true(run.at < ACCESSES);
		run.self->results[run.self->n_results++] = result;
		run.changed = true;
	}
	return run.self->results[run.at++];
}

static void blocked(void)
{
	longjmp(run.out, 1);
}

static void wait_for_stores(void)
{
	if (run.self->n_stores > 0)
		blocked();
}

static uint16_t access_load(const uint16_t *field)
{
	const uint8_t which = field_of(field);
	uint16_t value = 0;

	if (is_due()) {
		value = run.m->fields[which];
		for (unsigned i = 0; i < run.self->n_stores; i++)
			if (run.self->stores[i].field == which)
				value = run.self->stores[i].value;
		run.moved = true;
	}
	return done(value);
}

/* No step of its own: nobody else can tell when it happens. */
static void buffer_store(uint8_t field, uint16_t value, bool ordered)
{
	if (!is_new_access())
		return;
	assert_true(run.self->n_stores < STORES);
	run.self->stores[run.self->n_stores++] = (struct store){field, ordered, value};
}

static void access_store(uint16_t *field, uint16_t value, int order, int site)
{
	const uint8_t which = field_of(field);
	const bool ordered = order != __ATOMIC_RELAXED && strong(site);

	buffer_store(which, value, ordered);
	(void)done(0);
}

static uint16_t access_exchange(uint16_t *field, uint16_t value, int site)
{
	const uint8_t which = field_of(field);
	const bool full = strong(site * FIELDS + (site > 0 ? which : -which));

	if (!full) {
		buffer_store(which, value, true);
	} else if (is_due()) {
		wait_for_stores();
		run.m->fields[which] = value;
		run.moved = true;
	}
	return done(0);
}

static void access_barrier(int site)
{
	if (strong(site) && is_new_access())
		wait_for_stores();
	(void)done(0);
}

/* By system calls, which are barriers. */
static void ring_bell(int whose)
{
	if (is_due()) {
		wait_for_stores();
		run.m->bells[whose] = 1;
		run.moved = true;
	}
	(void)done(0);
}

static void wait_for_bell(int whose)
{
	if (is_due()) {
		wait_for_stores();
		if (run.m->bells[whose] == 0)
			blocked();
		run.m->bells[whose] = 0;
		run.moved = true;
	}
	(void)done(0);
}

/* The caller stores what it knows. */
static void begin_round(void)
{
	run.self->n_results = 0;
	run.self->started = 1;
	run.at = 0;
	run.changed = true;
}

/* ---- the two threads ---- */

static struct {
	uint16_t size;
	bool guest_batches, device_batches;	/* all that is possible before the other is told */
} scene;

static void say_wrong(void)
{
	run.self->wrong = 1;
	longjmp(run.out, 1);
}

static void guest_tells(struct virtq *q)
{
	if (virtq_submit(q))
		ring_bell(DEVICE);
}

/* Chains come back in the order in which they were submitted. */
static int guest_takes(struct guest *g)
{
	uint32_t written = 7;
	int head;

	g->q.used->ring[slot_of(&g->q, g->q.taken)].id = g->heads[g->back];
	head = virtq_take(&g->q, &written);
	if (g->q.broken || written != 7)
		say_wrong();
	return head;
}

static bool guest_adds(struct guest *g)
{
	const struct virtq_span span = {0x3000, 16};
	const int head = g->sent < ENTRIES ? virtq_add(&g->q, &span, 0, 1) : -1;

	if (head >= 0)
		g->heads[g->sent++] = (uint16_t)head;
	return head >= 0;
}

static void guest_round(struct guest *g)
{
	if (guest_adds(g)) {
		if (!scene.guest_batches)
			guest_tells(&g->q);
	} else if (g->q.added != g->q.submitted) {
		guest_tells(&g->q);
	} else if (guest_takes(g) >= 0) {
		g->back++;
	} else if (virtq_arm(&g->q)) {
		wait_for_bell(GUEST);
	}
}

static void guest(void)
{
	static struct guest g;

	g = run.self->start.guest;
	if (!run.self->started)
		virtq_init(&g.q, scene.size, base + QUEUE);
	else
		memcpy(g.q.desc, g.desc, scene.size * sizeof g.desc[0]);
	while (g.back < ENTRIES) {
		guest_round(&g);
		begin_round();
		memcpy(g.desc, g.q.desc, scene.size * sizeof g.desc[0]);
		run.self->start.guest = g;
	}
}

static void device_tells(struct virtqueue *q)
{
	if (virtqueue_publish(q))
		ring_bell(GUEST);
}

static void device_round(struct device *d)
{
	struct virtqueue_chain c;
	struct iovec iov[8];
	struct husk_error e;
	int n = virtqueue_pop(&d->q, &c, 1, iov, 8, &e);

	if (n == -1)
		say_wrong();
	if (n == 1) {
		virtqueue_push(&d->q, c.head, 7);
		d->served++;
	}
	if (n == 0 || !scene.device_batches || d->served == ENTRIES)
		device_tells(&d->q);
	if (n == 0 && virtqueue_arm(&d->q))
		wait_for_bell(DEVICE);
}

static void device_init(struct device *d)
{
	const struct virtqueue_layout layout = {
		QUEUE, QUEUE + avail_offset(scene.size), QUEUE + used_offset(scene.size), scene.size,
	};
	struct husk_error e;

	assert_int_equal(virtqueue_init(&d->q, "queue", &memory, &layout, &e), 0);
}

static void device(void)
{
	static struct device d;

	d = run.self->start.device;
	if (!run.self->started)
		device_init(&d);
	while (d.served < ENTRIES) {
		device_round(&d);
		begin_round();
		run.self->start.device = d;
	}
}

/* False if the thread could not move. */
static bool step_thread(struct machine *m, int which)
{
	run.m = m;
	run.self = &m->threads[which];
	run.at = 0;
	run.moved = run.changed = false;
	side = which == GUEST ? -1 : 1;
	if (setjmp(run.out) == 0) {
		if (which == GUEST)
			guest();
		else
			device();
		run.self->finished = 1;
	}
	return run.changed || run.self->finished || run.self->wrong;
}

/* ---- all orders ---- */

/* A store may overtake earlier ones, but not one to the same field, and not if it is ordered. */
static bool may_reach_memory(const struct thread *t, unsigned at)
{
	for (unsigned i = 0; i < at; i++)
		if (t->stores[at].ordered || t->stores[i].field == t->stores[at].field)
			return false;
	return true;
}

static void reach_memory(struct machine *m, struct thread *t, unsigned at)
{
	m->fields[t->stores[at].field] = t->stores[at].value;
	t->n_stores--;
	memmove(&t->stores[at], &t->stores[at + 1],
		(t->n_stores - at) * sizeof t->stores[0]);
	t->stores[t->n_stores] = (struct store){0, 0, 0};
}

/* States that were seen, by 64 bits of hash; a collision could only hide a state. */
#define SEEN (1u << 20)

static struct {
	uint64_t seen[SEEN];
	uint64_t states;
	bool lost;			/* somebody waits for ever, or has seen what is not so */
} search;

static uint64_t hash(const struct machine *m)
{
	uint64_t h = 0xcbf29ce484222325u, word;

	for (size_t i = 0; i < sizeof *m; i += sizeof word) {
		memcpy(&word, (const uint8_t *)m + i, sizeof word);
		h = (h ^ word) * 0x9e3779b97f4a7c15u;
		h ^= h >> 32;
	}
	return h != 0 ? h : 1;
}

static bool is_new(const struct machine *m)
{
	const uint64_t h = hash(m);
	uint64_t at = (h * 0x9e3779b97f4a7c15u) >> 44;

	for (; search.seen[at % SEEN] != 0; at++)
		if (search.seen[at % SEEN] == h)
			return false;
	assert_true(++search.states < SEEN / 2);
	search.seen[at % SEEN] = h;
	return true;
}

static void explore(const struct machine *from);

static bool move_thread(const struct machine *from, int which)
{
	struct machine m = *from;
	bool moved = false;

	if (!m.threads[which].finished && step_thread(&m, which)) {
		search.lost |= m.threads[which].wrong;
		explore(&m);
		moved = true;
	}
	for (unsigned i = 0; i < from->threads[which].n_stores; i++) {
		if (!may_reach_memory(&from->threads[which], i))
			continue;
		m = *from;
		reach_memory(&m, &m.threads[which], i);
		explore(&m);
		moved = true;
	}
	return moved;
}

static void explore(const struct machine *from)
{
	bool moved = false;

	if (search.lost || !is_new(from))
		return;
	for (int which = 0; which < THREADS; which++)
		moved |= move_thread(from, which);
	if (!moved && !(from->threads[GUEST].finished && from->threads[DEVICE].finished))
		search.lost = true;
}

/*
 * First those that are stored to by the sites, so that they have the same numbers in all scenes.
 * Events and indices begin at 0; a slot of the ring that was not written holds no head.
 */
static void declare_fields(struct machine *m)
{
	struct virtq q;

	virtq_init(&q, scene.size, base + QUEUE);
	run.n_fields = 0;
	(void)field_of(&q.used->idx);
	(void)field_of(virtq_avail_event(q.used, scene.size));
	for (uint16_t i = 0; i < scene.size; i++)
		m->fields[field_of(&q.avail->ring[i])] = UNWRITTEN;
}

/* Whether nothing goes wrong in the scene with one site taken out. */
static bool holds(int weak)
{
	struct machine m;

	memset(&m, 0, sizeof m);
	memset(&search, 0, sizeof search);
	memset(base, 0, sizeof base);
	run.weak = weak;
	declare_fields(&m);
	explore(&m);
	return !search.lost;
}

static const struct { uint16_t size; bool guest_batches, device_batches; } scenes[] = {
	{4, false, false}, {4, false, true}, {4, true, false}, {4, true, true},
	{2, false, false}, {2, true, true}, {1, false, false}, {1, true, true},
};

#define SCENES (sizeof scenes / sizeof scenes[0])

static void choose(size_t i)
{
	scene.size = scenes[i].size;
	scene.guest_batches = scenes[i].guest_batches;
	scene.device_batches = scenes[i].device_batches;
}

static void no_order_of_steps_loses_a_wake_up(void **state)
{
	(void)state;
	run.n_sites = 0;
	for (size_t i = 0; i < SCENES; i++) {
		choose(i);
		assert_true(holds(0));
		assert_true(search.states > 100);
		print_message("%zu: %lu states\n", i, (unsigned long)search.states);
	}
	/* The monitor's two exchanges; the guest's two barriers, and its store of an index. */
	assert_int_equal(run.n_sites, 5);
}

/* Some scene shows it, for each. */
static void without_any_one_barrier_one_is_lost(void **state)
{
	int sites[sizeof run.sites / sizeof run.sites[0]];
	const unsigned n = run.n_sites;

	(void)state;
	memcpy(sites, run.sites, sizeof sites);
	for (unsigned s = 0; s < n; s++) {
		size_t i = 0;

		for (choose(0); i < SCENES && holds(sites[s]); i++)
			if (i + 1 < SCENES)
				choose(i + 1);
		print_message("%d: scene %zu\n", sites[s], i);
		if (i == SCENES)
			fail_msg("nothing is lost without %d", sites[s]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_order_of_steps_loses_a_wake_up),
		cmocka_unit_test(without_any_one_barrier_one_is_lost),
	};

	memory_init(&memory, base, MEMORY);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
