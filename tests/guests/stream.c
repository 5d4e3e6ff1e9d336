/* SPDX-License-Identifier: ISC */
/*
 * stream.c: one raw stream, for tests/machine/stream.c at the other end: segments of TCP without a
 * connection, whose bytes follow from their number.
 *
 *   source WAY BYTES   sends them; after each WINDOW of them it waits for the answer to an earlier one
 *   sink WAY BYTES     counts them, and answers each WINDOW
 *
 * It begins when the other end says so, which it answers.
 *
 * WAY: plain by solo5_net_*, whole frames of the MTU; csum the same by solo5x_net_*, with checksums left to
 * the host; tso with many segments in a frame; each followed by "six": over IPv6, and by "check": payloads are
 * looked at.
 */
#include "guest.h"
#include "husk_abi.h"
#include "solo5x.h"
#include "stream.h"

HUSK_IMAGE_WANTS(HUSK_FEATURE_NET);

#define FOREVER (~(solo5_time_t)0)

static solo5_handle_t net;
static uint64_t granted;
static bool plain, large, six, checks;
static unsigned char pattern[STREAM_PAYLOAD_MAX + STREAM_PERIOD];
static unsigned char frame[STREAM_MTU + SOLO5_NET_HLEN + 8];
static struct solo5x_net_frame in;
static uint64_t largest, unfinished, wrong;

static int fail(const char *what)
{
	say(what);
	say("\n");
	return SOLO5_EXIT_FAILURE;
}

static uint64_t windows(uint64_t bytes)
{
	return bytes / STREAM_WINDOW;
}

/* The next frame, whichever way: its parts in in. False: there is none. */
static bool take(void)
{
	in.room = frame;
	in.room_size = sizeof frame;
	if (!plain)
		return solo5x_net_receive(net, &in) == SOLO5_R_OK;
	in.n = 1;
	in.parts[0].data = frame;
	in.meta = (struct solo5x_net_meta){.flags = 0};
	return solo5_net_read(net, frame, sizeof frame, &in.size) == SOLO5_R_OK &&
	       (in.parts[0].size = in.size, true);
}

static void give_back(void)
{
	if (!plain)
		solo5x_net_release(&in);
}

static bool is_type(uint16_t type)
{
	const unsigned char *at = in.parts[0].data + 12;

	return in.parts[0].size >= 14 && at[0] == type >> 8 && at[1] == (type & 0xff);
}

static void send_answer(void)
{
	static const unsigned char answer[STREAM_ANSWER_SIZE] = {
		2, 0, 0, 0, 0, 0x99, 2, 0, 0, 0, 0, 1, STREAM_ANSWER >> 8, STREAM_ANSWER & 0xff,
	};

	(void)solo5_net_write(net, answer, sizeof answer);
}

/* ---- out ---- */

static solo5_result_t send_plain(const struct stream_header *h, const unsigned char *payload, size_t size)
{
	memcpy(frame, h->bytes, stream_size(six));
	memcpy(frame + stream_size(six), payload, size);
	return solo5_net_write(net, frame, stream_size(six) + size);
}

static solo5_result_t send(uint64_t offset, size_t size)
{
	struct stream_header h;
	const unsigned char *payload = pattern + offset % STREAM_PERIOD;
	const struct solo5x_net_part parts[] = {{h.bytes, stream_size(six)}, {payload, size}};
	const struct solo5x_net_meta meta = {
		.flags = SOLO5X_NET_NEEDS_CSUM, .gso_size = large ? (uint16_t)stream_segment(six) : 0,
		.gso_type = !large ? SOLO5X_NET_GSO_NONE : six ? SOLO5X_NET_GSO_TCPV6 : SOLO5X_NET_GSO_TCPV4,
		.csum_start = (uint16_t)stream_tcp(six), .csum_offset = 16,
	};

	stream_headers(&h, six, (uint32_t)offset, size, plain ? payload : NULL);
	return plain ? send_plain(&h, payload, size) : solo5x_net_send(net, parts, 2, &meta);
}

static uint64_t answers(void)
{
	uint64_t n = 0;

	while (take()) {
		n += is_type(STREAM_ANSWER);
		give_back();
	}
	return n;
}

static void wait_for_the_other(void)
{
	bool goes = false;

	while (!goes) {
		solo5_yield(FOREVER, NULL);
		while (!goes && take()) {
			goes = is_type(STREAM_GO);
			give_back();
		}
	}
	send_answer();
}

static int source(uint64_t bytes)
{
	const size_t most = stream_segment(six) * (large ? STREAM_SEGMENTS : 1);
	uint64_t got = 0;

	for (uint64_t at = 0; at < bytes; ) {
		const uint64_t left = bytes - at;
		const size_t size = left < most ? (size_t)left : most;

		while (got + STREAM_AHEAD < windows(at)) {
			got += answers();
			if (got + STREAM_AHEAD < windows(at))
				solo5_yield(FOREVER, NULL);
		}
		if (send(at, size) != SOLO5_R_OK)
			return fail("a frame was not sent");
		at += size;
	}
	while (got < windows(bytes)) {
		solo5_yield(FOREVER, NULL);
		got += answers();
	}
	return SOLO5_EXIT_SUCCESS;
}

