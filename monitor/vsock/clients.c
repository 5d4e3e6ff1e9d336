/* SPDX-License-Identifier: ISC */
/* clients.c: accepts host programs that connect, and asks the guest whether it accepts them too. */
#include <errno.h>

#include "command.h"
#include "counter.h"
#include "mux_parts.h"

void mux_clients_init(struct vsock_clients *c)
{
	*c = (struct vsock_clients){.last_port = VSOCK_PORT_LAST, .accept_at = VSOCK_NEVER};
}

/* ---- to the guest ---- */

/* There are more ports than connections. */
static uint32_t new_port(struct vsock_mux *m)
{
	uint32_t port = m->clients.last_port;

	do
		port = port == VSOCK_PORT_LAST ? VSOCK_PORT_FIRST : port + 1;
	while (vsock_table_has_port(&m->table, port));
	m->clients.last_port = port;
	return port;
}

static void ask_guest(struct vsock_mux *m, struct vsock_connection *c, uint32_t port, uint64_t now)
{
	m->clients.n_commands--;
	c->state = VSOCK_ASKING;
	c->ours = true;
	c->owes = VSOCK_OWES_REQUEST;
	vsock_table_name(&m->table, c, new_port(m), port);
	vsock_table_set_timer(&m->table, c, now + VSOCK_TIMEOUT_NS);
	vsock_table_schedule(&m->table, c);
}

/* The host program's first bytes, if it has asked by command; they are no payload. */
static bool answer_command(struct vsock_mux *m, struct vsock_connection *c)
{
	char answer[VSOCK_ANSWER_MAX];
	const size_t len = vsock_command_answer(c->host_port, answer);
	const struct iovec iov = {answer, len};

	return !c->answers || m->host.write(m->host.ctx, c->fd, &iov, 1) == (ssize_t)len;
}

void mux_client_accepted(struct vsock_mux *m, struct vsock_connection *c)
{
	vsock_table_clear_timer(&m->table, c);
	counter_add(&m->counters.opened, 1);
	if (!answer_command(m, c))
		mux_reset(m, c);
}

/* ---- commands ---- */

static void refuse(struct vsock_mux *m, struct vsock_connection *c)
{
	counter_add(&m->counters.refused, 1);
	mux_release(m, c);
}

/* The line is taken from the socket only when it is whole, and nothing that follows it. */
void mux_read_command(struct vsock_mux *m, struct vsock_connection *c, unsigned events,
		      uint64_t now)
{
	char line[VSOCK_COMMAND_MAX];
	struct iovec iov = {.iov_base = line};
	const ssize_t n = m->host.peek(m->host.ctx, c->fd, line, sizeof line);
	uint32_t port;
	int len;

	if (n == -EAGAIN)
		return;
	len = n > 0 ? vsock_command_parse(line, (size_t)n, &port) : -1;
	iov.iov_len = len > 0 ? (size_t)len : 0;
	if (len == 0 && (events & VSOCK_HUNG_UP) == 0)
		return;
	if (len <= 0 || m->host.read(m->host.ctx, c->fd, &iov, 1) != len) {
		refuse(m, c);
		return;
	}
	mux_wake_listeners(m);
	c->answers = true;
	ask_guest(m, c, port, now);
}

/* ---- listeners ---- */

static void add_client(struct vsock_mux *m, const struct vsock_listener *l, int fd, uint64_t now)
{
	struct vsock_connection *c = vsock_table_add(&m->table, VSOCK_COMMAND, fd);

	if (c == NULL) {
		counter_add(&m->counters.refused, 1);
		m->host.close(m->host.ctx, fd);
		return;
	}
	m->clients.n_commands++;
	if (m->host.watch(m->host.ctx, fd, vsock_table_key(&m->table, c)) < 0)
		refuse(m, c);
	else if (l->port == VSOCK_PORT_BY_COMMAND)
		vsock_table_set_timer(&m->table, c, now + VSOCK_TIMEOUT_NS);
	else
		ask_guest(m, c, (uint32_t)l->port, now);
}

static void wait_for_descriptors(struct vsock_clients *c, struct vsock_listener *l, uint64_t now)
{
	l->waiting = true;
	/* Who keeps coming here does not put off what another waits for. */
	if (c->accept_at > now + VSOCK_RETRY_NS)
		c->accept_at = now + VSOCK_RETRY_NS;
}

/* All that have come, as long as there is a place for those that must still say where to. */
static void accept_clients(struct vsock_mux *m, struct vsock_listener *l, uint64_t now)
{
	int fd = 0;

	l->waiting = false;
	for (unsigned tries = 0; tries < 2 * VSOCK_CONNECTIONS_MAX; tries++) {
		if (l->port == VSOCK_PORT_BY_COMMAND &&
		    m->clients.n_commands == VSOCK_COMMANDS_MAX) {
			l->waiting = true;	/* until one is released, or has said it */
			return;
		}
		fd = m->host.accept(m->host.ctx, l->fd);
		if (fd == -EAGAIN)
			return;
		if (fd >= 0)
			add_client(m, l, fd, now);
		else if (fd != -ECONNABORTED)
			break;
	}
	wait_for_descriptors(&m->clients, l, now);
}

void mux_listener_event(struct vsock_mux *m, uint32_t number, uint64_t now)
{
	if (number < VSOCK_LISTENERS_MAX && number < m->clients.n_listeners)
		accept_clients(m, &m->clients.listeners[number], now);
}

void mux_wake_listeners(struct vsock_mux *m)
{
	for (unsigned i = 0; i < m->clients.n_listeners; i++)
		if (m->clients.listeners[i].waiting)
			m->clients.accept_at = 0;
}

void mux_accept_waiting(struct vsock_mux *m, uint64_t now)
{
	struct vsock_clients *c = &m->clients;

	if (c->accept_at > now)
		return;
	c->accept_at = VSOCK_NEVER;
	for (unsigned i = 0; i < c->n_listeners; i++)
		if (c->listeners[i].waiting)
			accept_clients(m, &c->listeners[i], now);
}

int vsock_mux_listen(struct vsock_mux *m, int fd, int64_t port)
{
	struct vsock_clients *c = &m->clients;
	int rc;

	if (c->n_listeners == VSOCK_LISTENERS_MAX)
		return -ENOSPC;
	rc = m->host.watch(m->host.ctx, fd, VSOCK_LISTENER_KEYS + c->n_listeners);
	if (rc < 0)
		return rc;
	c->listeners[c->n_listeners++] = (struct vsock_listener){.fd = fd, .port = port};
	return 0;
}
