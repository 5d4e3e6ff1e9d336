/* SPDX-License-Identifier: ISC */
/*
 * vsock_abi.h: packets of the socket device: byte streams between a guest and programs of its host.
 *
 * Virtual I/O Device (VIRTIO) Version 1.2, section 5.10. A packet is a header and, for RW, the bytes
 * of the payload behind it; a chain of buffers is one string of bytes, cut anywhere. Integers are
 * little-endian. Serves C11 and C++; layout frozen.
 *
 * A chain on the rx queue needs room for a header and one byte at least, and takes one packet; it
 * comes back with 44 + len bytes written, or with 0 if it is no such chain. One on the tx queue comes
 * back, with 0, when the monitor needs its bytes no more. Neither is held back: a packet from the
 * guest waits only while there is no room for answers to it.
 */
#ifndef VSOCK_ABI_H
#define VSOCK_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define VSOCK_LAYOUT(cond) static_assert(cond, "vsock layout")
#else
#define VSOCK_LAYOUT(cond) _Static_assert(cond, "vsock layout")
#endif

enum vsock_queue {			/* 5.10.2 */
	VSOCK_QUEUE_RX = 0,		/* packets for the guest */
	VSOCK_QUEUE_TX = 1,		/* packets from the guest */
	VSOCK_QUEUE_EVENT = 2		/* struct vsock_event for the guest */
};

#define VSOCK_QUEUES 3u

#define VSOCK_CID_HOST 2u		/* 5.10.4: whom the guest talks to */
#define VSOCK_CID_GUEST_MIN 3u
#define VSOCK_CID_GUEST_MAX 0xfffffffeu

#define VSOCK_PAYLOAD_MAX 65536u	/* bytes of one packet, as every implementation has it */

enum vsock_type {			/* 5.10.6 */
	VSOCK_TYPE_STREAM = 1,
	VSOCK_TYPE_SEQPACKET = 2	/* not offered */
};

enum vsock_op {
	VSOCK_OP_INVALID = 0,
	VSOCK_OP_REQUEST = 1,
	VSOCK_OP_RESPONSE = 2,
	VSOCK_OP_RST = 3,
	VSOCK_OP_SHUTDOWN = 4,
	VSOCK_OP_RW = 5,
	VSOCK_OP_CREDIT_UPDATE = 6,
	VSOCK_OP_CREDIT_REQUEST = 7
};

enum vsock_shutdown {			/* flags of SHUTDOWN: what its sender will not do any more */
	VSOCK_SHUTDOWN_RECEIVE = 1,
	VSOCK_SHUTDOWN_SEND = 2,
	VSOCK_SHUTDOWN_BOTH = 3
};

struct vsock_header {
	uint64_t src_cid;
	uint64_t dst_cid;
	uint32_t src_port;
	uint32_t dst_port;
	uint32_t len;			/* bytes of payload; buffers may be larger */
	uint16_t type;			/* enum vsock_type */
	uint16_t op;			/* enum vsock_op */
	uint32_t flags;
	uint32_t buf_alloc;		/* bytes that the sender can hold for this connection */
	uint32_t fwd_cnt;		/* bytes that it has passed on so far, modulo 2^32 */
} __attribute__((packed, aligned(4)));
VSOCK_LAYOUT(sizeof(struct vsock_header) == 44);
VSOCK_LAYOUT(offsetof(struct vsock_header, len) == 24);
VSOCK_LAYOUT(offsetof(struct vsock_header, op) == 30);
VSOCK_LAYOUT(offsetof(struct vsock_header, fwd_cnt) == 40);

enum vsock_event_id { VSOCK_EVENT_TRANSPORT_RESET = 0 };

struct vsock_event {			/* 5.10.6.7 */
	uint32_t id;			/* enum vsock_event_id */
};
VSOCK_LAYOUT(sizeof(struct vsock_event) == 4);

#endif
