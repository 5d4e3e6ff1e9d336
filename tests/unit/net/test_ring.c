/* SPDX-License-Identifier: ISC */
/* test_ring.c: the monitor's end of the network ring, against a guest that may do anything. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../monitor/net/ring.h"
#include "ring_peer.h"
#include "wire.h"

#define MEMORY 0x200000u
#define LOW_LAST 0xfffffu	/* low memory is read-only but for the ring, which is the guest's */
#define RING 0x20000u
#define TEXT 0x100000u		/* a page, read-only */
#define RAM 0x101000u
#define ROOM 1514u
#define HANDLE 1u		/* of the one device */
#define ALL HVT_RING_SIZE

struct fixture {
	uint8_t *base;
	struct memory m;
	struct ring ring;
	struct ring_peer guest;
	struct netdev dev;
	struct wire wire;
	struct husk_error e;
	unsigned asked;			/* calls of device_of */
	void (*hook)(struct fixture *f);	/* during the next of them */
};

static struct netdev *device_of(void *ctx, uint64_t handle)
{
	struct fixture *f = ctx;
	void (*hook)(struct fixture *f) = f->hook;

	f->asked++;
	f->hook = NULL;
	if (hook != NULL)
		hook(f);
	return handle == HANDLE ? &f->dev : NULL;
}

static int declare(struct fixture *f)
{
	struct memory *m = &f->m;

	return memory_declare(m, RING, RING + 0xcfff, MEMORY_R | MEMORY_RING, "network ring",
			      &f->e) == -1 ||
	       memory_declare_rest(m, 0, LOW_LAST, MEMORY_R, "low memory", &f->e) == -1 ||
	       memory_declare(m, TEXT, TEXT + 0xfff, MEMORY_R | MEMORY_X, "text", &f->e) == -1 ?
	       -1 : 0;
}

static int set_up(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof f);
	signal(SIGPIPE, SIG_IGN);
	*state = &f;
	f.base = aligned_alloc(0x1000, MEMORY);
	if (f.base == NULL)
		return -1;
	memset(f.base, 0, MEMORY);
	memory_init(&f.m, f.base, MEMORY);
	wire_make(&f.wire);
	if (declare(&f) == -1 ||
	    netdev_open(&f.dev, "service0", &(struct uplink_request){.where = f.wire.where}, 0,
			&f.e) == -1 ||
	    ring_init(&f.ring, &f.m, RING, device_of, &f, &f.e) == -1)
		return -1;
	ring_peer_init(&f.guest, f.ring.shared);
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	netdev_close(&f->dev);
	wire_free(&f->wire);
	free(f->base);
	return 0;
}

static void put(struct fixture *f, uint32_t operation, uint32_t handle, uint64_t data,
		uint32_t len, uint32_t id)
{
	ring_peer_submit(&f->guest, &(struct hvt_ring_entry){
		.operation = operation, .handle = handle, .data = data, .len = len, .id = id,
	});
}

/* Frame n of len bytes in guest memory, to be sent. */
static void put_write(struct fixture *f, uint32_t n, uint32_t len)
{
	uint64_t gpa = RAM + n % 64 * 0x1000;

	wire_fill(f->base + gpa, len, n);
	put(f, HVT_RING_NET_WRITE, HANDLE, gpa, len, n);
}

static void put_read(struct fixture *f, uint32_t id)
{
	put(f, HVT_RING_NET_READ, HANDLE, RAM + id % 64 * 0x1000, ROOM, id);
}

static void host_sends(struct fixture *f, uint32_t n, size_t len)
{
	uint8_t frame[WIRE_FRAME_MAX];

	wire_fill(frame, len, n);
	assert_true(wire_send(&f->wire, frame, len));
}

static void assert_host_gets(struct fixture *f, uint32_t n, long len)
{
	uint8_t frame[WIRE_FRAME_MAX];

	assert_int_equal(wire_receive(&f->wire, frame), len);
	assert_true(wire_matches(frame, (size_t)len, n));
}

static void assert_host_gets_nothing(struct fixture *f)
{
	uint8_t frame[WIRE_FRAME_MAX];

	assert_int_equal(wire_receive(&f->wire, frame), -1);
}

static void assert_serves(struct fixture *f, unsigned max, int n)
{
	int got = ring_serve(&f->ring, max, &f->e);

	if (got == -1)
		fail_msg("%s", f->e.message);
	assert_int_equal(got, n);
}

static void assert_completion(struct fixture *f, uint32_t id, int ret, uint32_t len)
{
	struct hvt_ring_completion c;

	assert_true(ring_peer_take(&f->guest, &c));
	assert_int_equal(c.id, id);
	assert_int_equal(c.ret, ret);
	assert_int_equal(c.len, len);
	assert_int_equal(c.reserved, 0);
}

static void assert_no_completion(struct fixture *f)
{
	struct hvt_ring_completion c;

	assert_false(ring_peer_take(&f->guest, &c));
}

