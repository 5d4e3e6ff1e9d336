/* SPDX-License-Identifier: ISC */
/* net_queue.c: frames out of the RX queue's buffers, and into those of the TX queue. */
#include "net_queue.h"

#include "../include/husk_abi.h"
#include "../include/net_abi.h"
#include "../include/solo5x.h"
#include "bindings.h"
#include "cpu.h"
#include "features.h"
#include "net_queue_parts.h"
#include "price.h"
#include "queue.h"

#define ALIGN 64u			/* a cache line */
#define RX_MAX 256u			/* entries; powers of two */
#define RX_MIN 16u
#define TX_MIN 8u
#define SPINS 1000u			/* looks for room in a queue that is emptied meanwhile */
#define TX_SHARE 4u			/* one entry for so many of RX */

/*
 * An exit for a frame takes some time: its price. A frame is not held back for longer than so many
 * prices, unless the program does something else meanwhile; then none are for a while, and for twice as
 * long each time that this happens again.
 *
 * Held back are answers, while other frames wait to be read, and what comes in a row: the program has sent
 * so many frames, each within that time of the one before, and has not looked for any.
 */
#define PATIENCE 8u
#define ROW_MIN 8u
#define HOLD_MAX 32u			/* frames */
#define PAUSE_MIN 16u			/* frames */
#define PAUSE_MAX 4096u

_Static_assert(SOLO5X_FEATURE_NET == HUSK_FEATURE_NET, "one number for one thing");

static struct net_queue *queues[MFT_MAX_ENTRIES];	/* by handle; NULL: none */
static bool holding;			/* one of them may hold something back */

/* ---- memory ---- */

