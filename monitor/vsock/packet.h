/* SPDX-License-Identifier: ISC */
/*
 * packet.h: one vsock packet: a private header, and a payload that stays where it is.
 *
 * The header is copied out of guest memory once, or into it once by vsock_packet_commit; in between
 * only the copy is looked at. The payload is spans of whatever memory the packet was made of, for a
 * system call to read or write. Chains are strings of bytes: header and payload may be cut
 * anywhere. An object can be made again and again; it owns nothing, and must not be copied.
 */
#ifndef HUSK_VSOCK_PACKET_H
#define HUSK_VSOCK_PACKET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "../../include/vsock_abi.h"

#define VSOCK_HEADER_SIZE 44u

enum vsock_packet_error {
	VSOCK_PACKET_OK = 0,
	VSOCK_PACKET_EMPTY,		/* a chain without a byte of the kind that is needed */
	VSOCK_PACKET_SHORT,		/* a chain too short for a header */
	VSOCK_PACKET_NO_ROOM,		/* for the guest: a header fits, but no byte of payload */
	VSOCK_PACKET_WRITABLE,		/* from the guest: has a buffer to be written */
	VSOCK_PACKET_READABLE,		/* for the guest: has a buffer to be read */
	VSOCK_PACKET_HEADER_SIZE,	/* a header that is not 44 bytes */
	VSOCK_PACKET_LEN_MAX,		/* len is above the most that a packet may carry */
	VSOCK_PACKET_LEN_CHAIN,		/* len is above what the chain holds, or has room for */
};

struct vsock_packet {
	struct vsock_header header;	/* the private copy */
	const struct iovec *iov;	/* header, then payload; not owned */
	unsigned n_iov;
	uint32_t capacity;		/* bytes of payload that there are, or that have room */
	struct iovec plain[2];		/* what iov is for plain memory */
};

const char *vsock_packet_error_text(enum vsock_packet_error error);

/*
 * A packet from the guest: a chain of readable buffers, at least a header and len bytes. What lies
 * behind is no part of it. max: the largest len.
 */
enum vsock_packet_error vsock_packet_parse_tx(struct vsock_packet *p, const struct iovec *iov,
					      unsigned n_readable, unsigned n_writable,
					      uint32_t max);

/*
 * A buffer for the guest: a chain of writable spans with room for a header and some payload, of
 * which no more than max is used. The header is all zero; nothing is written yet.
 */
enum vsock_packet_error vsock_packet_parse_rx(struct vsock_packet *p, const struct iovec *iov,
					      unsigned n_readable, unsigned n_writable,
					      uint32_t max);

/*
 * The same of plain memory: the header is copied from there, the payload lies at data, which may be
 * NULL when data_size is 0. What the header says about len is not looked at.
 */
enum vsock_packet_error vsock_packet_init(struct vsock_packet *p, void *header,
					  size_t header_size, void *data, uint32_t data_size);

/* Takes 44 bytes as the private header. */
enum vsock_packet_error vsock_packet_set_header(struct vsock_packet *p, const void *bytes,
						size_t size);

/*
 * The count bytes of payload from offset on as spans in piece, which has room for as many as the
 * packet was made of, and for two of plain memory. Returns how many; -1 if offset and count leave
 * the payload.
 */
int vsock_packet_payload(const struct vsock_packet *p, uint32_t offset, uint32_t count,
			 struct iovec *piece);

/* Writes the header to its place, over whatever was there. LEN_CHAIN: nothing is written. */
enum vsock_packet_error vsock_packet_commit(const struct vsock_packet *p);

/* Bytes of a committed packet, for the used ring. */
static inline uint32_t vsock_packet_size(const struct vsock_packet *p)
{
	return VSOCK_HEADER_SIZE + p->header.len;
}

/* Copies header and payload of one packet to another, and commits that. LEN_CHAIN: no room. */
enum vsock_packet_error vsock_packet_copy(const struct vsock_packet *from,
					  struct vsock_packet *to);

/* vsock_packet_len(p), vsock_packet_set_len(p, len) and so on: fields of the private header. */
#define VSOCK_PACKET_FIELD(type_of, name) \
	static inline type_of vsock_packet_##name(const struct vsock_packet *p) \
	{ \
		return p->header.name; \
	} \
	static inline void vsock_packet_set_##name(struct vsock_packet *p, type_of value) \
	{ \
		p->header.name = value; \
	}

VSOCK_PACKET_FIELD(uint64_t, src_cid)
VSOCK_PACKET_FIELD(uint64_t, dst_cid)
VSOCK_PACKET_FIELD(uint32_t, src_port)
VSOCK_PACKET_FIELD(uint32_t, dst_port)
VSOCK_PACKET_FIELD(uint32_t, len)
VSOCK_PACKET_FIELD(uint16_t, type)
VSOCK_PACKET_FIELD(uint16_t, op)
VSOCK_PACKET_FIELD(uint32_t, flags)
VSOCK_PACKET_FIELD(uint32_t, buf_alloc)
VSOCK_PACKET_FIELD(uint32_t, fwd_cnt)

static inline void vsock_packet_set_flag(struct vsock_packet *p, uint32_t flag)
{
	p->header.flags |= flag;
}

static inline bool vsock_packet_is_empty(const struct vsock_packet *p)
{
	return p->header.len == 0;
}

#endif