/* Serving ends the guest, and does so again: nothing was consumed. */
static void assert_ends(struct fixture *f, const char *message)
{
	struct ring before = f->ring;

	for (int i = 0; i < 2; i++) {
		memset(&f->e, 0, sizeof f->e);
		assert_int_equal(ring_serve(&f->ring, ALL, &f->e), -1);
		assert_int_equal(f->e.kind, HUSK_E_GUEST);
		if (strstr(f->e.message, message) == NULL)
			fail_msg("\"%s\", expected \"%s\"", f->e.message, message);
		assert_int_equal(f->ring.ent_head, before.ent_head);
		assert_int_equal(f->ring.com_tail, before.com_tail);
		assert_int_equal(f->ring.shared->ent_head, before.ent_head);
		assert_int_equal(f->ring.shared->com_tail, before.com_tail);
		assert_true(f->ring.entries == before.entries);
	}
}

/* ---- where things lie ---- */

static void it_asks_for_kicks_from_the_start(void **state)
{
	static const uint8_t zeros[sizeof(struct hvt_ring)];
	struct fixture *f = *state;
	uint32_t one = 1;

	assert_memory_equal(f->base + RING + 72, &one, 4);
	memset(f->base + RING + 72, 0, 4);
	assert_memory_equal(f->base + RING, zeros, sizeof zeros);
	assert_false(ring_pending(&f->ring));
}

static void it_lies_in_memory(void **state)
{
	struct fixture *f = *state;
	struct ring r;

	assert_int_equal(ring_init(&r, &f->m, MEMORY - 0xc080, device_of, f, &f->e), 0);
	assert_int_equal(ring_init(&r, &f->m, MEMORY - 0xc07c, device_of, f, &f->e), -1);
	assert_int_equal(f->e.kind, HUSK_E_IMAGE);
	assert_int_equal(ring_init(&r, &f->m, UINT64_MAX - 0xfff, device_of, f, &f->e), -1);
	assert_int_equal(ring_init(&r, &f->m, MEMORY, device_of, f, &f->e), -1);
}

/* Field by field, as the ABI has it; the guest here knows only offsets. */
static void everything_lies_where_the_abi_says(void **state)
{
	static const uint8_t entry[32] = {
		2, 0, 0, 0,  1, 0, 0, 0,  0x00, 0x30, 0x10, 0, 0, 0, 0, 0,
		0xea, 5, 0, 0,  0x44, 0x33, 0x22, 0x11,
	};
	static const uint8_t completion[16] = {0x44, 0x33, 0x22, 0x11, 0, 0, 0, 0, 60, 0, 0, 0};
	static const uint8_t tail[4] = {1};
	struct fixture *f = *state;
	uint8_t *ring = f->base + RING;

	host_sends(f, 7, 60);
	memcpy(ring + 128, entry, sizeof entry);
	memcpy(ring + 0, tail, sizeof tail);
	assert_serves(f, ALL, 1);
	assert_true(wire_matches(f->base + 0x103000, 60, 7));
	assert_memory_equal(ring + 64, tail, 4);
	assert_memory_equal(ring + 68, tail, 4);
	assert_memory_equal(ring + 32896, completion, sizeof completion);
	assert_int_equal(ring[4] | ring[5] | ring[6] | ring[7], 0);
	assert_memory_equal(ring + 128, entry, sizeof entry);
}

static void kicks_are_asked_for_or_not(void **state)
{
	struct fixture *f = *state;

	assert_true(ring_peer_publish(&f->guest));
	ring_ask_for_kicks(&f->ring, false);
	assert_int_equal(f->ring.shared->needs_kick, 0);
	assert_false(ring_peer_publish(&f->guest));
	ring_ask_for_kicks(&f->ring, true);
	assert_int_equal(f->ring.shared->needs_kick, 1);
	assert_true(ring_peer_publish(&f->guest));
}

/* ---- serving ---- */

static void a_frame_is_sent_without_a_completion(void **state)
{
	struct fixture *f = *state;

	put_write(f, 5, 100);
	assert_true(ring_pending(&f->ring));
	assert_false(ring_peer_idle(&f->guest));
	assert_serves(f, ALL, 1);
	assert_host_gets(f, 5, 100);
	assert_no_completion(f);
	assert_false(ring_pending(&f->ring));
	assert_true(ring_peer_idle(&f->guest));
}

static void a_frame_is_received_with_its_length(void **state)
{
	struct fixture *f = *state;

	host_sends(f, 9, 600);
	put_read(f, 3);
	assert_serves(f, ALL, 1);
	assert_completion(f, 3, HVT_OK, 600);
	assert_true(wire_matches(f->base + RAM + 3 * 0x1000, 600, 9));
	assert_no_completion(f);
}

static void a_read_without_a_frame_is_told_to_try_again(void **state)
{
	struct fixture *f = *state;

	put_read(f, 3);
	put_read(f, UINT32_MAX);
	assert_serves(f, ALL, 2);
	assert_completion(f, 3, HVT_AGAIN, 0);
	assert_completion(f, UINT32_MAX, HVT_AGAIN, 0);
	assert_no_completion(f);
}