static size_t up(size_t n)
{
	return (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

/* What one device takes, with so many entries for what comes. */
struct shape {
	uint32_t rx, tx, tx_unit;
};

/* Where a doorbell is no exit, the queue is emptied only while more is put into it. */
static struct shape shape_of(uint32_t rx, size_t mtu)
{
	const uint32_t share = features_net_direct() != 0 ? 1 : TX_SHARE;
	const uint32_t tx = rx / share > TX_MIN ? rx / share : TX_MIN;

	return (struct shape){rx, tx, (uint32_t)up(HEADER + SOLO5_NET_HLEN + NET_TAGS + mtu)};
}

static size_t bytes_of(const struct shape *s)
{
	return up(sizeof(struct net_queue)) + up(virtq_memory((uint16_t)s->rx)) +
	       up(virtq_memory((uint16_t)s->tx)) + s->rx * RX_UNIT + (size_t)s->tx * s->tx_unit;
}

static struct net_queue *lay_out(uint8_t *at, const struct shape *s)
{
	struct net_queue *q = (struct net_queue *)(void *)at;

	at += up(sizeof *q);
	virtq_init(&q->rx, (uint16_t)s->rx, at);
	at += up(virtq_memory((uint16_t)s->rx));
	virtq_init(&q->tx, (uint16_t)s->tx, at);
	at += up(virtq_memory((uint16_t)s->tx));
	q->rx_units = at;
	q->tx_units = at + s->rx * RX_UNIT;
	q->tx_unit = s->tx_unit;
	q->rx_unit = RX_UNIT;
	q->rx_full = (uint16_t)s->rx;
	q->next_pause = PAUSE_MIN;
	return q;
}

static size_t count_devices(void)
{
	size_t n = 0;

	for (solo5_handle_t i = 1; i < MFT_MAX_ENTRIES; i++)
		n += manifest_get(i, MFT_DEV_NET_BASIC) != NULL;
	return n;
}

/* As large as the heap allows; the buffers must have room for two of the longest frames. NULL: too large. */
static uint8_t *take_memory(struct solo5_start_info *info, size_t devices, struct shape *s)
{
	const size_t mtu = manifest_max_mtu();
	const uint32_t most = features_queue_size_max();
	uint8_t *memory = NULL;

	for (uint32_t rx = RX_MAX; rx >= RX_MIN && memory == NULL; rx /= 2) {
		*s = shape_of(rx, mtu);
		if (rx <= most && rx * RX_UNIT >= 2 * (size_t)s->tx_unit)
			memory = memory_take(info, devices * up(bytes_of(s)));
	}
	return memory;
}

/* ---- what comes ---- */

void net_queue_post(struct net_queue *q, const uint8_t *in)
{
	const uint32_t unit = (uint32_t)(in - q->rx_units) / q->rx_unit;
	const struct virtq_span span = {
		queue_gpa(q->rx_units + (size_t)unit * q->rx_unit), q->rx_unit,
	};

	q->unit_of[q->rx.free] = (uint8_t)unit;
	(void)virtq_add(&q->rx, &span, 0, 1);
}

/* The monitor sees them when it is asked for anything; it looks at no other time. Not so the kernel. */
static void show_buffers(struct net_queue *q)
{
	if (q->rx.submitted != q->rx.added && virtq_submit(&q->rx) && q->direct)
		cpu_doorbell(HUSK_QUEUE_NUMBER(q->handle, NET_QUEUE_RX));
}

void net_queue_show(struct net_queue *q)
{
	if ((uint16_t)(q->rx.added - q->rx.submitted) >= q->rx.size / 4)
		show_buffers(q);
}

bool net_queue_take(struct net_queue *q, bool first, struct net_part *p)
{
	struct net_header h;
	uint32_t written;
	const int head = virtq_take(&q->rx, &written);

	if (head < 0)
		return false;
	*p = (struct net_part){.at = q->rx_units + (size_t)q->unit_of[head] * q->rx_unit,
			       .size = written < q->rx_unit ? written : q->rx_unit};
	if (!first)
		return true;
	memcpy(&h, p->at, sizeof h);
	if (p->size < HEADER || h.num_buffers == 0) {
		p->size = 0;
		return true;
	}
	*p = (struct net_part){p->at + HEADER, p->size - HEADER, (uint16_t)(h.num_buffers - 1), h};
	return true;
}

/* The next frame, whole or not: its length, 0 if there is none to speak of; more than size: it is lost. */
static size_t copy_frame(struct net_queue *q, uint8_t *buf, size_t size)
{
	size_t len = 0;
	struct net_part p;
	unsigned more;

	if (!net_queue_take(q, true, &p))
		return 0;
	for (more = p.more;; more--) {
		if (p.size <= size && len <= size - p.size)
			memcpy(buf + len, p.at, p.size);
		len += p.size;
		net_queue_post(q, p.at);
		if (more == 0 || !net_queue_take(q, false, &p))
			break;
	}
	return more == 0 ? len : 0;
}

/* Frames without a whole header, and those that do not fit, are passed over. */
static bool take_frame(struct net_queue *q, uint8_t *buf, size_t size, size_t *read_size)
{
	while (virtq_has(&q->rx)) {
		const size_t len = copy_frame(q, buf, size);

		net_queue_show(q);
		if (len < SOLO5_NET_HLEN || len > size)
			continue;
		*read_size = len;
		q->looked = true;
		return true;
	}
	return false;
}

/* ---- what goes ---- */

/* Completions are of no interest: the event stays behind them. */
static void want_no_call(struct net_queue *q)
{
	__atomic_store_n(virtq_used_event(q->tx.avail, q->tx.size), (uint16_t)(q->tx.taken - 1),
			 __ATOMIC_RELAXED);
}

void net_queue_take_back(struct net_queue *q)
{
	uint32_t written;

	while (virtq_take(&q->tx, &written) >= 0)
		;
	want_no_call(q);
}

static bool wants_doorbell(const struct net_queue *q)
{
	return __atomic_load_n(virtq_avail_event(q->tx.used, q->tx.size), __ATOMIC_RELAXED) ==
	       q->tx.submitted;
}

/* Runs that are to be alike know no price, and hold nothing back: that would depend on the counter. */
static void add_price(struct net_queue *q, uint64_t ticks)
{
	if ((solo5x_features() & HUSK_FEATURE_CLOCK) != 0)
		return;
	q->price = q->price == 0 ? ticks : q->price + ticks / 16 - q->price / 16;
}

void net_queue_ring(solo5_handle_t handle, struct net_queue *q)
{
	q->held = 0;
	cpu_doorbell(HUSK_QUEUE_NUMBER(handle, NET_QUEUE_TX));
}

/* Whether a frame was held back for so long that it had better been sent. */
static bool is_late(const struct net_queue *q)
{
	return q->held > 0 && cpu_ticks() - q->touched > PATIENCE * q->price;
}

static void ring_if_late(solo5_handle_t handle, struct net_queue *q)
{
	if (!is_late(q))
		return;
	net_queue_ring(handle, q);
	q->pause = q->next_pause;
	if (q->next_pause < PAUSE_MAX)
		q->next_pause *= 2;
}

static void send_late(void)
{
	if (!holding)
		return;
	holding = false;
	for (solo5_handle_t i = 1; i < MFT_MAX_ENTRIES; i++) {
		if (!net_queue_has(i))
			continue;
		ring_if_late(i, queues[i]);
		holding |= queues[i]->held > 0;
	}
}

/* Who sends beside this processor has sent something soon, or the monitor is to wait for it. */
static void await_room(struct net_queue *q)
{
	for (unsigned i = 0; i < SPINS && q->tx.n_free == 0; i++)
		net_queue_take_back(q);
}

/* A copy of the frame goes into the queue. False: there is no room, whatever was tried. */
static bool add(solo5_handle_t handle, struct net_queue *q, const uint8_t *buf, size_t size)
{
	struct virtq_span span;
	uint8_t *unit;

	if (q->tx.n_free == 0)
		net_queue_take_back(q);
	if (q->tx.n_free == 0) {
		net_queue_ring(handle, q);
		net_queue_take_back(q);
	}
	if (q->direct)
		await_room(q);
	if (q->tx.n_free == 0)
		return false;
	unit = q->tx_units + (size_t)q->tx.free * q->tx_unit;
	memset(unit, 0, HEADER);
	memcpy(unit + HEADER, buf, size);
	span = (struct virtq_span){queue_gpa(unit), (uint32_t)(HEADER + size)};
	(void)virtq_add(&q->tx, &span, 1, 0);
	return true;
}

/* Whether to wait for more before the monitor is told. */
static bool may_hold(struct net_queue *q)
{
	const uint32_t most = q->tx.size / 2 < HOLD_MAX ? q->tx.size / 2 : HOLD_MAX;

	if (q->pause > 0) {
		q->pause--;
		return false;
	}
	return q->price > 0 && q->held < most && (q->row > ROW_MIN || virtq_has(&q->rx));
}

static solo5_result_t write_by_call(struct net_queue *q, solo5_handle_t handle, const uint8_t *buf,
				    size_t size)
{
	const uint64_t began = cpu_ticks();
	const solo5_result_t result = net_write_by_call(handle, buf, size);

	q->touched = cpu_ticks();
	add_price(q, q->touched - began);
	return result;
}

static void count_row(struct net_queue *q)
{
	if (cpu_ticks() - q->touched > PATIENCE * q->price)
		q->row = 0;
	if (q->row <= ROW_MIN)
		q->row++;
}

solo5_result_t net_queue_write(solo5_handle_t handle, const uint8_t *buf, size_t size)
{
	struct net_queue *q = queues[handle];
	bool hold, wanted;

	q->begun = true;
	ring_if_late(handle, q);
	count_row(q);
	wanted = q->held > 0 || wants_doorbell(q);
	hold = wanted && !q->direct && may_hold(q);
	if ((wanted && !hold && q->held == 0 && !q->direct) || !add(handle, q, buf, size))
		return write_by_call(q, handle, buf, size);
	wanted |= virtq_submit(&q->tx);
	holding |= hold;
	if (hold)
		q->held++;
	else if (wanted)
		net_queue_ring(handle, q);
	q->touched = cpu_ticks();
	return SOLO5_R_OK;
}

/* ---- reading, and what it has to do with what was held back ---- */

void net_queue_begin_read(solo5_handle_t handle, struct net_queue *q)
{
	q->begun = true;
	ring_if_late(handle, q);
	q->row = 0;
}

bool net_queue_look(solo5_handle_t handle, struct net_queue *q)
{
	if (q->held > 0)
		net_queue_ring(handle, q);
	if (q->looked) {
		q->looked = false;
		return false;
	}
	show_buffers(q);
	cpu_doorbell(HUSK_QUEUE_NUMBER(handle, NET_QUEUE_RX));
	return true;
}

solo5_result_t net_queue_read(solo5_handle_t handle, uint8_t *buf, size_t size, size_t *read_size)
{
	struct net_queue *q = queues[handle];

	net_queue_begin_read(handle, q);
	if (take_frame(q, buf, size, read_size))
		return SOLO5_R_OK;
	if (q->rx.broken)
		return net_read_by_call(handle, buf, size, read_size);
	return net_queue_look(handle, q) && take_frame(q, buf, size, read_size) ? SOLO5_R_OK :
	       SOLO5_R_AGAIN;
}

/* ---- what solo5_yield asks ---- */

/* What is late is so now: a POLL would send it, and whether it was would not be seen any more. */
static solo5_handle_set_t look(solo5_handle_set_t *served)
{
	solo5_handle_set_t ready = 0;

	*served = 0;
	for (solo5_handle_t i = 1; i < MFT_MAX_ENTRIES; i++) {
		if (!net_queue_has(i) || queues[i]->rx.broken)
			continue;
		*served |= (solo5_handle_set_t)1 << i;
		ring_if_late(i, queues[i]);
		if (virtq_has(&queues[i]->rx))
			ready |= (solo5_handle_set_t)1 << i;
		show_buffers(queues[i]);
	}
	return ready;
}

static bool arm(void)
{
	bool armed = true;

	for (solo5_handle_t i = 1; i < MFT_MAX_ENTRIES; i++)
		if (net_queue_has(i) && !queues[i]->rx.broken)
			armed &= virtq_arm(&queues[i]->rx);
	return armed;
}

/* A POLL sends what was held back. Without, it may wait where input still does. */
static void after_look(bool asked)
{
	for (solo5_handle_t i = 1; i < MFT_MAX_ENTRIES; i++) {
		struct net_queue *q = queues[i];

		if (!net_queue_has(i))
			continue;
		if (asked)
			q->looked = true, q->held = 0, q->row = 0;
		else if (q->held > 0 && !virtq_has(&q->rx))
			net_queue_ring(i, q);
	}
}

static const struct yield_queues frames = {look, arm, after_look, send_late};

/* ---- whether a frame by a queue takes less than an exit ---- */

#define TRIAL_SHORT 60u
#define TRIAL_LONG (RX_UNIT - HEADER)
#define TRIAL_MEMORY (VIRTQ_DESC_BYTES(RX_MIN) + VIRTQ_AVAIL_BYTES(RX_MIN) + \
		      VIRTQ_USED_BYTES(RX_MIN) + 2 * VIRTQ_DESC_ALIGN)

/* A queue of which the guest has both ends, and one buffer. */
struct trial {
	struct net_queue q;
	size_t size, read_size;		/* of the frames */
	uint8_t unit[RX_UNIT], to[RX_UNIT] __attribute__((aligned(ALIGN)));
};

static void prepare(struct trial *t, uint8_t *memory)
{
	const struct net_header header = {.num_buffers = 1};

	t->q = (struct net_queue){.rx_units = t->unit, .rx_unit = RX_UNIT};
	virtq_init(&t->q.rx, RX_MIN, memory);
	memcpy(t->unit, &header, sizeof header);
	net_queue_post(&t->q, t->unit);
}

/* As the monitor would, with a frame in it. */
static void give_back(struct trial *t)
{
	struct virtq_used *used = t->q.rx.used;

	used->ring[used->idx & (RX_MIN - 1)].len = (uint32_t)(HEADER + t->size);
	__atomic_store_n(&used->idx, (uint16_t)(used->idx + 1), __ATOMIC_RELEASE);
}

static void frame_by_queue(void *ctx)
{
	struct trial *t = ctx;

	give_back(t);
	(void)take_frame(&t->q, t->to, sizeof t->to, &t->read_size);
}

/* A doorbell of a queue that is not there has no effect. */
static void leave_and_return(void *ctx)
{
	const solo5_handle_t *handle = ctx;

	cpu_doorbell(HUSK_QUEUE_NUMBER(*handle, NET_QUEUE_RX));
}

static bool try_queues(solo5_handle_t handle, size_t longest)
{
	struct trial t;
	uint8_t memory[TRIAL_MEMORY] __attribute__((aligned(ALIGN))) = {0};
	const struct price_way queue = {frame_by_queue, &t}, call = {leave_and_return, &handle};
	const uint64_t exit = price_of(&call);

	prepare(&t, memory);
	for (t.size = TRIAL_SHORT; t.size < longest; t.size = longest)
		if (!price_is_below(&queue, exit))
			return false;
	return price_is_below(&queue, exit);
}

/*
 * Queues take an exit less for a frame, and a copy more, by the guest's own instructions. Where these are
 * the dearer, as on a hypervisor that emulates them, there are none; unless the image itself asks. Runs that
 * are to be alike must not depend on what time things take.
 */
static bool pay(void)
{
	const size_t longest = manifest_max_mtu() + SOLO5_NET_HLEN;
	solo5_handle_t handle = 1;

	if (features_image_wants(HUSK_FEATURE_NET) || features_net_direct() != 0 ||
	    (solo5x_features() & HUSK_FEATURE_CLOCK) != 0)
		return true;
	while (manifest_get(handle, MFT_DEV_NET_BASIC) == NULL)
		handle++;
	return try_queues(handle, longest < TRIAL_LONG ? longest : TRIAL_LONG);
}

/* ---- beginning ---- */

void net_queue_init(struct solo5_start_info *info)
{
	const size_t devices = count_devices();
	uint8_t *memory = NULL;
	struct shape s;

	holding = false;
	if ((solo5x_features() & HUSK_FEATURE_NET) != 0 && devices > 0 && pay())
		memory = take_memory(info, devices, &s);
	for (solo5_handle_t i = 1; i < MFT_MAX_ENTRIES; i++) {
		queues[i] = NULL;
		if (memory == NULL || manifest_get(i, MFT_DEV_NET_BASIC) == NULL)
			continue;
		queues[i] = lay_out(memory, &s);
		queues[i]->handle = i;
		queues[i]->direct = (features_net_direct() >> i & 1) != 0;
		memory += up(bytes_of(&s));
	}
}

bool net_queue_has(solo5_handle_t handle)
{
	return handle < MFT_MAX_ENTRIES && queues[handle] != NULL && queues[handle]->there;
}

struct net_queue *net_queue_of(solo5_handle_t handle)
{
	return net_queue_has(handle) ? queues[handle] : NULL;
}

/* Where one of the two is not wanted, neither is used. */
void net_queue_announce(solo5_handle_t handle, struct net_queue *q)
{
	for (uint32_t i = 0; q->rx.n_free > 0; i++)
		net_queue_post(q, q->rx_units + (size_t)i * q->rx_unit);
	show_buffers(q);
	want_no_call(q);
	q->there = false;
	if (!queue_announce(handle, NET_QUEUE_RX, &q->rx))
		return;
	q->there = queue_announce(handle, NET_QUEUE_TX, &q->tx);
	if (q->there)
		yield_frames = &frames;
	else
		queue_take_back(handle);
}

void net_queue_acquire(solo5_handle_t handle)
{
	struct net_queue *q = queues[handle];

	if (q == NULL || q->tried)
		return;
	q->tried = true;
	net_queue_announce(handle, q);
}
