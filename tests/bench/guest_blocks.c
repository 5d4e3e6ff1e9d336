/* SPDX-License-Identifier: ISC */
/*
 * guest_blocks.c: reads and writes its disk from the beginning to the end, and again, by the bindings:
 * "read SIZE N", "write SIZE N"; "submit SIZE N" reads with as many requests at a time as there can be,
 * up to 32.
 */
#include "../guests/guest.h"
#include "solo5.h"
#include "solo5x.h"

#define TRANSFER_MAX (1u << 20)

#define DEPTH 32u

static uint8_t data[TRANSFER_MAX] __attribute__((aligned(4096)));

static solo5_handle_t disk;
static struct solo5_block_info info;

static int transfers(bool writes, unsigned long size, unsigned long n)
{
	solo5_result_t rc = SOLO5_R_OK;
	solo5_off_t at = 0;

	for (; n > 0 && rc == SOLO5_R_OK; n--, at += size) {
		if (at > info.capacity - size)
			at = 0;
		rc = writes ? solo5_block_write(disk, at, data, size) :
		     solo5_block_read(disk, at, data, size);
	}
	return rc == SOLO5_R_OK ? SOLO5_EXIT_SUCCESS : SOLO5_EXIT_FAILURE;
}

/* All of them into one buffer, as nobody looks at it. */
static int requests(unsigned long size, unsigned long n)
{
	struct solo5x_block_request r[DEPTH];
	struct solo5x_block_end ends[DEPTH];
	solo5_off_t at = 0;

	while (n > 0) {
		const size_t depth = n < DEPTH ? n : DEPTH;

		for (size_t i = 0; i < depth; i++, at = at + 2 * size > info.capacity ? 0 : at + size)
			r[i] = (struct solo5x_block_request){
				.kind = SOLO5X_BLOCK_READ, .offset = at, .buf = data, .size = size,
			};
		if (solo5x_block_submit(disk, r, depth) != depth)
			return SOLO5_EXIT_FAILURE;
		for (size_t got = 0; got < depth; got += solo5x_block_reap(disk, ends, DEPTH))
			if (!solo5x_block_wait(disk))
				return SOLO5_EXIT_FAILURE;
		if (ends[0].result != SOLO5_R_OK)
			return SOLO5_EXIT_FAILURE;
		n -= depth;
	}
	return SOLO5_EXIT_SUCCESS;
}

int solo5_app_main(const struct solo5_start_info *start)
{
	const char *args = start->cmdline;
	const bool writes = take_word(&args, "write"), submits = take_word(&args, "submit");
	unsigned long size;

	if ((!writes && !submits && !take_word(&args, "read")) ||
	    solo5_block_acquire("disk", &disk, &info) != SOLO5_R_OK)
		return SOLO5_EXIT_FAILURE;
	size = take_number(&args);
	if (size == 0 || size > TRANSFER_MAX || size > info.capacity)
		return SOLO5_EXIT_FAILURE;
	return submits ? requests(size, take_number(&args)) :
	       transfers(writes, size, take_number(&args));
}
