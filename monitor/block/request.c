/* SPDX-License-Identifier: ISC */
/* request.c: reads and checks one request. */
#include "request.h"

#include "iov.h"

static void refuse(struct block_request *r, enum block_status status)
{
	r->status = status;
	r->n = 0;
}

/* All of it lies on the disk; sums do not wrap. */
static bool set_place(struct block_request *r, uint64_t sector, uint64_t len, uint64_t capacity)
{
	r->len = len;
	return !__builtin_mul_overflow(sector, (uint64_t)BLOCK_SECTOR, &r->offset) &&
	       r->offset < capacity && len > 0 && len <= capacity - r->offset;
}

static void parse_transfer(struct block_request *r, const struct virtqueue_chain *c,
			   const struct block_header *h, const struct block_limits *limits,
			   struct iovec *data)
{
	const bool in = r->type == BLOCK_IN;
	const uint64_t len = in ? c->writable - 1 : c->readable - sizeof *h;

	if ((in ? c->readable != sizeof *h : c->writable != 1) || len % BLOCK_SECTOR != 0 ||
	    len > BLOCK_DATA_MAX || !set_place(r, h->sector, len, limits->capacity)) {
		refuse(r, BLOCK_IOERR);
		return;
	}
	r->data = data;
	r->n = in ? iov_slice(c->iov + c->n_readable, c->n_writable, 0, len, data) :
	       iov_slice(c->iov, c->n_readable, sizeof *h, len, data);
	if (r->n > BLOCK_SEGMENTS_MAX)
		refuse(r, BLOCK_IOERR);
}

static void parse_range(struct block_request *r, const struct virtqueue_chain *c,
			const struct block_limits *limits)
{
	const uint32_t allowed = r->type == BLOCK_WRITE_ZEROES ? BLOCK_RANGE_UNMAP : 0;
	struct block_range range;

	if (c->readable != sizeof(struct block_header) + sizeof range || c->writable != 1) {
		refuse(r, BLOCK_IOERR);
		return;
	}
	(void)iov_gather(c->iov, c->n_readable, sizeof(struct block_header), &range, sizeof range);
	r->unmap = (range.flags & BLOCK_RANGE_UNMAP) != 0;
	if ((range.flags & ~allowed) != 0)
		refuse(r, BLOCK_UNSUPP);
	else if (!set_place(r, range.sector, (uint64_t)range.n_sectors * BLOCK_SECTOR,
			    limits->capacity) ||
		 (r->type == BLOCK_WRITE_ZEROES && r->len > BLOCK_ZEROES_MAX))
		refuse(r, BLOCK_IOERR);
}

/* A type that is not known is nothing that could be done; above all it is not a read. */
static void parse_type(struct block_request *r, const struct virtqueue_chain *c,
		       const struct block_header *h, const struct block_limits *limits,
		       struct iovec *data)
{
	switch (h->type) {
	case BLOCK_IN:
	case BLOCK_OUT:
		r->type = (enum block_type)h->type;
		parse_transfer(r, c, h, limits, data);
		return;
	case BLOCK_FLUSH:
		r->type = BLOCK_FLUSH;
		if (c->readable != sizeof *h || c->writable != 1)
			refuse(r, BLOCK_IOERR);
		return;
	case BLOCK_DISCARD:
	case BLOCK_WRITE_ZEROES:
		r->type = (enum block_type)h->type;
		parse_range(r, c, limits);
		return;
	default:
		refuse(r, BLOCK_UNSUPP);
	}
}

int block_request_parse(struct block_request *r, const struct virtqueue_chain *c,
			const struct block_limits *limits, struct iovec *data, const char *what,
			struct husk_error *e)
{
	struct block_header h;

	*r = (struct block_request){.head = c->head};
	if (c->writable == 0)
		return husk_fail(e, HUSK_E_GUEST, "%s: the chain from descriptor %u on has no byte for "
				 "a status", what, c->head);
	(void)iov_slice(c->iov + c->n_readable, c->n_writable, c->writable - 1, 1, &r->end);
	if (iov_gather(c->iov, c->n_readable, 0, &h, sizeof h) < sizeof h)
		refuse(r, BLOCK_IOERR);
	else
		parse_type(r, c, &h, limits, data);
	if (r->status == BLOCK_OK && limits->read_only &&
	    r->type != BLOCK_IN && r->type != BLOCK_FLUSH) {
		refuse(r, BLOCK_IOERR);
		r->denied = true;
	}
	return 0;
}

static bool is_transfer(const struct block_request *r)
{
	return r->status == BLOCK_OK && (r->type == BLOCK_IN || r->type == BLOCK_OUT);
}

unsigned block_request_neighbours(const struct block_request *r, unsigned n)
{
	uint64_t len = r->len;
	unsigned i = 1;

	for (; is_transfer(r) && i < n && is_transfer(&r[i]) && r[i].type == r->type &&
	       r[i].offset == r->offset + len && len + r[i].len <= BLOCK_DATA_MAX; i++)
		len += r[i].len;
	return i;
}

uint32_t block_request_finish(const struct block_request *r)
{
	const uint8_t status = (uint8_t)r->status;
	const bool has_data = r->status == BLOCK_OK && r->type == BLOCK_IN;

	(void)iov_scatter(&r->end, 1, 0, &status, sizeof status);
	return has_data ? (uint32_t)r->len + 1 : 1;
}
