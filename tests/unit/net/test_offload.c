/* SPDX-License-Identifier: ISC */
/*
 * test_offload.c: what a guest leaves to the host of checksums and segments, right and wrong, through the
 * queues of a device whose uplink is made up.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../../../bindings/virtqueue.h"
#include "../../../monitor/iov.h"
#include "../../../monitor/net/offload.h"
#include "../../../monitor/net/queue.h"
#include "expect.h"

#define MTU 1500u
#define SIZE 256u
#define MEMORY 0x400000u
#define PARTS(queue) (0x1000u + 0x4000u * (queue))
#define BUFFERS 0x10000u
#define PAGE 4096u
#define FRAMES 0x200000u		/* to send */
#define HEADER ((uint32_t)sizeof(struct net_header))
#define ALL ((uint64_t)NET_OFFLOADS)

/* ---- an uplink ---- */

static struct {
	uint64_t can, set;		/* offloads */
	unsigned sets;
	enum uplink_result says;	/* to what is written */
	unsigned wrote, reads;
	struct net_header out;
	size_t out_len;
	uint8_t sent[NET_SEGMENTS_MAX];
	unsigned waiting;		/* frames that come, and their header */
	struct net_header in;
	size_t in_len;
} host;

static enum uplink_result read_plain(struct uplink *u, struct iovec buffer, size_t *len)
{
	(void)u, (void)buffer, (void)len;
	host.reads++;
	return UPLINK_AGAIN;
}

static enum uplink_result write_plain(struct uplink *u, struct iovec frame)
{
	(void)u, (void)frame;
	host.wrote++;
	host.out = (struct net_header){.num_buffers = 0};
	return host.says;
}

static enum uplink_result read_parts(struct uplink *u, struct net_header *h, const struct iovec *parts,
				     unsigned n, size_t *len)
{
	static uint8_t frame[NET_SEGMENTS_MAX + 1];

	(void)u;
	host.reads++;
	assert_in_range(n, 1, UPLINK_PARTS);
	if (host.waiting == 0)
		return UPLINK_AGAIN;
	host.waiting--;
	for (size_t i = 0; i < host.in_len; i++)
		frame[i] = (uint8_t)(i % 251);
	*h = host.in;
	*len = host.in_len;
	return iov_scatter(parts, n, 0, frame, host.in_len) == host.in_len ? UPLINK_OK : UPLINK_TOO_LONG;
}

static enum uplink_result write_parts(struct uplink *u, const struct net_header *h,
				      const struct iovec *parts, unsigned n)
{
	(void)u;
	host.wrote++;
	host.out = *h;
	host.out_len = iov_gather(parts, n, 0, host.sent, sizeof host.sent);
	assert_true(host.out_len == iov_length(parts, n));
	return host.says;
}

static uint64_t offload(struct uplink *u, uint64_t wanted)
{
	(void)u;
	host.sets++;
	host.set = wanted & host.can;
	return host.set;
}

static const struct uplink_ops ops = {
	.read = read_plain, .write = write_plain, .read_parts = read_parts, .write_parts = write_parts,
	.offload = offload,
};

/* ---- a guest ---- */

static struct {
	struct uplink uplink;
	struct netdev dev;
	struct memory memory;
	uint8_t *bytes;
	struct net_queues q;
	struct virtq guest[NET_QUEUES];
	unsigned posted;
} f;

static void make_queue(unsigned index)
{
	struct virtq *q = &f.guest[index];
	struct virtqueue_layout at = {.desc = PARTS(index), .size = SIZE};
	struct husk_error e;

	memset(f.bytes + PARTS(index), 0, 0x4000);
	virtq_init(q, SIZE, f.bytes + PARTS(index));
	at.avail = (uint64_t)((uint8_t *)q->avail - f.bytes);
	at.used = (uint64_t)((uint8_t *)q->used - f.bytes);
	assert_int_equal(virtqueue_init(&f.q.queues[index], "queue", &f.memory, &at, &e), 0);
}

