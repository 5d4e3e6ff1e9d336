/* SPDX-License-Identifier: ISC */
/* test_virtqueue.c: the device's side of a virtqueue, against a guest that may do anything. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "virtqueue.h"

#define MEMORY 0x200000u
#define RING 0x20000u		/* a page of the network ring, in read-only low memory */
#define LOW_LAST 0xfffffu
#define TEXT 0x100000u		/* a page, read-only */
#define QUEUES 0x101000u	/* the queue of most tests */
#define RAM 0x110000u		/* buffers */
#define SIZE 8u

#define READ 0u
#define WRITE VIRTQ_DESC_WRITE
#define NEXT VIRTQ_DESC_NEXT

struct fixture {
	uint8_t *base;
	struct memory m;
	struct virtqueue q;
	struct husk_error e;
	uint16_t submitted;		/* by the guest */
	struct virtqueue_chain chains[SIZE + 1];
	struct iovec iov[VIRTQ_SIZE_MAX];
	void (*hook)(struct fixture *f);	/* while the next buffer is being checked */
};

static struct fixture f;

static const struct virtqueue_layout layout = {
	.desc = QUEUES, .avail = QUEUES + 0x100, .used = QUEUES + 0x200, .size = SIZE,
};

/* ---- between a descriptor's copy and its use ---- */

int __real_memory_sink(const struct memory *m, gpa_t gpa, uint64_t len, struct iovec *iov,
		       struct husk_error *e);
int __wrap_memory_sink(const struct memory *m, gpa_t gpa, uint64_t len, struct iovec *iov,
		       struct husk_error *e);

int __wrap_memory_sink(const struct memory *m, gpa_t gpa, uint64_t len, struct iovec *iov,
		       struct husk_error *e)
{
	void (*hook)(struct fixture *f) = f.hook;

	f.hook = NULL;
	if (hook != NULL)
		hook(&f);
	return __real_memory_sink(m, gpa, len, iov, e);
}

/* ---- the guest, byte by byte ---- */

static void put16(uint64_t gpa, unsigned value)
{
	const uint16_t v = (uint16_t)value;

	memcpy(f.base + gpa, &v, sizeof v);
}

static unsigned get16(uint64_t gpa)
{
	uint16_t v;

	memcpy(&v, f.base + gpa, sizeof v);
	return v;
}

static void put_desc(unsigned at, uint64_t addr, uint32_t len, unsigned flags, unsigned next)
{
	uint8_t *d = f.base + layout.desc + 16 * at;

	memcpy(d, &addr, 8);
	memcpy(d + 8, &len, 4);
	memcpy(d + 12, &(uint16_t){(uint16_t)flags}, 2);
	memcpy(d + 14, &(uint16_t){(uint16_t)next}, 2);
}

static void submit(unsigned head)
{
	put16(layout.avail + 4 + 2 * (f.submitted % SIZE), head);
	put16(layout.avail + 2, ++f.submitted);
}

/* A chain of one buffer of 16 bytes, its own. */
static void submit_one(unsigned at, unsigned flags)
{
	put_desc(at, RAM + at * 0x1000, 16, flags, 0);
	submit(at);
}

static void put_used_event(unsigned event)
{
	put16(layout.avail + 4 + 2 * SIZE, event);
}

static unsigned avail_event(void)
{
	return get16(layout.used + 4 + 8 * SIZE);
}

static void assert_used(unsigned index, uint32_t id, uint32_t len)
{
	uint32_t got[2];

	memcpy(got, f.base + layout.used + 4 + 8 * (index % SIZE), sizeof got);
	assert_int_equal(got[0], id);
	assert_int_equal(got[1], len);
}

/* ---- the device ---- */

static int pop(unsigned max)
{
	return virtqueue_pop(&f.q, f.chains, max, f.iov, VIRTQ_SIZE_MAX, &f.e);
}