/* Only the part of the buffer that the frame takes is written, and nothing else. */
static void a_read_writes_its_frame_and_no_more(void **state)
{
	struct fixture *f = *state;
	uint8_t *buffer = f->base + RAM;

	host_sends(f, 9, 60);
	memset(buffer - 8, 0xa5, 76 + 8);
	put(f, HVT_RING_NET_READ, HANDLE, RAM, 60, 1);
	assert_serves(f, ALL, 1);
	assert_completion(f, 1, HVT_OK, 60);
	for (int i = -8; i < 76; i++)
		if ((i < 0 || i >= 60) && buffer[i] != 0xa5)
			fail_msg("byte %d was written", i);
}

static void entries_are_served_in_order(void **state)
{
	struct fixture *f = *state;

	for (uint32_t n = 0; n < 20; n++) {
		host_sends(f, n, 60 + n);
		put_write(f, n, 100 + n);
		put_read(f, 32 + n);
	}
	assert_serves(f, ALL, 40);
	for (uint32_t n = 0; n < 20; n++) {
		assert_host_gets(f, n, 100 + n);
		assert_completion(f, 32 + n, HVT_OK, 60 + n);
		assert_true(wire_matches(f->base + RAM + (32 + n) * 0x1000, 60 + n, n));
	}
	assert_host_gets_nothing(f);
	assert_no_completion(f);
}

static void at_most_as_many_as_asked_for_are_served(void **state)
{
	struct fixture *f = *state;

	for (uint32_t n = 0; n < 10; n++)
		put_write(f, n, 60);
	assert_serves(f, 0, 0);
	assert_int_equal(f->ring.shared->ent_head, 0);
	assert_serves(f, 1, 1);
	assert_int_equal(f->ring.shared->ent_head, 1);
	assert_serves(f, 8, 8);
	assert_true(ring_pending(&f->ring));
	assert_serves(f, UINT32_MAX, 1);
	assert_false(ring_pending(&f->ring));
	for (uint32_t n = 0; n < 10; n++)
		assert_host_gets(f, n, 60);
}

static void entries_and_batches_are_counted(void **state)
{
	struct fixture *f = *state;

	assert_serves(f, ALL, 0);
	assert_true(f->ring.batches == 0);
	for (uint32_t n = 0; n < 3; n++)
		put_write(f, n, 60);
	put(f, 99, HANDLE, 0, 0, 0);
	assert_serves(f, 2, 2);
	assert_serves(f, ALL, 2);
	assert_serves(f, ALL, 0);
	assert_true(f->ring.entries == 4);
	assert_true(f->ring.batches == 2);
	put_write(f, 5, 60);
	assert_serves(f, ALL, 1);
	assert_true(f->ring.batches == 3);
}

static void an_unknown_operation_is_skipped_without_a_completion(void **state)
{
	static const uint32_t operations[] = {0, 3, 4, 0x100, 0x10001, 0x80000001, UINT32_MAX};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++)
		put(f, operations[i], HANDLE, UINT64_MAX, UINT32_MAX, 1);
	put_read(f, 2);
	assert_serves(f, ALL, 8);
	assert_int_equal(f->asked, 1);
	assert_completion(f, 2, HVT_AGAIN, 0);
	assert_no_completion(f);
}

static void an_unknown_device_gets_nothing_and_says_so_to_reads(void **state)
{
	static const uint32_t handles[] = {0, 2, 63, 64, 0x10001, 0x80000001, UINT32_MAX};
	struct fixture *f = *state;

	for (uint32_t i = 0; i < sizeof handles / sizeof handles[0]; i++) {
		put(f, HVT_RING_NET_WRITE, handles[i], RAM, 60, i);
		put(f, HVT_RING_NET_READ, handles[i], RAM, 60, 100 + i);
		put(f, HVT_RING_NET_WRITE, handles[i], MEMORY, 60, i);
		put(f, HVT_RING_NET_READ, handles[i], UINT64_MAX, 60, 200 + i);
	}
	assert_serves(f, ALL, 28);
	for (uint32_t i = 0; i < 7; i++) {
		assert_completion(f, 100 + i, HVT_EINVAL, 0);
		assert_completion(f, 200 + i, HVT_EINVAL, 0);
	}
	assert_no_completion(f);
	assert_host_gets_nothing(f);
}

static void what_is_dropped_is_consumed_all_the_same(void **state)
{
	struct fixture *f = *state;

	put(f, HVT_RING_NET_WRITE, HANDLE, RAM, 13, 0);
	put(f, HVT_RING_NET_WRITE, HANDLE, RAM, 0, 0);
	put(f, HVT_RING_NET_WRITE, HANDLE, RAM, ROOM + 1, 0);
	host_sends(f, 1, 100);
	host_sends(f, 2, 60);
	put(f, HVT_RING_NET_READ, HANDLE, RAM, 99, 8);
	put(f, HVT_RING_NET_READ, HANDLE, RAM, 0, 9);
	assert_serves(f, ALL, 5);
	assert_completion(f, 8, HVT_OK, 60);
	assert_completion(f, 9, HVT_AGAIN, 0);
	assert_host_gets_nothing(f);
	assert_true(f->dev.counters.drops[NETDEV_TX_SHORT] == 2);
	assert_true(f->dev.counters.drops[NETDEV_TX_LONG] == 1);
	assert_true(f->dev.counters.drops[NETDEV_RX_LONG] == 1);
}