static int set_up(void **state)
{
	struct husk_error e;

	(void)state;
	memset(&f, 0, sizeof f);
	memset(&host, 0, sizeof host);
	host.can = ALL;
	f.uplink = (struct uplink){.ops = &ops, .fd = 77, .header = 12};
	f.dev = (struct netdev){.name = "service0", .uplink = &f.uplink, .mtu = MTU,
				.room = MTU + UPLINK_HEADER + UPLINK_TAGS};
	f.bytes = aligned_alloc(4096, MEMORY);
	if (f.bytes == NULL || net_queues_init(&f.q, &f.dev, &e) == -1)
		return -1;
	memory_init(&f.memory, f.bytes, MEMORY);
	for (unsigned i = 0; i < NET_QUEUES; i++)
		make_queue(i);
	assert_true(netdev_offload(&f.dev, ALL) == ALL);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	net_queues_fini(&f.q);
	free(f.bytes);
	return 0;
}

static void post(unsigned n, uint32_t size)
{
	for (; n > 0; n--) {
		const struct virtq_span span = {BUFFERS + (f.posted++ % SIZE) * PAGE, size};

		assert_true(virtq_add(&f.guest[NET_QUEUE_RX], &span, 0, 1) >= 0);
	}
	(void)virtq_submit(&f.guest[NET_QUEUE_RX]);
}

/* A frame of TCP with options: 14 + 20 + 32 bytes of headers. */
#define L4 34u
#define HEADERS (L4 + 32u)

static const struct net_header good = {
	.flags = NET_NEEDS_CSUM, .gso_type = NET_GSO_TCPV4, .gso_size = 1448, .csum_start = L4,
	.csum_offset = 16,
};

/* Of the frame, from its type on: an IPv4 header whose checksum is right. */
#define TYPE 12u
#define IPV4_OF(first, id, more, sum, low) \
	first, 0, 0, 0, id, more, 0x40, 0, 64, 6, sum, low, 10, 9, 0, 2, 10, 9, 0, 1
#define IPV4 IPV4_OF(0x45, 0, 0, 0x26, 0xe4)

/* What is written over a frame, from its type on. */
static const struct start {
	const char *what;
	uint8_t bytes[43];
	size_t n;
	uint16_t csum_start;
	bool sent;
} right = {"as it should be", {8, 0, IPV4}, 22, L4, true}, *start = &right;

/* Cut into n pieces, the first ones of a byte each. */
static void send(const struct net_header *h, size_t len, unsigned cuts)
{
	struct virtq_span spans[SIZE];
	uint8_t *at = f.bytes + FRAMES;
	struct husk_error e;
	uint32_t written;

	memset(at, 0, HEADER + len);
	memcpy(at, h, HEADER);
	for (size_t i = 0; i < len; i++)
		at[HEADER + i] = i == L4 + 12 ? 0x80 : (uint8_t)(i % 251);
	if (len >= TYPE + start->n)
		memcpy(at + HEADER + TYPE, start->bytes, start->n);
	for (unsigned i = 0; i < cuts; i++)
		spans[i] = (struct virtq_span){FRAMES + i, 1};
	spans[cuts] = (struct virtq_span){FRAMES + cuts, (uint32_t)(HEADER + len - cuts)};
	assert_true(virtq_add(&f.guest[NET_QUEUE_TX], spans, (uint16_t)(cuts + 1), 0) >= 0);
	(void)virtq_submit(&f.guest[NET_QUEUE_TX]);
	host.wrote = 0;
	assert_int_equal(net_queues_send(&f.q, 1, &e), 1);
	assert_true(virtq_take(&f.guest[NET_QUEUE_TX], &written) >= 0);
}

/* ---- what is asked for ---- */