static void assert_pops(unsigned max, int n)
{
	int got = pop(max);

	if (got == -1)
		fail_msg("%s", f.e.message);
	assert_int_equal(got, n);
}

static void assert_span(const struct iovec *span, uint64_t gpa, size_t len)
{
	assert_ptr_equal(span->iov_base, f.base + gpa);
	assert_int_equal(span->iov_len, len);
}

/* Popping ends the guest, and does so again: nothing was consumed. */
static void assert_ends(const char *message)
{
	const struct virtqueue before = f.q;

	for (int i = 0; i < 2; i++) {
		memset(&f.e, 0, sizeof f.e);
		assert_int_equal(pop(SIZE), -1);
		assert_int_equal(f.e.kind, HUSK_E_GUEST);
		if (strstr(f.e.message, message) == NULL)
			fail_msg("\"%s\", expected \"%s\"", f.e.message, message);
		assert_memory_equal(&f.q, &before, sizeof before);
	}
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
	if (memory_declare(&f.m, RING, RING + 0xfff, MEMORY_R | MEMORY_RING, "network ring",
			   &f.e) == -1 ||
	    memory_declare_rest(&f.m, 0, LOW_LAST, MEMORY_R, "low memory", &f.e) == -1 ||
	    memory_declare(&f.m, TEXT, TEXT + 0xfff, MEMORY_R | MEMORY_X, "text", &f.e) == -1)
		return -1;
	return virtqueue_init(&f.q, "test, queue 3", &f.m, &layout, &f.e);
}

static int tear_down(void **state)
{
	(void)state;
	free(f.base);
	return 0;
}

/* ---- where it lies ---- */

static void the_layout_is_virtios(void **state)
{
	(void)state;
	assert_int_equal(VIRTQ_DESC_BYTES(256), 4096);
	assert_int_equal(VIRTQ_AVAIL_BYTES(256), 518);
	assert_int_equal(VIRTQ_USED_BYTES(256), 2054);
	assert_int_equal(offsetof(struct virtq_desc, len), 8);
	assert_int_equal(offsetof(struct virtq_desc, flags), 12);
	assert_int_equal(offsetof(struct virtq_desc, next), 14);
	assert_int_equal(offsetof(struct virtq_avail, idx), 2);
	assert_int_equal(offsetof(struct virtq_avail, ring), 4);
	assert_int_equal(offsetof(struct virtq_used, idx), 2);
	assert_int_equal(offsetof(struct virtq_used, ring), 4);
	assert_int_equal(VIRTQ_SIZE_MAX, 256);
}

static void an_event_is_passed_once_in_a_round(void **state)
{
	(void)state;
	for (uint32_t event = 0; event < 65536; event += 257)
		for (uint32_t before = 0; before < 65536; before += 251)
			for (uint16_t n = 0; n < 300; n = (uint16_t)(n + 23)) {
				uint16_t now = (uint16_t)(before + n);
				bool passed = false;

				for (uint16_t i = (uint16_t)before; i != now; i++)
					passed |= i == event;
				assert_int_equal(virtq_passes((uint16_t)event, now,
							      (uint16_t)before), passed);
			}
}

