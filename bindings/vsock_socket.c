/* SPDX-License-Identifier: ISC */
/* vsock_socket.c: states, credit and the ring of one socket. */
#include "vsock_socket.h"

#include "libc/string.h"

void socket_init(struct socket *s, enum socket_state state, uint32_t guest_port,
		 uint32_t host_port)
{
	*s = (struct socket){
		.buffer = s->buffer, .size = s->size, .generation = s->generation,
		.state = (uint8_t)state, .guest_port = guest_port, .host_port = host_port,
	};
}

/* ---- credit ---- */

void socket_absorb_credit(struct socket *s, const struct vsock_header *h)
{
	s->peer_buf_alloc = h->buf_alloc;
	s->peer_fwd_cnt = h->fwd_cnt;
}

/* A host that has passed on more than it got makes the difference large: no credit. */
uint32_t socket_credit(const struct socket *s)
{
	const uint32_t on_the_way = s->tx_cnt - s->peer_fwd_cnt;

	return s->peer_buf_alloc > on_the_way ? s->peer_buf_alloc - on_the_way : 0;
}

/* The host is told when it knows of too little room, so that it does not wait. */
void socket_passed_on(struct socket *s, uint32_t n)
{
	s->fwd_cnt += n;
	if (socket_may_receive(s) && s->fwd_cnt - s->told_fwd_cnt >= s->size / 2)
		s->owes |= SOCKET_OWES_CREDIT_UPDATE;
}

/* ---- what may go which way ---- */

bool socket_may_receive(const struct socket *s)
{
	return (s->state == SOCKET_OPEN || s->state == SOCKET_CONNECTING) &&
	       (s->own_shut & VSOCK_SHUTDOWN_RECEIVE) == 0 &&
	       (s->peer_shut & VSOCK_SHUTDOWN_SEND) == 0;
}

bool socket_may_send(const struct socket *s)
{
	return (s->state == SOCKET_OPEN || s->state == SOCKET_CONNECTING) &&
	       (s->own_shut & VSOCK_SHUTDOWN_SEND) == 0 &&
	       (s->peer_shut & VSOCK_SHUTDOWN_RECEIVE) == 0;
}

void socket_reset(struct socket *s, enum socket_end end)
{
	const bool is_known = s->state != SOCKET_OVER && (s->owes & SOCKET_OWES_REQUEST) == 0;

	s->owes = is_known ? SOCKET_OWES_RST : (uint8_t)(s->owes & SOCKET_OWES_RST);
	s->state = SOCKET_OVER;
	s->end = (uint8_t)end;
}

void socket_shut(struct socket *s, unsigned directions)
{
	if ((directions & ~s->own_shut) == 0)
		return;
	s->own_shut = (uint8_t)(s->own_shut | directions);
	if ((directions & VSOCK_SHUTDOWN_RECEIVE) != 0)
		s->held = 0;
	if (s->state == SOCKET_OPEN)
		s->owes |= SOCKET_OWES_SHUTDOWN;
}

/* ---- what comes ---- */

/* RST is how a connection ends that both sides have shut, and how one breaks. */
static void receive_rst(struct socket *s)
{
	const bool is_end = s->state == SOCKET_CLOSING || s->own_shut == VSOCK_SHUTDOWN_BOTH;

	s->end = (uint8_t)(is_end ? SOCKET_ENDED :
			   s->state == SOCKET_CONNECTING ? SOCKET_REFUSED : SOCKET_RESET);
	s->state = SOCKET_OVER;
	s->owes = 0;
}

static bool receive_rw(struct socket *s, uint32_t len)
{
	if (s->state != SOCKET_OPEN || !socket_may_receive(s))
		return false;
	if (len > s->size - s->held) {
		socket_reset(s, SOCKET_RESET);
		return false;
	}
	return len > 0;
}

