/* SPDX-License-Identifier: ISC */
/*
 * read_ahead.h: what of a block device was read before the application asks for it.
 *
 * A read that goes on where the one before has ended brings the next AHEAD_BYTES along, and the reads
 * that follow are copies. How much is brought along shrinks to what was asked for where most of it
 * was in vain, and grows again.
 *
 * Where the monitor says that nobody else writes to the disk (block_alone, husk_abi.h), the bytes stay
 * until the application writes to them. Elsewhere they are given out once and in order, and only until
 * something else has come from outside: a frame, a packet, another block, the end of a wait. An
 * application can learn of a change of the disk by nothing else, so that it does not see older bytes
 * than it must expect.
 *
 * Arithmetic and copies; the hypercalls are block.c's.
 */
#ifndef READ_AHEAD_H
#define READ_AHEAD_H

#include "../include/solo5.h"

#define AHEAD_BYTES 65536u
#define AHEAD_NS 1000000000u	/* so long, where others may write */

struct ahead {
	bool alone;			/* nobody else writes to the disk */
	solo5_off_t next;		/* behind the last read */
	solo5_off_t origin;		/* of bytes[0] on the disk */
	solo5_off_t start, end;		/* of the disk: what is there to be given out */
	size_t held, used;		/* bytes that were brought along at once; of these, given out */
	size_t window;			/* bytes to bring along next */
	uint64_t inputs;		/* where others may write: inputs_seen, and the time, of */
	solo5_time_t since;		/* when the bytes were read */
	uint8_t bytes[AHEAD_BYTES];
};

/* a is zero-filled. */
void ahead_init(struct ahead *a, bool alone);

/* Whether this read could be served, and was. */
bool ahead_serve(struct ahead *a, solo5_off_t offset, uint8_t *buf, size_t size);

/*
 * How many bytes at offset to read to a->bytes for a read that could not be served: more than size, up
 * to what the device has from there on; 0: none, the read is to be made as it is.
 */
size_t ahead_wants(struct ahead *a, solo5_off_t offset, size_t size, solo5_off_t left);

/* They have been read, and are to be given out; 0: that failed. */
void ahead_filled(struct ahead *a, solo5_off_t offset, size_t size);

/* Before a write of these bytes, which may fail half-way. */
void ahead_write(struct ahead *a, solo5_off_t offset, uint64_t size);

#endif