/* ---- counters ---- */

static void every_slot_is_used_in_turn(void **state)
{
	struct fixture *f = *state;

	for (uint32_t n = 0; n < 3 * HVT_RING_SIZE; n++) {
		put(f, HVT_RING_NET_READ, 2, 0, 0, n);
		assert_int_equal(f->ring.shared->entries[n % HVT_RING_SIZE].id, n);
		assert_serves(f, ALL, 1);
		assert_completion(f, n, HVT_EINVAL, 0);
		assert_int_equal(f->ring.shared->completions[n % HVT_RING_SIZE].id, n);
	}
	assert_int_equal(f->ring.shared->ent_head, 3 * HVT_RING_SIZE);
	assert_int_equal(f->ring.shared->com_tail, 3 * HVT_RING_SIZE);
}

static void a_full_ring_is_served_to_its_last_slot(void **state)
{
	struct fixture *f = *state;

	for (uint32_t n = 0; n < HVT_RING_SIZE; n++)
		put(f, HVT_RING_NET_READ, 2, 0, 0, n);
	assert_int_equal(ring_peer_room(&f->guest), 0);
	assert_serves(f, ALL, HVT_RING_SIZE);
	assert_int_equal(ring_peer_room(&f->guest), HVT_RING_SIZE);
	for (uint32_t n = 0; n < HVT_RING_SIZE; n++)
		assert_completion(f, n, HVT_EINVAL, 0);
	assert_no_completion(f);
}

static void counters_wrap_together_and_alone(void **state)
{
	static const uint32_t starts[][2] = {
		{UINT32_MAX, UINT32_MAX}, {UINT32_MAX - 500, UINT32_MAX - 2000}, {0, UINT32_MAX - 3},
		{UINT32_MAX - 1023, 5}, {UINT32_MAX - 1024, UINT32_MAX - 1023}, {1u << 31, 1u << 31},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
		ring_peer_start_at(&f->guest, &f->ring, starts[i][0], starts[i][1]);
		for (uint32_t n = 0; n < HVT_RING_SIZE; n++)
			put(f, HVT_RING_NET_READ, 2, 0, 0, n);
		assert_true(ring_pending(&f->ring));
		assert_serves(f, 300, 300);
		assert_serves(f, ALL, HVT_RING_SIZE - 300);
		assert_false(ring_pending(&f->ring));
		put(f, HVT_RING_NET_READ, 2, 0, 0, 7777);
		assert_serves(f, ALL, 0);
		for (uint32_t n = 0; n < HVT_RING_SIZE; n++)
			assert_completion(f, n, HVT_EINVAL, 0);
		assert_no_completion(f);
		assert_serves(f, ALL, 1);
		assert_completion(f, 7777, HVT_EINVAL, 0);
		assert_int_equal(f->ring.shared->ent_head, starts[i][0] + HVT_RING_SIZE + 1);
		assert_int_equal(f->ring.shared->com_tail, starts[i][1] + HVT_RING_SIZE + 1);
	}
}

static void more_entries_than_slots_end_the_guest(void **state)
{
	static const uint32_t ahead[] = {1025, 1026, 2048, 1u << 31, UINT32_MAX};
	static const uint32_t starts[] = {0, 1000, UINT32_MAX - 100};
	struct fixture *f = *state;

	for (size_t k = 0; k < sizeof starts / sizeof starts[0]; k++) {
		ring_peer_start_at(&f->guest, &f->ring, starts[k], 0);
		for (size_t i = 0; i < sizeof ahead / sizeof ahead[0]; i++) {
			char text[80];

			f->ring.shared->ent_tail = starts[k] + ahead[i];
			snprintf(text, sizeof text, "network ring: %u entries outstanding, it holds 1024",
				 ahead[i]);
			assert_ends(f, text);
			assert_true(ring_pending(&f->ring));
		}
		f->ring.shared->ent_tail = starts[k] + HVT_RING_SIZE;
		assert_serves(f, ALL, HVT_RING_SIZE);
	}
}

/* The guest's copies of the monitor's counters are for the guest. */
static void the_monitor_does_not_believe_its_own_counters(void **state)
{
	struct fixture *f = *state;

	put(f, HVT_RING_NET_READ, 2, 0, 0, 1);
	f->ring.shared->ent_head = 0x12345;
	f->ring.shared->com_tail = 0x54321;
	assert_serves(f, ALL, 1);
	assert_int_equal(f->ring.shared->ent_head, 1);
	assert_int_equal(f->ring.shared->com_tail, 1);
	assert_completion(f, 1, HVT_EINVAL, 0);
	f->ring.shared->ent_head = 0;
	f->ring.shared->com_tail = 0;
	assert_false(ring_pending(&f->ring));
	assert_serves(f, ALL, 0);
	put(f, HVT_RING_NET_READ, 2, 0, 0, 2);
	assert_serves(f, ALL, 1);
	assert_completion(f, 2, HVT_EINVAL, 0);
	assert_int_equal(f->ring.shared->com_tail, 2);
}

