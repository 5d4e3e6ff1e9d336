/* SPDX-License-Identifier: ISC */
/* stream.h: what the two ends of a raw stream agree on: tests/guests/stream.c, tests/machine/stream.c. */
#ifndef STREAM_H
#define STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define STREAM_MTU 1500u
#define STREAM_SEGMENTS 43u		/* of the largest frame */
#define STREAM_PAYLOAD_MAX (STREAM_SEGMENTS * STREAM_MTU)
#define STREAM_IP 0x0800u		/* EtherTypes: of the stream, */
#define STREAM_IPV6 0x86ddu		/* one or the other, */
#define STREAM_ANSWER 0x88b5u		/* and of answers, IEEE 802: local experimental */
#define STREAM_GO 0x88b6u		/* and what it begins with, until there is an answer: likewise */
#define STREAM_ANSWER_SIZE 60u
#define STREAM_WINDOW 0x40000u		/* bytes for one answer, */
#define STREAM_AHEAD 4u			/* and for how many of them the source does not wait */
#define STREAM_PERIOD 251u		/* byte n of the stream is n modulo this */
#define STREAM_HEADERS_MAX 74u

struct stream_header {
	unsigned char bytes[STREAM_HEADERS_MAX];
};

/* Bytes in front of TCP's header, of all headers, and of payload in a frame of the MTU. */
static inline size_t stream_tcp(bool six)
{
	return six ? 54 : 34;
}

static inline size_t stream_size(bool six)
{
	return stream_tcp(six) + 20;
}

static inline size_t stream_segment(bool six)
{
	return STREAM_MTU + 14 - stream_size(six);
}

static inline bool stream_is_six(const unsigned char *frame)
{
	return frame[12] == STREAM_IPV6 >> 8;
}

/* Of TCP: whoever is at the other end may say more over IP. */
static inline bool stream_is_data(const unsigned char *frame, bool six)
{
	return frame[six ? 20 : 23] == 6;
}

/* RFC 1071, on top of what is there: by words in memory's order, as that takes few instructions. */
static inline uint32_t stream_sum(uint32_t sum, const unsigned char *at, size_t size)
{
	uint64_t all = 0;
	uint32_t word;

	for (; size >= sizeof word; at += sizeof word, size -= sizeof word) {
		memcpy(&word, at, sizeof word);
		all += word;
	}
	word = 0;
	for (size_t i = 0; i < size; i++)
		word |= (uint32_t)at[i] << 8 * i;
	all += word;
	while (all >> 16 != 0)
		all = (all & 0xffff) + (all >> 16);
	all = sum + ((all & 0xff) << 8 | all >> 8);
	while (all >> 16 != 0)
		all = (all & 0xffff) + (all >> 16);
	return (uint32_t)all;
}

static inline void stream_put(unsigned char *at, uint32_t n)
{
	at[0] = (unsigned char)(n >> 8);
	at[1] = (unsigned char)n;
}

/* Of addresses, protocol and length. */
static inline uint32_t stream_pseudo(const unsigned char *frame, size_t size)
{
	const bool six = stream_is_six(frame);

	return stream_sum((uint32_t)(6 + size), frame + (six ? 22 : 26), six ? 32 : 8);
}

static inline void stream_ip(unsigned char *b, size_t size)
{
	static const unsigned char fixed[34] = {
		2, 0, 0, 0, 0, 0x99, 2, 0, 0, 0, 0, 1, 8, 0,
		0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 9, 0, 2, 10, 9, 0, 1,
	};

	memcpy(b, fixed, sizeof fixed);
	stream_put(b + 16, (uint32_t)(20 + size));
	stream_put(b + 24, ~stream_sum(0, b + 14, 20));
}

static inline void stream_ipv6(unsigned char *b, size_t size)
{
	static const unsigned char fixed[54] = {
		2, 0, 0, 0, 0, 0x99, 2, 0, 0, 0, 0, 1, 0x86, 0xdd,
		0x60, 0, 0, 0, 0, 0, 6, 64,
		0xfd, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2,
		0xfd, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
	};

	memcpy(b, fixed, sizeof fixed);
	stream_put(b + 18, (uint32_t)size);
}

/* Ethernet, IP and TCP in front of size bytes; NULL: whoever sends it on makes the checksum. */
static inline void stream_headers(struct stream_header *h, bool six, uint32_t offset, size_t size,
				  const unsigned char *payload)
{
	static const unsigned char fixed[20] = {
		0x12, 0x34, 0x56, 0x78, 0, 0, 0, 0, 0, 0, 0, 1, 0x50, 0x10, 0x10, 0, 0, 0, 0, 0,
	};
	unsigned char *tcp = h->bytes + stream_tcp(six);
	uint32_t sum;

	(six ? stream_ipv6 : stream_ip)(h->bytes, 20 + size);
	memcpy(tcp, fixed, sizeof fixed);
	stream_put(tcp + 4, offset >> 16);
	stream_put(tcp + 6, offset);
	sum = stream_pseudo(h->bytes, 20 + size);
	if (payload != NULL)
		sum = ~stream_sum(stream_sum(sum, tcp, 20), payload, size);
	stream_put(tcp + 16, sum);
}

static inline uint32_t stream_offset(const unsigned char *frame)
{
	const unsigned char *at = frame + stream_tcp(stream_is_six(frame)) + 4;

	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Whether TCP's checksum is right, and IP's where it has one. */
static inline bool stream_is_whole(const unsigned char *frame, size_t size)
{
	const bool six = stream_is_six(frame);
	const size_t tcp = stream_tcp(six);

	return (six || stream_sum(0, frame + 14, 20) == 0xffff) &&
	       stream_sum(stream_pseudo(frame, size - tcp), frame + tcp, size - tcp) == 0xffff;
}

#endif
