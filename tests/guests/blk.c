/* SPDX-License-Identifier: ISC */
/* blk.c: writes and reads blocks through the API, and asks for what it must refuse. */
#include "guest.h"

#define BLOCK_MAX 32768u
#define BLOCKS_MAX 4u		/* at once */

static uint64_t out[BLOCKS_MAX * BLOCK_MAX / 8 + 1], in[BLOCKS_MAX * BLOCK_MAX / 8 + 1];
static solo5_handle_t disk;
static struct solo5_block_info info;

static void fill(uint64_t *block, uint8_t byte)
{
	for (size_t i = 0; i < info.block_size / 8; i++)
		block[i] = byte * UINT64_C(0x0101010101010101);
}

static bool equal(void)
{
	for (size_t i = 0; i < info.block_size / 8; i++)
		if (in[i] != out[i])
			return false;
	return true;
}

static int round_trip(solo5_off_t block)
{
	solo5_off_t at = block * info.block_size;

	fill(out, (uint8_t)('0' + block % 10));
	fill(in, 0);
	if (solo5_block_write(disk, at, (const uint8_t *)out, info.block_size) != SOLO5_R_OK)
		return 2;
	if (solo5_block_read(disk, at, (uint8_t *)in, info.block_size) != SOLO5_R_OK)
		return 3;
	return equal() ? 0 : 4;
}

/* Several in one call, each of another byte; then one by one what was written so. */
static int many(solo5_off_t blocks)
{
	const size_t words = info.block_size / 8;
	const size_t n = blocks < BLOCKS_MAX ? blocks : BLOCKS_MAX;

	for (size_t i = 0; i < n; i++)
		fill(out + i * words, (uint8_t)('a' + i));
	fill(in, 0);
	if (solo5_block_write(disk, 0, (const uint8_t *)out, n * info.block_size) != SOLO5_R_OK ||
	    solo5_block_read(disk, 0, (uint8_t *)in, n * info.block_size) != SOLO5_R_OK)
		return 9;
	for (size_t i = 0; i < n * words; i++)
		if (in[i] != out[i])
			return 10;
	for (size_t i = 0; i < n; i++) {
		fill(out, (uint8_t)('a' + i));
		if (solo5_block_read(disk, i * info.block_size, (uint8_t *)in, info.block_size) !=
		    SOLO5_R_OK || !equal())
			return 11;
	}
	return 0;
}

/* Reads in a row, between which blocks that come next are written. */
static int in_between(solo5_off_t blocks)
{
	for (solo5_off_t b = 0; b < blocks && b < 64; b++) {
		solo5_off_t next = b + b % 3;

		fill(out, (uint8_t)('A' + b % 26));
		if (next < blocks && solo5_block_write(disk, next * info.block_size,
						       (const uint8_t *)out, info.block_size) != SOLO5_R_OK)
			return 12;
		if (solo5_block_read(disk, b * info.block_size, (uint8_t *)in, info.block_size) !=
		    SOLO5_R_OK || (next == b && !equal()))
			return 13;
		if (next < blocks && (solo5_block_read(disk, next * info.block_size, (uint8_t *)in,
						       info.block_size) != SOLO5_R_OK || !equal()))
			return 14;
	}
	return 0;
}

static bool refused(solo5_off_t at, size_t size)
{
	return solo5_block_write(disk, at, (const uint8_t *)out, size) != SOLO5_R_OK &&
	       solo5_block_read(disk, at, (uint8_t *)in, size) != SOLO5_R_OK;
}

static int limits(void)
{
	if (!refused(info.capacity, info.block_size))
		return 5;
	if (!refused(0, info.block_size - 1) || !refused(0, info.block_size + 1))
		return 6;
	if (!refused(info.block_size - 1, info.block_size))
		return 7;
	return refused(-info.block_size, info.block_size) ? 0 : 8;
}

int solo5_app_main(const struct solo5_start_info *si)
{
	solo5_off_t blocks;
	int rc = 0;

	(void)si;
	if (solo5_block_acquire("nosuchdisk", &disk, &info) != SOLO5_R_EINVAL)
		return 99;
	if (solo5_block_acquire("storage", &disk, &info) != SOLO5_R_OK ||
	    info.block_size > BLOCK_MAX || info.block_size == 0)
		return 1;
	blocks = info.capacity / info.block_size;
	rc = many(blocks);
	if (rc == 0)
		rc = in_between(blocks);
	for (solo5_off_t b = 0; b < blocks && rc == 0; b += 10)
		rc = round_trip(b);
	if (rc == 0)
		rc = round_trip(blocks - 1);
	if (rc == 0)
		rc = limits();
	return rc == 0 ? succeed() : rc;
}
