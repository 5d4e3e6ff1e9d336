/* SPDX-License-Identifier: ISC */
/* block_queue.c: requests go through the device's queue where the monitor grants one, else one by one. */
#include "block_queue.h"

#include "../include/block_abi.h"
#include "../include/husk_abi.h"
#include "../include/solo5x.h"
#include "bindings.h"
#include "cpu.h"
#include "features.h"
#include "queue.h"

#define ENTRIES_MAX 128u
#define CHAIN_MAX 3u			/* header, data, status */
#define DEPTH_MAX 40u
#define POOL (DEPTH_MAX + 1)		/* one is for calls that wait */
#define QUEUE_BYTES 3344u		/* virtq_memory(ENTRIES_MAX) */
#define ZEROS_BYTES 32768u		/* the largest block */
#define WAIT_NS 1000000000u		/* then it looks again */
_Static_assert(POOL * CHAIN_MAX <= ENTRIES_MAX, "a request finds descriptors");

struct pending {
	struct block_header header;
	struct block_range range;	/* behind the header */
	uint8_t status;
	bool in_use;
	bool waited_for;		/* by a call; otherwise its end is reaped */
	struct solo5x_block_request request;
};
_Static_assert(offsetof(struct pending, range) == sizeof(struct block_header), "in one piece");

struct block_queue {
	uint8_t memory[QUEUE_BYTES] __attribute__((aligned(16)));
	struct virtq q;
	bool tried, queued;		/* the queue was announced; the monitor has it */
	uint16_t depth;
	uint16_t outstanding;		/* submitted and not reaped */
	bool call_has_ended;		/* that of the request that is waited for */
	solo5_result_t call_result;
	uint16_t first_end, n_ends;
	struct solo5x_block_end ends[DEPTH_MAX];
	struct pending pool[POOL];
	uint8_t pool_of[ENTRIES_MAX];	/* by head of a chain */
};

static struct block_queue *queues[MFT_MAX_ENTRIES];	/* by handle; NULL: none */
static const uint8_t *zeros;		/* of ZEROS_BYTES; NULL: not needed, or no memory */

void block_queue_init(struct solo5_start_info *info)
{
	const bool granted = (solo5x_features() & HUSK_FEATURE_BLOCK) != 0;

	zeros = NULL;
	for (solo5_handle_t i = 1; i < MFT_MAX_ENTRIES; i++) {
		queues[i] = NULL;
		if (manifest_get(i, MFT_DEV_BLOCK_BASIC) == NULL)
			continue;
		queues[i] = (struct block_queue *)(void *)memory_take(info, sizeof *queues[i]);
		if (queues[i] != NULL)
			queues[i]->depth = DEPTH_MAX;
		if (zeros == NULL && !granted)
			zeros = memory_take(info, ZEROS_BYTES);
		yield_ignored |= (solo5_handle_set_t)1 << i;
	}
}

static struct block_queue *find(solo5_handle_t handle)
{
	return handle < MFT_MAX_ENTRIES ? queues[handle] : NULL;
}

/* ---- one by one ---- */

static solo5_result_t write_zeros(solo5_handle_t handle, solo5_off_t offset, uint64_t size)
{
	solo5_result_t result = zeros != NULL ? SOLO5_R_OK : SOLO5_R_EUNSPEC;

	while (size > 0 && result == SOLO5_R_OK) {
		const size_t n = size < ZEROS_BYTES ? (size_t)size : ZEROS_BYTES;

		result = solo5_block_write(handle, offset, zeros, n);
		offset += n;
		size -= n;
	}
	return result;
}

static solo5_result_t do_now(solo5_handle_t handle, const struct solo5x_block_request *r)
{
	switch (r->kind) {
	case SOLO5X_BLOCK_READ:
		return solo5_block_read(handle, r->offset, r->buf, r->size);
	case SOLO5X_BLOCK_WRITE:
		return solo5_block_write(handle, r->offset, r->buf, r->size);
	case SOLO5X_BLOCK_WRITE_ZEROES:
		return write_zeros(handle, r->offset, r->size);
	default:
		return SOLO5_R_EUNSPEC;
	}
}

/* ---- by the queue ---- */

/* Unless somebody waits: the event stays behind what has come back. */
static void want_no_call(struct block_queue *b)
{
	__atomic_store_n(virtq_used_event(b->q.avail, b->q.size), (uint16_t)(b->q.taken - 1),
			 __ATOMIC_RELAXED);
}

/* The first request announces the queue. */
static bool has_queue(struct block_queue *b, solo5_handle_t handle)
{
	const uint32_t most = features_queue_size_max();
	uint16_t size = ENTRIES_MAX;

	if (b->tried)
		return b->queued;
	b->tried = true;
	while (size > most)
		size /= 2;
	if ((solo5x_features() & HUSK_FEATURE_BLOCK) == 0 || size < 2 * CHAIN_MAX)
		return false;
	virtq_init(&b->q, size, b->memory);
	want_no_call(b);
	b->queued = queue_announce(handle, 0, &b->q);
	if (b->queued && b->depth > size / CHAIN_MAX - 1)
		b->depth = (uint16_t)(size / CHAIN_MAX - 1);
	return b->queued;
}

