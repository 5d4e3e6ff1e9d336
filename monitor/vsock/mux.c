/* SPDX-License-Identifier: ISC */
/* mux.c: routes packets to connections, gives connections their turns, and passes on events. */
#include "mux.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "counter.h"
#include "mux_parts.h"

bool vsock_cid_valid(uint64_t cid)
{
	return cid >= VSOCK_CID_GUEST_MIN && cid <= VSOCK_CID_GUEST_MAX;
}

/* ---- packets from the guest ---- */

/* It does not wait for an answer that has come. */
static void take_note(struct vsock_mux *m, struct vsock_connection *c)
{
	if (c->awaits_credit && !c->begged)
		vsock_table_clear_timer(&m->table, c);
}

static void dispatch(struct vsock_mux *m, struct vsock_connection *c,
		     const struct vsock_packet *p, uint64_t now)
{
	const unsigned shut = c->guest_shut;
	const enum vsock_verdict verdict = vsock_connection_receive(c, &p->header);

	if (p->header.op != VSOCK_OP_RW && p->header.len > 0)
		counter_add(&m->counters.payload_ignored, 1);
	take_note(m, c);
	switch (verdict) {
	case VSOCK_IGNORED:
		counter_add(&m->counters.ignored, 1);
		break;
	case VSOCK_NOTED:
		break;
	case VSOCK_DELIVER:
		mux_deliver(m, c, p);
		break;
	case VSOCK_ACCEPTED:
		mux_client_accepted(m, c);
		break;
	case VSOCK_SHUT:
		mux_follow_shutdown(m, c, shut, now);
		break;
	case VSOCK_GONE:
		counter_add(&m->counters.resets_in, 1);
		mux_release(m, c);
		return;
	case VSOCK_VIOLATION:
		counter_add(&m->counters.overrun, 1);
		mux_reset(m, c);
	}
	vsock_table_schedule(&m->table, c);
}

/* A connection to the host that is watched, or -errno and none. */
static int connect_host(struct vsock_mux *m, const struct vsock_header *h,
			struct vsock_connection **c)
{
	int fd, rc;

	if (m->table.free == NULL)
		return -EMFILE;
	fd = m->host.connect(m->host.ctx, h->dst_port);
	if (fd < 0)
		return fd;
	*c = vsock_table_add(&m->table, VSOCK_ANSWERING, fd);
	vsock_table_name(&m->table, *c, h->dst_port, h->src_port);
	rc = m->host.watch(m->host.ctx, fd, vsock_table_key(&m->table, *c));
	if (rc < 0)
		mux_release(m, *c);
	return rc;
}

static void guest_asks(struct vsock_mux *m, const struct vsock_header *h)
{
	struct vsock_connection *c = NULL;

	if (connect_host(m, h, &c) < 0) {
		counter_add(&m->counters.refused, 1);
		vsock_orphans_add(&m->orphans, h);
		return;
	}
	vsock_orphans_forget(&m->orphans, h);
	counter_add(&m->counters.opened, 1);
	c->peer_buf_alloc = h->buf_alloc;
	c->owes = VSOCK_OWES_RESPONSE;
	vsock_table_schedule(&m->table, c);
}

static void without_connection(struct vsock_mux *m, const struct vsock_header *h)
{
	if (h->op == VSOCK_OP_REQUEST) {
		guest_asks(m, h);
		return;
	}
	counter_add(&m->counters.no_connection, 1);
	if (h->op != VSOCK_OP_RST)
		vsock_orphans_add(&m->orphans, h);
}

/* Whether the packet is from the guest, for the host, and of a kind that there are connections of. */
static bool is_ours(struct vsock_mux *m, const struct vsock_header *h)
{
	if (h->src_cid != m->cid || h->dst_cid != VSOCK_CID_HOST) {
		counter_add(&m->counters.wrong_cid, 1);
		return false;
	}
	if (h->type == VSOCK_TYPE_STREAM)
		return true;
	counter_add(&m->counters.wrong_type, 1);
	if (h->op != VSOCK_OP_RST)
		vsock_orphans_add(&m->orphans, h);
	return false;
}

