/* SPDX-License-Identifier: ISC */
/* stream.h: what the two ends of a raw stream agree on: tests/guests/stream.c, tests/machine/stream.c. */
#ifndef STREAM_H
#define STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define STREAM_SEGMENT 1460u		/* payload of a frame with an MTU of 1500 */
#define STREAM_PAYLOAD_MAX (43u * STREAM_SEGMENT)
#define STREAM_IP 0x0800u		/* EtherTypes: of the stream */
#define STREAM_ANSWER 0x88b5u		/* and of answers, IEEE 802: local experimental */
#define STREAM_GO 0x88b6u		/* and what it begins with, until there is an answer: likewise */
#define STREAM_ANSWER_SIZE 60u
#define STREAM_WINDOW 0x40000u		/* bytes for one answer, */
#define STREAM_AHEAD 4u			/* and for how many of them the source does not wait */
#define STREAM_PERIOD 251u		/* byte n of the stream is n modulo this */
#define STREAM_TCP 34u			/* where TCP's header begins */
#define STREAM_HEADERS 54u

struct stream_header {
	unsigned char bytes[STREAM_HEADERS];
};

/* RFC 1071, on top of what is there. */
static inline uint32_t stream_sum(uint32_t sum, const unsigned char *at, size_t size)
{
	uint64_t all = sum;

	for (size_t i = 0; i < size; i++)
		all += (uint64_t)at[i] << (i % 2 == 0 ? 8 : 0);
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
	return stream_sum((uint32_t)(6 + size), frame + 26, 8);
}

/* Ethernet, IPv4 and TCP in front of size bytes; NULL: whoever sends it on makes the checksum. */
static inline void stream_headers(struct stream_header *h, uint32_t offset, size_t size,
				  const unsigned char *payload)
{
	static const unsigned char fixed[STREAM_HEADERS] = {
		2, 0, 0, 0, 0, 0x99, 2, 0, 0, 0, 0, 1, 8, 0,
		0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 9, 0, 2, 10, 9, 0, 1,
		0x12, 0x34, 0x56, 0x78, 0, 0, 0, 0, 0, 0, 0, 1, 0x50, 0x10, 0x10, 0, 0, 0, 0, 0,
	};
	unsigned char *b = h->bytes;
	uint32_t sum;

	memcpy(b, fixed, sizeof fixed);
	stream_put(b + 16, (uint32_t)(40 + size));
	stream_put(b + 24, ~stream_sum(0, b + 14, 20));
	stream_put(b + 38, offset >> 16);
	stream_put(b + 40, offset);
	sum = stream_pseudo(b, 20 + size);
	if (payload != NULL)
		sum = ~stream_sum(stream_sum(sum, b + STREAM_TCP, 20), payload, size);
	stream_put(b + 50, sum);
}

static inline uint32_t stream_offset(const unsigned char *headers)
{
	return (uint32_t)headers[38] << 24 | (uint32_t)headers[39] << 16 | (uint32_t)headers[40] << 8 |
	       headers[41];
}

/* Whether both checksums are right. */
static inline bool stream_is_whole(const unsigned char *frame, size_t size)
{
	return stream_sum(0, frame + 14, 20) == 0xffff &&
	       stream_sum(stream_pseudo(frame, size - STREAM_TCP), frame + STREAM_TCP,
			  size - STREAM_TCP) == 0xffff;
}

#endif