static void what_needs_another_is_not_granted_without(void **state)
{
	static const struct { uint64_t wanted, left; } cases[] = {
		{0, 0}, {UINT64_MAX, ALL}, {1ull << 15 | 1ull << 54, 0},
		{NET_HOST_TSO, 0}, {NET_GUEST_TSO, 0}, {NET_GUEST_ECN | NET_GUEST_CSUM, NET_GUEST_CSUM},
		{NET_CSUM | NET_HOST_ECN, NET_CSUM},
		{NET_CSUM | NET_GUEST_TSO4 | NET_HOST_TSO6 | NET_HOST_ECN,
		 NET_CSUM | NET_HOST_TSO6 | NET_HOST_ECN},
		{NET_GUEST_CSUM | NET_GUEST_TSO6 | NET_HOST_TSO4, NET_GUEST_CSUM | NET_GUEST_TSO6},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_true(offload_sound(cases[i].wanted) == cases[i].left);
}

static void an_uplink_without_headers_has_none(void **state)
{
	(void)state;
	f.uplink.header = 0;
	host.sets = 0;
	assert_true(netdev_offload(&f.dev, ALL) == 0);
	assert_int_equal(host.sets, 0);
}

static void they_are_what_the_uplink_has_set_until_the_queues_are_taken_back(void **state)
{
	(void)state;
	host.can = NET_CSUM | NET_GUEST_CSUM;
	assert_true(netdev_offload(&f.dev, ALL) == host.can);
	assert_true(host.set == host.can);
	net_queues_take_back(&f.q);
	assert_true(host.set == 0 && f.dev.offloads == 0);
	assert_true(netdev_offload(&f.dev, ALL) == host.can);
	net_queues_fini(&f.q);
	assert_true(host.set == 0 && f.dev.offloads == 0);
}

/* ---- what is sent ---- */

static void segments_go_out_whole_wherever_they_are_cut(void **state)
{
	static const unsigned cuts[] = {0, 1, 11, 12, 13, 12 + L4, 200, SIZE - 1};

	(void)state;
	for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
		send(&good, HEADERS + 40000, cuts[i]);
		assert_int_equal(host.wrote, 1);
		assert_int_equal(host.out_len, HEADERS + 40000);
		assert_memory_equal(host.sent, f.bytes + FRAMES + HEADER, host.out_len);
		assert_int_equal(host.out.gso_type, NET_GSO_TCPV4);
		assert_int_equal(host.out.hdr_len, HEADERS);
	}
	assert_true(f.q.offloaded_out == 8 && f.q.refused == 0);
}

#define SUM NET_NEEDS_CSUM
#define TCP4 NET_GSO_TCPV4

