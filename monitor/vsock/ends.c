/* SPDX-License-Identifier: ISC */
/* ends.c: how connections end, on each of the two sides. */
#include "mux_parts.h"

static void close_socket(struct vsock_mux *m, struct vsock_connection *c)
{
	if (c->fd != -1)
		m->host.close(m->host.ctx, c->fd);
	c->fd = -1;
}

void mux_shut_socket(struct vsock_mux *m, struct vsock_connection *c, int how)
{
	if (c->fd != -1)
		m->host.shutdown(m->host.ctx, c->fd, how);
}

void mux_release(struct vsock_mux *m, struct vsock_connection *c)
{
	if (c->state == VSOCK_COMMAND)
		m->clients.n_commands--;
	close_socket(m, c);
	vsock_table_remove(&m->table, c);
	mux_wake_listeners(m);
}

void mux_reset(struct vsock_mux *m, struct vsock_connection *c)
{
	if (c->state == VSOCK_COMMAND || (c->state == VSOCK_ASKING && !c->asked)) {
		mux_release(m, c);
		return;
	}
	close_socket(m, c);
	vsock_table_clear_timer(&m->table, c);
	c->state = VSOCK_RESET;
	c->buffered = 0;
	c->owes = VSOCK_OWES_RST;
	vsock_table_schedule(&m->table, c);
}

void mux_host_is_gone(struct vsock_mux *m, struct vsock_connection *c, uint64_t now)
{
	close_socket(m, c);
	c->state = VSOCK_CLOSING;
	c->buffered = 0;
	vsock_host_shuts(c, VSOCK_SHUTDOWN_BOTH);
	vsock_table_set_timer(&m->table, c, now + VSOCK_TIMEOUT_NS);
	vsock_table_schedule(&m->table, c);
}
