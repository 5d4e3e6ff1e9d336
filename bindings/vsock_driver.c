/* SPDX-License-Identifier: ISC */
/* vsock_driver.c: packets between queues and sockets. */
#include "vsock_driver.h"

#include "../include/husk_abi.h"
#include "bindings.h"
#include "queue.h"

#define HEADER ((uint32_t)sizeof(struct vsock_header))
#define ALIGN 64u			/* a cache line; no part of a queue needs more */
#define QUEUE_SIZE_MAX 64u
#define QUEUE_SIZE_MIN 4u
#define RX_SIZE_LEAST 8u		/* of as many, larger ones are better than more */
#define RX_UNIT_MAX (VSOCK_PAYLOAD_MAX + ALIGN)	/* with a header */
#define TX_UNIT_MAX 16384u
#define TX_UNIT_GOOD 3072u
#define UNIT_MIN 1024u
#define EVENT_SIZE 2u
#define PORT_FIRST 0x40000000u		/* of those that a guest connects from */
#define PORT_LAST 0x7fffffffu

/* ---- memory ---- */

static size_t up(size_t n)
{
	return (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

/* What is left of the application's memory, aligned. */
struct room {
	uint8_t *at;
	size_t size;
	bool is_short;
};

static void *take(struct room *r, size_t size)
{
	uint8_t *taken = r->at;

	size = up(size);
	if (size > r->size) {
		r->is_short = true;
		return NULL;
	}
	memset(taken, 0, size);
	r->at += size;
	r->size -= size;
	return taken;
}

static struct room whole(const struct solo5x_vsock_config *config)
{
	const size_t skip = up((uintptr_t)config->memory) - (uintptr_t)config->memory;

	if (config->size < skip)
		return (struct room){.is_short = true};
	return (struct room){(uint8_t *)config->memory + skip, config->size - skip, false};
}

static void take_sockets(struct driver *d, struct room *r, const struct solo5x_vsock_config *config)
{
	d->n_sockets = config->sockets;
	d->sockets = take(r, d->n_sockets * sizeof d->sockets[0]);
	for (uint32_t i = 0; i < d->n_sockets && !r->is_short; i++) {
		d->sockets[i].size = config->buffer;
		d->sockets[i].buffer = take(r, config->buffer);
	}
}

static void take_queue(struct driver *d, struct room *r, unsigned queue, uint32_t size)
{
	void *memory = take(r, virtq_memory((uint16_t)size));

	if (memory != NULL)
		virtq_init(&d->queues[queue], (uint16_t)size, memory);
}

/* As many units of a part of memory as give each the size that is wanted, but not below a number. */
static uint32_t split(size_t part, uint32_t max, uint32_t least, uint32_t unit)
{
	uint32_t n = max;

	while (n > least && part / n < unit)
		n /= 2;
	return n;
}

static uint32_t unit_of(size_t part, uint32_t n, uint32_t most)
{
	const size_t unit = part / n & ~(size_t)(ALIGN - 1);

	return unit < most ? (uint32_t)unit : most;
}

/* Half of the rest for each direction, queue included. */
static void take_units(struct driver *d, struct room *r, uint32_t max)
{
	const size_t queues = 2 * up(virtq_memory((uint16_t)max));
	const size_t part = r->size > queues ? (r->size - queues) / 2 : 0;
	const uint32_t n_rx = split(part, max, RX_SIZE_LEAST, RX_UNIT_MAX);
	const uint32_t n_tx = split(part, max, QUEUE_SIZE_MIN, TX_UNIT_GOOD);

	d->rx_unit = unit_of(part, n_rx, RX_UNIT_MAX);
	d->tx_unit = unit_of(part, n_tx, TX_UNIT_MAX);
	take_queue(d, r, VSOCK_QUEUE_RX, n_rx);
	take_queue(d, r, VSOCK_QUEUE_TX, n_tx);
	d->rx = take(r, (size_t)n_rx * d->rx_unit);
	d->tx = take(r, (size_t)n_tx * d->tx_unit);
}

/* A power of two. */
static uint32_t queue_size(uint32_t max)
{
	uint32_t n = QUEUE_SIZE_MAX;

	while (n > max)
		n /= 2;
	return n;
}

struct driver *driver_create(const struct solo5x_vsock_config *config, uint32_t queue_size_max)
{
	const uint32_t max = queue_size(queue_size_max);
	struct room r = whole(config);
	struct driver *d = take(&r, sizeof *d);

	if (d == NULL || max < QUEUE_SIZE_MIN)
		return NULL;
	take_sockets(d, &r, config);
	take_queue(d, &r, VSOCK_QUEUE_EVENT, EVENT_SIZE);
	d->events = take(&r, EVENT_SIZE * sizeof d->events[0]);
	take_units(d, &r, max);
	if (r.is_short || d->rx_unit < UNIT_MIN || d->tx_unit < UNIT_MIN)
		return NULL;
	d->deadline = UINT64_MAX;
	d->last_port = PORT_LAST;
	return d;
}

/* ---- the device's state ---- */

static void owe(struct driver *d, const struct socket *s)
{
	d->owing |= s->owes != 0;
}

/* The host knows of no connection any more. */
static void end_all(struct driver *d)
{
	for (uint32_t i = 0; i < d->n_sockets; i++) {
		struct socket *s = &d->sockets[i];

		if (s->state == SOCKET_FREE)
			continue;
		if (s->state != SOCKET_OVER)
			socket_reset(s, SOCKET_RESET);
		s->owes = 0;
	}
	d->n_orphans = 0;
}

static void check(struct driver *d)
{
	if (d->failed)
		return;
	for (unsigned i = 0; i < VSOCK_QUEUES; i++)
		d->failed |= d->queues[i].broken;
	if (d->failed)
		end_all(d);
}

static void submit(struct driver *d, uint32_t queue)
{
	queue_submit(d->handle, queue, &d->queues[queue]);
}

/* Gives the monitor the unit of the next free descriptor, which is the one that came back last. */
static void post(struct driver *d, unsigned queue, void *units, uint32_t unit)
{
	struct virtq *q = &d->queues[queue];
	const struct virtq_span span = {queue_gpa((uint8_t *)units + (size_t)q->free * unit), unit};

	(void)virtq_add(q, &span, 0, 1);
}

static void post_rx(struct driver *d)
{
	post(d, VSOCK_QUEUE_RX, d->rx, d->rx_unit);
}

static void post_event(struct driver *d)
{
	post(d, VSOCK_QUEUE_EVENT, d->events, sizeof d->events[0]);
}

static void read_cid(struct driver *d)
{
	const struct mft_entry *e = manifest_get(d->handle, HUSK_DEV_VSOCK);
	struct husk_vsock_properties p;

	memcpy(&p, &e->u, sizeof p);
	d->cid = p.guest_cid;
}

bool driver_start(struct driver *d, solo5_handle_t handle)
{
	d->handle = handle;
	read_cid(d);
	for (unsigned i = d->queues[VSOCK_QUEUE_RX].size; i > 0; i--)
		post_rx(d);
	for (unsigned i = EVENT_SIZE; i > 0; i--)
		post_event(d);
	for (uint32_t i = 0; i < VSOCK_QUEUES; i++)
		if (!queue_announce(handle, i, &d->queues[i])) {
			queue_take_back(handle);
			return false;
		}
	submit(d, VSOCK_QUEUE_EVENT);
	submit(d, VSOCK_QUEUE_RX);
	return true;
}

/* ---- from the guest ---- */

static void drain_tx(struct driver *d)
{
	uint32_t written;

	while (virtq_take(&d->queues[VSOCK_QUEUE_TX], &written) >= 0)
		d->tx_wanted = false;
	check(d);
}

/* Bytes that a packet may have now, header included. */
static uint32_t tx_room(const struct driver *d)
{
	return d->failed ? 0 : d->queues[VSOCK_QUEUE_TX].n_free * d->tx_unit;
}

/*
 * The bytes of a packet are copied to the units of the descriptors that its chain is going to have.
 * There is room.
 */
static void put(struct driver *d, const struct vsock_header *h, const uint8_t *payload)
{
	struct virtq *q = &d->queues[VSOCK_QUEUE_TX];
	struct virtq_span spans[QUEUE_SIZE_MAX];
	uint32_t left = h->len, skip = HEADER, n;
	uint16_t slot = q->free, count = 0;

	do {
		uint8_t *unit = d->tx + (size_t)slot * d->tx_unit;

		if (count == 0)
			memcpy(unit, h, HEADER);
		n = left < d->tx_unit - skip ? left : d->tx_unit - skip;
		memcpy(unit + skip, payload, n);
		spans[count++] = (struct virtq_span){queue_gpa(unit), skip + n};
		payload += n;
		left -= n;
		skip = 0;
		slot = q->desc[slot].next;
	} while (left > 0);
	(void)virtq_add(q, spans, count, 0);
}

static bool has_tx_room(struct driver *d)
{
	d->tx_wanted |= tx_room(d) == 0;
	return tx_room(d) > 0;
}

static void send_orphans(struct driver *d)
{
	static const uint8_t nothing[1];

	while (d->n_orphans > 0 && has_tx_room(d)) {
		const struct orphan o = d->orphans[--d->n_orphans];
		const struct vsock_header h = {
			.src_cid = d->cid, .dst_cid = VSOCK_CID_HOST, .src_port = o.guest_port,
			.dst_port = o.host_port, .type = o.type, .op = VSOCK_OP_RST,
		};

		put(d, &h, nothing);
	}
}

/* False: there is something left that could not be sent. */
static bool send_owed_of(struct driver *d, struct socket *s)
{
	static const uint8_t nothing[1];
	struct vsock_header h = {.len = 0};

	while (s->owes != 0) {
		if (!has_tx_room(d) || !socket_take_owed(s, &h))
			return false;
		socket_stamp(s, &h, d->cid);
		put(d, &h, nothing);
	}
	return true;
}

void driver_send_owed(struct driver *d)
{
	bool all = true;

	drain_tx(d);
	send_orphans(d);
	for (uint32_t i = 0; i < d->n_sockets && all && d->owing; i++)
		if (d->sockets[i].state != SOCKET_FREE)
			all = send_owed_of(d, &d->sockets[i]);
	d->owing = d->owing && !all;
	submit(d, VSOCK_QUEUE_TX);
}

bool driver_can_send(const struct driver *d, const struct socket *s)
{
	return s->state == SOCKET_OPEN && s->owes == 0 && socket_credit(s) > 0 && tx_room(d) > 0;
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

uint32_t driver_send(struct driver *d, struct socket *s, const uint8_t *buf, size_t size)
{
	struct vsock_header h = {.op = VSOCK_OP_RW};

	drain_tx(d);
	/* What is owed comes before, RESPONSE above all. */
	if (s->state != SOCKET_OPEN || s->owes != 0 || !has_tx_room(d))
		return 0;
	h.len = least(least(socket_credit(s), tx_room(d) - HEADER), VSOCK_PAYLOAD_MAX);
	h.len = size < h.len ? (uint32_t)size : h.len;
	if (h.len == 0)
		return 0;
	socket_stamp(s, &h, d->cid);
	put(d, &h, buf);
	s->tx_cnt += h.len;
	submit(d, VSOCK_QUEUE_TX);
	return h.len;
}

/* ---- to the guest ---- */

static void add_orphan(struct driver *d, const struct vsock_header *h)
{
	if (h->op == VSOCK_OP_RST || d->n_orphans == DRIVER_ORPHANS_MAX)
		return;
	d->orphans[d->n_orphans++] = (struct orphan){h->dst_port, h->src_port, h->type};
}

static struct socket *find(struct driver *d, uint32_t guest_port, uint32_t host_port)
{
	for (uint32_t i = 0; i < d->n_sockets; i++) {
		struct socket *s = &d->sockets[i];
		const bool is_known = s->state != SOCKET_FREE &&
				      (s->state != SOCKET_OVER || s->owes != 0);

		if (is_known && s->guest_port == guest_port && s->host_port == host_port)
			return s;
	}
	return NULL;
}

struct listener *driver_listener(struct driver *d, uint32_t port)
{
	for (uint32_t i = 0; i < d->n_listeners; i++)
		if (d->listeners[i].port == port)
			return &d->listeners[i];
	return NULL;
}

struct socket *driver_new_socket(struct driver *d, enum socket_state state, uint32_t guest_port,
				 uint32_t host_port)
{
	for (uint32_t i = 0; i < d->n_sockets; i++) {
		struct socket *s = &d->sockets[i];

		if (s->state != SOCKET_FREE && !socket_is_done(s))
			continue;
		s->generation += s->generation == UINT32_MAX ? 2 : 1;
		socket_init(s, state, guest_port, host_port);
		s->watched = SOLO5X_VSOCK_READABLE;
		return s;
	}
	return NULL;
}

uint32_t driver_new_port(struct driver *d, uint32_t host_port)
{
	do
		d->last_port = d->last_port == PORT_LAST ? PORT_FIRST : d->last_port + 1;
	while (find(d, d->last_port, host_port) != NULL);
	return d->last_port;
}

/* The host program may write at once; it need not wait until the application accepts it. */
static void host_asks(struct driver *d, const struct vsock_header *h)
{
	struct listener *l = driver_listener(d, h->dst_port);
	struct socket *s = NULL;

	if (l != NULL && l->waiting < l->backlog)
		s = driver_new_socket(d, SOCKET_OPEN, h->dst_port, h->src_port);
	if (s == NULL) {
		add_orphan(d, h);
		return;
	}
	l->waiting++;
	s->waits = true;
	s->arrival = d->arrivals++;
	s->owes = SOCKET_OWES_RESPONSE;
	socket_absorb_credit(s, h);
	owe(d, s);
}

/* Past the socket's buffer as far as the application waits for just these bytes. */
static void deliver(struct driver *d, struct socket *s, const uint8_t *bytes, uint32_t len)
{
	struct sink *sink = &d->sink;
	uint32_t n = 0;

	if (sink->socket == s) {
		n = least(len, sink->room);
		memcpy(sink->at, bytes, n);
		sink->at += n;
		sink->room -= n;
		socket_passed_on(s, n);
	}
	socket_keep(s, bytes + n, len - n);
}

static void receive(struct driver *d, const uint8_t *bytes, uint32_t written)
{
	struct vsock_header h;
	struct socket *s;

	if (written < HEADER || written > d->rx_unit)
		return;
	memcpy(&h, bytes, HEADER);
	if (h.src_cid != VSOCK_CID_HOST || h.dst_cid != d->cid || h.len > written - HEADER)
		return;
	s = h.type == VSOCK_TYPE_STREAM ? find(d, h.dst_port, h.src_port) : NULL;
	if (s != NULL) {
		if (socket_receive(s, &h))
			deliver(d, s, bytes + HEADER, h.len);
		owe(d, s);
	} else if (h.op == VSOCK_OP_REQUEST && h.type == VSOCK_TYPE_STREAM) {
		host_asks(d, &h);
	} else {
		add_orphan(d, &h);
	}
}

/* At most as many as there were buffers, so that a monitor cannot keep the guest here. */
static void take_packets(struct driver *d)
{
	struct virtq *q = &d->queues[VSOCK_QUEUE_RX];
	uint32_t written;
	int slot;

	for (uint16_t n = 0; n < q->size && (slot = virtq_take(q, &written)) >= 0; n++) {
		receive(d, d->rx + (size_t)slot * d->rx_unit, written);
		post_rx(d);
	}
	check(d);
	if (!d->failed)
		submit(d, VSOCK_QUEUE_RX);
}

/* What came before the event was taken before; nothing comes after it until the buffer is back. */
static void take_events(struct driver *d)
{
	struct virtq *q = &d->queues[VSOCK_QUEUE_EVENT];
	struct vsock_event event;
	uint32_t written;
	int slot;

	for (uint16_t n = 0; n < q->size && (slot = virtq_take(q, &written)) >= 0; n++) {
		memcpy(&event, &d->events[slot], sizeof event);
		if (written == sizeof event && event.id == VSOCK_EVENT_TRANSPORT_RESET) {
			end_all(d);
			read_cid(d);
		}
		post_event(d);
	}
	check(d);
	if (!d->failed)
		submit(d, VSOCK_QUEUE_EVENT);
}

/* ---- both ---- */

void driver_close(struct driver *d, struct socket *s)
{
	if (s->state == SOCKET_OPEN) {
		socket_shut(s, VSOCK_SHUTDOWN_BOTH);
		s->state = SOCKET_CLOSING;
		s->deadline = solo5_clock_monotonic() + DRIVER_CLOSE_NS;
		d->deadline = s->deadline < d->deadline ? s->deadline : d->deadline;
	} else if (s->state == SOCKET_CONNECTING) {
		socket_reset(s, SOCKET_ENDED);
	}
	owe(d, s);
}

/* The host has not answered in time: its answer is not waited for. */
static void expire(struct driver *d)
{
	const uint64_t now = d->deadline == UINT64_MAX ? 0 : solo5_clock_monotonic();

	if (now < d->deadline)
		return;
	d->deadline = UINT64_MAX;
	for (uint32_t i = 0; i < d->n_sockets; i++) {
		struct socket *s = &d->sockets[i];

		if (s->state != SOCKET_CLOSING)
			continue;
		if (s->deadline <= now)
			socket_reset(s, SOCKET_ENDED);
		else if (s->deadline < d->deadline)
			d->deadline = s->deadline;
		owe(d, s);
	}
}

void driver_progress(struct driver *d)
{
	if (d->failed)
		return;
	inputs_seen++;
	take_packets(d);
	take_events(d);
	expire(d);
	driver_send_owed(d);
}

bool driver_arm(struct driver *d)
{
	bool armed;

	if (d->failed)
		return true;
	armed = virtq_arm(&d->queues[VSOCK_QUEUE_RX]);
	armed &= virtq_arm(&d->queues[VSOCK_QUEUE_EVENT]);
	if (d->tx_wanted)
		armed &= virtq_arm(&d->queues[VSOCK_QUEUE_TX]);
	return armed;
}