/* ---- completions ---- */

static void a_read_without_room_for_its_completion_waits(void **state)
{
	struct fixture *f = *state;

	ring_peer_start_at(&f->guest, &f->ring, 77, UINT32_MAX - 10);
	for (uint32_t n = 0; n < HVT_RING_SIZE; n++)
		put(f, HVT_RING_NET_READ, 2, 0, 0, n);
	assert_serves(f, ALL, HVT_RING_SIZE);
	host_sends(f, 4, 60);
	put_write(f, 1, 60);
	put_read(f, 2);
	put_write(f, 3, 60);
	assert_serves(f, ALL, 1);
	assert_host_gets(f, 1, 60);
	for (int i = 0; i < 3; i++) {
		assert_false(ring_pending(&f->ring));
		assert_serves(f, ALL, 0);
	}
	assert_host_gets_nothing(f);
	assert_false(ring_pending(&f->ring));
	assert_completion(f, 0, HVT_EINVAL, 0);
	assert_true(ring_pending(&f->ring));
	assert_serves(f, ALL, 2);
	assert_false(ring_pending(&f->ring));
	put_write(f, 5, 60);
	assert_true(ring_pending(&f->ring));
	assert_serves(f, ALL, 1);
	assert_host_gets(f, 3, 60);
	assert_host_gets(f, 5, 60);
	for (uint32_t n = 1; n < HVT_RING_SIZE; n++)
		assert_completion(f, n, HVT_EINVAL, 0);
	assert_completion(f, 2, HVT_OK, 60);
	assert_no_completion(f);
}

/* Whoever watches the ring may sleep then; the entry is told of once more after room was made. */
static void an_entry_that_waits_for_room_is_not_pending(void **state)
{
	struct fixture *f = *state;

	for (uint32_t n = 0; n < HVT_RING_SIZE; n++)
		put(f, HVT_RING_NET_READ, 2, 0, 0, n);
	assert_serves(f, ALL, HVT_RING_SIZE);
	put_read(f, 1);
	assert_serves(f, ALL, 0);
	assert_false(ring_pending(&f->ring));
	f->ring.shared->com_head = 77777;	/* nonsense is for ring_serve to tell */
	assert_true(ring_pending(&f->ring));
	assert_ends(f, "network ring: the guest claims");
	f->ring.shared->com_head = 0;
	assert_serves(f, ALL, 0);
	assert_false(ring_pending(&f->ring));
	f->ring.shared->entries[0].operation = HVT_RING_NET_WRITE;	/* it changes its mind */
	assert_serves(f, ALL, 1);
	put_write(f, 2, 60);
	assert_true(ring_pending(&f->ring));
}

static void completions_that_were_not_given_cannot_be_consumed(void **state)
{
	static const uint32_t heads[] = {1, 2, 1024, 1u << 31, UINT32_MAX - 1024};
	struct fixture *f = *state;

	put_read(f, 1);
	for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
		f->ring.shared->com_head = heads[i];
		assert_ends(f, "network ring: the guest claims to have consumed completions that it was "
			    "not given");
	}
	f->ring.shared->com_head = 0;
	assert_serves(f, ALL, 1);
	f->ring.shared->com_head = 1;
	put_read(f, 1);
	assert_serves(f, ALL, 1);
	f->ring.shared->com_head = UINT32_MAX;
	put_read(f, 1);
	assert_serves(f, ALL, 1);
	f->ring.shared->com_head = UINT32_MAX - 1020;
	put_read(f, 1);
	assert_serves(f, ALL, 0);
	f->ring.shared->com_head = UINT32_MAX - 1021;
	assert_ends(f, "network ring: the guest claims");
}

static void frames_are_sent_whatever_the_completions_are(void **state)
{
	struct fixture *f = *state;

	f->ring.shared->com_head = 0x1234;
	put_write(f, 1, 60);
	put(f, 3, 0, 0, 0, 0);
	assert_serves(f, ALL, 2);
	assert_host_gets(f, 1, 60);
}

/* ---- buffers ---- */

struct place {
	uint64_t gpa;
	uint32_t len;
};

