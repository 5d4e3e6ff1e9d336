/* SPDX-License-Identifier: ISC */
/*
 * edit.h: reads a fuzzer's input as changes of something good, so that text makes seeds.
 *
 * The input is records of three bytes: where, how, value. where, counted from a blank, picks
 * one of the 8-byte words of what is changed. The low two bits of how say what happens to it:
 * 0 byte (how / 4 % 8) becomes value, 1 bit (value % 64) flips, 2 value is added as a signed
 * byte, 3 all bits become the lowest of value.
 */
#ifndef EDIT_H
#define EDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct edit {
	uint8_t where, how, value;
};

/* The first record, and data moves on to the next; false at the end. */
static inline bool edit_next(struct edit *e, const uint8_t **data, size_t *size)
{
	if (*size < 3)
		return false;
	*e = (struct edit){(uint8_t)((*data)[0] - ' '), (*data)[1], (*data)[2]};
	*data += 3;
	*size -= 3;
	return true;
}

static inline uint64_t edit_word(const struct edit *e, uint64_t word)
{
	unsigned shift = e->how / 4 % 8 * 8;

	switch (e->how % 4) {
	case 0:
		return (word & ~(UINT64_C(0xff) << shift)) | (uint64_t)e->value << shift;
	case 1:
		return word ^ UINT64_C(1) << e->value % 64;
	case 2:
		return word + (uint64_t)(int64_t)(int8_t)e->value;
	default:
		return -(uint64_t)(e->value & 1);
	}
}

#endif