static void it_lies_where_the_guest_may_write(void **state)
{
	static const struct {
		struct virtqueue_layout l;
		const char *message;
	} wrong[] = {
		{{QUEUES, QUEUES + 0x100, QUEUES + 0x200, 0}, "size 0 is not a power of two"},
		{{QUEUES, QUEUES + 0x100, QUEUES + 0x200, 3}, "size 3 is not a power of two"},
		{{QUEUES, QUEUES + 0x100, QUEUES + 0x200, 512}, "size 512 is not"},
		{{QUEUES, QUEUES + 0x100, QUEUES + 0x200, 0x10008}, "size 65544 is not"},
		{{QUEUES, QUEUES + 0x100, QUEUES + 0x200, 1u << 31}, "size 2147483648 is not"},
		{{QUEUES + 8, QUEUES + 0x100, QUEUES + 0x200, 8},
		 "descriptor table at 0x101008 is not aligned to 16 bytes"},
		{{QUEUES, QUEUES + 0x101, QUEUES + 0x200, 8},
		 "available ring at 0x101101 is not aligned to 2 bytes"},
		{{QUEUES, QUEUES + 0x100, QUEUES + 0x202, 8},
		 "used ring at 0x101202 is not aligned to 4 bytes"},
		{{MEMORY - 0x70, QUEUES + 0x100, QUEUES + 0x200, 8},
		 "descriptor table: Invalid guest access"},
		{{QUEUES, MEMORY - 20, QUEUES + 0x200, 8}, "available ring: Invalid guest access"},
		{{QUEUES, QUEUES + 0x100, MEMORY - 68, 8}, "used ring: Invalid guest access"},
		{{0xfffffffffffffff0, QUEUES + 0x100, QUEUES + 0x200, 8}, "descriptor table: Inv"},
		{{QUEUES, 0xfffffffffffffffe, QUEUES + 0x200, 8}, "available ring: Invalid"},
		{{QUEUES, QUEUES + 0x100, 0xfffffffffffffffc, 8}, "used ring: Invalid"},
		{{TEXT, QUEUES + 0x100, QUEUES + 0x200, 8}, "inside read-only text"},
		{{QUEUES, TEXT + 0xff0, QUEUES + 0x200, 8}, "inside read-only text"},
		{{QUEUES, QUEUES + 0x100, 0x10000, 8}, "inside read-only low memory"},
		{{QUEUES, QUEUES + 0x100, RING, 8}, "inside read-only network ring"},
		{{QUEUES, QUEUES + 0x7e, QUEUES + 0x200, 8}, "available ring at 0x10107e overlaps "
		 "the descriptor table"},
		{{QUEUES, QUEUES + 0x100, QUEUES + 0x7c, 8}, "used ring at 0x10107c overlaps the "
		 "descriptor table"},
		{{QUEUES, QUEUES + 0x100, QUEUES + 0x114, 8}, "used ring at 0x101114 overlaps the "
		 "available ring"},
		{{QUEUES + 0x40, QUEUES + 0x30, QUEUES + 0x200, 8}, "overlaps"},
		{{QUEUES, QUEUES, QUEUES, 8}, "overlaps"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		struct virtqueue q;

		assert_int_equal(virtqueue_init(&q, "test, queue 3", &f.m, &wrong[i].l, &f.e), -1);
		assert_int_equal(f.e.kind, HUSK_E_GUEST);
		assert_null(q.memory);
		if (strncmp(f.e.message, "test, queue 3: ", 15) != 0 ||
		    strstr(f.e.message, wrong[i].message) == NULL)
			fail_msg("\"%s\", expected \"%s\"", f.e.message, wrong[i].message);
	}
}

static void it_may_touch_the_edges(void **state)
{
	static const struct virtqueue_layout right[] = {
		{QUEUES, QUEUES + 0x80, QUEUES + 0x98, 8},	/* one behind the other */
		{TEXT + 0x1000, QUEUES + 0x100, QUEUES + 0x200, 8},
		{MEMORY - 0x80, QUEUES + 0x100, QUEUES + 0x200, 8},
		{QUEUES, MEMORY - 22, QUEUES + 0x200, 8},
		{QUEUES, QUEUES + 0x100, MEMORY - 72, 8},
		{QUEUES, QUEUES + 0x1000, QUEUES + 0x2000, 256},
		{QUEUES, QUEUES + 0x10, QUEUES + 0x18, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
		struct virtqueue q;

		if (virtqueue_init(&q, "test", &f.m, &right[i], &f.e) == -1)
			fail_msg("%zu: %s", i, f.e.message);
		assert_false(virtqueue_pending(&q));
	}
}

static void starting_writes_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < MEMORY; i++)
		assert_int_equal(f.base[i], 0);
}

