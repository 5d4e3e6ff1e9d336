/* SPDX-License-Identifier: ISC */
/* netdev.c: frames between a guest and its uplink, which may fail, vanish and come back. */
#include "netdev.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "counter.h"
#include "iov.h"
#include "offload.h"
#include "probe.h"

#define NS_PER_S 1000000000ull
#define FAILURES_IN_A_ROW 16u	/* to read, before the device backs off */
#define DROPS_IN_A_ROW 64	/* frames that a flood of oversized ones may cost one call */

/* The MTU that the guest gets: the one asked for, if the uplink carries such frames. */
static int choose_mtu(struct netdev *d, const char *where, unsigned asked, struct husk_error *e)
{
	const struct uplink *u = d->uplink;

	d->mtu = asked != 0 ? asked : u->mtu == 0 ? NETDEV_MTU_DEFAULT :
		 u->mtu < NETDEV_MTU_MAX ? u->mtu : NETDEV_MTU_MAX;
	d->mtu_assumed = asked == 0 && u->mtu_hidden;
	if (u->mtu_max == 0 || d->mtu <= u->mtu_max)
		return 0;
	return husk_fail(e, HUSK_E_USAGE, "the MTU %u is more than the %u of %s: make that larger "
			 "first, or say --net-mtu:%s=%u", d->mtu, u->mtu_max, where, d->name, u->mtu_max);
}

static int make_slots(struct netdev *d, struct husk_error *e)
{
	d->room = d->mtu + UPLINK_HEADER + UPLINK_TAGS;
	d->ahead = malloc(NETDEV_AHEAD * d->room);
	d->lengths = malloc(NETDEV_AHEAD * sizeof d->lengths[0]);
	if (d->ahead != NULL && d->lengths != NULL)
		return 0;
	return husk_fail_sys(e, ENOMEM, "buffers for frames");
}

int netdev_open(struct netdev *d, const char *name, const struct uplink_request *rq, unsigned mtu,
		struct husk_error *e)
{
	*d = (struct netdev){.name = name, .counters.link_up = 1};
	if (uplink_open(&d->uplink, rq, e) == 0 && choose_mtu(d, rq->where, mtu, e) == 0 &&
	    make_slots(d, e) == 0)
		return 0;
	netdev_close(d);
	return -1;
}

