/* SPDX-License-Identifier: ISC */
/*
 * net_abi.h: the two queues of a network device, where HUSK_FEATURE_NET was granted (husk_abi.h).
 *
 * Virtual I/O Device (VIRTIO) Version 1.2, section 5.1, with VIRTIO_F_VERSION_1 and
 * VIRTIO_NET_F_MRG_RXBUF: 12 bytes of header are before each frame, and one that comes may take several
 * buffers. What sections 5.1.6.2 and 5.1.6.4 say of checksums and segments is there for who has asked for
 * it by HUSK_HYPERCALL_NET_OFFLOADS (husk_abi.h), by the feature bits of section 5.1.3. Without, the
 * fields of the header are 0, and frames are whole, with their checksums.
 *
 * Queue RX has buffers for frames that come: chains that the monitor writes, of NET_BUFFER_MIN bytes at
 * least. A frame fills them in order; num_buffers of its header, which only the first has, says how many.
 * It is not begun before there is room for the longest that the device may have, of MTU, Ethernet header
 * and two tags, or with NET_GUEST_TSO4 or 6 of NET_SEGMENTS_MAX: until then frames wait on the host. What
 * is no such buffer comes back with length 0, and so do buffers in front of it that are too few for a frame.
 *
 * Queue TX has frames to send: chains that the monitor reads, header and frame cut anywhere. What is no
 * frame, or longer than the MTU allows, is dropped, and so is what its header asks for and was not granted,
 * or cannot be done: a checksum outside the frame, segments that are longer than the MTU allows. The host
 * refuses more than that, by itself: what its kernel does not understand is dropped and counted.
 *
 * The monitor looks at both, of all devices, in a POLL: it sends what was submitted, and it reads what has
 * come. A doorbell of TX has it send now, one of RX has it read now, whether or not avail_event asks for
 * it. Frames may also be sent, and in the end are, without either; before a NET_WRITE or NET_READ
 * hypercall they always are, so that their order stays.
 *
 * Of devices in net_direct (husk_abi.h) the queues are served by somebody else, at any time and only where a
 * doorbell was rung as avail_event asks, or the guest waits in a POLL. A chain that is no buffer then ends
 * the guest.
 *
 * Freestanding: serves guests and monitors, in C11 and C++. Integers are little-endian.
 */
#ifndef NET_ABI_H
#define NET_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define NET_LAYOUT(cond) static_assert(cond, "network queue layout")
#else
#define NET_LAYOUT(cond) _Static_assert(cond, "network queue layout")
#endif

enum net_queue_index { NET_QUEUE_RX, NET_QUEUE_TX, NET_QUEUES };	/* 5.1.2 */

#define NET_BUFFER_MIN 64u		/* of the RX queue */

enum net_offload {			/* 5.1.3 */
	NET_CSUM = 1 << 0,		/* frames that are sent may lack a checksum */
	NET_GUEST_CSUM = 1 << 1,	/* and those that come */
	NET_GUEST_TSO4 = 1 << 7,	/* what comes may be many segments of TCP; with NET_GUEST_CSUM */
	NET_GUEST_TSO6 = 1 << 8,
	NET_GUEST_ECN = 1 << 9,		/* these may have CWR set; with one of the two */
	NET_HOST_TSO4 = 1 << 11,	/* the same of what is sent; with NET_CSUM */
	NET_HOST_TSO6 = 1 << 12,
	NET_HOST_ECN = 1 << 13
};
#define NET_GUEST_TSO (NET_GUEST_TSO4 | NET_GUEST_TSO6)
#define NET_HOST_TSO (NET_HOST_TSO4 | NET_HOST_TSO6)
#define NET_OFFLOADS (NET_CSUM | NET_GUEST_CSUM | NET_GUEST_TSO | NET_GUEST_ECN | NET_HOST_TSO | \
		      NET_HOST_ECN)

#define NET_SEGMENTS_MAX 65550u		/* bytes of a frame of many segments: 5.1.6.3.1 */

#define NET_NEEDS_CSUM 1u		/* flags: the checksum's field has that of the pseudo header */
#define NET_DATA_VALID 2u		/* RX: the checksum was looked at */

#define NET_GSO_NONE 0u			/* gso_type */
#define NET_GSO_TCPV4 1u
#define NET_GSO_TCPV6 4u
#define NET_GSO_ECN 0x80u		/* a bit beside it */

struct net_header {			/* 5.1.6, struct virtio_net_hdr */
	uint8_t flags;
	uint8_t gso_type;
	uint16_t hdr_len;		/* of segments: bytes of all headers; a hint, which nobody trusts */
	uint16_t gso_size;		/* bytes of payload of each but the last */
	uint16_t csum_start;		/* with NET_NEEDS_CSUM: what is summed, from the frame's start */
	uint16_t csum_offset;		/* the checksum's field, from there */
	uint16_t num_buffers;		/* RX: of the frame; TX: 0 */
};
NET_LAYOUT(sizeof(struct net_header) == 12);
NET_LAYOUT(offsetof(struct net_header, num_buffers) == 10);

#endif