bool vsock_mux_is_full(const struct vsock_mux *m)
{
	return vsock_orphans_are_full(&m->orphans);
}

bool vsock_mux_take(struct vsock_mux *m, const struct vsock_packet *p, uint64_t now)
{
	const struct vsock_header *h = &p->header;
	struct vsock_connection *c;

	if (vsock_mux_is_full(m))
		return false;
	counter_add(&m->counters.packets_in, 1);
	if (!is_ours(m, h))
		return true;
	c = vsock_table_find(&m->table, h->dst_port, h->src_port);
	if (c != NULL)
		dispatch(m, c, p, now);
	else
		without_connection(m, h);
	return true;
}

/* ---- packets for the guest ---- */

static void sent(struct vsock_mux *m, struct vsock_connection *c, const struct vsock_header *h,
		 uint64_t now)
{
	if (h->op == VSOCK_OP_RST) {
		counter_add(&m->counters.resets_out, 1);
		mux_release(m, c);
		return;
	}
	m->can_wait = h->op == VSOCK_OP_RW && vsock_is_ahead(c);
	if (h->op == VSOCK_OP_CREDIT_REQUEST && vsock_credit(c) > 0 && !c->timed) {
		vsock_table_set_timer(&m->table, c, now + VSOCK_CREDIT_NS);
		c->awaits_credit = true;
	}
	vsock_table_schedule(&m->table, c);
}

/* Of the first connection in turn that has one after all. */
static unsigned make_packets(struct vsock_mux *m, struct vsock_packet *p, unsigned n, uint64_t now)
{
	struct vsock_connection *c;
	unsigned made = 0;

	while (made == 0 && (c = vsock_table_next(&m->table)) != NULL) {
		made = mux_make_packets(m, c, p, n, now);
		if (made > 0)
			sent(m, c, &p->header, now);
	}
	return made;
}

unsigned vsock_mux_give(struct vsock_mux *m, struct vsock_packet *p, unsigned n, uint64_t now)
{
	unsigned made = 1;

	m->can_wait = false;
	if (vsock_orphans_take(&m->orphans, &p->header, m->cid))
		counter_add(&m->counters.resets_out, 1);
	else
		made = make_packets(m, p, n, now);
	for (unsigned i = 0; i < made; i++)
		(void)vsock_packet_commit(&p[i]);
	counter_add(&m->counters.packets_out, made);
	return made;
}

bool vsock_mux_can_wait(const struct vsock_mux *m)
{
	return m->can_wait;
}

bool vsock_mux_has_packet(const struct vsock_mux *m)
{
	return m->orphans.n > 0 || !TAILQ_EMPTY(&m->table.ready);
}

unsigned vsock_mux_buffers(const struct vsock_mux *m)
{
	const struct vsock_connection *first = TAILQ_FIRST(&m->table.ready);

	if (m->orphans.n > 0 || first == NULL)
		return m->orphans.n > 0;
	return first->bulk && vsock_can_read(first) ? VSOCK_BATCH : 1;
}

/* ---- events and time ---- */

void vsock_mux_flush(struct vsock_mux *m, uint64_t now)
{
	for (unsigned i = 0; i < m->table.max; i++) {
		struct vsock_connection *c = &m->table.connections[i];

		if (c->state == VSOCK_OPEN && c->buffered > 0)
			mux_go_on_writing(m, c, now);
	}
}

static void connection_event(struct vsock_mux *m, struct vsock_connection *c, unsigned events,
			     uint64_t now)
{
	c->readable |= (events & (VSOCK_READABLE | VSOCK_HUNG_UP)) != 0;
	c->ends |= (events & VSOCK_ENDS) != 0;
	if (c->readable)
		vsock_table_look_no_more(&m->table, c);
	c->hung_up |= (events & VSOCK_HUNG_UP) != 0;
	if (c->state == VSOCK_COMMAND) {
		mux_read_command(m, c, events, now);
		return;
	}
	/* One that waits for no answer may have said all that it has to say. */
	if (c->state == VSOCK_ASKING && c->hung_up && c->answers) {
		mux_reset(m, c);
		return;
	}
	if ((events & VSOCK_WRITABLE) != 0 && c->state == VSOCK_OPEN)
		mux_go_on_writing(m, c, now);
	else if ((events & VSOCK_WRITABLE) != 0)
		c->writable = true;
	/* Nobody will read up to the end: the guest does not want to, or it was read before. */
	if (c->state == VSOCK_OPEN && c->hung_up && !vsock_wants_to_read(c))
		mux_host_is_gone(m, c, now);
	vsock_table_schedule(&m->table, c);
}