static bool changes_blocks(const struct solo5x_block_request *r)
{
	return r->kind != SOLO5X_BLOCK_READ && r->kind != SOLO5X_BLOCK_FLUSH;
}

static struct pending *take_pending(struct block_queue *b)
{
	struct pending *p = b->pool;

	while (p->in_use)
		p++;
	return p;
}

static void fill_header(struct pending *p)
{
	static const uint32_t types[] = {BLOCK_IN, BLOCK_OUT, BLOCK_FLUSH, BLOCK_DISCARD,
					 BLOCK_WRITE_ZEROES};
	const struct solo5x_block_request *r = &p->request;
	const bool moves = r->kind <= SOLO5X_BLOCK_WRITE;

	p->header = (struct block_header){
		.type = types[r->kind], .sector = moves ? r->offset / BLOCK_SECTOR : 0,
	};
	p->range = (struct block_range){
		.sector = r->offset / BLOCK_SECTOR, .n_sectors = (uint32_t)(r->size / BLOCK_SECTOR),
		.flags = r->kind == SOLO5X_BLOCK_WRITE_ZEROES ? BLOCK_RANGE_UNMAP : 0,
	};
}

/* There is room. */
static void add(struct block_queue *b, solo5_handle_t handle, const struct solo5x_block_request *r,
		bool waited_for)
{
	struct pending *p = take_pending(b);
	const bool has_range = r->kind >= SOLO5X_BLOCK_DISCARD;
	struct virtq_span spans[CHAIN_MAX] = {
		{queue_gpa(&p->header), sizeof p->header + (has_range ? sizeof p->range : 0)},
	};
	uint16_t readable = 1, n = 1;

	p->in_use = true;
	p->status = UINT8_MAX;
	p->waited_for = waited_for;
	p->request = *r;
	fill_header(p);
	if (r->kind <= SOLO5X_BLOCK_WRITE)
		spans[n++] = (struct virtq_span){queue_gpa(r->buf), (uint32_t)r->size};
	if (r->kind == SOLO5X_BLOCK_WRITE)
		readable++;
	spans[n++] = (struct virtq_span){queue_gpa(&p->status), sizeof p->status};
	if (changes_blocks(r))
		block_changes(handle, r->offset, r->size);
	b->pool_of[virtq_add(&b->q, spans, readable, (uint16_t)(n - readable))] =
		(uint8_t)(p - b->pool);
}

static void end(struct block_queue *b, uint64_t tag, solo5_result_t result)
{
	b->ends[(b->first_end + b->n_ends++) % DEPTH_MAX] =
		(struct solo5x_block_end){tag, result};
}

static void finish(struct block_queue *b, solo5_handle_t handle, struct pending *p,
		   solo5_result_t result)
{
	if (changes_blocks(&p->request))
		block_changes(handle, p->request.offset, p->request.size);
	p->in_use = false;
	if (!p->waited_for) {
		end(b, p->request.tag, result);
		return;
	}
	b->call_has_ended = true;
	b->call_result = result;
}

/* What became of them nobody knows. */
static void fail_all(struct block_queue *b, solo5_handle_t handle)
{
	b->queued = false;
	for (struct pending *p = b->pool; p < b->pool + POOL; p++)
		if (p->in_use)
			finish(b, handle, p, SOLO5_R_EUNSPEC);
}

/* All that has come back. */
static void take_back(struct block_queue *b, solo5_handle_t handle)
{
	uint32_t written;
	int head;

	while (b->queued && (head = virtq_take(&b->q, &written)) >= 0) {
		struct pending *p = &b->pool[b->pool_of[head]];
		const size_t data = p->request.kind == SOLO5X_BLOCK_READ ? p->request.size : 0;

		finish(b, handle, p, p->status == BLOCK_OK && written == data + 1 ? SOLO5_R_OK :
		       SOLO5_R_EUNSPEC);
		inputs_seen++;
	}
	if (!b->queued)
		return;
	want_no_call(b);
	if (b->q.broken)
		fail_all(b, handle);
}

static void submit(struct block_queue *b, solo5_handle_t handle)
{
	yield_send_late();
	queue_submit(handle, 0, &b->q);
}

static void wait(struct block_queue *b)
{
	struct hvt_poll arg = {.timeout_nsecs = WAIT_NS};

	if (b->queued && virtq_arm(&b->q))
		cpu_hypercall(HVT_HYPERCALL_POLL, &arg);
}

/* ---- the interface ---- */

