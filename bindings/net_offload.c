/* SPDX-License-Identifier: ISC */
/*
 * net_offload.c: frames in parts, whose checksums and segments are the host's affair where it grants that.
 */
#include "../include/husk_abi.h"
#include "../include/solo5x.h"
#include "bindings.h"
#include "cpu.h"
#include "features.h"
#include "net_queue.h"
#include "net_queue_parts.h"
#include "queue.h"

#define BIG_UNIT 4096u			/* of the RX queue, where frames of many segments may come */
#define COPY_MAX 2048u			/* shorter frames are copied, and not waited for */
#define WHOLE_MAX (65521u + SOLO5_NET_HLEN + NET_TAGS)	/* bytes of a frame of the largest MTU */
#define SPINS_TOLD 4096u		/* before the monitor is told that somebody waits */
#define WAIT_NS 5000000000u		/* then the queues are taken back, */
#define ASKS_MIN 1000u			/* if it was told so often: the guest may have stood still */
#define TCP_MIN 20u			/* bytes of the header: RFC 9293, 3.1 */
#define TCP_CHECKSUM 16u

_Static_assert(SOLO5X_NET_CSUM == NET_CSUM && SOLO5X_NET_GUEST_CSUM == NET_GUEST_CSUM &&
	       SOLO5X_NET_GUEST_TSO4 == NET_GUEST_TSO4 && SOLO5X_NET_GUEST_TSO6 == NET_GUEST_TSO6 &&
	       SOLO5X_NET_GUEST_ECN == NET_GUEST_ECN && SOLO5X_NET_HOST_TSO4 == NET_HOST_TSO4 &&
	       SOLO5X_NET_HOST_TSO6 == NET_HOST_TSO6 && SOLO5X_NET_HOST_ECN == NET_HOST_ECN,
	       "one number for one thing");
_Static_assert(SOLO5X_NET_RECEIVE_PARTS * RX_UNIT >= WHOLE_MAX + sizeof(struct net_header),
	       "the longest whole frame has its parts");
_Static_assert(SOLO5X_NET_RECEIVE_PARTS * BIG_UNIT >= NET_SEGMENTS_MAX + sizeof(struct net_header),
	       "and so has one of segments");

/* ---- asking ---- */

static uint64_t ask(solo5_handle_t handle, uint64_t wanted)
{
	struct husk_net_offloads arg = {.handle = handle, .wanted = wanted, .ret = HVT_EUNSPEC};

	cpu_hypercall((enum hvt_hypercall)HUSK_HYPERCALL_NET_OFFLOADS, &arg);
	return arg.ret == HVT_OK ? arg.granted : 0;
}

/* Half as many buffers have room for two of the longest. */
static bool has_room(const struct net_queue *q)
{
	return q->rx_full / 2 * BIG_UNIT >= NET_SEGMENTS_MAX + HEADER;
}

static void clear(struct virtq *q, uint16_t size, uint16_t full)
{
	void *memory = q->desc;

	memset(memory, 0, virtq_memory(full));
	virtq_init(q, size, memory);
}

uint64_t solo5x_net_offloads(solo5_handle_t handle, uint64_t wanted)
{
	struct net_queue *q = net_queue_of(handle);

	if (q == NULL || q->begun || !features_has_offloads())
		return 0;
	if (!has_room(q))
		wanted &= ~(uint64_t)(NET_GUEST_TSO | NET_GUEST_ECN);
	queue_take_back(handle);
	q->offloads = ask(handle, wanted);
	q->rx_unit = (q->offloads & NET_GUEST_TSO) != 0 ? BIG_UNIT : RX_UNIT;
	clear(&q->tx, q->tx.size, q->tx.size);
	clear(&q->rx, (uint16_t)(q->rx_full / (q->rx_unit / RX_UNIT)), q->rx_full);
	net_queue_announce(handle, q);
	return q->there ? q->offloads : 0;
}

/* ---- sending ---- */

static size_t size_of(const struct solo5x_net_part *parts, size_t n)
{
	size_t all = 0;

	for (size_t i = 0; i < n; i++)
		all = parts[i].size <= NET_SEGMENTS_MAX && all <= NET_SEGMENTS_MAX ?
		      all + parts[i].size : NET_SEGMENTS_MAX + 1;
	return all;
}

