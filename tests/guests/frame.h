/* SPDX-License-Identifier: ISC */
/*
 * frame.h: the numbered frames that test guests and tests/machine/frames.c exchange.
 *
 * Number n is at the start of the payload, and every word after it follows from n, so that a
 * frame that is lost, doubled, out of order or damaged is noticed. Cheap to make and to check:
 * there are many, and some guests run on emulated processors.
 */
#ifndef FRAME_H
#define FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* IEEE Std 802, local experimental ethertype 1; in the byte order of little-endian hosts. */
#define FRAME_TYPE ((uint16_t)0xb588)

#define FRAME_MIN 64u
#define FRAME_STEP UINT64_C(0x9e3779b97f4a7c15)

/* The header has 14 bytes: two in front of it make the words of the payload aligned. */
struct frame {
	uint16_t pad;
	uint8_t to[6], from[6];
	uint16_t type;
	uint64_t words[];
};
#define FRAME_HEADER 14u

/* With the header. Every 32nd is as long as max, the others are short and of several lengths. */
static inline size_t frame_size(uint64_t n, size_t max)
{
	return (n & 31) == 31 ? max : FRAME_MIN + (n & 7);
}

static inline void frame_fill(struct frame *f, uint64_t n, size_t size)
{
	size_t words = (size - FRAME_HEADER) / sizeof f->words[0];
	uint64_t word = n;

	f->type = FRAME_TYPE;
	for (size_t i = 0; i < words; i++, word += FRAME_STEP)
		f->words[i] = word;
}

static inline bool frame_good(const struct frame *f, uint64_t n, size_t size)
{
	size_t words = (size - FRAME_HEADER) / sizeof f->words[0];
	uint64_t word = n;

	for (size_t i = 0; i < words; i++, word += FRAME_STEP)
		if (f->words[i] != word)
			return false;
	return true;
}

#endif