static void frames_outside_memory_end_the_guest(void **state)
{
	static const struct place bad[] = {
		{MEMORY - 59, 60}, {MEMORY, 60}, {MEMORY, 1}, {MEMORY + 1, 0}, {UINT64_MAX, 60},
		{UINT64_MAX, 1}, {UINT64_MAX, 0}, {UINT64_MAX - 58, 60}, {0, MEMORY + 1},
		{RAM, UINT32_MAX}, {0x100000000ull + RAM, 60}, {1ull << 63, 60},
	};
	struct fixture *f = *state;

	for (uint32_t operation = HVT_RING_NET_WRITE; operation <= HVT_RING_NET_READ; operation++)
		for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
			char text[100];

			ring_peer_start_at(&f->guest, &f->ring, 0, 0);
			put(f, operation, HANDLE, bad[i].gpa, bad[i].len, 1);
			snprintf(text, sizeof text, "network ring, device service0: Invalid guest access: "
				 "gpa=0x%llx, sz=%u: outside", (unsigned long long)bad[i].gpa, bad[i].len);
			assert_ends(f, text);
		}
	assert_host_gets_nothing(f);
}

/* Also the ring itself: its owner could otherwise have the monitor write what it cannot know. */
static void nothing_is_received_where_the_guest_may_not_write(void **state)
{
	static const struct { struct place at; const char *what; } bad[] = {
		{{0, 60}, "low memory"}, {{LOW_LAST, 1}, "low memory"}, {{LOW_LAST, 2}, "low memory"},
		{{RING - 1, 1}, "low memory"}, {{RING, 1}, "network ring"},
		{{RING + 128, 60}, "network ring"}, {{RING + 0xcfff, 1}, "network ring"},
		{{RING + 0xd000, 1}, "low memory"}, {{TEXT, 1}, "text"}, {{TEXT + 0xfff, 1}, "text"},
		{{TEXT + 0xfff, 2}, "text"}, {{RING, 0xd001}, "network ring"},
	};
	struct fixture *f = *state;

	host_sends(f, 1, 60);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		char text[60];

		ring_peer_start_at(&f->guest, &f->ring, 0, 0);
		put(f, HVT_RING_NET_READ, HANDLE, bad[i].at.gpa, bad[i].at.len, 1);
		snprintf(text, sizeof text, "inside read-only %s", bad[i].what);
		assert_ends(f, text);
	}
	assert_true(f->dev.counters.calls == 0);
}

static void anything_in_memory_can_be_sent(void **state)
{
	static const struct place good[] = {
		{0, 60}, {LOW_LAST, 60}, {RING + 128, 60}, {TEXT, 60}, {TEXT + 0xfff, 60},
		{MEMORY - 60, 60}, {MEMORY - 14, 14},
	};
	struct fixture *f = *state;
	uint8_t frame[WIRE_FRAME_MAX];

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		ring_peer_start_at(&f->guest, &f->ring, 0, 0);
		put(f, HVT_RING_NET_WRITE, HANDLE, good[i].gpa, good[i].len, 1);
		assert_serves(f, ALL, 1);
		assert_int_equal(wire_receive(&f->wire, frame), good[i].len);
		assert_memory_equal(frame, f->base + good[i].gpa, good[i].len);
	}
}

static void buffers_may_touch_the_edges(void **state)
{
	struct fixture *f = *state;

	host_sends(f, 1, 60);
	put(f, HVT_RING_NET_READ, HANDLE, MEMORY - 60, 60, 1);
	put(f, HVT_RING_NET_READ, HANDLE, TEXT + 0x1000, 1, 2);
	put(f, HVT_RING_NET_READ, HANDLE, MEMORY, 0, 3);
	put(f, HVT_RING_NET_READ, HANDLE, TEXT, 0, 4);
	put(f, HVT_RING_NET_WRITE, HANDLE, MEMORY, 0, 5);
	assert_serves(f, ALL, 5);
	assert_completion(f, 1, HVT_OK, 60);
	assert_true(wire_matches(f->base + MEMORY - 60, 60, 1));
	for (uint32_t id = 2; id <= 4; id++)
		assert_completion(f, id, HVT_AGAIN, 0);
}

static void what_comes_before_a_bad_entry_is_served(void **state)
{
	struct fixture *f = *state;

	put_write(f, 1, 60);
	put_read(f, 2);
	put(f, HVT_RING_NET_READ, HANDLE, RING, 60, 3);
	put_write(f, 4, 60);
	assert_int_equal(ring_serve(&f->ring, ALL, &f->e), -1);
	assert_int_equal(f->ring.shared->ent_head, 2);
	assert_true(f->ring.entries == 2);
	assert_true(f->ring.batches == 1);
	assert_host_gets(f, 1, 60);
	assert_host_gets_nothing(f);
	assert_completion(f, 2, HVT_AGAIN, 0);
	assert_ends(f, "inside read-only network ring");
}

/* ---- a guest that changes its mind ---- */

static void spoil_entry(struct fixture *f)
{
	static const struct hvt_ring_entry bad = {
		.operation = HVT_RING_NET_READ, .handle = 99, .data = RING, .len = UINT32_MAX,
		.id = 666,
	};

	f->ring.shared->entries[f->ring.ent_head & HVT_RING_MASK] = bad;
}

