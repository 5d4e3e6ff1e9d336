/* SPDX-License-Identifier: ISC */
/* mux.c: routes packets to connections, and connections to sockets. */
#include "mux.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "../../include/virtq_abi.h"
#include "command.h"
#include "memory_host.h"

#define BUCKETS 1024u
#define LISTENER_KEYS 0x10000u	/* keys below are connections' indices */
#define NEEDLESS_MAX 4u		/* so that short connections cost no call more */
#define GENERATIONS 0xffffffu	/* in keys, which have 56 bits */

struct listener {
	int fd;
	int64_t port;
	bool waiting;		/* for a place, or for the host to have descriptors */
};

/* An RST that no connection owes. */
struct orphan {
	uint32_t host_port, guest_port;
	uint16_t type;
};

TAILQ_HEAD(connections, vsock_connection);

struct vsock_mux {
	uint64_t cid;
	struct vsock_host host;
	struct connections ready;	/* in turn */
	struct connections timed;	/* the next to expire first */
	struct vsock_connection *free;
	struct vsock_connection *buckets[BUCKETS];
	struct orphan orphans[VSOCK_ORPHANS_MAX];	/* a ring */
	unsigned orphan_first, n_orphans;
	struct listener listeners[VSOCK_LISTENERS_MAX];
	unsigned n_listeners;
	uint64_t accept_at;		/* when those that wait are tried again */
	uint32_t last_port;
	unsigned n_used, n_commands;
	uint8_t *buffers;		/* VSOCK_BUFFER_SIZE bytes for each connection */
	size_t buffers_size;
	struct vsock_counters counters;
	unsigned max;
	struct vsock_connection connections[];
};

bool vsock_cid_valid(uint64_t cid)
{
	return cid >= VSOCK_CID_GUEST_MIN && cid <= VSOCK_CID_GUEST_MAX;
}

/* ---- the table ---- */

static struct vsock_connection **bucket(struct vsock_mux *m, uint32_t host_port,
					uint32_t guest_port)
{
	const uint64_t key = (uint64_t)host_port << 32 | guest_port;

	return &m->buckets[(key * 0x9e3779b97f4a7c15u >> 32) % BUCKETS];
}

static struct vsock_connection *find(struct vsock_mux *m, uint32_t host_port, uint32_t guest_port)
{
	struct vsock_connection *c = *bucket(m, host_port, guest_port);

	while (c != NULL && (c->host_port != host_port || c->guest_port != guest_port))
		c = c->next;
	return c;
}

static void put_in_table(struct vsock_mux *m, struct vsock_connection *c)
{
	struct vsock_connection **b = bucket(m, c->host_port, c->guest_port);

	c->next = *b;
	*b = c;
}

static void take_out_of_table(struct vsock_mux *m, struct vsock_connection *c)
{
	struct vsock_connection **at = bucket(m, c->host_port, c->guest_port);

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
}

/* NULL if there are too many. */
static struct vsock_connection *new_connection(struct vsock_mux *m, enum vsock_state state, int fd)
{
	struct vsock_connection *c = m->free;

	if (c == NULL)
		return NULL;
	m->free = c->next;
	m->n_used++;
	m->n_commands += state == VSOCK_COMMAND;
	vsock_connection_init(c, state, fd);
	return c;
}

static uint64_t key_of(const struct vsock_mux *m, const struct vsock_connection *c)
{
	return (uint64_t)(c->generation & GENERATIONS) << 32 | (uint64_t)(c - m->connections);
}

/* ---- lists ---- */

static void set_timer(struct vsock_mux *m, struct vsock_connection *c, uint64_t deadline)
{
	struct vsock_connection *before;

	if (c->timed)
		TAILQ_REMOVE(&m->timed, c, timer_link);
	c->timed = true;
	c->deadline = deadline;
	before = TAILQ_LAST(&m->timed, connections);
	while (before != NULL && before->deadline > deadline)
		before = TAILQ_PREV(before, connections, timer_link);
	if (before == NULL)
		TAILQ_INSERT_HEAD(&m->timed, c, timer_link);
	else
		TAILQ_INSERT_AFTER(&m->timed, before, c, timer_link);
}