static void gather(uint8_t *to, const struct solo5x_net_part *parts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		memcpy(to, parts[i].data, parts[i].size);
		to += parts[i].size;
	}
}

static bool is_whole(const struct solo5x_net_meta *meta)
{
	return (meta->flags & SOLO5X_NET_NEEDS_CSUM) == 0 && meta->gso_type == SOLO5X_NET_GSO_NONE;
}

/* The first bytes, which may be in several parts. */
static bool fits(const struct solo5x_net_part *parts, size_t n, size_t size, size_t mtu)
{
	uint8_t start[NET_TAGGED] = {0};
	size_t len = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < parts[i].size && len < sizeof start; k++)
			start[len++] = parts[i].data[k];
	return net_fits(start, size, mtu);
}

/* What is asked for is possible; whether it was granted is another question. */
static bool is_sound(const struct solo5x_net_meta *meta, size_t size, size_t mtu)
{
	const size_t most = mtu + SOLO5_NET_HLEN + NET_TAGS;
	const bool sums = (meta->flags & SOLO5X_NET_NEEDS_CSUM) != 0;

	if (sums && (meta->csum_start < SOLO5_NET_HLEN ||
		     (size_t)meta->csum_start + meta->csum_offset + 2 > size))
		return false;
	if (meta->gso_type == SOLO5X_NET_GSO_NONE)
		return true;
	return sums && meta->csum_offset == TCP_CHECKSUM && meta->gso_size != 0 &&
	       meta->gso_size != UINT16_MAX &&
	       (size <= most || (size_t)meta->csum_start + TCP_MIN + meta->gso_size <= most);
}

static bool may_segment(uint64_t granted, uint8_t type)
{
	const uint8_t plain = (uint8_t)(type & ~SOLO5X_NET_GSO_ECN);
	const uint64_t needs = plain == SOLO5X_NET_GSO_TCPV4 ? NET_HOST_TSO4 :
			       plain == SOLO5X_NET_GSO_TCPV6 ? NET_HOST_TSO6 : 0;

	return (granted & needs) != 0 && (plain == type || (granted & NET_HOST_ECN) != 0);
}

/* RFC 1071: the field is summed too, as the pseudo header's part. */
static void make_checksum(uint8_t *frame, size_t size, const struct solo5x_net_meta *meta)
{
	const size_t field = (size_t)meta->csum_start + meta->csum_offset;
	uint64_t sum = 0;

	for (size_t i = meta->csum_start; i < size; i++)
		sum += (uint64_t)frame[i] << ((i - meta->csum_start) % 2 == 0 ? 8 : 0);
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	sum = sum == 0xffff ? 0xffff : ~sum & 0xffff;	/* RFC 768: 0 stands for none */
	frame[field] = (uint8_t)(sum >> 8);
	frame[field + 1] = (uint8_t)sum;
}

static solo5_result_t send_copy(solo5_handle_t handle, uint8_t *frame, const struct solo5x_net_part *parts,
				size_t n, const struct solo5x_net_meta *meta, size_t size)
{
	gather(frame, parts, n);
	if (!is_whole(meta))
		make_checksum(frame, size, meta);
	return solo5_net_write(handle, frame, size);
}

/* Stacks may be small: 64 KiB are for those who have devices of such an MTU. */
__attribute__((noinline))
static solo5_result_t send_long(solo5_handle_t handle, const struct solo5x_net_part *parts, size_t n,
				const struct solo5x_net_meta *meta, size_t size)
{
	uint8_t frame[WHOLE_MAX];

	return send_copy(handle, frame, parts, n, meta, size);
}

__attribute__((noinline))
static solo5_result_t send_short(solo5_handle_t handle, const struct solo5x_net_part *parts, size_t n,
				 const struct solo5x_net_meta *meta, size_t size)
{
	uint8_t frame[COPY_MAX];

	return send_copy(handle, frame, parts, n, meta, size);
}