static void queues_that_share_a_byte_overlap(void **state)
{
	const struct virtqueue_layout *a = &layout;
	struct virtqueue_layout b = {
		.desc = RAM, .avail = RAM + 0x100, .used = RAM + 0x200, .size = SIZE,
	};

	(void)state;
	assert_true(virtqueue_overlap(a, a));
	assert_false(virtqueue_overlap(a, &b));
	b.used = QUEUES + 0x70;
	assert_true(virtqueue_overlap(a, &b) && virtqueue_overlap(&b, a));
	b.used = QUEUES + 0x80;
	assert_false(virtqueue_overlap(a, &b) || virtqueue_overlap(&b, a));
	b.avail = QUEUES + 0x200 + 68;
	assert_true(virtqueue_overlap(a, &b) && virtqueue_overlap(&b, a));
	b.avail += 2;
	assert_false(virtqueue_overlap(a, &b) || virtqueue_overlap(&b, a));
}

/* ---- taking chains ---- */

static void nothing_comes_out_of_an_empty_queue(void **state)
{
	(void)state;
	assert_false(virtqueue_pending(&f.q));
	assert_pops(SIZE, 0);
}

static void a_chain_is_its_readable_and_writable_spans(void **state)
{
	(void)state;
	put_desc(5, RAM, 44, NEXT, 2);
	put_desc(2, TEXT, 0x1000, NEXT, 7);	/* may be read, wherever it is */
	put_desc(7, MEMORY - 1, 1, NEXT | WRITE, 0);
	put_desc(0, RAM + 0x1000, 4096, WRITE, 99);
	submit(5);
	assert_true(virtqueue_pending(&f.q));
	assert_pops(SIZE, 1);
	assert_int_equal(f.chains[0].head, 5);
	assert_int_equal(f.chains[0].n_readable, 2);
	assert_int_equal(f.chains[0].n_writable, 2);
	assert_int_equal(f.chains[0].readable, 44 + 0x1000);
	assert_int_equal(f.chains[0].writable, 1 + 4096);
	assert_ptr_equal(f.chains[0].iov, f.iov);
	assert_span(&f.iov[0], RAM, 44);
	assert_span(&f.iov[1], TEXT, 0x1000);
	assert_span(&f.iov[2], MEMORY - 1, 1);
	assert_span(&f.iov[3], RAM + 0x1000, 4096);
	assert_false(virtqueue_pending(&f.q));
	assert_pops(SIZE, 0);
}

static void empty_buffers_are_left_out(void **state)
{
	(void)state;
	put_desc(0, RAM, 0, NEXT, 1);
	put_desc(1, RAM + 8, 8, NEXT, 2);
	put_desc(2, MEMORY, 0, NEXT, 3);
	put_desc(3, RAM, 0, WRITE, 0);
	submit(0);
	put_desc(4, RAM, 0, WRITE, 0);
	submit(4);
	assert_pops(SIZE, 2);
	assert_int_equal(f.chains[0].n_readable, 1);
	assert_int_equal(f.chains[0].n_writable, 0);
	assert_span(&f.chains[0].iov[0], RAM + 8, 8);
	assert_int_equal(f.chains[1].n_readable + f.chains[1].n_writable, 0);
	assert_int_equal(f.chains[1].head, 4);
}

static void chains_come_in_order_and_no_more_than_asked_for(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SIZE; i++)
		submit_one(SIZE - 1 - i, i % 2 == 0 ? READ : WRITE);
	assert_pops(0, 0);
	assert_pops(3, 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(f.chains[i].head, SIZE - 1 - i);
		assert_span(f.chains[i].iov, RAM + (SIZE - 1 - i) * 0x1000, 16);
		assert_int_equal(f.chains[i].n_writable, i % 2);
	}
	assert_pops(SIZE, 5);
	assert_int_equal(f.chains[4].head, 0);
}

