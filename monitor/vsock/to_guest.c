/* SPDX-License-Identifier: ISC */
/* to_guest.c: makes packets for the guest of what a connection has to say. */
#include <errno.h>

#include "../../include/virtq_abi.h"
#include "counter.h"
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

/* Room for payload in the packets, up to limit bytes, as one list of spans; asked: how many bytes. */
static int spread(const struct vsock_packet *p, unsigned n, uint32_t limit, struct iovec *piece,
		  uint32_t *asked)
{
	int spans = 0;

	*asked = 0;
	for (unsigned i = 0; i < n && *asked < limit; i++) {
		const uint32_t left = limit - *asked, room = p[i].capacity < left ? p[i].capacity : left;

		spans += vsock_packet_payload(&p[i], 0, room, piece + spans);
		*asked += room;
	}
	return spans;
}

/* So many bytes in the spans of spread as packets; returns how many. */
static unsigned cut(struct vsock_packet *p, uint32_t got)
{
	unsigned n = 0;

	while (got > 0) {
		const uint32_t len = got < p[n].capacity ? got : p[n].capacity;

		p[n++].header = (struct vsock_header){.op = VSOCK_OP_RW, .len = len};
		got -= len;
	}
	return n;
}

/* Whether to ask the socket for more: not if it has given less than it could, see VSOCK_LOOK_NS. */
static void take_note(struct vsock_mux *m, struct vsock_connection *c, bool all, uint64_t now)
{
	const bool flows = now - c->read_at < VSOCK_LOOK_NS;

	c->read_at = now;
	if (all || !flows || c->ends)
		return;
	c->readable = false;
	vsock_table_look_at(&m->table, c, now + VSOCK_LOOK_NS);
}

static uint32_t read_limit(const struct vsock_mux *m, const struct vsock_connection *c)
{
	const uint32_t credit = vsock_credit(c), fair = TAILQ_EMPTY(&m->table.ready) ?
		VSOCK_READ_ALONE : VSOCK_READ_SHARED;

	return credit < fair ? credit : fair;
}

/*
 * Bytes of the host's socket straight into the guest's buffers. Returns how many packets they are; 0:
 * there are none now.
 */
static unsigned read_host(struct vsock_mux *m, struct vsock_connection *c, struct vsock_packet *p,
			  unsigned n, uint64_t now)
{
	struct iovec piece[VIRTQ_SIZE_MAX];
	uint32_t asked;
	const int spans = spread(p, n, read_limit(m, c), piece, &asked);
	const ssize_t got = m->host.read(m->host.ctx, c->fd, piece, spans);

	if (got > 0) {
		c->bulk = (uint32_t)got >= p->capacity;
		take_note(m, c, (uint32_t)got == asked, now);
		vsock_passed_to_guest(c, (uint32_t)got);
		counter_add(&m->counters.bytes_out, (uint64_t)got);
		return cut(p, (uint32_t)got);
	}
	if (got == -EAGAIN)
		c->readable = false;
	else if (got == 0)
		end_of_input(m, c, now);
	else
		mux_reset(m, c);
	return 0;
}

unsigned mux_make_packets(struct vsock_mux *m, struct vsock_connection *c, struct vsock_packet *p,
			  unsigned n, uint64_t now)
{
	const uint8_t urgent = VSOCK_OWES_RST | VSOCK_OWES_RESPONSE | VSOCK_OWES_REQUEST;
	unsigned made = 0;

	p->header = (struct vsock_header){.len = 0};
	if ((c->owes & urgent) == 0 && vsock_can_read(c))
		made = read_host(m, c, p, n, now);
	if (made == 0 && c->owes == 0 && vsock_needs_credit(c))
		c->owes = VSOCK_OWES_CREDIT_REQUEST;
	if (made == 0)
		made = vsock_take_owed(c, &p->header);
	for (unsigned i = 0; i < made; i++)
		vsock_stamp(c, &p[i].header, m->cid);
	return made;
}