void netdev_close(struct netdev *d)
{
	free(d->ahead);
	free(d->lengths);
	uplink_close(d->uplink);
	*d = (struct netdev){0};
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

void netdev_lose(struct netdev *d)
{
	d->gone = true;
	counter_set(&d->counters.link_up, 0);
	d->retry_at = now_ns() + NETDEV_RETRY_NS;
}

bool netdev_present(struct netdev *d)
{
	if (!d->gone)
		return true;
	if (now_ns() < d->retry_at)
		return false;
	if (d->uplink->ops->reattach == NULL)
		return false;
	counter_add(&d->counters.calls, 1);
	if (d->uplink->ops->reattach(d->uplink) == -1) {
		netdev_lose(d);
		return false;
	}
	counter_add(&d->counters.reattached, 1);
	d->gone = d->backing_off = false;
	counter_set(&d->counters.link_up, 1);
	d->failures = 0;
	return true;
}

/* Whether a read may be tried. */
static bool may_read(struct netdev *d)
{
	return netdev_present(d) && (!d->backing_off || now_ns() >= d->read_at);
}

/*
 * One failure may be transient. A read that fails every time must not turn waits into a busy loop.
 */
static void note_result(struct netdev *d, enum uplink_result result)
{
	d->failures = result != UPLINK_ERROR && result != UPLINK_DOWN ? 0 :
		      d->failures < FAILURES_IN_A_ROW ? d->failures + 1 : d->failures;
	d->backing_off = d->failures == FAILURES_IN_A_ROW;
	if (d->backing_off)
		d->read_at = now_ns() + NETDEV_RETRY_NS;
}

int netdev_fd(const struct netdev *d)
{
	return d->gone || d->backing_off ? -1 : d->uplink->fd;
}

static void drop(struct netdev *d, enum netdev_drop reason)
{
	counter_add(&d->counters.drops[reason], 1);
}

static void note_written(struct netdev *d, enum uplink_result result, size_t len)
{
	counter_add(&d->counters.calls, 1);
	switch (result) {
	case UPLINK_OK:
		PROBE1(frame_out, len);
		counter_add(&d->counters.tx_frames, 1);
		counter_add(&d->counters.tx_bytes, len);
		counter_set(&d->counters.link_up, 1);
		return;
	case UPLINK_AGAIN:
		drop(d, NETDEV_TX_FULL);
		return;
	case UPLINK_GONE:
		netdev_lose(d);
		drop(d, NETDEV_TX_DOWN);
		return;
	case UPLINK_DOWN:
		counter_set(&d->counters.link_up, 0);
		drop(d, NETDEV_TX_DOWN);
		return;
	case UPLINK_TOO_LONG:
	case UPLINK_NO_FRAME:
	case UPLINK_ERROR:
		drop(d, NETDEV_TX_ERROR);
		return;
	}
}

/* IEEE 802.1Q-2022 9.6: a tag of 4 bytes, in front of the EtherType of what is tagged. */
static bool tag_at(const uint8_t *frame, size_t len, size_t at)
{
	return len >= at + 4 && ((frame[at] == 0x81 && frame[at + 1] == 0x00) ||
				 (frame[at] == 0x88 && frame[at + 1] == 0xa8));
}

size_t netdev_tags(const uint8_t *frame, size_t len)
{
	const size_t type = UPLINK_HEADER - 2;
	size_t tags = 0;

	while (tags < UPLINK_TAGS && tag_at(frame, len, type + tags))
		tags += 4;
	return tags;
}

/*
 * The MTU counts what a frame carries, without tags: a customer's, a provider's, or both. The guest
 * may change the frame meanwhile, which affects nobody else.
 */
static bool fits_mtu(const struct netdev *d, const uint8_t *frame, size_t len)
{
	const size_t most = d->mtu + UPLINK_HEADER;

	return len <= most || len <= most + netdev_tags(frame, len);
}

void netdev_send(struct netdev *d, struct iovec frame)
{
	if (frame.iov_len < UPLINK_HEADER)
		drop(d, NETDEV_TX_SHORT);
	else if (!fits_mtu(d, frame.iov_base, frame.iov_len))
		drop(d, NETDEV_TX_LONG);
	else if (!netdev_present(d))
		drop(d, NETDEV_TX_DOWN);
	else
		note_written(d, d->uplink->ops->write(d->uplink, frame), frame.iov_len);
}

/* What of a frame says whether it fits. */
struct beginning {
	uint8_t bytes[UPLINK_HEADER + UPLINK_TAGS];
};

static bool parts_fit(const struct netdev *d, const struct iovec *parts, unsigned n, size_t len)
{
	struct beginning b = {{0}};

	return fits_mtu(d, b.bytes, len) ||
	       (iov_gather(parts, n, 0, b.bytes, sizeof b.bytes) == sizeof b.bytes &&
		fits_mtu(d, b.bytes, len));
}

void netdev_send_parts(struct netdev *d, const struct net_header *h, const struct iovec *parts,
		       unsigned n, size_t longest)
{
	const struct uplink *u = d->uplink;

	if (!parts_fit(d, parts, n, longest))
		drop(d, NETDEV_TX_LONG);
	else if (!netdev_present(d))
		drop(d, NETDEV_TX_DOWN);
	else
		note_written(d, u->ops->write_parts(d->uplink, h, parts, n), iov_length(parts, n));
}

/* Where a frame goes: one part, and no header; or both, and then it may have many segments. */
struct place {
	const struct iovec *parts;
	unsigned n;
	struct net_header *header;	/* NULL: none */
};

static enum uplink_result read_once(const struct netdev *d, const struct place *at, size_t *len)
{
	const struct uplink_ops *ops = d->uplink->ops;

	if (at->header == NULL)
		return ops->read(d->uplink, at->parts[0], len);
	return ops->read_parts(d->uplink, at->header, at->parts, at->n, len);
}

/* Segments that this guest did not ask for are left from who had the tap before. */
static bool asked_for(const struct netdev *d, uint8_t gso_type)
{
	const uint8_t plain = (uint8_t)(gso_type & ~NET_GSO_ECN);

	if (plain != gso_type && (d->offloads & NET_GUEST_ECN) == 0)
		return false;
	return (plain == NET_GSO_TCPV4 && (d->offloads & NET_GUEST_TSO4) != 0) ||
	       (plain == NET_GSO_TCPV6 && (d->offloads & NET_GUEST_TSO6) != 0);
}

static bool fits_place(const struct netdev *d, const struct place *at, size_t len)
{
	if (at->header == NULL)
		return fits_mtu(d, at->parts[0].iov_base, len);
	return at->header->gso_type == NET_GSO_NONE ? parts_fit(d, at->parts, at->n, len) :
	       asked_for(d, at->header->gso_type);
}

/*
 * Reads one frame that fits its place and the MTU, skipping those that do not; false if there is none.
 */
static bool read_into(struct netdev *d, const struct place *at, size_t *len)
{
	for (int i = 0; i < DROPS_IN_A_ROW; i++) {
		enum uplink_result result = read_once(d, at, len);

		counter_add(&d->counters.calls, 1);
		note_result(d, result);
		switch (result) {
		case UPLINK_OK:
			counter_set(&d->counters.link_up, 1);
			if (fits_place(d, at, *len))
				return true;
			/* fallthrough */
		case UPLINK_TOO_LONG:
			drop(d, NETDEV_RX_LONG);
			continue;
		case UPLINK_GONE:
			netdev_lose(d);
			return false;
		case UPLINK_NO_FRAME:
		case UPLINK_ERROR:
			drop(d, NETDEV_RX_ERROR);
			return false;
		case UPLINK_DOWN:
			counter_set(&d->counters.link_up, 0);
			return false;
		case UPLINK_AGAIN:
			return false;
		}
	}
	return false;
}

/* The MTU holds even if the buffer is longer. */
static bool read_frame(struct netdev *d, struct iovec buffer, size_t *len)
{
	const struct place at = {&buffer, 1, NULL};

	if (buffer.iov_len > d->room)
		buffer.iov_len = d->room;
	return read_into(d, &at, len);
}

size_t netdev_read_ahead(struct netdev *d, size_t max)
{
	size_t len;

	while (d->n < max && d->n < NETDEV_AHEAD && may_read(d)) {
		size_t slot = (d->head + d->n) % NETDEV_AHEAD;

		if (!read_frame(d, (struct iovec){d->ahead + slot * d->room, d->room}, &len))
			break;
		d->lengths[slot] = (uint32_t)len;
		d->n++;
	}
	return d->n;
}

static bool has_buffered(const struct netdev *d)
{
	const struct uplink *u = d->uplink;

	return netdev_fd(d) != -1 && u->ops->buffered != NULL && u->ops->buffered(u);
}

bool netdev_waiting(const struct netdev *d)
{
	return d->n > 0 || has_buffered(d);
}

bool netdev_ready(struct netdev *d, bool readable)
{
	if (d->n > 0)
		return true;
	if (readable || netdev_fd(d) == -1)
		(void)netdev_read_ahead(d, 1);
	/* However many of those that came together are no good: nothing polls readable for the rest. */
	for (unsigned i = 0; d->n == 0 && has_buffered(d) && i < NETDEV_TURNS; i++)
		(void)netdev_read_ahead(d, 1);
	return d->n > 0;
}

void netdev_forget_ahead(struct netdev *d)
{
	counter_add(&d->counters.drops[NETDEV_RX_LONG], d->n);
	d->n = 0;
}

/* The oldest frame read ahead that fits into buffer; false if there is none. */
static bool take_ahead(struct netdev *d, struct iovec buffer, size_t *len)
{
	while (d->n > 0) {
		size_t slot = d->head;

		d->head = (d->head + 1) % NETDEV_AHEAD;
		d->n--;
		*len = d->lengths[slot];
		if (*len <= buffer.iov_len) {
			memcpy(buffer.iov_base, d->ahead + slot * d->room, *len);
			return true;
		}
		drop(d, NETDEV_RX_LONG);
	}
	return false;
}

static enum hvt_result count_received(struct netdev *d, size_t len)
{
	PROBE1(frame_in, len);
	counter_add(&d->counters.rx_frames, 1);
	counter_add(&d->counters.rx_bytes, len);
	return HVT_OK;
}

enum hvt_result netdev_receive(struct netdev *d, struct iovec buffer, size_t *len)
{
	if (!take_ahead(d, buffer, len) && (!may_read(d) || !read_frame(d, buffer, len)))
		return HVT_AGAIN;
	return count_received(d, *len);
}

/* ---- frames with headers ---- */

uint64_t netdev_offload(struct netdev *d, uint64_t wanted)
{
	const struct uplink *u = d->uplink;

	d->offloads = u->header == 0 || u->ops->offload == NULL ? 0 :
		      u->ops->offload(d->uplink, offload_sound(wanted));
	return d->offloads;
}

size_t netdev_longest(const struct netdev *d)
{
	return (d->offloads & NET_GUEST_TSO) != 0 && d->room < NET_SEGMENTS_MAX ? NET_SEGMENTS_MAX :
	       d->room;
}

static void put_ahead(struct netdev *d, const struct iovec *parts, unsigned n, size_t *len)
{
	*len = d->lengths[d->head];
	(void)iov_scatter(parts, n, 0, d->ahead + d->head * d->room, *len);
	d->head = (d->head + 1) % NETDEV_AHEAD;
	d->n--;
}

enum hvt_result netdev_receive_parts(struct netdev *d, struct net_header *h,
				     const struct iovec *parts, unsigned n, size_t *len)
{
	const struct place at = {parts, n, h};

	*h = (struct net_header){.num_buffers = 0};
	if (d->n > 0)
		put_ahead(d, parts, n, len);
	else if (!may_read(d) || !read_into(d, &at, len))
		return HVT_AGAIN;
	return count_received(d, *len);
}

const char *netdev_drop_name(enum netdev_drop reason)
{
	static const char *const names[NETDEV_DROPS] = {
		"tx_short", "tx_long", "tx_full", "tx_down", "tx_error", "rx_long", "rx_error",
	};

	return names[reason];
}

void netdev_limit(const struct netdev *d, struct sandbox *s)
{
	uplink_limit(d->uplink, s);
}

void netdev_confine(const struct netdev *d, struct sandbox *s)
{
	uplink_confine(d->uplink, s);
}