/* One that can be sent, changed in one field. */
static const struct lie {
	const char *what;
	struct net_header h;
	size_t len;
	uint64_t granted;
	bool sent;
} lies[] = {
	{"as it should be", {SUM, TCP4, HEADERS, 1448, L4, 16, 0}, 20000, ALL, true},
	{"a hint that is nonsense", {SUM, TCP4, 0xffff, 1448, L4, 16, 0}, 20000, ALL, true},
	{"num_buffers", {SUM, TCP4, 0, 1448, L4, 16, 0xffff}, 20000, ALL, true},
	{"the largest", {SUM, TCP4, 0, 1448, L4, 16, 0}, NET_SEGMENTS_MAX, ALL, true},
	{"one byte more", {SUM, TCP4, 0, 1448, L4, 16, 0}, NET_SEGMENTS_MAX + 1, ALL, false},
	{"70000 bytes", {SUM, TCP4, 0, 1448, L4, 16, 0}, 70000, ALL, false},
	{"one segment", {SUM, TCP4, 0, 1448, L4, 16, 0}, HEADERS + 100, ALL, true},
	{"one byte of payload", {SUM, TCP4, 0, 1448, L4, 16, 0}, HEADERS + 1, ALL, true},
	{"no payload", {SUM, TCP4, 0, 1448, L4, 16, 0}, HEADERS, ALL, false},
	{"headers cut", {SUM, TCP4, 0, 1448, L4, 16, 0}, HEADERS - 1, ALL, false},
	{"TCP's header cut", {SUM, TCP4, 0, 1448, L4, 16, 0}, L4 + 18, ALL, false},
	{"a frame of Ethernet alone", {SUM, TCP4, 0, 1448, L4, 16, 0}, 14, ALL, false},
	{"13 bytes", {SUM, TCP4, 0, 1448, L4, 16, 0}, 13, ALL, false},
	{"an empty one", {SUM, TCP4, 0, 1448, L4, 16, 0}, 0, ALL, false},
	{"no size", {SUM, TCP4, 0, 0, L4, 16, 0}, 20000, ALL, false},
	{"size 0xffff", {SUM, TCP4, 0, 0xffff, L4, 16, 0}, 20000, ALL, false},
	{"segments as long as the MTU",
	 {SUM, TCP4, 0, MTU + 14 - HEADERS, L4, 16, 0}, 20000, ALL, true},
	{"a byte longer", {SUM, TCP4, 0, MTU + 14 - HEADERS + 1, L4, 16, 0}, 20000, ALL, false},
	{"size 0xfffe of what is one frame", {SUM, TCP4, 0, 0xfffe, L4, 16, 0}, 1000, ALL, true},
	{"of what is longer than the MTU", {SUM, TCP4, 0, 0xfffe, L4, 16, 0}, 1515, ALL, false},
	{"type 2", {SUM, 2, 0, 1448, L4, 16, 0}, 20000, ALL, false},
	{"UFO", {SUM, 3, 0, 1448, L4, 16, 0}, 20000, ALL, false},
	{"UDP", {SUM, 5, 0, 1448, L4, 16, 0}, 20000, ALL, false},
	{"type 0x7f", {SUM, 0x7f, 0, 1448, L4, 16, 0}, 20000, ALL, false},
	{"type 0xff", {SUM, 0xff, 0, 1448, L4, 16, 0}, 20000, ALL, false},
	{"ECN", {SUM, TCP4 | NET_GSO_ECN, 0, 1448, L4, 16, 0}, 20000, ALL, true},
	{"ECN that is not granted", {SUM, TCP4 | NET_GSO_ECN, 0, 1448, L4, 16, 0}, 20000,
	 ALL & ~(uint64_t)NET_HOST_ECN, false},
	{"ECN without segments", {SUM, NET_GSO_ECN, 0, 1448, L4, 16, 0}, 1000, ALL, false},
	{"TCPV6", {SUM, NET_GSO_TCPV6, 0, 1448, L4, 16, 0}, 20000, ALL, true},
	{"TCPV6 that is not granted", {SUM, NET_GSO_TCPV6, 0, 1448, L4, 16, 0}, 20000,
	 ALL & ~(uint64_t)NET_HOST_TSO6, false},
	{"TCPV4 that is not granted",
	 {SUM, TCP4, 0, 1448, L4, 16, 0}, 20000, ALL & ~(uint64_t)NET_HOST_TSO4, false},
	{"no flag", {0, TCP4, 0, 1448, L4, 16, 0}, 20000, ALL, false},
	{"DATA_VALID", {NET_DATA_VALID, TCP4, 0, 1448, L4, 16, 0}, 20000, ALL, false},
	{"both flags",
	 {NET_DATA_VALID | NET_NEEDS_CSUM, TCP4, 0, 1448, L4, 16, 0}, 20000, ALL, false},
	{"flag 4", {4, TCP4, 0, 1448, L4, 16, 0}, 20000, ALL, false},
	{"all flags", {0xff, TCP4, 0, 1448, L4, 16, 0}, 20000, ALL, false},
	{"a checksum elsewhere", {SUM, TCP4, 0, 1448, L4, 6, 0}, 20000, ALL, false},
	{"offset 0xffff", {SUM, TCP4, 0, 1448, L4, 0xffff, 0}, 20000, ALL, false},
	{"start in Ethernet's header", {SUM, TCP4, 0, 1448, 13, 16, 0}, 20000, ALL, false},
	{"start 0", {SUM, TCP4, 0, 1448, 0, 16, 0}, 20000, ALL, false},
	{"start 0xffff", {SUM, TCP4, 0, 1448, 0xffff, 16, 0}, 20000, ALL, false},
	{"start where a header has no length",
	 {SUM, TCP4, 0, 1448, 251 * 4 - 12, 16, 0}, 20000, ALL, false},
	{"a checksum alone", {SUM, 0, 0, 0xffff, L4, 16, 0}, 1514, ALL, true},
	{"of a frame with a tag's length and none", {SUM, 0, 0, 1448, L4, 16, 0}, 1518, ALL, false},
	{"of one that is too long", {SUM, 0, 0, 1448, L4, 16, 0}, 1523, ALL, false},
	{"at the end of its frame", {SUM, 0, 0, 1448, L4, 100 - L4 - 2, 0}, 100, ALL, true},
	{"a byte beyond", {SUM, 0, 0, 1448, L4, 100 - L4 - 1, 0}, 100, ALL, false},
	{"that is not granted", {SUM, 0, 0, 1448, L4, 16, 0}, 1000, NET_GUEST_CSUM, false},
	{"nothing, with fields that mean nothing", {.hdr_len = 0xffff, .gso_size = 0xffff,
	 .csum_start = 0xffff, .csum_offset = 0xffff}, 1000, 0, true},
};