static void what_happens_to_an_entry_after_it_was_taken_has_no_effect(void **state)
{
	struct fixture *f = *state;

	put_write(f, 1, 60);
	f->hook = spoil_entry;
	assert_serves(f, ALL, 1);
	assert_host_gets(f, 1, 60);
	host_sends(f, 2, 60);
	put_read(f, 5);
	f->hook = spoil_entry;
	assert_serves(f, ALL, 1);
	assert_completion(f, 5, HVT_OK, 60);
	assert_true(wire_matches(f->base + RAM + 5 * 0x1000, 60, 2));
}

static void spoil_counters(struct fixture *f)
{
	f->ring.shared->ent_head = f->ring.shared->com_tail = 0x40000000;
	f->ring.shared->needs_kick = 0xffffffff;
}

static void what_happens_to_the_counters_meanwhile_has_none_either(void **state)
{
	struct fixture *f = *state;

	host_sends(f, 2, 60);
	put_read(f, 5);
	f->hook = spoil_counters;
	assert_serves(f, ALL, 1);
	assert_int_equal(f->ring.shared->ent_head, 1);
	assert_int_equal(f->ring.shared->com_tail, 1);
	assert_completion(f, 5, HVT_OK, 60);
	ring_ask_for_kicks(&f->ring, true);
	assert_int_equal(f->ring.shared->needs_kick, 1);
}

static void submit_more(struct fixture *f)
{
	put_write(f, 8, 60);
}

static void what_is_submitted_meanwhile_is_for_the_next_time(void **state)
{
	struct fixture *f = *state;

	put_write(f, 7, 60);
	f->hook = submit_more;
	assert_serves(f, ALL, 1);
	assert_host_gets(f, 7, 60);
	assert_host_gets_nothing(f);
	assert_serves(f, ALL, 1);
	assert_host_gets(f, 8, 60);
}

/* ---- against a plain model ---- */

#define MODEL_FRAMES 64u	/* at most on their way in either direction */
#define SLOTS 64u		/* buffers to read into, as many to write from; a page each */
#define FROM (RAM + SLOTS * 0x1000)

struct model {
	uint32_t seed;
	struct hvt_ring_entry entries[HVT_RING_SIZE];	/* submitted, not served */
	uint32_t n_entries;
	struct hvt_ring_completion completions[HVT_RING_SIZE];	/* not taken */
	uint32_t n_completions;
	struct { uint32_t n; size_t len; } in[MODEL_FRAMES], out[MODEL_FRAMES];
	uint32_t n_in, n_out, next;
	struct { uint32_t n, len; } at[SLOTS];	/* what the last read left there, len 0: anything */
	uint64_t served, stalls, received;
	bool stalled;		/* the last time that entries were served ended so */
};

static uint32_t random_number(struct model *m)
{
	m->seed ^= m->seed << 13;
	m->seed ^= m->seed >> 17;
	m->seed ^= m->seed << 5;
	return m->seed;
}

#define SHIFT(list, n) memmove((list), (list) + 1, --(n) * sizeof (list)[0])

static void model_submit(struct fixture *f, struct model *m)
{
	struct hvt_ring_entry e = {
		.operation = random_number(m) % 16 == 0 ? random_number(m) % 5 : 1 + random_number(m) % 2,
		.handle = random_number(m) % 16 == 0 ? random_number(m) % 3 : HANDLE,
		.len = 14 + random_number(m) % 100,
		.id = random_number(m),
		.reserved = random_number(m),
	};

	e.data = (e.operation == HVT_RING_NET_WRITE ? FROM : RAM) + random_number(m) % SLOTS * 0x1000;
	if (m->n_entries == HVT_RING_SIZE)
		return;
	m->entries[m->n_entries++] = e;
	ring_peer_submit(&f->guest, &e);
}

static void model_feed(struct fixture *f, struct model *m)
{
	size_t len = 14 + random_number(m) % 100;

	if (m->n_in == MODEL_FRAMES)
		return;
	host_sends(f, m->next, len);
	m->in[m->n_in].n = m->next++;
	m->in[m->n_in++].len = len;
}

/* A frame that is too long for the buffer is lost, and has spoilt it. */
static struct hvt_ring_completion model_read(struct model *m, const struct hvt_ring_entry *e)
{
	struct hvt_ring_completion c = {.id = e->id, .ret = HVT_EINVAL};
	uint64_t slot = (e->data - RAM) / 0x1000;

	if (e->handle != HANDLE)
		return c;
	for (c.ret = HVT_AGAIN; m->n_in > 0 && c.ret == HVT_AGAIN; SHIFT(m->in, m->n_in)) {
		m->at[slot].len = 0;
		if (m->in[0].len > e->len)
			continue;
		c.ret = HVT_OK;
		c.len = m->at[slot].len = (uint32_t)m->in[0].len;
		m->at[slot].n = m->in[0].n;
		m->received++;
	}
	return c;
}

