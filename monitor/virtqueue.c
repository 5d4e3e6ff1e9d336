/* SPDX-License-Identifier: ISC */
/* virtqueue.c: walks chains, returns them, and suppresses doorbells and calls. */
#include "virtqueue.h"

#include <assert.h>
#include <string.h>

#include "nospec.h"

/* ---- where a queue lies ---- */

/* Its three parts: descriptors, available ring, used ring. */
struct part {
	const char *name;
	uint64_t gpa;
	unsigned align;
	uint32_t len;
};

#define PARTS 3

static void parts_of(const struct virtqueue_layout *l, struct part parts[PARTS])
{
	parts[0] = (struct part){"descriptor table", l->desc, VIRTQ_DESC_ALIGN,
				 VIRTQ_DESC_BYTES(l->size)};
	parts[1] = (struct part){"available ring", l->avail, VIRTQ_AVAIL_ALIGN,
				 VIRTQ_AVAIL_BYTES(l->size)};
	parts[2] = (struct part){"used ring", l->used, VIRTQ_USED_ALIGN,
				 VIRTQ_USED_BYTES(l->size)};
}

/* For parts that lie inside memory, so that nothing wraps. */
static bool share_a_byte(const struct part *a, const struct part *b)
{
	return a->gpa < b->gpa + b->len && b->gpa < a->gpa + a->len;
}

/*
 * The guest must be able to write even the parts that the device only reads: read-only memory would
 * be a mistake, and the pages of the network ring must not be used for a queue.
 */
static int place_part(const struct memory *m, const struct part *p, struct iovec *where,
		      struct husk_error *e)
{
	if (p->gpa % p->align != 0)
		return husk_fail(e, HUSK_E_GUEST, "%s at 0x%llx is not aligned to %u bytes",
				 p->name, (unsigned long long)p->gpa, p->align);
	if (memory_sink(m, (gpa_t){p->gpa}, p->len, where, e) == -1)
		return husk_wrap(e, "%s", p->name);
	return 0;
}

static int place_parts(const struct memory *m, const struct part parts[PARTS],
		       struct iovec where[PARTS], struct husk_error *e)
{
	for (unsigned i = 0; i < PARTS; i++) {
		if (place_part(m, &parts[i], &where[i], e) == -1)
			return -1;
		for (unsigned j = 0; j < i; j++)
			if (share_a_byte(&parts[j], &parts[i]))
				return husk_fail(e, HUSK_E_GUEST, "%s at 0x%llx overlaps the %s",
						 parts[i].name, (unsigned long long)parts[i].gpa,
						 parts[j].name);
	}
	return 0;
}

static int place(const struct memory *m, const struct virtqueue_layout *layout,
		 struct iovec where[PARTS], struct husk_error *e)
{
	const uint32_t size = layout->size;
	struct part parts[PARTS];

	if (size == 0 || size > VIRTQ_SIZE_MAX || (size & (size - 1)) != 0)
		return husk_fail(e, HUSK_E_GUEST, "size %u is not a power of two up to %u", size,
				 VIRTQ_SIZE_MAX);
	parts_of(layout, parts);
	return place_parts(m, parts, where, e);
}

int virtqueue_init(struct virtqueue *q, const char *what, const struct memory *m,
		   const struct virtqueue_layout *layout, struct husk_error *e)
{
	struct iovec where[PARTS];

	*q = (struct virtqueue){.memory = NULL};
	if (place(m, layout, where, e) == -1)
		return husk_wrap(e, "%s", what);
	*q = (struct virtqueue){
		.memory = m, .what = what, .layout = *layout, .size = (uint16_t)layout->size,
		.desc = where[0].iov_base, .avail = where[1].iov_base, .used = where[2].iov_base,
	};
	return 0;
}

bool virtqueue_overlap(const struct virtqueue_layout *a, const struct virtqueue_layout *b)
{
	struct part ours[PARTS], theirs[PARTS];
	bool overlap = false;

	parts_of(a, ours);
	parts_of(b, theirs);
	for (unsigned i = 0; i < PARTS * PARTS; i++)
		overlap |= share_a_byte(&ours[i / PARTS], &theirs[i % PARTS]);
	return overlap;
}

/* ---- taking ---- */

