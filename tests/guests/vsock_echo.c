/* SPDX-License-Identifier: ISC */
/*
 * vsock_echo.c: sends back what comes on each stream, without the bindings, and where the host has
 * room for it without a copy: the packet itself goes back.
 *
 *   window N    bytes that a connection holds (default 65536)
 *   most N      connections at a time (default and limit 1024)
 *   refuse N    connections to port N are refused, those to N + 1 never answered
 *   call N      connects to the host's port N first
 *
 * What comes to port 10 is not sent back; from port 11 come zeros without end. Ends when a
 * connection to port 9 is asked for: with SUCCESS if no other is left then.
 */
#include "guest.h"
#include "hypercall.h"

#include "../../include/husk_abi.h"
#include "../../include/virtq_abi.h"
#include "../../include/vsock_abi.h"

#define HANDLE 1u
#define SIZE 64u
#define PACKET (sizeof(struct vsock_header) + 65536u)
#define CONNECTIONS 1024u
#define PLACES 8u			/* of these, where a port may be */
#define END_PORT 9u
#define SINK_PORT 10u
#define SOURCE_PORT 11u
#define FOREVER UINT64_C(1000000000000)

HUSK_IMAGE_WANTS(HUSK_FEATURE_VSOCK);

struct queue {
	struct virtq_desc desc[SIZE];
	uint8_t avail_bytes[VIRTQ_AVAIL_BYTES(SIZE)] __attribute__((aligned(8)));
	uint8_t used_bytes[VIRTQ_USED_BYTES(SIZE)] __attribute__((aligned(8)));
	uint16_t seen, free[SIZE], n_free;
	unsigned number;
} __attribute__((aligned(4096)));

static struct virtq_avail *avail_of(struct queue *q)
{
	return (struct virtq_avail *)(void *)q->avail_bytes;
}

static struct virtq_used *used_of(struct queue *q)
{
	return (struct virtq_used *)(void *)q->used_bytes;
}

struct connection {
	bool used, ended;		/* ended: the host sends no more */
	uint32_t host_port, guest_port;
	uint32_t at, held;		/* of the ring */
	uint32_t fwd_cnt, told, tx_cnt, peer_alloc, peer_fwd;
	bool shut;
};

static struct queue rx, tx;
static struct connection connections[CONNECTIONS];
static uint8_t *rings, *rx_packets, *tx_packets;
static uint32_t window = 65536, most = CONNECTIONS, refused = UINT32_MAX;
static unsigned n_connections;
static bool over;
static int lent[SIZE];			/* by tx descriptor: the rx packet that it sends, or -1 */

static void check(bool good, int status)
{
	if (!good)
		solo5_exit(status);
}

/* ---- queues ---- */

static uint16_t load(const uint16_t *field)
{
	return __atomic_load_n(field, __ATOMIC_ACQUIRE);
}

static void ring_bell(const struct queue *q)
{
#if defined(__x86_64__)
	__asm__ __volatile__("outl %0, %1" :: "a"(HUSK_QUEUE_NUMBER(HANDLE, q->number)),
			     "d"((uint16_t)HUSK_DOORBELL_PIO_BASE) : "memory");
#else
	*(volatile uint32_t *)HUSK_DOORBELL_MMIO_BASE = HUSK_QUEUE_NUMBER(HANDLE, q->number);
#endif
}

static void announce(struct queue *q, unsigned number)
{
	struct husk_queue rq = {
		.handle = HANDLE, .index = number, .size = SIZE, .desc = (uintptr_t)q->desc,
		.avail = (uintptr_t)avail_of(q), .used = (uintptr_t)used_of(q), .ret = -1,
	};

	q->number = number;
	hypercall(HUSK_HYPERCALL_QUEUE, (uintptr_t)&rq);
	check(rq.ret == HVT_OK, 40);
}

