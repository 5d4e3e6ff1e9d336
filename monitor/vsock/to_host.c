/* SPDX-License-Identifier: ISC */
/* to_host.c: writes what a guest sends to the host's socket, as far as that takes it. */
#include <assert.h>
#include <errno.h>
#include <sys/socket.h>

#include "../../include/virtq_abi.h"
#include "counter.h"
#include "mux_parts.h"

#define NEEDLESS_MAX 4u		/* so that short connections cost no call more */

/* Every read of the host's program is such a change: who has nothing to write is not woken by it. */
static bool tell_writable(struct vsock_mux *m, struct vsock_connection *c, bool wanted)
{
	if (m->host.watch_writable == NULL || c->untold != wanted)
		return true;
	c->untold = !wanted;
	c->needless = 0;
	return m->host.watch_writable(m->host.ctx, c->fd, vsock_table_key(&m->table, c),
				      wanted) == 0;
}

/* False if the socket has failed. */
static bool write_spans(struct vsock_mux *m, struct vsock_connection *c, const struct iovec *iov,
			int n, uint32_t *done)
{
	const ssize_t written = m->host.write(m->host.ctx, c->fd, iov, n);

	*done = written > 0 ? (uint32_t)written : 0;
	if (written == -EAGAIN) {
		c->writable = false;
		if (!tell_writable(m, c, true))
			return false;
	}
	counter_add(&m->counters.bytes_in, *done);
	return written > 0 || written == -EAGAIN;
}

static bool flush(struct vsock_mux *m, struct vsock_connection *c)
{
	struct iovec spans[2];
	uint32_t done;
	int n;

	while (c->writable && (n = vsock_buffer_spans(c, spans)) > 0) {
		if (!write_spans(m, c, spans, n, &done))
			return false;
		vsock_buffer_drop(c, done);
	}
	return true;
}

/*
 * The host program takes no more. What it had sent by then is still there for the guest, and the
 * reset that says that bytes of the guest's were lost comes behind it.
 */
static void host_takes_no_more(struct vsock_mux *m, struct vsock_connection *c)
{
	c->buffered = 0;
	c->readable = c->ends = true;
	if (!vsock_wants_to_read(c)) {
		mux_reset(m, c);
		return;
	}
	mux_shut_socket(m, c, SHUT_WR);
	vsock_host_shuts(c, VSOCK_SHUTDOWN_RECEIVE);
	vsock_table_schedule(&m->table, c);
}

/* Straight from guest memory as far as the socket takes it; the rest is kept. */
void mux_deliver(struct vsock_mux *m, struct vsock_connection *c, const struct vsock_packet *p)
{
	struct iovec piece[VIRTQ_SIZE_MAX];
	uint32_t at = 0, done;

	while (c->writable && c->buffered == 0 && at < p->header.len) {
		int n = vsock_packet_payload(p, at, p->header.len - at, piece);

		assert(n > 0);
		if (!write_spans(m, c, piece, n, &done)) {
			host_takes_no_more(m, c);
			return;
		}
		vsock_passed_on(c, done);
		at += done;
	}
	vsock_buffer_put(c, p, at);
}

/*
 * What the guest has shut is shut on the host: what it does not receive at once, what it does not
 * send when all before is written. Both: the connection is over, but not before that either.
 */
void mux_follow_shutdown(struct vsock_mux *m, struct vsock_connection *c, unsigned before,
			 uint64_t now)
{
	const unsigned fresh = c->guest_shut & ~before;

	if (c->guest_shut == VSOCK_SHUTDOWN_BOTH && (c->buffered == 0 || c->fd == -1)) {
		mux_reset(m, c);
		return;
	}
	if ((fresh & VSOCK_SHUTDOWN_RECEIVE) != 0)
		mux_shut_socket(m, c, SHUT_RD);
	if ((fresh & VSOCK_SHUTDOWN_SEND) != 0 && c->buffered == 0)
		mux_shut_socket(m, c, SHUT_WR);
	if (c->guest_shut == VSOCK_SHUTDOWN_BOTH)
		vsock_table_set_timer(&m->table, c, now + VSOCK_TIMEOUT_NS);
	else if (c->hung_up && c->state == VSOCK_OPEN &&
		 (c->guest_shut & VSOCK_SHUTDOWN_RECEIVE) != 0)
		mux_host_is_gone(m, c, now);
}

/* A program that still reads has the time to read it all. */
void mux_go_on_writing(struct vsock_mux *m, struct vsock_connection *c, uint64_t now)
{
	const bool had = c->buffered > 0;

	if (!had && ++c->needless == NEEDLESS_MAX)
		(void)tell_writable(m, c, false);
	c->writable = true;
	if (!flush(m, c)) {
		host_takes_no_more(m, c);
		return;
	}
	if (had && c->buffered > 0 && c->timed && !c->awaits_credit)
		vsock_table_set_timer(&m->table, c, now + VSOCK_TIMEOUT_NS);
	if (had && c->buffered == 0 && c->guest_shut == VSOCK_SHUTDOWN_BOTH)
		mux_reset(m, c);
	else if (had && c->buffered == 0 && (c->guest_shut & VSOCK_SHUTDOWN_SEND) != 0)
		mux_shut_socket(m, c, SHUT_WR);
}
