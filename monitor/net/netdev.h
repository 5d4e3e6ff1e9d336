/* SPDX-License-Identifier: ISC */
/*
 * netdev.h: one network device: an uplink, frames read ahead of the guest, and what was dropped
 * and why.
 *
 * Nothing that happens to the uplink ends the guest. A frame that cannot be sent or delivered is
 * dropped and counted; an uplink that vanishes is attached again when it is back; one that fails
 * again and again is read less often. One thread at a time uses a device.
 */
#ifndef HUSK_NETDEV_H
#define HUSK_NETDEV_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "../../include/hvt_abi.h"
#include "error.h"
#include "uplink.h"

#define NETDEV_MTU_DEFAULT 1500u	/* of an uplink that has none of its own */
#define NETDEV_MTU_MIN 68u		/* RFC 791 */
#define NETDEV_MTU_MAX 65521u		/* Linux drivers/net/tun.c: what a tap can be given */
#define NETDEV_RETRY_NS 250000000ull	/* between attempts to attach or read again */

enum netdev_drop {
	NETDEV_TX_SHORT,	/* less than an Ethernet header */
	NETDEV_TX_LONG,		/* more than the MTU, an Ethernet header and the frame's tags */
	NETDEV_TX_FULL,		/* the uplink takes no more for now */
	NETDEV_TX_DOWN,		/* the uplink is down or gone */
	NETDEV_TX_ERROR,
	NETDEV_RX_LONG,		/* as NETDEV_TX_LONG, or more than the guest's buffer */
	NETDEV_RX_ERROR,
	NETDEV_DROPS
};

/* counter.h */
struct netdev_counters {
	uint64_t rx_frames, rx_bytes, tx_frames, tx_bytes;
	uint64_t drops[NETDEV_DROPS];
	uint64_t reattached;
	uint64_t link_up;	/* 1, unless the uplink was down or gone when it was last used: then 0 */
	uint64_t calls;		/* system calls */
	/* The ring's: entries for this device, batches that held one, kicks that brought these. */
	uint64_t ring_entries, ring_batches, ring_kicks;
};

struct netdev {
	const char *name;	/* in the manifest; not owned */
	struct uplink *uplink;	/* owned; NULL: closed */
	unsigned mtu;		/* without the Ethernet header and tags */
	bool mtu_assumed;	/* the uplink's own cannot be found out */
	bool gone;		/* the uplink has vanished */
	uint64_t retry_at;	/* ns of CLOCK_MONOTONIC */
	unsigned failures;	/* to read, in a row */
	bool backing_off;	/* after too many failures: not read before read_at */
	uint64_t read_at;	/* ns of CLOCK_MONOTONIC */
	size_t room;		/* bytes of each frame in ahead */
	uint8_t *ahead;		/* AHEAD_FRAMES slots of room bytes; owned */
	size_t head, n;		/* first slot in use, number of slots in use */
	uint32_t *lengths;	/* of the frames in the slots; owned */
	struct netdev_counters counters;
	uint64_t last_batch;	/* number of the last ring batch with an entry for it */
	uint64_t offloads;	/* enum net_offload: granted, and set on the uplink */
};

#define NETDEV_AHEAD 64u

/*
 * Looks for a frame among what was read at once already, in vain: more than there are in what a stream
 * holds, so that only a peer that goes on sending what is none gets there.
 */
#define NETDEV_TURNS 1024u

/*
 * Opens the uplink that rq asks for. mtu: the one that the guest gets, 0 for the uplink's, but at most
 * NETDEV_MTU_MAX. HUSK_E_HOST, HUSK_E_USAGE; then *d is as after netdev_close.
 */
int netdev_open(struct netdev *d, const char *name, const struct uplink_request *rq, unsigned mtu,
		struct husk_error *e);

/* Accepts a closed device. */
void netdev_close(struct netdev *d);

/* Sends one frame, or drops and counts it. */
void netdev_send(struct netdev *d, struct iovec frame);

/*
 * The next frame into buffer: HVT_OK and its length, or HVT_AGAIN. A frame that is longer than
 * buffer or than the MTU allows is dropped.
 */
enum hvt_result netdev_receive(struct netdev *d, struct iovec buffer, size_t *len);

/*
 * From now on frames have what is in this set (enum net_offload) and possible, which is returned, and
 * nothing else. What was read ahead has none of it.
 */
uint64_t netdev_offload(struct netdev *d, uint64_t wanted);

/* Bytes of the tags in front of the type of what an Ethernet frame carries, at most UPLINK_TAGS. */
size_t netdev_tags(const uint8_t *frame, size_t len);

/* Bytes of the longest frame that may come. */
size_t netdev_longest(const struct netdev *d);

/*
 * As netdev_send and netdev_receive, of a frame in n parts, at most UPLINK_PARTS, behind a header by which
 * one that is sent must have passed (offload.h), and which one that comes gets. With offloads only; the
 * parts have room for netdev_longest.
 */
void netdev_send_parts(struct netdev *d, const struct net_header *h, const struct iovec *parts,
		       unsigned n, size_t longest);
enum hvt_result netdev_receive_parts(struct netdev *d, struct net_header *h,
				     const struct iovec *parts, unsigned n, size_t *len);

/* Reads ahead, at most max frames; returns how many are there for netdev_receive. */
size_t netdev_read_ahead(struct netdev *d, size_t max);

/*
 * Whether there is a frame for netdev_receive; reads one ahead if needed. readable: netdev_fd
 * polled readable, which is no promise that a frame is there.
 */
bool netdev_ready(struct netdev *d, bool readable);

/* Whether netdev_receive may give a frame although netdev_fd is not readable. */
bool netdev_waiting(const struct netdev *d);

/* Drops the frames that were read ahead; they count as too long for what the guest has (NETDEV_RX_LONG). */
void netdev_forget_ahead(struct netdev *d);

/*
 * The descriptor to wait on; -1 while the uplink is gone or the device backs off: then call
 * netdev_read_ahead every NETDEV_RETRY_NS.
 */
int netdev_fd(const struct netdev *d);

/* Who waits for the uplink has seen that it is gone. */
void netdev_lose(struct netdev *d);

/* Whether the uplink is there; one that is gone is attached again if it is back, at intervals. */
bool netdev_present(struct netdev *d);

/* Lower-case name of a reason, for statistics: "tx_full". */
const char *netdev_drop_name(enum netdev_drop reason);

/* What the device needs once the sandbox is closed. */
void netdev_confine(const struct netdev *d, struct sandbox *s);

/* What it needs of privileges from now on. */
void netdev_limit(const struct netdev *d, struct sandbox *s);

#endif