static void a_chain_that_does_not_fit_any_more_is_left_for_later(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++)
		put_desc(i, RAM, 4, i < 2 ? NEXT : 0, i + 1);
	for (unsigned i = 3; i < 8; i++)
		put_desc(i, RAM, 4, i < 7 ? NEXT : 0, i + 1);
	submit(0);
	submit(3);
	f.iov[SIZE].iov_base = &f;
	f.iov[SIZE].iov_len = 1;
	assert_int_equal(virtqueue_pop(&f.q, f.chains, SIZE, f.iov, SIZE, &f.e), 2);
	virtqueue_unpop(&f.q, 2);
	put_desc(2, RAM, 4, NEXT, 7);
	assert_int_equal(virtqueue_pop(&f.q, f.chains, SIZE, f.iov, SIZE, &f.e), 1);
	assert_int_equal(f.chains[0].n_readable, 4);
	assert_ptr_equal(f.iov[SIZE].iov_base, &f);	/* not written beyond */
	assert_int_equal(virtqueue_pop(&f.q, f.chains, SIZE, f.iov, SIZE, &f.e), 1);
	assert_int_equal(f.chains[0].n_readable, 5);
}

static void the_longest_chain_is_the_whole_queue(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SIZE; i++)
		put_desc(i, RAM + i, 1, i < SIZE - 1 ? NEXT | WRITE : WRITE, i + 1);
	submit(0);
	assert_pops(1, 1);
	assert_int_equal(f.chains[0].n_writable, SIZE);
	assert_int_equal(f.chains[0].writable, SIZE);
}

static void impossible_chains_end_the_guest(void **state)
{
	static const struct {
		struct { uint64_t addr; uint32_t len; unsigned flags, next; } d[2];
		unsigned head;
		const char *message;
	} wrong[] = {
		{{{RAM, 4, 0, 0}}, 8, "descriptor 8 does not exist, the queue has 8"},
		{{{RAM, 4, 0, 0}}, 0xffff, "descriptor 65535 does not exist"},
		{{{RAM, 4, NEXT, 8}}, 0, "descriptor 8 does not exist"},
		{{{RAM, 4, NEXT, 0}}, 0, "descriptor 0 comes twice in one chain"},
		{{{RAM, 4, NEXT, 1}, {RAM, 4, NEXT, 1}}, 0, "descriptor 1 comes twice"},
		{{{RAM, 0, NEXT, 1}, {RAM, 0, NEXT, 0}}, 0, "descriptor 0 comes twice"},
		{{{RAM, 16, VIRTQ_DESC_INDIRECT, 0}}, 0, "descriptor 0 is indirect"},
		{{{RAM, 16, NEXT, 1}, {RAM, 16, 7, 0}}, 0, "descriptor 1 is indirect"},
		{{{RAM, 4, NEXT | WRITE, 1}, {RAM, 4, 0, 0}}, 0,
		 "descriptor 1 is readable, behind a writable one"},
		{{{RAM, UINT32_MAX, 0, 0}}, 0, "descriptor 0: Invalid guest access"},
		{{{MEMORY - 4, 5, 0, 0}}, 0, "descriptor 0: Invalid guest access"},
		{{{MEMORY - 4, 5, WRITE, 0}}, 0, "descriptor 0: Invalid guest access"},
		{{{MEMORY + 1, 0, 0, 0}}, 0, "descriptor 0: Invalid guest access"},
		{{{UINT64_MAX, 1, 0, 0}}, 0, "descriptor 0: Invalid guest access"},
		{{{UINT64_MAX, 0, 0, 0}}, 0, "descriptor 0: Invalid guest access"},
		{{{UINT64_MAX - 3, 8, WRITE, 0}}, 0, "descriptor 0: Invalid guest access"},
		{{{RAM, 4, NEXT | WRITE, 1}, {TEXT, 4, WRITE, 0}}, 0,
		 "descriptor 1: Invalid guest access: gpa=0x100000, sz=4: inside read-only text"},
		{{{TEXT - 1, 1, WRITE, 0}}, 0, "inside read-only low memory"},
		{{{RING + 128, 16, WRITE, 0}}, 0, "inside read-only network ring"},
		{{{TEXT + 0xfff, 2, WRITE, 0}}, 0, "inside read-only text"},
	};

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		for (unsigned at = 0; at < 2; at++)
			put_desc(at, wrong[i].d[at].addr, wrong[i].d[at].len,
				 wrong[i].d[at].flags, wrong[i].d[at].next);
		submit(wrong[i].head);
		assert_ends("test, queue 3: ");
		assert_ends(wrong[i].message);
		(void)tear_down(state);
		assert_int_equal(set_up(state), 0);
	}
}