static solo5_result_t send_whole(solo5_handle_t handle, const struct solo5x_net_part *parts, size_t n,
				 const struct solo5x_net_meta *meta, size_t size)
{
	if (meta->gso_type != SOLO5X_NET_GSO_NONE)
		return SOLO5_R_EUNSPEC;
	if (is_whole(meta) && n == 1)
		return solo5_net_write(handle, parts[0].data, size);
	if (size > WHOLE_MAX)
		return SOLO5_R_EINVAL;
	return (size <= COPY_MAX ? send_short : send_long)(handle, parts, n, meta, size);
}

/*
 * Where a doorbell is no exit, only in one the monitor sees that the interface is gone, and gives back
 * what the kernel has not. What POLL says here is seen in the queues themselves.
 */
static void let_monitor_look(void)
{
	struct hvt_poll now = {.timeout_nsecs = 0};

	cpu_hypercall(HVT_HYPERCALL_POLL, &now);
}

/* The unit of the first descriptor is the chain's. NULL: not so many are free. */
static uint8_t *room_for(solo5_handle_t handle, struct net_queue *q, size_t n)
{
	if (q->tx.n_free < n)
		net_queue_take_back(q);
	if (q->tx.n_free < n) {
		net_queue_ring(handle, q);
		net_queue_take_back(q);
	}
	if (q->tx.n_free < n && q->direct) {
		let_monitor_look();
		net_queue_take_back(q);
	}
	return q->tx.n_free < n ? NULL : q->tx_units + (size_t)q->tx.free * q->tx_unit;
}

/* One descriptor for header and copy, or one for the header and one for each part. */
static uint16_t add(struct net_queue *q, uint8_t *unit, bool copy, const struct solo5x_net_part *parts,
		    size_t n, size_t size)
{
	struct virtq_span spans[1 + SOLO5X_NET_SEND_PARTS];

	if (copy)
		gather(unit + HEADER, parts, n);
	spans[0] = (struct virtq_span){queue_gpa(unit), (uint32_t)(HEADER + (copy ? size : 0))};
	for (size_t i = 0; i < n && !copy; i++)
		spans[i + 1] = (struct virtq_span){queue_gpa(parts[i].data), (uint32_t)parts[i].size};
	(void)virtq_add(&q->tx, spans, (uint16_t)(copy ? 1 : n + 1), 0);
	return q->tx.added;
}

static bool is_back(struct net_queue *q, uint16_t added)
{
	for (unsigned i = 0; i < SPINS_TOLD; i++) {
		net_queue_take_back(q);
		if ((int16_t)(uint16_t)(q->tx.taken - added) >= 0)
			return true;
	}
	return false;
}

/*
 * Until the monitor has taken the frame; who polls the queue may be about to. The parts are the caller's
 * again: so where nobody takes it the queues are the guest's, too, and frames are hypercalls from then on.
 */
static solo5_result_t wait_for(solo5_handle_t handle, struct net_queue *q, uint16_t added)
{
	solo5_time_t began;
	unsigned asks = 0;

	if (is_back(q, added))
		return SOLO5_R_OK;
	began = solo5_clock_monotonic();
	do {
		if (q->tx.broken ||
		    (asks++ >= ASKS_MIN && solo5_clock_monotonic() - began > WAIT_NS)) {
			q->there = false;
			queue_take_back(handle);
			return SOLO5_R_AGAIN;
		}
		net_queue_ring(handle, q);
		if (q->direct)
			let_monitor_look();
	} while (!is_back(q, added));
	return SOLO5_R_OK;
}

static solo5_result_t send(solo5_handle_t handle, struct net_queue *q, const struct solo5x_net_part *parts,
			   size_t n, const struct solo5x_net_meta *meta, size_t size)
{
	const bool copy = size <= COPY_MAX && HEADER + size <= q->tx_unit;
	uint8_t *unit = room_for(handle, q, copy ? 1 : n + 1);
	const struct net_header h = {
		.flags = meta->flags & SOLO5X_NET_NEEDS_CSUM, .gso_type = meta->gso_type,
		.gso_size = meta->gso_size, .csum_start = meta->csum_start,
		.csum_offset = meta->csum_offset,
	};
	uint16_t added;

	if (unit == NULL)
		return SOLO5_R_AGAIN;
	memcpy(unit, &h, sizeof h);
	added = add(q, unit, copy, parts, n, size);
	if (virtq_submit(&q->tx) || q->held > 0)
		net_queue_ring(handle, q);
	return copy ? SOLO5_R_OK : wait_for(handle, q, added);
}

