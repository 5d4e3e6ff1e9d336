/* SPDX-License-Identifier: ISC */
/* connection.c: states, credit and the ring of one connection. */
#include "connection.h"

#include <assert.h>

#include "iov.h"

void vsock_connection_init(struct vsock_connection *c, enum vsock_state state, int fd)
{
	*c = (struct vsock_connection){
		.buffer = c->buffer, .size = c->size, .generation = c->generation,
		.state = (uint8_t)state, .fd = fd, .type = VSOCK_TYPE_STREAM, .writable = true,
	};
}

/* ---- to the guest ---- */

static uint32_t window_of(const struct vsock_connection *c)
{
	return c->peer_buf_alloc < VSOCK_WINDOW_MAX ? c->peer_buf_alloc : VSOCK_WINDOW_MAX;
}

/*
 * A guest that claims to have passed on more than it got makes the difference negative as an int32,
 * and 4 GiB large as a uint32: more than the window, so no credit.
 */
uint32_t vsock_credit(const struct vsock_connection *c)
{
	const int64_t window = window_of(c);
	const int64_t on_the_way = (uint32_t)(c->tx_cnt - c->peer_fwd_cnt);

	return window > on_the_way ? (uint32_t)(window - on_the_way) : 0;
}

bool vsock_wants_to_read(const struct vsock_connection *c)
{
	return c->state == VSOCK_OPEN && c->readable &&
	       (c->guest_shut & VSOCK_SHUTDOWN_RECEIVE) == 0 &&
	       (c->host_shut & VSOCK_SHUTDOWN_SEND) == 0;
}

/* Less than fills the largest packet, and less than half of what the guest can hold. */
static bool credit_is_low(const struct vsock_connection *c)
{
	const uint32_t half = c->peer_buf_alloc / 2;

	return vsock_credit(c) < (half < VSOCK_PAYLOAD_MAX ? half : VSOCK_PAYLOAD_MAX);
}

bool vsock_can_read(const struct vsock_connection *c)
{
	return vsock_wants_to_read(c) && vsock_credit(c) > 0 && (c->answered || !credit_is_low(c));
}

/* It is asked once. */
bool vsock_needs_credit(const struct vsock_connection *c)
{
	return vsock_wants_to_read(c) && !vsock_can_read(c) && !c->begged;
}

bool vsock_is_ahead(const struct vsock_connection *c)
{
	const uint32_t part = window_of(c) / 4;

	return c->state == VSOCK_OPEN &&
	       vsock_credit(c) >= (part > VSOCK_PAYLOAD_MAX ? part : VSOCK_PAYLOAD_MAX);
}

void vsock_give_up_asking(struct vsock_connection *c)
{
	c->begged = false;
	c->answered = true;
}

void vsock_passed_to_guest(struct vsock_connection *c, uint32_t n)
{
	c->tx_cnt += n;
	c->answered = false;
}

bool vsock_has_packet(const struct vsock_connection *c)
{
	return c->owes != 0 || vsock_can_read(c) || vsock_needs_credit(c);
}

static bool owed(struct vsock_connection *c, enum vsock_owed what)
{
	const bool is = (c->owes & what) != 0;

	c->owes = (uint8_t)(c->owes & ~what);
	return is;
}

bool vsock_take_owed(struct vsock_connection *c, struct vsock_header *header)
{
	header->flags = 0;
	if (owed(c, VSOCK_OWES_RST)) {
		header->op = VSOCK_OP_RST;
	} else if (owed(c, VSOCK_OWES_RESPONSE)) {
		header->op = VSOCK_OP_RESPONSE;
		c->state = VSOCK_OPEN;
	} else if (owed(c, VSOCK_OWES_REQUEST)) {
		header->op = VSOCK_OP_REQUEST;
		c->asked = true;
	} else if (owed(c, VSOCK_OWES_SHUTDOWN)) {
		header->op = VSOCK_OP_SHUTDOWN;
		header->flags = c->host_shut;
	} else if (owed(c, VSOCK_OWES_CREDIT_REQUEST)) {
		header->op = VSOCK_OP_CREDIT_REQUEST;
		c->begged = true;
	} else if (owed(c, VSOCK_OWES_CREDIT_UPDATE)) {
		header->op = VSOCK_OP_CREDIT_UPDATE;
	} else {
		return false;
	}
	return true;
}

void vsock_stamp(struct vsock_connection *c, struct vsock_header *header, uint64_t guest_cid)
{
	header->src_cid = VSOCK_CID_HOST;
	header->dst_cid = guest_cid;
	header->src_port = c->host_port;
	header->dst_port = c->guest_port;
	header->type = c->type;
	header->buf_alloc = c->size;
	header->fwd_cnt = c->fwd_cnt;
	c->told_fwd_cnt = c->fwd_cnt;
	(void)owed(c, VSOCK_OWES_CREDIT_UPDATE);
}

void vsock_host_shuts(struct vsock_connection *c, unsigned what)
{
	if ((what & ~c->host_shut) == 0)
		return;
	c->host_shut = (uint8_t)(c->host_shut | what);
	c->owes |= VSOCK_OWES_SHUTDOWN;
}

/* ---- from the guest ---- */

