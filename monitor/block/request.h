/* SPDX-License-Identifier: ISC */
/*
 * request.h: what a chain of a block device's queue asks for (include/block_abi.h).
 *
 * Every field of the guest's is copied once and checked here, before anything is done with it: what
 * passes lies on the disk, and may be done to it. Arithmetic and copies.
 */
#ifndef HUSK_BLOCK_REQUEST_H
#define HUSK_BLOCK_REQUEST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "../../include/block_abi.h"
#include "error.h"
#include "virtqueue.h"

/* The disk, as far as requests are concerned. */
struct block_limits {
	uint64_t capacity;		/* bytes */
	bool read_only;
};

struct block_request {
	uint16_t head;			/* the chain's */
	enum block_status status;	/* BLOCK_OK: to be done */
	bool denied;			/* BLOCK_IOERR because the disk is read-only */
	enum block_type type;
	uint64_t offset, len;		/* bytes of the disk, unless it is a FLUSH */
	bool unmap;			/* WRITE_ZEROES may free the space */
	const struct iovec *data;	/* of IN and OUT: n spans of len bytes */
	unsigned n;
	struct iovec end;		/* the byte for the status */
};

/*
 * data has room for the chain's spans; r->data lies there. HUSK_E_GUEST: there is no byte for a
 * status. what is the queue's name.
 */
int block_request_parse(struct block_request *r, const struct virtqueue_chain *c,
			const struct block_limits *limits, struct iovec *data, const char *what,
			struct husk_error *e);

/*
 * How many of the n requests from r on are one transfer: IN or OUT, to be done, each where the one
 * before has ended on the disk, of BLOCK_DATA_MAX bytes in all. 1 for any other. Their spans are one
 * list if they were parsed one after the other, each behind the spans of the one before.
 */
unsigned block_request_neighbours(const struct block_request *r, unsigned n);

/* Tells the guest the status. Returns how many bytes were written to the chain. */
uint32_t block_request_finish(const struct block_request *r);

#endif