solo5_result_t solo5x_net_send(solo5_handle_t handle, const struct solo5x_net_part *parts, size_t n,
			       const struct solo5x_net_meta *meta)
{
	static const struct solo5x_net_meta whole;
	const struct mft_entry *e = manifest_get(handle, MFT_DEV_NET_BASIC);
	struct net_queue *q = net_queue_of(handle);
	size_t size;

	if (e == NULL || n == 0 || n > SOLO5X_NET_SEND_PARTS)
		return SOLO5_R_EINVAL;
	size = size_of(parts, n);
	if (size < SOLO5_NET_HLEN || size > NET_SEGMENTS_MAX)
		return SOLO5_R_EINVAL;
	if (meta == NULL)
		meta = &whole;
	if (!is_sound(meta, size, e->u.net.mtu) ||
	    (meta->gso_type == SOLO5X_NET_GSO_NONE && !fits(parts, n, size, e->u.net.mtu)))
		return SOLO5_R_EINVAL;
	if (q == NULL || q->tx.broken || is_whole(meta) || (q->offloads & NET_CSUM) == 0)
		return send_whole(handle, parts, n, meta, size);
	if (meta->gso_type != SOLO5X_NET_GSO_NONE && !may_segment(q->offloads, meta->gso_type))
		return SOLO5_R_EUNSPEC;
	q->begun = true;
	return send(handle, q, parts, n, meta, size);
}

/* ---- receiving ---- */

static void take_meta(struct solo5x_net_frame *f, const struct net_header *h)
{
	f->meta = (struct solo5x_net_meta){
		h->flags, h->gso_type, h->gso_size, h->csum_start, h->csum_offset,
	};
}

/* One that has no whole header, or ends before it should, is passed over. */
static bool take_frame(struct net_queue *q, struct solo5x_net_frame *f)
{
	struct net_part p;
	unsigned more = 0;

	f->n = f->size = 0;
	for (bool first = true; f->n < SOLO5X_NET_RECEIVE_PARTS && net_queue_take(q, first, &p);
	     first = false) {
		if (first) {
			more = p.more + 1u;
			take_meta(f, &p.header);
		}
		f->parts[f->n++] = (struct solo5x_net_part){p.at, p.size};
		f->size += p.size;
		if (--more == 0)
			break;
	}
	f->held = f->n > 0;
	if (more == 0 && f->size >= SOLO5_NET_HLEN)
		return true;
	solo5x_net_release(f);
	return false;
}

static bool take_next(struct net_queue *q, struct solo5x_net_frame *f)
{
	while (virtq_has(&q->rx))
		if (take_frame(q, f)) {
			q->looked = true;
			return true;
		}
	return false;
}

static solo5_result_t receive_whole(solo5_handle_t handle, struct solo5x_net_frame *f)
{
	const solo5_result_t result = solo5_net_read(handle, f->room, f->room_size, &f->size);

	f->held = false;
	f->meta = (struct solo5x_net_meta){.flags = 0};
	f->n = result == SOLO5_R_OK;
	f->parts[0] = (struct solo5x_net_part){f->room, f->size};
	return result;
}

solo5_result_t solo5x_net_receive(solo5_handle_t handle, struct solo5x_net_frame *frame)
{
	struct net_queue *q = net_queue_of(handle);

	frame->handle = handle;
	inputs_seen++;
	if (q == NULL || q->rx.broken || (q->offloads & NET_GUEST_CSUM) == 0)
		return receive_whole(handle, frame);
	net_queue_begin_read(handle, q);
	if (take_next(q, frame) || (net_queue_look(handle, q) && take_next(q, frame)))
		return SOLO5_R_OK;
	return SOLO5_R_AGAIN;
}

void solo5x_net_release(struct solo5x_net_frame *frame)
{
	struct net_queue *q = frame->held ? net_queue_of(frame->handle) : NULL;

	for (size_t i = 0; q != NULL && i < frame->n; i++)
		net_queue_post(q, frame->parts[i].data);
	if (q != NULL)
		net_queue_show(q);
	frame->held = false;
	frame->n = 0;
}