static void absorb_credit(struct vsock_connection *c, const struct vsock_header *header)
{
	c->peer_buf_alloc = header->buf_alloc;
	c->peer_fwd_cnt = header->fwd_cnt;
	if (vsock_credit(c) == 0)
		return;
	c->answered |= c->begged;
	c->begged = false;
}

static enum vsock_verdict receive_rw(const struct vsock_connection *c,
				     const struct vsock_header *header)
{
	if ((c->guest_shut & VSOCK_SHUTDOWN_SEND) != 0 ||
	    (c->host_shut & VSOCK_SHUTDOWN_RECEIVE) != 0)
		return VSOCK_IGNORED;
	if (header->len > c->size - c->buffered)
		return VSOCK_VIOLATION;
	return header->len > 0 ? VSOCK_DELIVER : VSOCK_NOTED;
}

static enum vsock_verdict receive_shutdown(struct vsock_connection *c,
					   const struct vsock_header *header)
{
	const uint8_t before = c->guest_shut;

	c->guest_shut = (uint8_t)(before | (header->flags & VSOCK_SHUTDOWN_BOTH));
	return c->guest_shut != before ? VSOCK_SHUT : VSOCK_NOTED;
}

static enum vsock_verdict receive_open(struct vsock_connection *c,
				       const struct vsock_header *header)
{
	switch (header->op) {
	case VSOCK_OP_RW:
		return receive_rw(c, header);
	case VSOCK_OP_SHUTDOWN:
		return receive_shutdown(c, header);
	case VSOCK_OP_CREDIT_UPDATE:
		return VSOCK_NOTED;
	case VSOCK_OP_CREDIT_REQUEST:
		c->owes |= VSOCK_OWES_CREDIT_UPDATE;
		return VSOCK_NOTED;
	}
	return VSOCK_IGNORED;
}

static enum vsock_verdict receive_answering(struct vsock_connection *c,
					    const struct vsock_header *header)
{
	if (header->op == VSOCK_OP_CREDIT_REQUEST)
		c->owes |= VSOCK_OWES_CREDIT_UPDATE;
	return header->op >= VSOCK_OP_CREDIT_UPDATE ? VSOCK_NOTED : VSOCK_IGNORED;
}

/* Of a connection that was never open there is nothing to end but by RST. */
static enum vsock_verdict receive_asking(struct vsock_connection *c,
					 const struct vsock_header *header)
{
	if (header->op != VSOCK_OP_RESPONSE || !c->asked)
		return VSOCK_IGNORED;
	c->state = VSOCK_OPEN;
	return VSOCK_ACCEPTED;
}

enum vsock_verdict vsock_connection_receive(struct vsock_connection *c,
					    const struct vsock_header *header)
{
	if (header->op == VSOCK_OP_RST)
		return VSOCK_GONE;
	if (c->state == VSOCK_RESET || header->op < VSOCK_OP_REQUEST ||
	    header->op > VSOCK_OP_CREDIT_REQUEST)
		return VSOCK_IGNORED;
	absorb_credit(c, header);
	switch (c->state) {
	case VSOCK_ASKING:
		return receive_asking(c, header);
	case VSOCK_ANSWERING:
		return receive_answering(c, header);
	case VSOCK_OPEN:
		return receive_open(c, header);
	case VSOCK_CLOSING:
		return header->op == VSOCK_OP_SHUTDOWN ? receive_shutdown(c, header) :
		       VSOCK_IGNORED;
	}
	return VSOCK_IGNORED;
}

/*
 * Room that the guest does not know of is told before it knows of less than three eighths, so that its
 * sender does not wait, and not for every packet.
 */
void vsock_passed_on(struct vsock_connection *c, uint32_t n)
{
	c->fwd_cnt += n;
	if (c->fwd_cnt - c->told_fwd_cnt > c->size / 8 * 5)
		c->owes |= VSOCK_OWES_CREDIT_UPDATE;
}

/* ---- the ring ---- */

/* The len bytes from offset on, counted from where the content begins. */
static int ring_spans(const struct vsock_connection *c, uint32_t offset, uint32_t len,
		      struct iovec spans[2])
{
	const uint32_t at = (c->buffer_at + offset) % c->size;
	const uint32_t first = len < c->size - at ? len : c->size - at;

	spans[0] = (struct iovec){c->buffer + at, first};
	spans[1] = (struct iovec){c->buffer, len - first};
	return (first > 0) + (len > first);
}

int vsock_buffer_spans(const struct vsock_connection *c, struct iovec spans[2])
{
	return ring_spans(c, 0, c->buffered, spans);
}

void vsock_buffer_put(struct vsock_connection *c, const struct vsock_packet *p, uint32_t offset)
{
	const uint32_t len = p->header.len - offset;
	uint64_t from = VSOCK_HEADER_SIZE + (uint64_t)offset;
	struct iovec spans[2];
	const int n = ring_spans(c, c->buffered, len, spans);

	assert(offset <= p->header.len && len <= c->size - c->buffered);
	for (int i = 0; i < n; i++)
		from += iov_gather(p->iov, p->n_iov, from, spans[i].iov_base, spans[i].iov_len);
	c->buffered += len;
	c->kept |= len > 0;
}

void vsock_buffer_drop(struct vsock_connection *c, uint32_t n)
{
	assert(n <= c->buffered);
	c->buffered -= n;
	c->buffer_at = c->buffered == 0 ? 0 : (c->buffer_at + n) % c->size;
	vsock_passed_on(c, n);
}