/* 32 buffers of 128 MiB would do; the sum is looked at before the memory. */
static void a_chain_has_less_than_4_gib(void **state)
{
	(void)state;
	f.m.size = 1ull << 33;		/* nothing is read or written */
	put_desc(0, RAM, 1u << 31, NEXT, 1);
	put_desc(1, RAM, (1u << 31) - 1, NEXT, 2);
	put_desc(2, RAM, 0, 0, 0);
	submit(0);
	assert_pops(1, 1);
	assert_int_equal(f.chains[0].readable, UINT32_MAX);
	virtqueue_unpop(&f.q, 1);
	put_desc(2, RAM, 1, WRITE, 0);
	assert_ends("descriptor 2 makes a chain of more than 4 GiB");
}

static void what_comes_before_a_bad_chain_is_taken(void **state)
{
	(void)state;
	submit_one(0, READ);
	submit_one(1, WRITE);
	submit(SIZE);
	assert_pops(SIZE, 2);
	assert_int_equal(f.e.kind, HUSK_E_NONE);
	assert_ends("descriptor 8 does not exist");
}

static void more_chains_than_entries_end_the_guest(void **state)
{
	(void)state;
	put16(layout.avail + 2, SIZE + 1);
	assert_ends("test, queue 3: 9 chains submitted and 0 in flight, it has 8 entries");
	put16(layout.avail + 2, 0xffff);
	assert_ends("65535 chains submitted");
	put16(layout.avail + 2, SIZE);
	assert_pops(SIZE, SIZE);
	put16(layout.avail + 2, SIZE - 1);	/* backwards */
	assert_ends("65535 chains submitted and 8 in flight");
	put16(layout.avail + 2, SIZE + 1);
	assert_ends("1 chains submitted and 8 in flight");
}

static void one_head_may_be_in_flight_twice(void **state)
{
	(void)state;
	submit_one(3, WRITE);
	submit(3);
	assert_pops(SIZE, 2);
	assert_int_equal(f.chains[0].head, 3);
	assert_int_equal(f.chains[1].head, 3);
	virtqueue_push(&f.q, 3, 1);
	virtqueue_push(&f.q, 3, 2);
	(void)virtqueue_publish(&f.q);
	assert_used(0, 3, 1);
	assert_used(1, 3, 2);
}

/* ---- a guest that changes its mind ---- */

static void rewrite_descriptors(struct fixture *fixture)
{
	(void)fixture;
	put_desc(0, MEMORY, 99, NEXT, 77);
	put16(layout.avail + 4, 66);
	put16(layout.avail + 2, 55);
}

static void a_descriptor_is_what_it_was_when_it_was_copied(void **state)
{
	(void)state;
	put_desc(0, RAM, 4, WRITE, 0);
	submit(0);
	f.hook = rewrite_descriptors;
	assert_pops(SIZE, 1);
	assert_int_equal(f.chains[0].head, 0);
	assert_int_equal(f.chains[0].n_writable, 1);
	assert_span(&f.iov[0], RAM, 4);
}

