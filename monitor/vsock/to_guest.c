/* SPDX-License-Identifier: ISC */
/* to_guest.c: makes packets for the guest of what a connection has to say. */
#include <errno.h>

#include "../../include/virtq_abi.h"
#include "mux_parts.h"

/* The host program has said its last: was that one way, or is it gone? */
static void end_of_input(struct vsock_mux *m, struct vsock_connection *c, uint64_t now)
{
	c->readable = false;
	if ((c->host_shut & VSOCK_SHUTDOWN_RECEIVE) != 0)
		mux_reset(m, c);
	else if (c->hung_up)
		mux_host_is_gone(m, c, now);
	else
		vsock_host_shuts(c, VSOCK_SHUTDOWN_SEND);
}

/* Bytes of the host's socket straight into the guest's buffer. False: there are none now. */
static bool read_host(struct vsock_mux *m, struct vsock_connection *c, struct vsock_packet *p,
		      uint64_t now)
{
	const uint32_t credit = vsock_credit(c);
	struct iovec piece[VIRTQ_SIZE_MAX];
	const int n = vsock_packet_payload(p, 0, credit < p->capacity ? credit : p->capacity,
					   piece);
	const ssize_t got = m->host.read(m->host.ctx, c->fd, piece, n);

	if (got > 0) {
		p->header.op = VSOCK_OP_RW;
		p->header.len = (uint32_t)got;
		vsock_passed_to_guest(c, (uint32_t)got);
		m->counters.bytes_out += (uint64_t)got;
		return true;
	}
	if (got == -EAGAIN)
		c->readable = false;
	else if (got == 0)
		end_of_input(m, c, now);
	else
		mux_reset(m, c);
	return false;
}

bool mux_make_packet(struct vsock_mux *m, struct vsock_connection *c, struct vsock_packet *p,
		     uint64_t now)
{
	const uint8_t urgent = VSOCK_OWES_RST | VSOCK_OWES_RESPONSE | VSOCK_OWES_REQUEST;
	bool made;

	p->header = (struct vsock_header){.len = 0};
	made = (c->owes & urgent) == 0 && vsock_can_read(c) && read_host(m, c, p, now);
	if (!made && c->owes == 0 && vsock_needs_credit(c))
		c->owes = VSOCK_OWES_CREDIT_REQUEST;
	if (made || vsock_take_owed(c, &p->header)) {
		vsock_stamp(c, &p->header, m->cid);
		return true;
	}
	return false;
}
