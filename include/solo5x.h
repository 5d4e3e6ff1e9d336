/* SPDX-License-Identifier: ISC */
/*
 * solo5x.h: what husk offers a unikernel beyond solo5.h.
 *
 * The functions are in husk's bindings, so that an image with them starts under any monitor for
 * Solo5's hvt; there they find nothing, and say so. Self-contained C99; also valid C++.
 */
#ifndef SOLO5X_H
#define SOLO5X_H

#include <stddef.h>
#include <stdint.h>

#include "solo5.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SOLO5X_FEATURE_VSOCK 1u		/* vsock.h */
#define SOLO5X_FEATURE_BLOCK 2u		/* queues for block devices */
#define SOLO5X_FEATURE_NET 4u		/* queues for network devices: what solo5.h has goes through them */

/*
 * The set of features that the monitor has granted: those that the image wants, that were
 * configured, and that are possible. An image wants what its devices need; 0 under monitors that
 * have no such thing.
 */
uint32_t solo5x_features(void);

/* ---- Block storage: several requests at a time ---- */

/*
 *	call			where SOLO5X_FEATURE_BLOCK is not granted, as under other monitors
 *
 *	solo5x_block_read	the same
 *	solo5x_block_write	the same
 *	solo5x_block_depth	the same
 *	solo5x_block_submit	each request is done at once, one after the other
 *	solo5x_block_reap	the same
 *	solo5x_block_wait	the same; never has to
 *	solo5x_block_flush	SOLO5_R_EUNSPEC: whether anything is on a medium is not known
 *	solo5x_block_discard	SOLO5_R_EUNSPEC, and nothing is done
 *	solo5x_block_write_zeroes  zeros are written
 *
 * The same holds for requests of these kinds. A handle of no block device, an offset or a size that is
 * not of whole blocks, and blocks that are not on the device are SOLO5_R_EINVAL.
 */

/*
 * As solo5_block_read and solo5_block_write, which with other bindings than husk's take one block at a
 * time: a program that relies on more calls these, and does not link with others.
 */
solo5_result_t solo5x_block_read(solo5_handle_t handle, solo5_off_t offset, uint8_t *buf, size_t size);
solo5_result_t solo5x_block_write(solo5_handle_t handle, solo5_off_t offset, const uint8_t *buf,
				  size_t size);

/*
 * What was written by calls and requests that had ended is on the disk's medium when this returns
 * SOLO5_R_OK, as far as the host can tell; of no others is anything said. If it fails once, what was
 * written since the last flush may be lost, whatever later ones say.
 */
solo5_result_t solo5x_block_flush(solo5_handle_t handle);

/* The blocks are not needed any more: a read gives zeros or what was there. */
solo5_result_t solo5x_block_discard(solo5_handle_t handle, solo5_off_t offset, uint64_t size);

/* A read gives zeros; the host may free the space. */
solo5_result_t solo5x_block_write_zeroes(solo5_handle_t handle, solo5_off_t offset, uint64_t size);

enum solo5x_block_kind {
	SOLO5X_BLOCK_READ,
	SOLO5X_BLOCK_WRITE,
	SOLO5X_BLOCK_FLUSH,		/* offset, buf and size are ignored */
	SOLO5X_BLOCK_DISCARD,		/* buf is ignored */
	SOLO5X_BLOCK_WRITE_ZEROES	/* likewise */
};

#define SOLO5X_BLOCK_SIZE_MAX 0x100000u	/* bytes of a READ or WRITE request */
#define SOLO5X_BLOCK_ZEROES_MAX 0x1000000u	/* of a WRITE_ZEROES request */

struct solo5x_block_request {
	enum solo5x_block_kind kind;
	solo5_off_t offset;
	uint8_t *buf;			/* must stay, and be left alone, until the request has ended */
	size_t size;
	uint64_t tag;			/* the application's: the end has it, too */
};

struct solo5x_block_end {
	uint64_t tag;
	solo5_result_t result;		/* as of the calls above */
};

/* How many requests may be submitted and not reaped; 0: no such device, or no memory for them. */
size_t solo5x_block_depth(solo5_handle_t handle);

/*
 * Submits requests, and returns how many of the first were taken: fewer if there are too many. Those
 * outstanding at the same time have no order, so that no two of them should be of the same blocks.
 * Many in one call are cheaper than one by one, and neighbours in ascending order cheapest.
 */
size_t solo5x_block_submit(solo5_handle_t handle, const struct solo5x_block_request *requests,
			   size_t n);

/* The ends of up to n requests, in the order in which they ended. Does not wait. */
size_t solo5x_block_reap(solo5_handle_t handle, struct solo5x_block_end *ends, size_t n);

/* Waits until there is an end to reap; false if no request is outstanding. */
bool solo5x_block_wait(solo5_handle_t handle);

#ifdef __cplusplus
}
#endif

#endif