static void clear_timer(struct vsock_mux *m, struct vsock_connection *c)
{
	if (c->timed)
		TAILQ_REMOVE(&m->timed, c, timer_link);
	c->timed = false;
	c->deadline = 0;
}

/* To the end of the queue for a turn, if it has anything to send. */
static void schedule(struct vsock_mux *m, struct vsock_connection *c)
{
	if (c->ready || !vsock_has_packet(c))
		return;
	c->ready = true;
	TAILQ_INSERT_TAIL(&m->ready, c, ready_link);
}

static void unschedule(struct vsock_mux *m, struct vsock_connection *c)
{
	if (c->ready)
		TAILQ_REMOVE(&m->ready, c, ready_link);
	c->ready = false;
}

/* ---- ends ---- */

static void close_socket(struct vsock_mux *m, struct vsock_connection *c)
{
	if (c->fd != -1)
		m->host.close(m->host.ctx, c->fd);
	c->fd = -1;
}

/* There is a place again for those who wait to be accepted. */
static void wake_listeners(struct vsock_mux *m)
{
	for (unsigned i = 0; i < m->n_listeners; i++)
		if (m->listeners[i].waiting)
			m->accept_at = 0;
}

static void release(struct vsock_mux *m, struct vsock_connection *c)
{
	if (c->state == VSOCK_COMMAND)
		m->n_commands--;
	else
		take_out_of_table(m, c);
	close_socket(m, c);
	clear_timer(m, c);
	unschedule(m, c);
	/* Pages of the ring cost nothing again; where the host does not do that, they stay. */
	if (c->kept)
		(void)madvise(c->buffer, VSOCK_BUFFER_SIZE, memory_host_give_back);
	c->state = VSOCK_FREE;
	c->owes = 0;
	c->generation++;
	c->next = m->free;
	m->free = c;
	m->n_used--;
	wake_listeners(m);
}

/* The guest is told by RST if it knows of the connection; its place is kept until then. */
static void reset(struct vsock_mux *m, struct vsock_connection *c)
{
	if (c->state == VSOCK_COMMAND || (c->state == VSOCK_ASKING && !c->asked)) {
		release(m, c);
		return;
	}
	close_socket(m, c);
	clear_timer(m, c);
	c->state = VSOCK_RESET;
	c->buffered = 0;
	c->owes = VSOCK_OWES_RST;
	schedule(m, c);
}

/* The host program is gone: the guest is told so, and has a while to say that it knows. */
static void host_is_gone(struct vsock_mux *m, struct vsock_connection *c, uint64_t now)
{
	close_socket(m, c);
	c->state = VSOCK_CLOSING;
	c->buffered = 0;
	vsock_host_shuts(c, VSOCK_SHUTDOWN_BOTH);
	set_timer(m, c, now + VSOCK_TIMEOUT_NS);
	schedule(m, c);
}

static void add_orphan(struct vsock_mux *m, const struct vsock_header *h)
{
	const unsigned at = (m->orphan_first + m->n_orphans++) % VSOCK_ORPHANS_MAX;

	m->orphans[at] = (struct orphan){h->dst_port, h->src_port, h->type};
}

/* A new connection must not be ended by the RST for an old packet. */
static void forget_orphans(struct vsock_mux *m, const struct vsock_header *h)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < m->n_orphans; i++) {
		const struct orphan o = m->orphans[(m->orphan_first + i) % VSOCK_ORPHANS_MAX];

		if (o.host_port != h->dst_port || o.guest_port != h->src_port)
			m->orphans[(m->orphan_first + kept++) % VSOCK_ORPHANS_MAX] = o;
	}
	m->n_orphans = kept;
}

/* ---- from the guest to the host ---- */