void vsock_mux_event(struct vsock_mux *m, uint64_t key, unsigned events, uint64_t now)
{
	const uint32_t index = (uint32_t)key;
	struct vsock_connection *c;

	if (index >= VSOCK_LISTENER_KEYS) {
		mux_listener_event(m, index - VSOCK_LISTENER_KEYS, now);
		return;
	}
	c = vsock_table_by_key(&m->table, key);
	if (c != NULL && c->fd != -1)
		connection_event(m, c, events, now);
}

uint64_t vsock_mux_deadline(const struct vsock_mux *m)
{
	const struct vsock_connection *timed = vsock_table_first_timed(&m->table);
	const struct vsock_connection *looks = vsock_table_first_look(&m->table);
	uint64_t first = m->clients.accept_at;

	if (timed != NULL && timed->deadline < first)
		first = timed->deadline;
	return looks != NULL && looks->look_at < first ? looks->look_at : first;
}

static void expire(struct vsock_mux *m, struct vsock_connection *c)
{
	if (!c->awaits_credit) {
		counter_add(&m->counters.timed_out, 1);
		mux_reset(m, c);
		return;
	}
	vsock_table_clear_timer(&m->table, c);
	vsock_give_up_asking(c);
	vsock_table_schedule(&m->table, c);
}

void vsock_mux_expire(struct vsock_mux *m, uint64_t now)
{
	struct vsock_connection *c;

	while ((c = vsock_table_first_timed(&m->table)) != NULL && c->deadline <= now)
		expire(m, c);
	while ((c = vsock_table_first_look(&m->table)) != NULL && c->look_at <= now) {
		vsock_table_look_no_more(&m->table, c);
		c->readable = true;
		vsock_table_schedule(&m->table, c);
	}
	mux_accept_waiting(m, now);
}

/* ---- beginning and end ---- */

int vsock_mux_create(struct vsock_mux **mux, uint64_t cid, unsigned max_connections,
		     const struct vsock_host *host, struct husk_error *e)
{
	struct vsock_mux *m;

	assert(max_connections > 0 && max_connections <= VSOCK_CONNECTIONS_MAX);
	if (!vsock_cid_valid(cid))
		return husk_fail(e, HUSK_E_USAGE, "CID %llu is reserved: use 3 to 4294967294",
				 (unsigned long long)cid);
	m = calloc(1, sizeof *m);
	if (m == NULL)
		return husk_fail_sys(e, errno, "vsock connections");
	if (vsock_table_init(&m->table, max_connections, e) == -1) {
		free(m);
		return -1;
	}
	m->cid = cid;
	m->host = *host;
	mux_clients_init(&m->clients);
	*mux = m;
	return 0;
}

void vsock_mux_reset(struct vsock_mux *m)
{
	for (unsigned i = 0; i < m->table.max; i++)
		if (m->table.connections[i].state != VSOCK_FREE)
			mux_release(m, &m->table.connections[i]);
	m->orphans.n = 0;
}

void vsock_mux_destroy(struct vsock_mux *m)
{
	if (m == NULL)
		return;
	vsock_mux_reset(m);
	vsock_table_fini(&m->table);
	free(m);
}

unsigned vsock_mux_connections(const struct vsock_mux *m, unsigned *commands)
{
	if (commands != NULL)
		*commands = m->clients.n_commands;
	return (unsigned)counter_get(&m->table.n_used);
}

const struct vsock_counters *vsock_mux_counters(const struct vsock_mux *m)
{
	return &m->counters;
}
