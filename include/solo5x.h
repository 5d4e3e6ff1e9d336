/* SPDX-License-Identifier: ISC */
/*
 * solo5x.h: what husk offers a unikernel beyond solo5.h.
 *
 * The functions are in husk's bindings, so that an image with them starts under any monitor for
 * Solo5's hvt; there they find nothing, and say so. Self-contained C99; also valid C++.
 */
#ifndef SOLO5X_H
#define SOLO5X_H

#include <stddef.h>
#include <stdint.h>

#include "solo5.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SOLO5X_FEATURE_VSOCK 1u		/* vsock.h */
#define SOLO5X_FEATURE_BLOCK 2u		/* queues for block devices */
#define SOLO5X_FEATURE_NET 4u		/* queues for network devices: what solo5.h has goes through them */

/*
 * The set of features that the monitor has granted: those that the image wants, that were
 * configured, and that are possible. An image wants what its devices need; 0 under monitors that
 * have no such thing.
 */
uint32_t solo5x_features(void);

/* ---- Block storage: several requests at a time ---- */

/*
 *	call			where SOLO5X_FEATURE_BLOCK is not granted, as under other monitors
 *
 *	solo5x_block_read	the same
 *	solo5x_block_write	the same
 *	solo5x_block_depth	the same
 *	solo5x_block_submit	each request is done at once, one after the other
 *	solo5x_block_reap	the same
 *	solo5x_block_wait	the same; never has to
 *	solo5x_block_flush	SOLO5_R_EUNSPEC: whether anything is on a medium is not known
 *	solo5x_block_discard	SOLO5_R_EUNSPEC, and nothing is done
 *	solo5x_block_write_zeroes  zeros are written
 *
 * The same holds for requests of these kinds. A handle of no block device, an offset or a size that is
 * not of whole blocks, and blocks that are not on the device are SOLO5_R_EINVAL.
 */

/*
 * As solo5_block_read and solo5_block_write, which with other bindings than husk's take one block at a
 * time: a program that relies on more calls these, and does not link with others.
 */
solo5_result_t solo5x_block_read(solo5_handle_t handle, solo5_off_t offset, uint8_t *buf, size_t size);
solo5_result_t solo5x_block_write(solo5_handle_t handle, solo5_off_t offset, const uint8_t *buf,
				  size_t size);

/*
 * What was written by calls and requests that had ended is on the disk's medium when this returns
 * SOLO5_R_OK, as far as the host can tell; of no others is anything said. If it fails once, what was
 * written since the last flush may be lost, whatever later ones say.
 */
solo5_result_t solo5x_block_flush(solo5_handle_t handle);

/* The blocks are not needed any more: a read gives zeros or what was there. */
solo5_result_t solo5x_block_discard(solo5_handle_t handle, solo5_off_t offset, uint64_t size);

/* A read gives zeros; the host may free the space. */
solo5_result_t solo5x_block_write_zeroes(solo5_handle_t handle, solo5_off_t offset, uint64_t size);

enum solo5x_block_kind {
	SOLO5X_BLOCK_READ,
	SOLO5X_BLOCK_WRITE,
	SOLO5X_BLOCK_FLUSH,		/* offset, buf and size are ignored */
	SOLO5X_BLOCK_DISCARD,		/* buf is ignored */
	SOLO5X_BLOCK_WRITE_ZEROES	/* likewise */
};

#define SOLO5X_BLOCK_SIZE_MAX 0x100000u	/* bytes of a READ or WRITE request */
#define SOLO5X_BLOCK_ZEROES_MAX 0x1000000u	/* of a WRITE_ZEROES request */

struct solo5x_block_request {
	enum solo5x_block_kind kind;
	solo5_off_t offset;
	uint8_t *buf;			/* must stay, and be left alone, until the request has ended */
	size_t size;
	uint64_t tag;			/* the application's: the end has it, too */
};

struct solo5x_block_end {
	uint64_t tag;
	solo5_result_t result;		/* as of the calls above */
};

/* How many requests may be submitted and not reaped; 0: no such device, or no memory for them. */
size_t solo5x_block_depth(solo5_handle_t handle);

/*
 * Submits requests, and returns how many of the first were taken: fewer if there are too many. Those
 * outstanding at the same time have no order, so that no two of them should be of the same blocks.
 * Many in one call are cheaper than one by one, and neighbours in ascending order cheapest.
 */
size_t solo5x_block_submit(solo5_handle_t handle, const struct solo5x_block_request *requests,
			   size_t n);

/* The ends of up to n requests, in the order in which they ended. Does not wait. */
size_t solo5x_block_reap(solo5_handle_t handle, struct solo5x_block_end *ends, size_t n);

