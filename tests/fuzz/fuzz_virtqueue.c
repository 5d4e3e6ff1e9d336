/* SPDX-License-Identifier: ISC */
/*
 * fuzz_virtqueue.c: what a guest can do to a virtqueue, in records of two bytes, counted from '0' so
 * that text makes seeds. n: the number becomes numbers[second]. d, a, u: 16-bit word number second
 * of the descriptors, the available ring, the used ring becomes the number. D, L: address, length
 * of descriptor second becomes the number. l: the queue lies elsewhere, what of the layout is
 * second. s: saved and restored. b: one chain is put back. p: as many chains are popped, and every
 * other one is pushed. All else: what was pushed is published, and a doorbell asked for.
 */
#include <stdlib.h>
#include <string.h>

#include "../../monitor/virtqueue.h"

#define CHECK(condition) ((condition) ? (void)0 : abort())
#define MEMORY 0x8000u
#define RAM 0x2000u		/* below is read-only */
#define QUEUE 0x4000u
#define SIZE 16u

static const uint64_t numbers[] = {
	0, 1, 2, 3, 4, 5, 6, 7, 8, 15, 16, 17, 18, 32, 255, 256, 257, 512, RAM - 1, RAM, QUEUE,
	QUEUE + 0x100, QUEUE + 0x200, MEMORY - 16, MEMORY - 1, MEMORY, MEMORY + 1, 0xffff, 0x10000,
	UINT32_MAX, UINT32_MAX + 1ull, UINT64_MAX - 16, UINT64_MAX,
};

