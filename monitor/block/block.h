/* SPDX-License-Identifier: ISC */
/*
 * block.h: the block devices of one machine, and what the parts of the module do for each other.
 *
 *	module_block.c	options, and the life of a device: open, attach, close
 *	calls.c		the two hypercalls
 *	queue.c		their queues
 *	request.c	what a chain of a queue asks for
 *
 * All by the thread that owns the core.
 */
#ifndef HUSK_BLOCK_H
#define HUSK_BLOCK_H

#include "device_set.h"
#include "disk.h"
#include "module.h"
#include "queues.h"

struct block_module;

struct block_device {
	struct set_device is;
	struct disk disk;
	uint64_t reads, writes, bytes_read, bytes_written, errors, calls;
	struct block_module *module;
	struct virtqueue queue;
	char what[MFT_NAME_SIZE + 32];	/* the queue's name */
	bool called;			/* completions are there that the guest wants to be told of */
	bool due;			/* the queue may hold requests for which no doorbell rings */
	bool deaf;			/* the host took no word of what will be read, and is told none any more */
	uint64_t doorbells, requests, refused, flushes, discards, zeroes, told_ahead;	/* by the queue */
};

struct direction;

/* One of the two hypercalls, as far as it has come. */
struct block_call {
	const struct direction *dir;	/* NULL: no request */
	gpa_t arg;			/* gpa of the structure, where the result goes too */
	struct hvt_block rq;		/* a copy, made once */
	uint64_t done;			/* bytes moved so far */
};

struct block_module {
	struct core *core;
	struct block_call unfinished;	/* interrupted by a stop */
	struct device_set set;		/* of struct block_device */
	unsigned client;		/* of the run loop; CORE_NO_CLIENT: there are no queues */
};

/* ---- calls.c ---- */

#define BLOCK_CALLS 2
extern const struct module_call block_calls[BLOCK_CALLS];

/* The guest gets an error each time; the user gets one message. error: disk_error_text. */
void block_failed(struct block_device *dev, const char *verb, uint64_t offset, int error);

/* A transfer has succeeded. */
void block_account(struct block_device *dev, bool writes, uint64_t len);

/* ---- queue.c ---- */

/* If the image wants queues, its devices can have them. HUSK_E_HOST, and none can. */
int block_queues_attach(struct block_module *s, struct husk_error *e);
void block_queues_detach(struct block_module *s);

#endif