static void what_the_device_wrote_is_not_read_back(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++)
		submit_one(i, WRITE);
	assert_pops(1, 1);
	virtqueue_push(&f.q, 0, 16);
	(void)virtqueue_publish(&f.q);
	memset(f.base + layout.used, 0xff, VIRTQ_USED_BYTES(SIZE));
	assert_pops(SIZE, 2);
	virtqueue_push(&f.q, 1, 16);
	(void)virtqueue_publish(&f.q);
	assert_used(1, 1, 16);
	assert_int_equal(get16(layout.used + 2), 2);
}

/* ---- giving back ---- */

static void what_was_pushed_is_seen_when_it_is_published(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++)
		submit_one(i, WRITE);
	assert_pops(SIZE, 3);
	virtqueue_push(&f.q, 2, 7);
	virtqueue_push(&f.q, 0, 0);
	assert_int_equal(get16(layout.used + 2), 0);
	(void)virtqueue_publish(&f.q);
	assert_int_equal(get16(layout.used + 2), 2);
	assert_used(0, 2, 7);
	assert_used(1, 0, 0);
	virtqueue_push(&f.q, 1, UINT32_MAX);
	(void)virtqueue_publish(&f.q);
	assert_int_equal(get16(layout.used + 2), 3);
	assert_used(2, 1, UINT32_MAX);
	assert_int_equal(get16(layout.used), 0);	/* flags stay */
}

static void a_call_is_wanted_when_the_event_is_passed(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 6; i++)
		submit_one(i, WRITE);
	assert_pops(SIZE, 6);
	assert_false(virtqueue_publish(&f.q));		/* nothing to publish */
	virtqueue_push(&f.q, 0, 0);
	assert_true(virtqueue_publish(&f.q));		/* event 0: the very first */
	virtqueue_push(&f.q, 1, 0);
	assert_false(virtqueue_publish(&f.q));		/* the event lies in the past */
	put_used_event(3);
	virtqueue_push(&f.q, 2, 0);
	assert_false(virtqueue_publish(&f.q));
	virtqueue_push(&f.q, 3, 0);
	virtqueue_push(&f.q, 4, 0);
	assert_true(virtqueue_publish(&f.q));
	assert_false(virtqueue_publish(&f.q));
	put_used_event(0xffff);
	virtqueue_push(&f.q, 5, 0);
	assert_false(virtqueue_publish(&f.q));
}

static void a_doorbell_is_asked_for_at_the_next_submission(void **state)
{
	(void)state;
	assert_true(virtqueue_arm(&f.q));
	assert_int_equal(avail_event(), 0);
	submit_one(0, READ);
	submit_one(1, READ);
	assert_false(virtqueue_arm(&f.q));
	assert_pops(1, 1);
	assert_false(virtqueue_arm(&f.q));
	assert_int_equal(avail_event(), 1);		/* again, not only the first time */
	assert_pops(1, 1);
	assert_true(virtqueue_arm(&f.q));
	assert_int_equal(avail_event(), 2);
}

static void what_was_popped_can_be_put_back(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++)
		submit_one(i, WRITE);
	assert_pops(SIZE, 4);
	virtqueue_push(&f.q, 0, 1);
	virtqueue_unpop(&f.q, 2);
	assert_true(virtqueue_pending(&f.q));
	assert_pops(SIZE, 2);
	assert_int_equal(f.chains[0].head, 2);
	assert_int_equal(f.chains[1].head, 3);
	virtqueue_unpop(&f.q, 0);
	assert_pops(SIZE, 0);
}

/* ---- snapshots ---- */

/* Bug 17 of socket devices. */
static void what_another_has_not_given_back_is_there_to_be_popped(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++)
		submit_one(i, READ);
	assert_false(virtqueue_all_back(&f.q));
	put16(layout.used + 2, 2);
	virtqueue_continue(&f.q);
	assert_pops(SIZE, 1);
	assert_int_equal(f.chains[0].head, 2);
	virtqueue_push(&f.q, 2, 0);
	(void)virtqueue_publish(&f.q);
	assert_used(2, 2, 0);
	assert_true(virtqueue_all_back(&f.q));
}