static void submit(struct queue *q, uint16_t i, void *packet, size_t len, uint16_t flags)
{
	const uint16_t before = avail_of(q)->idx, now = (uint16_t)(before + 1);

	q->desc[i] = (struct virtq_desc){(uintptr_t)packet, (uint32_t)len, flags, 0};
	avail_of(q)->ring[before % SIZE] = i;
	__atomic_store_n(&avail_of(q)->idx, now, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (virtq_passes(load(virtq_avail_event(used_of(q), SIZE)), now, before))
		ring_bell(q);
}

static unsigned number_of(const struct vsock_header *h)
{
	return (unsigned)((size_t)((const uint8_t *)h - rx_packets) / PACKET);
}

static void post(unsigned i)
{
	submit(&rx, (uint16_t)i, rx_packets + i * PACKET, PACKET, VIRTQ_DESC_WRITE);
}

/* ---- packets to the host ---- */

static void reclaim(void)
{
	while (load(&used_of(&tx)->idx) != tx.seen) {
		const uint16_t i = (uint16_t)used_of(&tx)->ring[tx.seen++ % SIZE].id;

		if (lent[i] >= 0)
			post((unsigned)lent[i]);
		lent[i] = -1;
		tx.free[tx.n_free++] = i;
	}
}

/* Of packets that have gone it wants to hear only where it has no descriptor for another. */
static void sleep_until(uint64_t ns)
{
	struct hvt_poll poll = {.timeout_nsecs = ns};

	*virtq_used_event(avail_of(&rx), SIZE) = rx.seen;
	if (tx.n_free == 0)
		*virtq_used_event(avail_of(&tx), SIZE) = tx.seen;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (load(&used_of(&rx)->idx) == rx.seen && load(&used_of(&tx)->idx) == tx.seen)
		hypercall(HVT_HYPERCALL_POLL, (uintptr_t)&poll);
}

static bool can_send(void)
{
	reclaim();
	return tx.n_free > 0;
}

/* len bytes of the ring of c go with it. c may be NULL. */
static void send(const struct vsock_header *to, struct connection *c, uint16_t op, uint32_t flags,
		 uint32_t len)
{
	struct vsock_header *h;
	uint16_t i;

	while (!can_send())
		sleep_until(FOREVER);
	i = tx.free[--tx.n_free];
	h = (void *)(tx_packets + i * PACKET);
	*h = (struct vsock_header){
		.src_cid = 3, .dst_cid = VSOCK_CID_HOST, .type = VSOCK_TYPE_STREAM, .op = op,
		.src_port = to->dst_port, .dst_port = to->src_port, .len = len, .flags = flags,
	};
	if (c != NULL) {
		uint8_t *ring = rings + (size_t)(c - connections) * window;
		const uint32_t first = len < window - c->at ? len : window - c->at;

		memcpy(h + 1, ring + c->at, first);
		memcpy((uint8_t *)(h + 1) + first, ring, len - first);
		c->at = (c->at + len) % window;
		c->held -= len;
		c->fwd_cnt += len;
		c->tx_cnt += len;
		c->told = c->fwd_cnt;
		h->buf_alloc = window;
		h->fwd_cnt = c->fwd_cnt;
	}
	submit(&tx, i, h, sizeof *h + len, 0);
}

static struct vsock_header header_of(const struct connection *c)
{
	return (struct vsock_header){.src_port = c->host_port, .dst_port = c->guest_port};
}

static uint32_t credit(const struct connection *c)
{
	const uint32_t on_the_way = c->tx_cnt - c->peer_fwd;

	return c->peer_alloc > on_the_way ? c->peer_alloc - on_the_way : 0;
}

/* As much as there is, and as the host has room for. */
static void echo(struct connection *c)
{
	const struct vsock_header to = header_of(c);

	while (c->held > 0 && credit(c) > 0) {
		uint32_t n = c->held < credit(c) ? c->held : credit(c);

		send(&to, c, VSOCK_OP_RW, 0, n < 65536 ? n : 65536);
	}
	if (c->ended && c->held == 0 && !c->shut) {
		send(&to, c, VSOCK_OP_SHUTDOWN, VSOCK_SHUTDOWN_BOTH, 0);
		c->shut = true;
	} else if (c->fwd_cnt - c->told > window / 2) {
		send(&to, c, VSOCK_OP_CREDIT_UPDATE, 0, 0);
	}
}

/* The packet goes back as it is; its buffer does so later. */
static bool send_back(struct connection *c, struct vsock_header *h)
{
	const struct vsock_header to = *h;
	uint16_t i;

	if (c->held > 0 || credit(c) < h->len || h->len == 0 || !can_send())
		return false;
	i = tx.free[--tx.n_free];
	lent[i] = (int)number_of(h);
	c->fwd_cnt += h->len;
	c->tx_cnt += h->len;
	c->told = c->fwd_cnt;
	*h = (struct vsock_header){
		.src_cid = 3, .dst_cid = VSOCK_CID_HOST, .type = VSOCK_TYPE_STREAM,
		.op = VSOCK_OP_RW, .src_port = to.dst_port, .dst_port = to.src_port,
		.len = to.len, .buf_alloc = window, .fwd_cnt = c->fwd_cnt,
	};
	submit(&tx, i, h, sizeof *h + h->len, 0);
	return true;
}

static bool is_source(const struct connection *c)
{
	return c->used && c->guest_port == SOURCE_PORT && !c->shut;
}

/* As much as the host has room for, of nothing in particular. */
static void pour(struct connection *c)
{
	while (credit(c) > 0 && can_send()) {
		const uint16_t i = tx.free[--tx.n_free];
		const uint32_t len = credit(c) < 65536 ? credit(c) : 65536;
		struct vsock_header *h = (void *)(tx_packets + i * PACKET);

		*h = (struct vsock_header){
			.src_cid = 3, .dst_cid = VSOCK_CID_HOST, .type = VSOCK_TYPE_STREAM,
			.op = VSOCK_OP_RW, .src_port = c->guest_port, .dst_port = c->host_port,
			.len = len, .buf_alloc = window, .fwd_cnt = c->fwd_cnt,
		};
		c->tx_cnt += len;
		submit(&tx, i, h, sizeof *h + len, 0);
	}
}

/* ---- packets from the host ---- */

static struct connection *find(const struct vsock_header *h)
{
	for (unsigned i = 0; i < PLACES; i++) {
		struct connection *c = &connections[(h->src_port + i) % most];

		if (c->used && c->host_port == h->src_port && c->guest_port == h->dst_port)
			return c;
	}
	return NULL;
}

static struct connection *add(const struct vsock_header *h)
{
	for (unsigned i = 0; i < PLACES; i++) {
		struct connection *c = &connections[(h->src_port + i) % most];

		if (c->used)
			continue;
		*c = (struct connection){
			.used = true, .host_port = h->src_port, .guest_port = h->dst_port,
			.peer_alloc = h->buf_alloc, .peer_fwd = h->fwd_cnt,
		};
		n_connections++;
		return c;
	}
	return NULL;
}

static void drop(struct connection *c)
{
	c->used = false;
	n_connections--;
}

static void asked(const struct vsock_header *h)
{
	struct connection *c;

	if (h->dst_port == END_PORT) {
		over = true;
		return;
	}
	if (h->dst_port == refused + 1)
		return;
	c = h->dst_port == refused ? NULL : add(h);
	send(h, c, c == NULL ? VSOCK_OP_RST : VSOCK_OP_RESPONSE, 0, 0);
	if (c != NULL && is_source(c))
		pour(c);
}

static void keep(struct connection *c, const struct vsock_header *h)
{
	uint8_t *ring = rings + (size_t)(c - connections) * window;
	const uint32_t at = (c->at + c->held) % window;
	const uint32_t first = h->len < window - at ? h->len : window - at;

	check(h->len <= window - c->held, 50);		/* more than it may send */
	memcpy(ring + at, h + 1, first);
	memcpy(ring, (const uint8_t *)(h + 1) + first, h->len - first);
	c->held += h->len;
}

/* Whether the packet can be posted again. */
static bool take(struct vsock_header *h)
{
	struct connection *c = find(h);

	if (c == NULL) {
		if (h->op == VSOCK_OP_REQUEST)
			asked(h);
		else if (h->op != VSOCK_OP_RST)
			send(h, NULL, VSOCK_OP_RST, 0, 0);
		return true;
	}
	c->peer_alloc = h->buf_alloc;
	c->peer_fwd = h->fwd_cnt;
	if (h->op == VSOCK_OP_RST) {
		drop(c);
		return true;
	}
	if (h->op == VSOCK_OP_RW && c->guest_port == SINK_PORT)
		c->fwd_cnt += h->len;
	else if (h->op == VSOCK_OP_RW && send_back(c, h))
		return false;
	else if (h->op == VSOCK_OP_RW)
		keep(c, h);
	if (h->op == VSOCK_OP_SHUTDOWN) {
		c->ended |= (h->flags & VSOCK_SHUTDOWN_SEND) != 0;
		if (h->flags == VSOCK_SHUTDOWN_BOTH) {
			send(h, NULL, VSOCK_OP_RST, 0, 0);
			drop(c);
			return true;
		}
	}
	if (h->op == VSOCK_OP_CREDIT_REQUEST) {
		const struct vsock_header to = header_of(c);

		send(&to, c, VSOCK_OP_CREDIT_UPDATE, 0, 0);
	}
	if (is_source(c))
		pour(c);
	echo(c);
	return true;
}

static bool serve(void)
{
	const struct virtq_used_elem *u = &used_of(&rx)->ring[rx.seen % SIZE];
	struct vsock_header *h;

	if (load(&used_of(&rx)->idx) == rx.seen)
		return false;
	check(u->id < SIZE && u->len >= sizeof *h, 51);
	h = (void *)(rx_packets + u->id * PACKET);
	check(u->len == sizeof *h + h->len && h->src_cid == VSOCK_CID_HOST && h->dst_cid == 3, 52);
	rx.seen++;
	if (take(h))
		post(number_of(h));
	reclaim();
	return true;
}

static void call(uint32_t port)
{
	const struct vsock_header to = {.src_port = port, .dst_port = 1234};
	struct connection *c = add(&to);

	send(&to, c, VSOCK_OP_REQUEST, 0, 0);
}

static void start(const struct solo5_start_info *si, const char *args)
{
	uint32_t port = UINT32_MAX;

	while (*args != '\0') {
		if (take_word(&args, "window"))
			window = (uint32_t)take_number(&args);
		else if (take_word(&args, "most"))
			most = (uint32_t)take_number(&args);
		else if (take_word(&args, "refuse"))
			refused = (uint32_t)take_number(&args);
		else if (take_word(&args, "call"))
			port = (uint32_t)take_number(&args);
		else
			solo5_exit(97);
	}
	rx_packets = (uint8_t *)si->heap_start;
	tx_packets = rx_packets + SIZE * PACKET;
	rings = tx_packets + SIZE * PACKET;
	check(most > 0 && most <= CONNECTIONS, 54);
	check(si->heap_size > 2 * SIZE * PACKET + (size_t)most * window + 65536, 53);
	announce(&rx, VSOCK_QUEUE_RX);
	announce(&tx, VSOCK_QUEUE_TX);
	for (uint16_t i = 0; i < SIZE; i++) {
		post(i);
		lent[i] = -1;
		tx.free[tx.n_free++] = i;
	}
	if (port != UINT32_MAX)
		call(port);
}

int solo5_app_main(const struct solo5_start_info *si)
{
	start(si, si->cmdline);
	say("READY\n");
	while (!over)
		if (!serve()) {
			reclaim();
			sleep_until(FOREVER);
		}
	if (n_connections == 0)
		return succeed();
	say("LEFT ");
	say_number(n_connections);
	say("\n");
	return 1;
}