/* Waits until there is an end to reap; false if no request is outstanding. */
bool solo5x_block_wait(solo5_handle_t handle);

/* ---- Networks: frames in parts, and what the host does of checksums and segments ---- */

/*
 *	call			where it is not granted, as under other monitors
 *
 *	solo5x_net_offloads	0
 *	solo5x_net_send		the checksum is made here; segments are SOLO5_R_EUNSPEC, and nothing is sent
 *	solo5x_net_receive	whole frames with their checksums, copied to the caller's room
 *	solo5x_net_release	the same; nothing has to be done
 *
 * solo5_net_write and solo5_net_read send whole frames always, and read no others: where something of
 * SOLO5X_NET_GUEST_... is granted they are not to be mixed with these.
 */

/* VIRTIO 1.2, 5.1.3. What a bit needs is asked for with it. */
#define SOLO5X_NET_CSUM (1u << 0)	/* frames may be sent without a checksum */
#define SOLO5X_NET_GUEST_CSUM (1u << 1)	/* those that come may lack it, or it was looked at */
#define SOLO5X_NET_GUEST_TSO4 (1u << 7)	/* those that come may be many segments; needs GUEST_CSUM */
#define SOLO5X_NET_GUEST_TSO6 (1u << 8)
#define SOLO5X_NET_GUEST_ECN (1u << 9)	/* of these, such with CWR */
#define SOLO5X_NET_HOST_TSO4 (1u << 11)	/* the same of what is sent; needs CSUM */
#define SOLO5X_NET_HOST_TSO6 (1u << 12)
#define SOLO5X_NET_HOST_ECN (1u << 13)

/*
 * What of it the host does from now on for this device: after solo5_net_acquire, and before the first
 * frame is sent or read; later, 0 and nothing changes. What comes before the call may be lost. Large
 * frames that come take a heap with room for 128 KiB of buffers.
 */
uint64_t solo5x_net_offloads(solo5_handle_t handle, uint64_t wanted);

/* flags */
#define SOLO5X_NET_NEEDS_CSUM 1u	/* the field has the sum of the pseudo header, length included */
#define SOLO5X_NET_DATA_VALID 2u	/* of one that came: the checksum is right */

/* gso_type */
#define SOLO5X_NET_GSO_NONE 0u
#define SOLO5X_NET_GSO_TCPV4 1u		/* with NEEDS_CSUM; the IP header has its length and checksum */
#define SOLO5X_NET_GSO_TCPV6 4u
#define SOLO5X_NET_GSO_ECN 0x80u	/* a bit beside it */

struct solo5x_net_meta {		/* all 0: a whole frame with its checksum */
	uint8_t flags;
	uint8_t gso_type;
	uint16_t gso_size;		/* bytes of payload of each segment but the last */
	uint16_t csum_start;		/* what is summed, from the frame's start to its end, */
	uint16_t csum_offset;		/* and from there where the sum goes */
};

struct solo5x_net_part {
	const uint8_t *data;
	size_t size;
};

#define SOLO5X_NET_SEND_PARTS 6u	/* at most */
#define SOLO5X_NET_SEGMENTS_MAX 65550u	/* bytes of a frame of many segments */

/*
 * Sends one frame in n parts, meta NULL for a whole one. The parts are the caller's again when it
 * returns. SOLO5_R_EINVAL: no such device, it is not within the MTU, or its meta asks for what is not
 * possible; SOLO5_R_EUNSPEC: for segments that were not granted; SOLO5_R_AGAIN: there is no room for it,
 * and nothing is sent, or nobody has taken it for seconds, and nothing is granted any more.
 */
solo5_result_t solo5x_net_send(solo5_handle_t handle, const struct solo5x_net_part *parts, size_t n,
			       const struct solo5x_net_meta *meta);

#define SOLO5X_NET_RECEIVE_PARTS 34u

struct solo5x_net_frame {
	uint8_t *room;			/* the caller's, for MTU, Ethernet header and 8 bytes of tags; */
	size_t room_size;		/* used where nothing of GUEST_... is granted. Before the call */

	struct solo5x_net_meta meta;
	size_t size;			/* of all parts */
	size_t n;
	struct solo5x_net_part parts[SOLO5X_NET_RECEIVE_PARTS];
	solo5_handle_t handle;
	bool held;			/* its parts are the device's buffers, which are few */
};

/*
 * The next frame: its parts are good until it is released. SOLO5_R_AGAIN: there is none. Frames that are
 * not released leave no room for others.
 */
solo5_result_t solo5x_net_receive(solo5_handle_t handle, struct solo5x_net_frame *frame);
void solo5x_net_release(struct solo5x_net_frame *frame);

#ifdef __cplusplus
}
#endif

#endif