static void an_index_that_cannot_be_ends_the_guest_alone(void **state)
{
	(void)state;
	submit_one(0, READ);
	put16(layout.used + 2, 0x8000);
	virtqueue_continue(&f.q);
	assert_ends("32769 chains submitted");
}

static void a_saved_queue_goes_on_where_it_was(void **state)
{
	struct virtqueue_state saved;
	struct virtqueue q;

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		submit_one(i, WRITE);
	assert_pops(3, 3);
	for (unsigned i = 0; i < 3; i++)
		virtqueue_push(&f.q, (uint16_t)i, 0);
	(void)virtqueue_publish(&f.q);
	virtqueue_save(&f.q, &saved);
	assert_int_equal(saved.next_avail, 3);
	assert_int_equal(saved.next_used, 3);
	memset(f.base + layout.used, 0xff, VIRTQ_USED_BYTES(SIZE));
	assert_int_equal(virtqueue_restore(&q, "test, queue 3", &f.m, &saved, &f.e), 0);
	assert_memory_equal(&q, &f.q, sizeof q);
	f.q = q;
	assert_pops(SIZE, 2);
	assert_int_equal(f.chains[0].head, 3);
	virtqueue_push(&f.q, 3, 9);
	put_used_event(3);
	assert_true(virtqueue_publish(&f.q));
	assert_used(3, 3, 9);
	assert_int_equal(get16(layout.used + 2), 4);
}

static void a_saved_queue_is_checked_again(void **state)
{
	struct virtqueue_state saved = {.layout = layout, .next_avail = 9, .next_used = 77};
	struct virtqueue q;

	(void)state;
	saved.layout.desc = TEXT;
	assert_int_equal(virtqueue_restore(&q, "test", &f.m, &saved, &f.e), -1);
	assert_int_equal(f.e.kind, HUSK_E_GUEST);
	assert_null(q.memory);
	saved.layout = layout;		/* any positions will do; the guest's must fit them */
	assert_int_equal(virtqueue_restore(&f.q, "test, queue 3", &f.m, &saved, &f.e), 0);
	assert_ends("65527 chains submitted");
	put16(layout.avail + 2, 9);
	assert_pops(SIZE, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_layout_is_virtios),
		cmocka_unit_test(an_event_is_passed_once_in_a_round),
		TEST(it_lies_where_the_guest_may_write),
		TEST(it_may_touch_the_edges),
		TEST(starting_writes_nothing),
		TEST(queues_that_share_a_byte_overlap),
		TEST(nothing_comes_out_of_an_empty_queue),
		TEST(a_chain_is_its_readable_and_writable_spans),
		TEST(empty_buffers_are_left_out),
		TEST(chains_come_in_order_and_no_more_than_asked_for),
		TEST(a_chain_that_does_not_fit_any_more_is_left_for_later),
		TEST(the_longest_chain_is_the_whole_queue),
		TEST(impossible_chains_end_the_guest),
		TEST(a_chain_has_less_than_4_gib),
		TEST(what_comes_before_a_bad_chain_is_taken),
		TEST(more_chains_than_entries_end_the_guest),
		TEST(one_head_may_be_in_flight_twice),
		TEST(a_descriptor_is_what_it_was_when_it_was_copied),
		TEST(what_the_device_wrote_is_not_read_back),
		TEST(what_was_pushed_is_seen_when_it_is_published),
		TEST(a_call_is_wanted_when_the_event_is_passed),
		TEST(a_doorbell_is_asked_for_at_the_next_submission),
		TEST(what_was_popped_can_be_put_back),
		TEST(what_another_has_not_given_back_is_there_to_be_popped),
		TEST(an_index_that_cannot_be_ends_the_guest_alone),
		TEST(a_saved_queue_goes_on_where_it_was),
		TEST(a_saved_queue_is_checked_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
