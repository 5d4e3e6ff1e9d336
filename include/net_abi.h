/* SPDX-License-Identifier: ISC */
/*
 * net_abi.h: the two queues of a network device, where HUSK_FEATURE_NET was granted (husk_abi.h).
 *
 * Virtual I/O Device (VIRTIO) Version 1.2, section 5.1, with VIRTIO_F_VERSION_1 and
 * VIRTIO_NET_F_MRG_RXBUF and nothing else: 12 bytes of header are before each frame, and one that
 * comes may take several buffers. What sections 5.1.6.2 and 5.1.6.4 say of checksums and segments has its
 * fields in the header and is not there: it would be asked for by a call of its own, before the first
 * frame, by the feature bits of section 5.1.3.
 *
 * Queue RX has buffers for frames that come: chains that the monitor writes, of NET_BUFFER_MIN bytes at
 * least. A frame fills them in order; num_buffers of its header, which only the first has, says how many.
 * It is not begun before there is room for the longest that the device may have, of MTU, Ethernet header
 * and two tags: until then frames wait on the host. What is no such buffer comes back with length 0, and
 * so do buffers in front of it that are too few for a frame.
 *
 * Queue TX has frames to send: chains that the monitor reads, header and frame cut anywhere. What is no
 * frame, or longer than the MTU allows, is dropped.
 *
 * The monitor looks at both, of all devices, in a POLL: it sends what was submitted, and it reads what has
 * come. A doorbell of TX has it send now, one of RX has it read now, whether or not avail_event asks for
 * it. Frames may also be sent, and in the end are, without either; before a NET_WRITE or NET_READ
 * hypercall they always are, so that their order stays.
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

struct net_header {			/* 5.1.6, struct virtio_net_hdr */
	uint8_t flags;			/* of checksums: 0 */
	uint8_t gso_type;		/* of segments: 0, none */
	uint16_t hdr_len;		/* the next four mean nothing without either */
	uint16_t gso_size;
	uint16_t csum_start;
	uint16_t csum_offset;
	uint16_t num_buffers;		/* RX: of the frame; TX: 0 */
};
NET_LAYOUT(sizeof(struct net_header) == 12);
NET_LAYOUT(offsetof(struct net_header, num_buffers) == 10);

#endif
