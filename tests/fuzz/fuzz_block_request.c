/* SPDX-License-Identifier: ISC */
/*
 * fuzz_block_request.c: what a guest can write into a request to a disk: the first 32 bytes are header
 * and range; each byte that follows is a span of the chain, writable from the first on with bit 6, of
 * 0 to 63 bytes, or of as many sectors if it is 128 and more. What passes must lie on the disk.
 */
#include <stdlib.h>
#include <string.h>

#include "../../monitor/block/request.h"

#define CHECK(condition) ((condition) ? (void)0 : abort())
#define FIXED 32u
#define CAPACITY 0x100000u
#define MEMORY (VIRTQ_SIZE_MAX * 64u * BLOCK_SECTOR)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t memory[MEMORY];

static uint32_t length_of(uint8_t byte)
{
	return byte >= 128 ? (byte & 63u) * BLOCK_SECTOR : byte & 63u;
}

/* The spans lie one behind the other. Returns the bytes that can be read. */
static uint32_t make_chain(struct virtqueue_chain *c, struct iovec *iov, const uint8_t *data,
			   size_t size)
{
	uint32_t at = 0;
	bool writable = false;

	*c = (struct virtqueue_chain){.iov = iov, .head = 3};
	for (size_t i = 0; i < size && i < VIRTQ_SIZE_MAX; i++) {
		const uint32_t len = length_of(data[i]);

		writable |= (data[i] & 64) != 0;
		if (len == 0)
			continue;
		iov[c->n_readable + c->n_writable] = (struct iovec){memory + at, len};
		++*(writable ? &c->n_writable : &c->n_readable);
		*(writable ? &c->writable : &c->readable) += len;
		at += len;
	}
	return c->readable;
}

static void check_data(const struct block_request *r, const struct virtqueue_chain *c)
{
	const uint8_t *from = memory + (r->type == BLOCK_IN ? c->readable : sizeof(struct block_header));
	uint64_t sum = 0;

	CHECK(r->n <= BLOCK_SEGMENTS_MAX && r->len <= BLOCK_DATA_MAX && r->len % BLOCK_SECTOR == 0);
	for (unsigned i = 0; i < r->n; i++) {
		CHECK(r->data[i].iov_base == from + sum);
		sum += r->data[i].iov_len;
	}
	CHECK(sum == r->len);
}

static void check(const struct block_request *r, const struct virtqueue_chain *c, bool read_only)
{
	const uint8_t *last = memory + c->readable + c->writable - 1;
	const bool moves = r->type == BLOCK_IN || r->type == BLOCK_OUT;

	CHECK(r->head == 3 && r->end.iov_base == last && r->end.iov_len == 1);
	if (r->status != BLOCK_OK) {
		CHECK(r->n == 0 && block_request_finish(r) == 1 && *last == (uint8_t)r->status);
		return;
	}
	CHECK(!read_only || r->type == BLOCK_IN || r->type == BLOCK_FLUSH);
	if (r->type != BLOCK_FLUSH)
		CHECK(r->len > 0 && r->offset < CAPACITY && r->len <= CAPACITY - r->offset &&
		      r->offset % BLOCK_SECTOR == 0);
	if (moves)
		check_data(r, c);
	CHECK(block_request_neighbours(r, 1) == 1);
	CHECK(block_request_finish(r) == (r->type == BLOCK_IN ? r->len + 1 : 1) && *last == BLOCK_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct iovec iov[VIRTQ_SIZE_MAX], pieces[VIRTQ_SIZE_MAX];
	struct virtqueue_chain c;
	struct husk_error e = {0};
	struct block_request r;
	uint32_t readable;
	int rc;

	if (size < FIXED)
		return 0;
	for (unsigned read_only = 0; read_only < 2; read_only++) {
		const struct block_limits limits = {CAPACITY, read_only != 0};

		memset(memory, 0xee, sizeof memory);
		readable = make_chain(&c, iov, data + FIXED, size - FIXED);
		memcpy(memory, data, readable < FIXED ? readable : FIXED);
		rc = block_request_parse(&r, &c, &limits, pieces, "queue", &e);
		CHECK((rc == -1) == (c.writable == 0) && (rc == -1) == (e.kind == HUSK_E_GUEST));
		if (rc == 0)
			check(&r, &c, read_only != 0);
	}
	return 0;
}