struct subject {
	struct memory m;
	struct virtqueue q;
	uint16_t heads[SIZE];		/* in flight */
	unsigned n_heads;
	uint16_t popped, pushed;	/* free-running */
	uint8_t before[MEMORY];
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct subject s;

/* Nothing but the used ring changes, and of that only what is due. */
static void check_untouched(void)
{
	const uint64_t from = s.q.layout.used, to = from + VIRTQ_USED_BYTES(s.q.layout.size);

	CHECK(memcmp(s.before, s.m.base, from) == 0);
	CHECK(memcmp(s.before + to, s.m.base + to, MEMORY - to) == 0);
}

static void check_span(const struct iovec *span, bool writable)
{
	const uint64_t at = (uint64_t)((uint8_t *)span->iov_base - s.m.base);

	CHECK(at < MEMORY && span->iov_len > 0 && span->iov_len <= MEMORY - at);
	CHECK(!writable || at >= RAM);
}

static void check_chain(const struct virtqueue_chain *c)
{
	uint64_t sums[2] = {0, 0};

	CHECK(c->head < s.q.size && c->n_readable + c->n_writable <= s.q.size);
	for (unsigned i = 0; i < (unsigned)c->n_readable + c->n_writable; i++) {
		check_span(&c->iov[i], i >= c->n_readable);
		sums[i >= c->n_readable] += c->iov[i].iov_len;
	}
	CHECK(sums[0] == c->readable && sums[1] == c->writable);
}

static void push_one(void)
{
	virtqueue_push(&s.q, s.heads[--s.n_heads], 5);
	s.pushed++;
}

static void pop(unsigned max)
{
	struct virtqueue_chain chains[SIZE];
	struct iovec iov[VIRTQ_SIZE_MAX + 1];
	struct husk_error e = {0};
	int n;

	max = max < SIZE ? max : SIZE;
	iov[VIRTQ_SIZE_MAX].iov_base = &s;
	n = virtqueue_pop(&s.q, chains, max, iov, VIRTQ_SIZE_MAX, &e);
	CHECK(iov[VIRTQ_SIZE_MAX].iov_base == &s);
	CHECK(n >= -1 && n <= (int)max && (n == -1) == (e.kind == HUSK_E_GUEST));
	for (int i = 0; i < n; i++) {
		check_chain(&chains[i]);
		CHECK(s.n_heads < SIZE);
		s.heads[s.n_heads++] = chains[i].head;
		s.popped++;
		if (i % 2 == 1)
			push_one();
	}
	CHECK(s.q.next_avail == s.popped && s.q.in_flight == s.n_heads);
}

static void settle(void)
{
	const bool more = s.q.published != s.q.next_used;

	(void)virtqueue_publish(&s.q);
	(void)virtqueue_arm(&s.q);
	CHECK(s.q.published == s.pushed && (!more || s.q.used->idx == s.pushed));
}

/* Field by field, as what is between them may be anything. */
static bool same_place(const struct virtqueue *a, const struct virtqueue *b)
{
	return a->memory == b->memory && strcmp(a->what, b->what) == 0 && a->layout.desc == b->layout.desc &&
	       a->layout.avail == b->layout.avail && a->layout.used == b->layout.used &&
	       a->layout.size == b->layout.size && a->desc == b->desc && a->avail == b->avail &&
	       a->used == b->used && a->size == b->size;
}

static bool same_state(const struct virtqueue *a, const struct virtqueue *b)
{
	return a->next_avail == b->next_avail && a->next_used == b->next_used &&
	       a->published == b->published && a->in_flight == b->in_flight;
}

static void save_and_restore(void)
{
	struct virtqueue_state state;
	struct virtqueue old = s.q;
	struct husk_error e;

	while (s.n_heads > 0)
		push_one();
	(void)virtqueue_publish(&s.q);
	virtqueue_save(&s.q, &state);
	old = s.q;
	CHECK(virtqueue_restore(&s.q, "queue", &s.m, &state, &e) == 0);
	CHECK(same_place(&s.q, &old) && same_state(&s.q, &old));
}

static void move(unsigned what, uint64_t number)
{
	struct virtqueue_layout layout = s.q.layout;
	struct virtqueue q;
	struct husk_error e = {0};
	uint64_t *const parts[] = {&layout.desc, &layout.avail, &layout.used};

	if (what % 4 < 3)
		*parts[what % 4] = number;
	else
		layout.size = (uint32_t)number;
	if (virtqueue_init(&q, "queue", &s.m, &layout, &e) == -1) {
		CHECK(e.kind == HUSK_E_GUEST && q.memory == NULL);
		return;
	}
	CHECK(q.size > 0 && q.size <= VIRTQ_SIZE_MAX && layout.desc >= RAM);
	CHECK(layout.used + VIRTQ_USED_BYTES(layout.size) <= MEMORY);
	if (q.size > SIZE)
		return;
	s.q = q;
	s.n_heads = s.popped = s.pushed = 0;
}

static void put(uint64_t gpa, uint64_t number, size_t len)
{
	memcpy(s.m.base + gpa, &number, len);
}

static void play(char what, unsigned second, uint64_t number)
{
	switch (what) {
	case 'd':
		put(s.q.layout.desc + second * 2 % VIRTQ_DESC_BYTES(s.q.size), number, 2);
		return;
	case 'a':
		put(s.q.layout.avail + second * 2 % VIRTQ_AVAIL_BYTES(s.q.size), number, 2);
		return;
	case 'u':
		put(s.q.layout.used + second * 2 % VIRTQ_USED_BYTES(s.q.size), number, 2);
		return;
	case 'D':
		put(s.q.layout.desc + second % s.q.size * 16, number, 8);
		return;
	case 'L':
		put(s.q.layout.desc + second % s.q.size * 16 + 8, number, 4);
		return;
	}
	memcpy(s.before, s.m.base, MEMORY);
	if (what == 'l') {
		move(second, number);
		return;
	}
	if (what == 'p')
		pop(second);
	else if (what == 's')
		save_and_restore();
	else if (what != 'b')
		settle();
	else if (s.n_heads > 0) {
		virtqueue_unpop(&s.q, 1);
		s.n_heads--;
		s.popped--;
	}
	check_untouched();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct virtqueue_layout layout = {
		QUEUE, QUEUE + 0x100, QUEUE + 0x200, SIZE,
	};
	struct husk_error e;
	uint64_t number = 0;

	if (s.m.base == NULL) {
		memory_init(&s.m, aligned_alloc(0x1000, MEMORY), MEMORY);
		CHECK(memory_declare(&s.m, 0, RAM - 1, MEMORY_R, "low", &e) == 0);
	}
	memset(s.m.base, 0, MEMORY);
	CHECK(virtqueue_init(&s.q, "queue", &s.m, &layout, &e) == 0);
	s.n_heads = s.popped = s.pushed = 0;
	for (; size >= 2; data += 2, size -= 2) {
		const uint8_t second = (uint8_t)(data[1] - '0');

		if (data[0] == 'n')
			number = numbers[second % (sizeof numbers / sizeof numbers[0])];
		else
			play((char)data[0], second, number);
	}
	return 0;
}