static bool model_serve_one(struct model *m)
{
	struct hvt_ring_entry e = m->entries[0];

	if (e.operation == HVT_RING_NET_READ && m->n_completions == HVT_RING_SIZE) {
		m->stalls++;
		m->stalled = true;
		return false;
	}
	m->stalled = false;
	SHIFT(m->entries, m->n_entries);
	if (e.operation == HVT_RING_NET_READ)
		m->completions[m->n_completions++] = model_read(m, &e);
	if (e.operation == HVT_RING_NET_WRITE && e.handle == HANDLE) {
		m->out[m->n_out].n = (uint32_t)(e.data - FROM) / 0x1000;
		m->out[m->n_out++].len = e.len;
	}
	return true;
}

static void check_frames(struct fixture *f, struct model *m)
{
	for (; m->n_out > 0; SHIFT(m->out, m->n_out))
		assert_host_gets(f, m->out[0].n, (long)m->out[0].len);
	for (uint32_t i = 0; i < SLOTS; i++)
		assert_true(wire_matches(f->base + RAM + i * 0x1000, m->at[i].len, m->at[i].n));
}

static void model_serve(struct fixture *f, struct model *m)
{
	unsigned max = random_number(m) % MODEL_FRAMES, n = 0;

	while (n < max && m->n_entries > 0 && model_serve_one(m))
		n++;
	assert_serves(f, max, (int)n);
	m->served += n;
	check_frames(f, m);
}

static void model_take(struct fixture *f, struct model *m)
{
	const struct hvt_ring_completion *c = m->completions;

	if (m->n_completions == 0) {
		assert_no_completion(f);
		return;
	}
	assert_completion(f, c->id, c->ret, c->len);
	SHIFT(m->completions, m->n_completions);
}

/* Phases in which completions are not taken, so that they run full. */
static void play(struct fixture *f, struct model *m, unsigned step)
{
	bool lazy = step / 8000 % 2 == 1;

	switch (random_number(m) % 16) {
	case 0: case 1: case 2: case 3: case 4: case 5: case 6: case 7:
		model_submit(f, m);
		break;
	case 8: case 9: case 10: case 11:
		model_feed(f, m);
		break;
	case 12:
		model_serve(f, m);
		break;
	default:
		for (int i = 0; i < 4 && !lazy; i++)
			model_take(f, m);
	}
}

static void it_does_what_two_queues_do(void **state)
{
	static struct model m;
	struct fixture *f = *state;

	m = (struct model){.seed = 0x2545f491};
	for (uint32_t i = 0; i < SLOTS; i++)
		wire_fill(f->base + FROM + i * 0x1000, 0x1000, i);
	ring_peer_start_at(&f->guest, &f->ring, UINT32_MAX - 20000, UINT32_MAX - 10000);
	for (unsigned step = 0; step < 100000; step++) {
		play(f, &m, step);
		assert_int_equal(ring_pending(&f->ring), m.n_entries > 0 &&
				 !(m.stalled && m.n_completions == HVT_RING_SIZE));
		assert_int_equal(ring_peer_room(&f->guest), HVT_RING_SIZE - m.n_entries);
	}
	assert_true(f->ring.entries == m.served);
	assert_true(m.served > 30000 && m.stalls > 100 && m.received > 5000);
	assert_true(f->ring.ent_head < 100000 && f->ring.com_tail < 100000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_asks_for_kicks_from_the_start),
		TEST(it_lies_in_memory),
		TEST(everything_lies_where_the_abi_says),
		TEST(kicks_are_asked_for_or_not),
		TEST(a_frame_is_sent_without_a_completion),
		TEST(a_frame_is_received_with_its_length),
		TEST(a_read_without_a_frame_is_told_to_try_again),
		TEST(a_read_writes_its_frame_and_no_more),
		TEST(entries_are_served_in_order),
		TEST(at_most_as_many_as_asked_for_are_served),
		TEST(entries_and_batches_are_counted),
		TEST(an_unknown_operation_is_skipped_without_a_completion),
		TEST(an_unknown_device_gets_nothing_and_says_so_to_reads),
		TEST(what_is_dropped_is_consumed_all_the_same),
		TEST(every_slot_is_used_in_turn),
		TEST(a_full_ring_is_served_to_its_last_slot),
		TEST(counters_wrap_together_and_alone),
		TEST(more_entries_than_slots_end_the_guest),
		TEST(the_monitor_does_not_believe_its_own_counters),
		TEST(a_read_without_room_for_its_completion_waits),
		TEST(an_entry_that_waits_for_room_is_not_pending),
		TEST(completions_that_were_not_given_cannot_be_consumed),
		TEST(frames_are_sent_whatever_the_completions_are),
		TEST(frames_outside_memory_end_the_guest),
		TEST(nothing_is_received_where_the_guest_may_not_write),
		TEST(anything_in_memory_can_be_sent),
		TEST(buffers_may_touch_the_edges),
		TEST(what_comes_before_a_bad_entry_is_served),
		TEST(what_happens_to_an_entry_after_it_was_taken_has_no_effect),
		TEST(what_happens_to_the_counters_meanwhile_has_none_either),
		TEST(what_is_submitted_meanwhile_is_for_the_next_time),
		TEST(it_does_what_two_queues_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