static void a_header_that_cannot_be_is_dropped_and_counted(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
		const struct lie *l = &lies[i];
		const uint64_t *drops = f.dev.counters.drops;
		const uint64_t before = f.q.refused + drops[NETDEV_TX_LONG] + drops[NETDEV_TX_SHORT];

		assert_true(netdev_offload(&f.dev, l->granted) == l->granted);
		send(&l->h, l->len, 0);
		if (host.wrote != l->sent)
			fail_msg("%s", l->what);
		assert_true(f.q.refused + drops[NETDEV_TX_LONG] + drops[NETDEV_TX_SHORT] ==
			    before + !l->sent);
		if (l->sent && l->h.flags == 0)
			assert_int_equal(host.out.gso_size, 0);
	}
}

/* The kernel that gets it would drop it, and nobody would know. */
static void segments_without_ipv4s_checksum_are_dropped_and_counted(void **state)
{
	static const struct start starts[] = {
		{"none", {8, 0, IPV4_OF(0x45, 0, 0, 0, 0)}, 22, L4, false},
		{"another", {8, 0, IPV4_OF(0x45, 0, 0, 0x26, 0xe5)}, 22, L4, false},
		{"one that is 0", {8, 0, IPV4_OF(0x45, 0x26, 0xe4, 0, 0)}, 22, L4, true},
		{"a header of 16 bytes", {8, 0, IPV4_OF(0x44, 0, 0, 0x31, 0xee)}, 22, L4, false},
		{"one of 60, in a frame of less", {8, 0, IPV4_OF(0x4f, 0, 0, 0x26, 0xe4)}, 22, L4, false},
		{"another type", {0x86, 0xdd, IPV4}, 22, L4, false},
		{"a tag", {0x81, 0, 0, 5, 8, 0, IPV4, [38] = 0x80}, 39, L4 + 4, true},
		{"a tag, and none",
		 {0x81, 0, 0, 5, 8, 0, IPV4_OF(0x45, 0, 0, 0, 0), [38] = 0x80}, 39, L4 + 4, false},
		{"tags of another type",
		 {0x88, 0xa8, 0, 5, 0x81, 0, 0, 6, 0x86, 0xdd, IPV4, [42] = 0x80}, 43, L4 + 8, false},
	};
	struct net_header h = good;

	(void)state;
	for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
		const uint64_t before = f.q.refused;

		start = &starts[i];
		h.csum_start = start->csum_start;
		send(&h, HEADERS + 7, 3);
		if (host.wrote != start->sent || f.q.refused != before + !start->sent)
			fail_msg("%s", start->what);
	}
	start = &right;
}

/* Kernels check more than this, and each another way: never the end of the queue. */
static void what_the_kernel_refuses_is_a_drop(void **state)
{
	(void)state;
	host.says = UPLINK_ERROR;
	send(&good, 20000, 0);
	assert_true(f.dev.counters.drops[NETDEV_TX_ERROR] == 1);
	host.says = UPLINK_OK;
	send(&good, 20000, 0);
	assert_true(f.dev.counters.tx_frames == 1 && f.dev.counters.tx_bytes == 20000);
}

/* ---- what comes ---- */

static void assert_comes(size_t len, uint32_t buffer)
{
	size_t at = 0, parts = 0, expected = (HEADER + len + buffer - 1) / buffer;
	struct net_header h = {.num_buffers = 0};
	uint32_t written;

	for (; at < HEADER + len; parts++) {
		struct virtq *q = &f.guest[NET_QUEUE_RX];
		const int head = virtq_take(q, &written);
		const uint8_t *in;

		assert_true(head >= 0);
		in = f.bytes + q->desc[head].addr;
		if (parts == 0)
			memcpy(&h, in, HEADER);
		for (size_t i = parts == 0 ? HEADER : 0; i < written; i++)
			assert_int_equal(in[i], (at + i - HEADER) % 251);
		at += written;
	}
	assert_int_equal(parts, expected);
	assert_int_equal(h.num_buffers, parts);
	assert_int_equal(h.flags, host.in.flags);
	assert_int_equal(h.gso_type, host.in.gso_type);
	assert_int_equal(h.gso_size, host.in.gso_size);
}

static void receive(unsigned waiting)
{
	struct husk_error e;

	host.waiting = waiting;
	assert_int_equal(net_queues_receive(&f.q, &e), 0);
}