/* Every read of the host's program is such a change: who has nothing to write is not woken by it. */
static bool tell_writable(struct vsock_mux *m, struct vsock_connection *c, bool wanted)
{
	if (m->host.watch_writable == NULL || c->untold != wanted)
		return true;
	c->untold = !wanted;
	c->needless = 0;
	return m->host.watch_writable(m->host.ctx, c->fd, key_of(m, c), wanted) == 0;
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
	m->counters.bytes_in += *done;
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

static void shut_socket(struct vsock_mux *m, struct vsock_connection *c, int how)
{
	if (c->fd != -1)
		m->host.shutdown(m->host.ctx, c->fd, how);
}

/*
 * The host program takes no more. What it had sent by then is still there for the guest, and the
 * reset that says that bytes of the guest's were lost comes behind it.
 */
static void host_takes_no_more(struct vsock_mux *m, struct vsock_connection *c)
{
	c->buffered = 0;
	c->readable = true;
	if (!vsock_wants_to_read(c)) {
		reset(m, c);
		return;
	}
	shut_socket(m, c, SHUT_WR);
	vsock_host_shuts(c, VSOCK_SHUTDOWN_RECEIVE);
	schedule(m, c);
}

/* Straight from guest memory as far as the socket takes it; the rest is kept. */
static bool deliver(struct vsock_mux *m, struct vsock_connection *c, const struct vsock_packet *p)
{
	struct iovec piece[VIRTQ_SIZE_MAX];
	uint32_t at = 0, done;

	while (c->writable && c->buffered == 0 && at < p->header.len) {
		int n = vsock_packet_payload(p, at, p->header.len - at, piece);

		assert(n > 0);
		if (!write_spans(m, c, piece, n, &done))
			return false;
		vsock_passed_on(c, done);
		at += done;
	}
	vsock_buffer_put(c, p, at);
	return true;
}

/*
 * What the guest has shut is shut on the host: what it does not receive at once, what it does not
 * send when all before is written. Both: the connection is over, but not before that either.
 */
static void follow_shutdown(struct vsock_mux *m, struct vsock_connection *c, unsigned before,
			    uint64_t now)
{
	const unsigned fresh = c->guest_shut & ~before;

	if (c->guest_shut == VSOCK_SHUTDOWN_BOTH && (c->buffered == 0 || c->fd == -1)) {
		reset(m, c);
		return;
	}
	if ((fresh & VSOCK_SHUTDOWN_RECEIVE) != 0)
		shut_socket(m, c, SHUT_RD);
	if ((fresh & VSOCK_SHUTDOWN_SEND) != 0 && c->buffered == 0)
		shut_socket(m, c, SHUT_WR);
	if (c->guest_shut == VSOCK_SHUTDOWN_BOTH)
		set_timer(m, c, now + VSOCK_TIMEOUT_NS);
	else if (c->hung_up && c->state == VSOCK_OPEN &&
		 (c->guest_shut & VSOCK_SHUTDOWN_RECEIVE) != 0)
		host_is_gone(m, c, now);
}

/* The socket takes bytes again. One that still reads has the time to read it all. */
static void go_on_writing(struct vsock_mux *m, struct vsock_connection *c, uint64_t now)
{
	const bool had = c->buffered > 0;

	if (!had && ++c->needless == NEEDLESS_MAX)
		(void)tell_writable(m, c, false);
	c->writable = true;
	if (!flush(m, c)) {
		host_takes_no_more(m, c);
		return;
	}
	if (had && c->buffered > 0 && c->timed)
		set_timer(m, c, now + VSOCK_TIMEOUT_NS);
	if (had && c->buffered == 0 && c->guest_shut == VSOCK_SHUTDOWN_BOTH)
		reset(m, c);
	else if (had && c->buffered == 0 && (c->guest_shut & VSOCK_SHUTDOWN_SEND) != 0)
		shut_socket(m, c, SHUT_WR);
}

/* The host program's first bytes, if it has asked by command; they are no payload. */
static bool answer_command(struct vsock_mux *m, struct vsock_connection *c)
{
	char answer[VSOCK_ANSWER_MAX];
	const size_t len = vsock_command_answer(c->host_port, answer);
	const struct iovec iov = {answer, len};

	return !c->answers || m->host.write(m->host.ctx, c->fd, &iov, 1) == (ssize_t)len;
}

static void accepted(struct vsock_mux *m, struct vsock_connection *c)
{
	clear_timer(m, c);
	m->counters.opened++;
	if (!answer_command(m, c))
		reset(m, c);
}

static void dispatch(struct vsock_mux *m, struct vsock_connection *c,
		     const struct vsock_packet *p, uint64_t now)
{
	const unsigned shut = c->guest_shut;

	if (p->header.op != VSOCK_OP_RW && p->header.len > 0)
		m->counters.payload_ignored++;
	switch (vsock_connection_receive(c, &p->header)) {
	case VSOCK_IGNORED:
		m->counters.ignored++;
		break;
	case VSOCK_NOTED:
		break;
	case VSOCK_DELIVER:
		if (!deliver(m, c, p))
			host_takes_no_more(m, c);
		break;
	case VSOCK_ACCEPTED:
		accepted(m, c);
		break;
	case VSOCK_SHUT:
		follow_shutdown(m, c, shut, now);
		break;
	case VSOCK_GONE:
		m->counters.resets_in++;
		release(m, c);
		return;
	case VSOCK_VIOLATION:
		m->counters.overrun++;
		reset(m, c);
	}
	schedule(m, c);
}

/* A descriptor that is watched and connected, -errno otherwise. */
static int connect_host(struct vsock_mux *m, uint32_t port, struct vsock_connection **c)
{
	int fd, rc;

	if (m->free == NULL)
		return -EMFILE;
	fd = m->host.connect(m->host.ctx, port);
	if (fd < 0)
		return fd;
	*c = new_connection(m, VSOCK_ANSWERING, fd);
	(*c)->host_port = port;
	rc = m->host.watch(m->host.ctx, fd, key_of(m, *c));
	return rc;
}

static void guest_asks(struct vsock_mux *m, const struct vsock_header *h)
{
	struct vsock_connection *c = NULL;
	const int rc = connect_host(m, h->dst_port, &c);

	if (c != NULL) {
		c->guest_port = h->src_port;
		c->peer_buf_alloc = h->buf_alloc;
		put_in_table(m, c);
	}
	if (rc < 0) {
		if (c != NULL)
			release(m, c);
		m->counters.refused++;
		add_orphan(m, h);
		return;
	}
	forget_orphans(m, h);
	m->counters.opened++;
	c->owes = VSOCK_OWES_RESPONSE;
	schedule(m, c);
}

static void without_connection(struct vsock_mux *m, const struct vsock_header *h)
{
	if (h->op == VSOCK_OP_REQUEST) {
		guest_asks(m, h);
		return;
	}
	m->counters.no_connection++;
	if (h->op != VSOCK_OP_RST)
		add_orphan(m, h);
}

bool vsock_mux_is_full(const struct vsock_mux *m)
{
	return m->n_orphans == VSOCK_ORPHANS_MAX;
}

bool vsock_mux_take(struct vsock_mux *m, const struct vsock_packet *p, uint64_t now)
{
	const struct vsock_header *h = &p->header;
	struct vsock_connection *c;

	if (vsock_mux_is_full(m))
		return false;
	m->counters.packets_in++;
	if (h->src_cid != m->cid || h->dst_cid != VSOCK_CID_HOST) {
		m->counters.wrong_cid++;
		return true;
	}
	if (h->type != VSOCK_TYPE_STREAM) {
		m->counters.wrong_type++;
		if (h->op != VSOCK_OP_RST)
			add_orphan(m, h);
		return true;
	}
	c = find(m, h->dst_port, h->src_port);
	if (c != NULL)
		dispatch(m, c, p, now);
	else
		without_connection(m, h);
	return true;
}

/* ---- from the host to the guest ---- */

static void give_orphan(struct vsock_mux *m, struct vsock_packet *p)
{
	const struct orphan *o = &m->orphans[m->orphan_first];

	p->header = (struct vsock_header){
		.src_cid = VSOCK_CID_HOST, .dst_cid = m->cid, .src_port = o->host_port,
		.dst_port = o->guest_port, .type = o->type, .op = VSOCK_OP_RST,
	};
	m->orphan_first = (m->orphan_first + 1) % VSOCK_ORPHANS_MAX;
	m->n_orphans--;
	m->counters.resets_out++;
}

/* The host program has said its last: was that one way, or is it gone? */
static void end_of_input(struct vsock_mux *m, struct vsock_connection *c, uint64_t now)
{
	c->readable = false;
	if ((c->host_shut & VSOCK_SHUTDOWN_RECEIVE) != 0)
		reset(m, c);
	else if (c->hung_up)
		host_is_gone(m, c, now);
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
		c->tx_cnt += (uint32_t)got;
		m->counters.bytes_out += (uint64_t)got;
		return true;
	}
	if (got == -EAGAIN)
		c->readable = false;
	else if (got == 0)
		end_of_input(m, c, now);
	else
		reset(m, c);
	return false;
}