/* When the host neither sends nor takes anything, all has come: RST lets it forget the connection. */
static void receive_shutdown(struct socket *s, uint32_t flags)
{
	if (s->state != SOCKET_OPEN && s->state != SOCKET_CLOSING)
		return;
	s->peer_shut = (uint8_t)(s->peer_shut | (flags & VSOCK_SHUTDOWN_BOTH));
	if (s->peer_shut == VSOCK_SHUTDOWN_BOTH)
		socket_reset(s, SOCKET_ENDED);
}

bool socket_receive(struct socket *s, const struct vsock_header *h)
{
	if (s->state == SOCKET_OVER)
		return false;
	socket_absorb_credit(s, h);
	switch (h->op) {
	case VSOCK_OP_RESPONSE:
		if (s->state == SOCKET_CONNECTING && (s->owes & SOCKET_OWES_REQUEST) == 0)
			s->state = SOCKET_OPEN;
		break;
	case VSOCK_OP_RST:
		receive_rst(s);
		break;
	case VSOCK_OP_SHUTDOWN:
		receive_shutdown(s, h->flags);
		break;
	case VSOCK_OP_RW:
		return receive_rw(s, h->len);
	case VSOCK_OP_CREDIT_REQUEST:
		s->owes |= SOCKET_OWES_CREDIT_UPDATE;
		break;
	}
	return false;
}

/* ---- the ring ---- */

void socket_keep(struct socket *s, const uint8_t *bytes, uint32_t len)
{
	const uint32_t from = s->at + s->held < s->size ? s->at + s->held :
			      s->at + s->held - s->size;
	const uint32_t first = len < s->size - from ? len : s->size - from;

	memcpy(s->buffer + from, bytes, first);
	memcpy(s->buffer, bytes + first, len - first);
	s->held += len;
}

uint32_t socket_take(struct socket *s, uint8_t *buf, uint32_t size)
{
	const uint32_t n = size < s->held ? size : s->held;
	const uint32_t first = n < s->size - s->at ? n : s->size - s->at;

	memcpy(buf, s->buffer + s->at, first);
	memcpy(buf + first, s->buffer, n - first);
	s->held -= n;
	s->at = s->held == 0 ? 0 : first < n ? n - first : s->at + n;
	socket_passed_on(s, n);
	return n;
}

/* ---- what goes ---- */

static bool owed(struct socket *s, enum socket_owed what)
{
	const bool is = (s->owes & what) != 0;

	s->owes = (uint8_t)(s->owes & ~what);
	return is;
}

bool socket_take_owed(struct socket *s, struct vsock_header *h)
{
	h->flags = 0;
	if (owed(s, SOCKET_OWES_RST)) {
		h->op = VSOCK_OP_RST;
	} else if (owed(s, SOCKET_OWES_REQUEST)) {
		h->op = VSOCK_OP_REQUEST;
	} else if (owed(s, SOCKET_OWES_RESPONSE)) {
		h->op = VSOCK_OP_RESPONSE;
	} else if (owed(s, SOCKET_OWES_SHUTDOWN)) {
		h->op = VSOCK_OP_SHUTDOWN;
		h->flags = s->own_shut;
	} else if (owed(s, SOCKET_OWES_CREDIT_UPDATE)) {
		h->op = VSOCK_OP_CREDIT_UPDATE;
	} else {
		return false;
	}
	return true;
}

void socket_stamp(struct socket *s, struct vsock_header *h, uint64_t cid)
{
	h->src_cid = cid;
	h->dst_cid = VSOCK_CID_HOST;
	h->src_port = s->guest_port;
	h->dst_port = s->host_port;
	h->type = VSOCK_TYPE_STREAM;
	h->buf_alloc = s->size;
	h->fwd_cnt = s->fwd_cnt;
	s->told_fwd_cnt = s->fwd_cnt;
	(void)owed(s, SOCKET_OWES_CREDIT_UPDATE);
}

bool socket_is_done(const struct socket *s)
{
	return s->state == SOCKET_OVER && s->owes == 0 && !s->owned && !s->waits;
}