static void a_large_frame_takes_as_many_buffers_as_it_needs(void **state)
{
	static const size_t lens[] = {14, 4084, 4085, 1514, 8180, 40000, 65549, NET_SEGMENTS_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
		host.in = lens[i] <= 1514 ? (struct net_header){.flags = NET_DATA_VALID} : good;
		host.in.num_buffers = 0x5555;
		host.in_len = lens[i];
		post(32, PAGE);
		receive(1);
		assert_comes(lens[i], PAGE);
		make_queue(NET_QUEUE_RX);
	}
	assert_int_equal(f.q.offloaded_in, 8);
}

static void nothing_is_read_before_there_is_room_for_the_largest(void **state)
{
	(void)state;
	host.in = good;
	host.in_len = 30000;
	post(16, PAGE);
	receive(1);
	assert_int_equal(host.reads, 0);
	assert_true(f.q.starved);
	post(1, PAGE);
	receive(1);
	assert_comes(30000, PAGE);
	assert_false(f.q.starved && host.waiting > 0);
}

static void without_segments_room_for_the_mtu_is_enough(void **state)
{
	(void)state;
	assert_true(netdev_offload(&f.dev, NET_GUEST_CSUM) == NET_GUEST_CSUM);
	host.in = (struct net_header){.flags = NET_NEEDS_CSUM, .csum_start = 34, .csum_offset = 6};
	host.in_len = 1514;
	post(1, PAGE);
	receive(1);
	assert_comes(1514, PAGE);
	host.in_len = 1523;
	post(1, PAGE);
	receive(1);
	assert_true(f.dev.counters.drops[NETDEV_RX_LONG] == 1);
}

/* They are left in the tap from who had it before. 3 and 5 are of UDP. */
static void segments_of_a_kind_that_was_not_asked_for_are_dropped(void **state)
{
	static const struct {
		uint64_t asked;
		uint8_t kind;
	} cases[] = {
		{NET_GUEST_TSO4, NET_GSO_TCPV6}, {NET_GUEST_TSO4, NET_GSO_TCPV4 | NET_GSO_ECN},
		{NET_GUEST_TSO4, 3}, {NET_GUEST_TSO4, 5}, {NET_GUEST_TSO4, 0xff},
		{NET_GUEST_TSO6, NET_GSO_TCPV4}, {NET_GUEST_TSO6, 3}, {NET_GUEST_TSO6, 5},
		{NET_GUEST_TSO6 | NET_GUEST_ECN, 5 | NET_GSO_ECN},
		{NET_GUEST_TSO | NET_GUEST_ECN, NET_GSO_ECN}, {NET_GUEST_TSO | NET_GUEST_ECN, 0xff},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const uint64_t asked = NET_GUEST_CSUM | cases[i].asked;

		assert_true(netdev_offload(&f.dev, asked) == asked);
		host.in = good;
		host.in.gso_type = cases[i].kind;
		host.in_len = 1514;
		post(17, PAGE);
		receive(1);
		assert_true(f.dev.counters.drops[NETDEV_RX_LONG] == i + 1);
		make_queue(NET_QUEUE_RX);
	}
}

static void a_long_frame_that_is_no_segments_is_dropped(void **state)
{
	(void)state;
	host.in = (struct net_header){.flags = NET_DATA_VALID};
	host.in_len = 4000;
	post(32, PAGE);
	receive(1);
	assert_true(f.dev.counters.drops[NETDEV_RX_LONG] == 1 && f.q.received == 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_needs_another_is_not_granted_without),
		TEST(an_uplink_without_headers_has_none),
		TEST(they_are_what_the_uplink_has_set_until_the_queues_are_taken_back),
		TEST(segments_go_out_whole_wherever_they_are_cut),
		TEST(a_header_that_cannot_be_is_dropped_and_counted),
		TEST(segments_without_ipv4s_checksum_are_dropped_and_counted),
		TEST(what_the_kernel_refuses_is_a_drop),
		TEST(a_large_frame_takes_as_many_buffers_as_it_needs),
		TEST(nothing_is_read_before_there_is_room_for_the_largest),
		TEST(without_segments_room_for_the_mtu_is_enough),
		TEST(segments_of_a_kind_that_was_not_asked_for_are_dropped),
		TEST(a_long_frame_that_is_no_segments_is_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