/* The most urgent packet of one connection; false if it has none after all. */
static bool give_one(struct vsock_mux *m, struct vsock_connection *c, struct vsock_packet *p,
		     uint64_t now)
{
	const uint8_t urgent = VSOCK_OWES_RST | VSOCK_OWES_RESPONSE | VSOCK_OWES_REQUEST;

	p->header = (struct vsock_header){.len = 0};
	if ((c->owes & urgent) == 0 && vsock_can_read(c) && read_host(m, c, p, now))
		return true;
	if (c->owes == 0 && vsock_wants_to_read(c) && !c->begged && vsock_credit(c) == 0)
		c->owes = VSOCK_OWES_CREDIT_REQUEST;
	return vsock_take_owed(c, &p->header);
}

static void sent(struct vsock_mux *m, struct vsock_connection *c, const struct vsock_header *h)
{
	if (h->op == VSOCK_OP_RST) {
		m->counters.resets_out++;
		release(m, c);
		return;
	}
	schedule(m, c);
}

bool vsock_mux_give(struct vsock_mux *m, struct vsock_packet *p, uint64_t now)
{
	struct vsock_connection *c;
	bool made = m->n_orphans > 0;

	if (made)
		give_orphan(m, p);
	while (!made && (c = TAILQ_FIRST(&m->ready)) != NULL) {
		unschedule(m, c);
		made = give_one(m, c, p, now);
		if (made) {
			vsock_stamp(c, &p->header, m->cid);
			sent(m, c, &p->header);
		}
	}
	if (!made)
		return false;
	m->counters.packets_out++;
	(void)vsock_packet_commit(p);
	return true;
}