/*
 * The other side stores one of these fields and then loads the other; so does this one. Both must
 * be sequentially consistent, or each misses what the other has stored, and both sleep. By the
 * accesses themselves, because the thread sanitizer does not know fences; the stores are
 * exchanges, because QEMU's TCG lets an aarch64 load-acquire come before an earlier store-release,
 * which the Arm ARM DDI 0487, B2.3 forbids.
 */
static uint16_t load_shared(const uint16_t *field)
{
	return __atomic_load_n(field, __ATOMIC_SEQ_CST);
}

static void store_shared(uint16_t *field, uint16_t value)
{
	(void)__atomic_exchange_n(field, value, __ATOMIC_SEQ_CST);
}

static uint16_t slot(const struct virtqueue *q, uint16_t index)
{
	return index & (uint16_t)(q->size - 1);
}

/* How many chains wait; each outstanding one has at least a descriptor of its own. */
static int waiting(const struct virtqueue *q, struct husk_error *e)
{
	const uint16_t n = (uint16_t)(load_shared(&q->avail->idx) - q->next_avail);

	if (n > q->size - q->in_flight)
		return husk_fail(e, HUSK_E_GUEST, "%s: %u chains submitted and %u in flight, it "
				 "has %u entries", q->what, n, q->in_flight, q->size);
	return n;
}

static int bad_chain(const struct virtqueue *q, uint16_t at, const char *why, struct husk_error *e)
{
	return husk_fail(e, HUSK_E_GUEST, "%s: descriptor %u %s, the queue has %u", q->what, at, why,
			 q->size);
}

static struct virtq_desc take_desc(const struct virtqueue *q, uint16_t at)
{
	struct virtq_desc d;

	memcpy(&d, &q->desc[nospec_index(at, q->size)], sizeof d);
	/* Keeps the compiler from fetching a field from the guest again after its check. */
	__asm__ __volatile__("" ::: "memory");
	return d;
}

static int check_desc(const struct virtqueue *q, const struct virtqueue_chain *c, uint16_t at,
		      const struct virtq_desc *d, struct iovec *span, struct husk_error *e)
{
	const gpa_t gpa = {d->addr};
	const bool writable = (d->flags & VIRTQ_DESC_WRITE) != 0;

	if ((d->flags & VIRTQ_DESC_INDIRECT) != 0)
		return husk_fail(e, HUSK_E_GUEST, "%s: descriptor %u is indirect", q->what, at);
	if (!writable && c->n_writable > 0)
		return husk_fail(e, HUSK_E_GUEST, "%s: descriptor %u is readable, behind a "
				 "writable one", q->what, at);
	if ((uint64_t)c->readable + c->writable + d->len > UINT32_MAX)
		return husk_fail(e, HUSK_E_GUEST, "%s: descriptor %u makes a chain of more than "
				 "4 GiB", q->what, at);
	if ((writable ? memory_sink : memory_source)(q->memory, gpa, d->len, span, e) == -1)
		return husk_wrap(e, "%s: descriptor %u", q->what, at);
	return 0;
}

static void count_span(struct virtqueue_chain *c, const struct virtq_desc *d)
{
	const bool writable = (d->flags & VIRTQ_DESC_WRITE) != 0;

	*(writable ? &c->writable : &c->readable) += d->len;
	if (d->len > 0)
		++*(writable ? &c->n_writable : &c->n_readable);
}

/*
 * One chain from its head on. 1 if it was taken, 0 if iov is too short for it. A chain in which a
 * descriptor comes twice is a longer one than the queue has descriptors.
 */
static int walk(const struct virtqueue *q, struct virtqueue_chain *c, uint16_t head,
		struct iovec *iov, unsigned n_iov, struct husk_error *e)
{
	struct virtq_desc d = {.flags = VIRTQ_DESC_NEXT, .next = head};
	unsigned length = 0;

	*c = (struct virtqueue_chain){.iov = iov, .head = head};
	while ((d.flags & VIRTQ_DESC_NEXT) != 0) {
		const uint16_t at = d.next;
		struct iovec span;

		if (at >= q->size)
			return bad_chain(q, at, "does not exist", e);
		if (length++ == q->size)
			return bad_chain(q, at, "comes twice in one chain", e);
		d = take_desc(q, at);
		if (check_desc(q, c, at, &d, &span, e) == -1)
			return -1;
		if (d.len > 0 && n_iov-- == 0)
			return 0;
		if (d.len > 0)
			iov[c->n_readable + c->n_writable] = span;
		count_span(c, &d);
	}
	return 1;
}