static bool is_sound(solo5_handle_t handle, const struct solo5x_block_request *r)
{
	const uint64_t most = r->kind <= SOLO5X_BLOCK_WRITE ? SOLO5X_BLOCK_SIZE_MAX :
			      r->kind == SOLO5X_BLOCK_WRITE_ZEROES ? SOLO5X_BLOCK_ZEROES_MAX :
			      (uint64_t)UINT32_MAX * BLOCK_SECTOR;

	return r->kind == SOLO5X_BLOCK_FLUSH ||
	       (r->kind <= SOLO5X_BLOCK_WRITE_ZEROES && r->size <= most &&
		block_has(handle, r->offset, r->size));
}

size_t solo5x_block_depth(solo5_handle_t handle)
{
	struct block_queue *b = find(handle);

	if (b == NULL)
		return 0;
	(void)has_queue(b, handle);
	return b->depth;
}

size_t solo5x_block_submit(solo5_handle_t handle, const struct solo5x_block_request *requests,
			   size_t n)
{
	struct block_queue *b = find(handle);
	size_t i = 0;

	if (b == NULL)
		return 0;
	for (; i < n && b->outstanding < solo5x_block_depth(handle); i++, b->outstanding++) {
		const struct solo5x_block_request *r = &requests[i];

		if (!is_sound(handle, r))
			end(b, r->tag, SOLO5_R_EINVAL);
		else if (b->queued)
			add(b, handle, r, false);
		else
			end(b, r->tag, do_now(handle, r));
	}
	if (b->queued)
		submit(b, handle);
	return i;
}

size_t solo5x_block_reap(solo5_handle_t handle, struct solo5x_block_end *ends, size_t n)
{
	struct block_queue *b = find(handle);
	size_t i = 0;

	if (b == NULL)
		return 0;
	take_back(b, handle);
	for (; i < n && b->n_ends > 0; i++) {
		ends[i] = b->ends[b->first_end];
		b->first_end = (uint16_t)((b->first_end + 1) % DEPTH_MAX);
		b->n_ends--;
		b->outstanding--;
	}
	return i;
}

bool solo5x_block_wait(solo5_handle_t handle)
{
	struct block_queue *b = find(handle);

	if (b == NULL)
		return false;
	for (take_back(b, handle); b->n_ends == 0 && b->outstanding > 0; take_back(b, handle))
		wait(b);
	return b->n_ends > 0;
}

/* A request that is waited for, whatever else is outstanding. */
static solo5_result_t call(solo5_handle_t handle, enum solo5x_block_kind kind, solo5_off_t offset,
			   uint64_t size)
{
	const struct solo5x_block_request r = {.kind = kind, .offset = offset, .size = size};
	struct block_queue *b = find(handle);

	if (manifest_get(handle, MFT_DEV_BLOCK_BASIC) == NULL || !is_sound(handle, &r))
		return SOLO5_R_EINVAL;
	if (b == NULL || !has_queue(b, handle))
		return do_now(handle, &r);
	b->call_has_ended = false;
	add(b, handle, &r, true);
	submit(b, handle);
	for (take_back(b, handle); !b->call_has_ended; take_back(b, handle))
		wait(b);
	return b->call_result;
}

/* In pieces that a request can be of. */
static solo5_result_t call_all(solo5_handle_t handle, enum solo5x_block_kind kind, uint64_t most,
			       solo5_off_t offset, uint64_t size)
{
	solo5_result_t result = SOLO5_R_OK;

	if (!block_has(handle, offset, size))
		return SOLO5_R_EINVAL;
	while (size > 0 && result == SOLO5_R_OK) {
		const uint64_t n = size < most ? size : most;

		result = call(handle, kind, offset, n);
		offset += n;
		size -= n;
	}
	return result;
}

solo5_result_t solo5x_block_flush(solo5_handle_t handle)
{
	return call(handle, SOLO5X_BLOCK_FLUSH, 0, 0);
}

solo5_result_t solo5x_block_discard(solo5_handle_t handle, solo5_off_t offset, uint64_t size)
{
	return call_all(handle, SOLO5X_BLOCK_DISCARD, (uint64_t)1 << 40, offset, size);
}

solo5_result_t solo5x_block_write_zeroes(solo5_handle_t handle, solo5_off_t offset, uint64_t size)
{
	return call_all(handle, SOLO5X_BLOCK_WRITE_ZEROES, SOLO5X_BLOCK_ZEROES_MAX, offset, size);
}

solo5_result_t solo5x_block_read(solo5_handle_t handle, solo5_off_t offset, uint8_t *buf, size_t size)
{
	return solo5_block_read(handle, offset, buf, size);
}

solo5_result_t solo5x_block_write(solo5_handle_t handle, solo5_off_t offset, const uint8_t *buf,
				  size_t size)
{
	return solo5_block_write(handle, offset, buf, size);
}