bool vsock_mux_has_packet(const struct vsock_mux *m)
{
	return m->n_orphans > 0 || !TAILQ_EMPTY(&m->ready);
}

/* ---- clients of the host ---- */

static bool port_is_used(const struct vsock_mux *m, uint32_t port)
{
	for (unsigned i = 0; i < m->max; i++)
		if (m->connections[i].state > VSOCK_COMMAND && m->connections[i].host_port == port)
			return true;
	return false;
}

/* There are more ports than connections. */
static uint32_t new_port(struct vsock_mux *m)
{
	do
		m->last_port = m->last_port == VSOCK_PORT_LAST ? VSOCK_PORT_FIRST :
			       m->last_port + 1;
	while (port_is_used(m, m->last_port));
	return m->last_port;
}

static void ask_guest(struct vsock_mux *m, struct vsock_connection *c, uint32_t port, uint64_t now)
{
	c->state = VSOCK_ASKING;
	c->ours = true;
	c->host_port = new_port(m);
	c->guest_port = port;
	c->owes = VSOCK_OWES_REQUEST;
	put_in_table(m, c);
	set_timer(m, c, now + VSOCK_TIMEOUT_NS);
	schedule(m, c);
}

/* The line is taken from the socket only when it is whole, and nothing that follows it. */
static void read_command(struct vsock_mux *m, struct vsock_connection *c, unsigned events,
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
		m->counters.refused++;
		release(m, c);
		return;
	}
	m->n_commands--;
	wake_listeners(m);
	c->answers = true;
	ask_guest(m, c, port, now);
}