/* ---- in ---- */

static bool differs(const unsigned char *a, const unsigned char *b, size_t size)
{
	uint64_t left, right, wrong_bits = 0;

	for (; size >= sizeof left; a += sizeof left, b += sizeof left, size -= sizeof left) {
		memcpy(&left, a, sizeof left);
		memcpy(&right, b, sizeof right);
		wrong_bits |= left ^ right;
	}
	while (size-- > 0)
		wrong_bits |= a[size] ^ b[size];
	return wrong_bits != 0;
}

/* Headers may be cut anywhere; a part is no longer than pattern. */
static void look_at_payload(void)
{
	unsigned char headers[STREAM_HEADERS_MAX];
	const size_t before = stream_size(six);
	size_t got = 0;
	uint64_t next = 0;

	for (size_t i = 0; i < in.n; i++) {
		const unsigned char *data = in.parts[i].data;
		size_t size = in.parts[i].size;

		for (; got < before && size > 0; size--)
			headers[got++] = *data++;
		if (next == 0 && got == before)
			next = stream_offset(headers);
		wrong += differs(data, pattern + next % STREAM_PERIOD, size);
		next += size;
	}
}

/* A checksum that is neither there nor said to be anybody's is a mistake. */
static void look_at_checksum(void)
{
	if ((in.meta.flags & (SOLO5X_NET_NEEDS_CSUM | SOLO5X_NET_DATA_VALID)) != 0)
		unfinished += (in.meta.flags & SOLO5X_NET_NEEDS_CSUM) != 0;
	else
		wrong += in.n != 1 || !stream_is_whole(in.parts[0].data, in.size);
}

static int sink(uint64_t bytes)
{
	uint64_t got = 0;

	while (got < bytes) {
		const uint64_t before = windows(got);

		if (!take()) {
			solo5_yield(FOREVER, NULL);
			continue;
		}
		if (is_type(six ? STREAM_IPV6 : STREAM_IP) && in.size > stream_size(six) &&
		    stream_is_data(in.parts[0].data, six)) {
			got += in.size - stream_size(six);
			largest = in.size > largest ? in.size : largest;
			if (checks) {
				look_at_payload();
				look_at_checksum();
			}
		}
		give_back();
		if (windows(got) != before)
			send_answer();
	}
	return wrong == 0 ? SOLO5_EXIT_SUCCESS : fail("payloads or checksums are wrong");
}

/* ---- both ---- */

static void say_line(const char *name, uint64_t n)
{
	say(name);
	say(" ");
	say_number(n);
	say("\n");
}

/* In copies of whole periods, as a KVM may emulate each instruction. */
static void draw_pattern(void)
{
	for (unsigned i = 0; i < STREAM_PERIOD; i++)
		pattern[i] = (unsigned char)i;
	for (size_t at = STREAM_PERIOD; at < sizeof pattern; at *= 2)
		memcpy(pattern + at, pattern, at < sizeof pattern - at ? at : sizeof pattern - at);
}

static void ask(const char **args)
{
	const uint64_t csum = SOLO5X_NET_CSUM | SOLO5X_NET_GUEST_CSUM;

	plain = take_word(args, "plain");
	large = !plain && take_word(args, "tso");
	if (!plain && !large)
		(void)take_word(args, "csum");
	six = take_word(args, "six");
	checks = take_word(args, "check");
	if (!plain)
		granted = solo5x_net_offloads(net, csum | (large ? SOLO5X_NET_GUEST_TSO4 |
						SOLO5X_NET_GUEST_TSO6 | SOLO5X_NET_HOST_TSO4 |
						SOLO5X_NET_HOST_TSO6 : 0));
	large = large && (granted & (six ? SOLO5X_NET_HOST_TSO6 : SOLO5X_NET_HOST_TSO4)) != 0;
	say_line("granted", granted);
}

int solo5_app_main(const struct solo5_start_info *info)
{
	const char *args = info->cmdline;
	struct solo5_net_info its;
	const bool sends = take_word(&args, "source");
	solo5_time_t began;
	int status;

	(void)take_word(&args, "sink");
	if (solo5_net_acquire("service0", &net, &its) != SOLO5_R_OK || its.mtu < STREAM_MTU)
		return fail("no device with an MTU of 1500");
	draw_pattern();
	ask(&args);
	say("READY\n");
	wait_for_the_other();
	began = solo5_clock_monotonic();
	status = (sends ? source : sink)(take_number(&args));
	say_line("microseconds", (solo5_clock_monotonic() - began) / 1000);
	say_line("largest", largest);
	say_line("unfinished", unfinished);
	return status == SOLO5_EXIT_SUCCESS ? succeed() : status;
}