static uint16_t take_head(const struct virtqueue *q)
{
	return __atomic_load_n(&q->avail->ring[slot(q, q->next_avail)], __ATOMIC_RELAXED);
}

int virtqueue_pop(struct virtqueue *q, struct virtqueue_chain *chains, unsigned max,
		  struct iovec *iov, unsigned n_iov, struct husk_error *e)
{
	struct husk_error error;
	int rc = waiting(q, e);
	unsigned n = 0;

	assert(n_iov >= q->size);
	if (rc == -1)
		return -1;
	if ((unsigned)rc < max)
		max = (unsigned)rc;
	while (n < max && (rc = walk(q, &chains[n], take_head(q), iov, n_iov, &error)) == 1) {
		const unsigned spans = (unsigned)chains[n].n_readable + chains[n].n_writable;

		iov += spans;
		n_iov -= spans;
		q->next_avail++;
		q->in_flight++;
		n++;
	}
	if (n > 0 || rc != -1)
		return (int)n;
	*e = error;
	return -1;
}

void virtqueue_unpop(struct virtqueue *q, unsigned n)
{
	assert(n <= q->in_flight);
	q->next_avail = (uint16_t)(q->next_avail - n);
	q->in_flight = (uint16_t)(q->in_flight - n);
}

bool virtqueue_pending(const struct virtqueue *q)
{
	return load_shared(&q->avail->idx) != q->next_avail;
}

bool virtqueue_arm(struct virtqueue *q)
{
	store_shared(virtq_avail_event(q->used, q->size), q->next_avail);
	return !virtqueue_pending(q);
}

uint16_t virtqueue_submitted(const struct virtqueue *q)
{
	return load_shared(&q->avail->idx);
}

void virtqueue_arm_beyond(struct virtqueue *q, uint16_t submitted)
{
	store_shared(virtq_avail_event(q->used, q->size), submitted);
}

/* ---- for who only looks on ---- */

void virtqueue_continue(struct virtqueue *q)
{
	q->next_avail = q->next_used = q->published = load_shared(&q->used->idx);
	q->in_flight = 0;
}

bool virtqueue_all_back(const struct virtqueue *q)
{
	return load_shared(&q->used->idx) == load_shared(&q->avail->idx);
}

/* The guest stands still, so that what it has submitted is visible to whoever serves the queue. */
bool virtqueue_wants_doorbell(const struct virtqueue *q, uint16_t *told)
{
	const uint16_t before = *told;

	*told = load_shared(&q->avail->idx);
	return virtq_passes(load_shared(virtq_avail_event(q->used, q->size)), *told, before);
}

/* ---- giving back ---- */

void virtqueue_push(struct virtqueue *q, uint16_t head, uint32_t written)
{
	const struct virtq_used_elem elem = {.id = head, .len = written};

	assert(q->in_flight > 0);
	memcpy(&q->used->ring[slot(q, q->next_used)], &elem, sizeof elem);
	q->next_used++;
	q->in_flight--;
}

bool virtqueue_publish(struct virtqueue *q)
{
	const uint16_t before = q->published;

	if (q->next_used == before)
		return false;
	q->published = q->next_used;
	store_shared(&q->used->idx, q->next_used);
	return virtq_passes(load_shared(virtq_used_event(q->avail, q->size)), q->next_used, before);
}

/* ---- snapshots ---- */

void virtqueue_save(const struct virtqueue *q, struct virtqueue_state *state)
{
	assert(q->in_flight == 0 && q->published == q->next_used);
	*state = (struct virtqueue_state){
		.layout = q->layout, .next_avail = q->next_avail, .next_used = q->next_used,
	};
}

int virtqueue_restore(struct virtqueue *q, const char *what, const struct memory *m,
		      const struct virtqueue_state *state, struct husk_error *e)
{
	if (virtqueue_init(q, what, m, &state->layout, e) == -1)
		return -1;
	q->next_avail = state->next_avail;
	q->next_used = q->published = state->next_used;
	return 0;
}