static void add_client(struct vsock_mux *m, const struct listener *l, int fd, uint64_t now)
{
	const bool commands = l->port == VSOCK_PORT_BY_COMMAND;
	struct vsock_connection *c = new_connection(m, VSOCK_COMMAND, fd);

	if (c == NULL) {
		m->counters.refused++;
		m->host.close(m->host.ctx, fd);
		return;
	}
	if (m->host.watch(m->host.ctx, fd, key_of(m, c)) < 0) {
		m->counters.refused++;
		release(m, c);
		return;
	}
	set_timer(m, c, now + VSOCK_TIMEOUT_NS);
	if (commands)
		return;
	m->n_commands--;
	ask_guest(m, c, (uint32_t)l->port, now);
}

static void wait_for_descriptors(struct vsock_mux *m, struct listener *l, uint64_t now)
{
	l->waiting = true;
	/* Who keeps coming here does not put off what another waits for. */
	if (m->accept_at > now + VSOCK_RETRY_NS)
		m->accept_at = now + VSOCK_RETRY_NS;
}

/* All that have come, as long as there is a place for those that must still say where to. */
static void accept_clients(struct vsock_mux *m, struct listener *l, uint64_t now)
{
	int fd = 0;

	l->waiting = false;
	for (unsigned tries = 0; tries < 2 * VSOCK_CONNECTIONS_MAX; tries++) {
		if (l->port == VSOCK_PORT_BY_COMMAND && m->n_commands == VSOCK_COMMANDS_MAX) {
			l->waiting = true;	/* until release */
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
	wait_for_descriptors(m, l, now);
}

int vsock_mux_listen(struct vsock_mux *m, int fd, int64_t port)
{
	int rc;

	if (m->n_listeners == VSOCK_LISTENERS_MAX)
		return -ENOSPC;
	rc = m->host.watch(m->host.ctx, fd, LISTENER_KEYS + m->n_listeners);
	if (rc < 0)
		return rc;
	m->listeners[m->n_listeners++] = (struct listener){.fd = fd, .port = port};
	return 0;
}

/* ---- events and time ---- */

void vsock_mux_flush(struct vsock_mux *m, uint64_t now)
{
	for (unsigned i = 0; i < m->max; i++)
		if (m->connections[i].state == VSOCK_OPEN && m->connections[i].buffered > 0)
			go_on_writing(m, &m->connections[i], now);
}

static void connection_event(struct vsock_mux *m, struct vsock_connection *c, unsigned events,
			     uint64_t now)
{
	c->readable |= (events & (VSOCK_READABLE | VSOCK_HUNG_UP)) != 0;
	c->hung_up |= (events & VSOCK_HUNG_UP) != 0;
	if (c->state == VSOCK_COMMAND) {
		read_command(m, c, events, now);
		return;
	}
	/* One that waits for no answer may have said all that it has to say. */
	if (c->state == VSOCK_ASKING && c->hung_up && c->answers) {
		reset(m, c);
		return;
	}
	if ((events & VSOCK_WRITABLE) != 0 && c->state == VSOCK_OPEN)
		go_on_writing(m, c, now);
	else if ((events & VSOCK_WRITABLE) != 0)
		c->writable = true;
	/* Nobody will read up to the end: the guest does not want to, or it was read before. */
	if (c->state == VSOCK_OPEN && c->hung_up && !vsock_wants_to_read(c))
		host_is_gone(m, c, now);
	schedule(m, c);
}

void vsock_mux_event(struct vsock_mux *m, uint64_t key, unsigned events, uint64_t now)
{
	const uint32_t index = (uint32_t)key;
	const uint32_t listener = index - LISTENER_KEYS;

	if (index >= LISTENER_KEYS) {
		if (listener < VSOCK_LISTENERS_MAX && listener < m->n_listeners)
			accept_clients(m, &m->listeners[listener], now);
		return;
	}
	if (index < m->max && m->connections[index].state != VSOCK_FREE &&
	    key_of(m, &m->connections[index]) == key && m->connections[index].fd != -1)
		connection_event(m, &m->connections[index], events, now);
}

uint64_t vsock_mux_deadline(const struct vsock_mux *m)
{
	const struct vsock_connection *c = TAILQ_FIRST(&m->timed);

	return c != NULL && c->deadline < m->accept_at ? c->deadline : m->accept_at;
}

void vsock_mux_expire(struct vsock_mux *m, uint64_t now)
{
	struct vsock_connection *c;

	while ((c = TAILQ_FIRST(&m->timed)) != NULL && c->deadline <= now) {
		m->counters.timed_out++;
		reset(m, c);
	}
	if (m->accept_at > now)
		return;
	m->accept_at = VSOCK_NEVER;
	for (unsigned i = 0; i < m->n_listeners; i++)
		if (m->listeners[i].waiting)
			accept_clients(m, &m->listeners[i], now);
}

/* ---- beginning and end ---- */

int vsock_mux_create(struct vsock_mux **mux, uint64_t cid, unsigned max_connections,
		     const struct vsock_host *host, struct husk_error *e)
{
	const size_t size = (size_t)max_connections * VSOCK_BUFFER_SIZE;
	struct vsock_mux *m;

	assert(max_connections > 0 && max_connections <= VSOCK_CONNECTIONS_MAX);
	if (!vsock_cid_valid(cid))
		return husk_fail(e, HUSK_E_USAGE, "CID %llu is reserved: use 3 to 4294967294",
				 (unsigned long long)cid);
	m = calloc(1, sizeof *m + max_connections * sizeof m->connections[0]);
	if (m == NULL)
		return husk_fail_sys(e, errno, "vsock connections");
	/* Pages that are never written cost nothing. */
	m->buffers = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | memory_host_unused, -1, 0);
	if (m->buffers == MAP_FAILED) {
		husk_fail_sys(e, errno, "%zu bytes for vsock connections", size);
		free(m);
		return -1;
	}
	m->buffers_size = size;
	m->cid = cid;
	m->host = *host;
	m->max = max_connections;
	m->last_port = VSOCK_PORT_LAST;
	m->accept_at = VSOCK_NEVER;
	TAILQ_INIT(&m->ready);
	TAILQ_INIT(&m->timed);
	for (unsigned i = max_connections; i-- > 0;) {
		m->connections[i].buffer = m->buffers + (size_t)i * VSOCK_BUFFER_SIZE;
		m->connections[i].fd = -1;
		m->connections[i].next = m->free;
		m->free = &m->connections[i];
	}
	*mux = m;
	return 0;
}

void vsock_mux_reset(struct vsock_mux *m)
{
	for (unsigned i = 0; i < m->max; i++)
		if (m->connections[i].state != VSOCK_FREE)
			release(m, &m->connections[i]);
	m->n_orphans = 0;
}

void vsock_mux_destroy(struct vsock_mux *m)
{
	if (m == NULL)
		return;
	vsock_mux_reset(m);
	munmap(m->buffers, m->buffers_size);
	free(m);
}

unsigned vsock_mux_connections(const struct vsock_mux *m, unsigned *commands)
{
	*commands = m->n_commands;
	return m->n_used;
}

const struct vsock_counters *vsock_mux_counters(const struct vsock_mux *m)
{
	return &m->counters;
}
