/* SPDX-License-Identifier: ISC */
/* packet.c: makes packets of chains and of plain memory, and writes their headers back. */
#include "packet.h"

#include <string.h>

#include "iov.h"

const char *vsock_packet_error_text(enum vsock_packet_error error)
{
	switch (error) {
	case VSOCK_PACKET_OK:
		return "no error";
	case VSOCK_PACKET_EMPTY:
		return "chain without a buffer of the right kind";
	case VSOCK_PACKET_SHORT:
		return "chain shorter than a header";
	case VSOCK_PACKET_NO_ROOM:
		return "chain without room for payload";
	case VSOCK_PACKET_WRITABLE:
		return "writable buffer in a packet from the guest";
	case VSOCK_PACKET_READABLE:
		return "readable buffer where a packet for the guest should go";
	case VSOCK_PACKET_HEADER_SIZE:
		return "header of another size than 44 bytes";
	case VSOCK_PACKET_LEN_MAX:
		return "length above the maximum";
	case VSOCK_PACKET_LEN_CHAIN:
		return "length above that of the chain";
	}
	return "unknown error";
}

enum vsock_packet_error vsock_packet_parse_tx(struct vsock_packet *p, const struct iovec *iov,
					      unsigned n_readable, unsigned n_writable,
					      uint32_t max)
{
	const uint64_t all = iov_length(iov, n_readable);

	*p = (struct vsock_packet){.iov = iov, .n_iov = n_readable};
	if (n_writable > 0)
		return VSOCK_PACKET_WRITABLE;
	if (all == 0)
		return VSOCK_PACKET_EMPTY;
	if (all < VSOCK_HEADER_SIZE)
		return VSOCK_PACKET_SHORT;
	(void)iov_gather(iov, n_readable, 0, &p->header, VSOCK_HEADER_SIZE);
	if (p->header.len > max)
		return VSOCK_PACKET_LEN_MAX;
	if (p->header.len > all - VSOCK_HEADER_SIZE)
		return VSOCK_PACKET_LEN_CHAIN;
	p->capacity = p->header.len;
	return VSOCK_PACKET_OK;
}

enum vsock_packet_error vsock_packet_parse_rx(struct vsock_packet *p, const struct iovec *iov,
					      unsigned n_readable, unsigned n_writable,
					      uint32_t max)
{
	const uint64_t all = iov_length(iov + n_readable, n_writable);

	*p = (struct vsock_packet){.iov = iov, .n_iov = n_writable};
	if (n_readable > 0)
		return VSOCK_PACKET_READABLE;
	if (all == 0)
		return VSOCK_PACKET_EMPTY;
	if (all < VSOCK_HEADER_SIZE)
		return VSOCK_PACKET_SHORT;
	if (all == VSOCK_HEADER_SIZE)
		return VSOCK_PACKET_NO_ROOM;
	p->capacity = all - VSOCK_HEADER_SIZE < max ? (uint32_t)(all - VSOCK_HEADER_SIZE) : max;
	return VSOCK_PACKET_OK;
}

enum vsock_packet_error vsock_packet_init(struct vsock_packet *p, void *header,
					  size_t header_size, void *data, uint32_t data_size)
{
	*p = (struct vsock_packet){.n_iov = 2, .capacity = data_size};
	if (header_size != VSOCK_HEADER_SIZE)
		return VSOCK_PACKET_HEADER_SIZE;
	p->plain[0] = (struct iovec){header, header_size};
	p->plain[1] = (struct iovec){data, data_size};
	p->iov = p->plain;
	return vsock_packet_set_header(p, header, header_size);
}

enum vsock_packet_error vsock_packet_set_header(struct vsock_packet *p, const void *bytes,
						size_t size)
{
	if (size != VSOCK_HEADER_SIZE)
		return VSOCK_PACKET_HEADER_SIZE;
	memcpy(&p->header, bytes, size);
	return VSOCK_PACKET_OK;
}

int vsock_packet_payload(const struct vsock_packet *p, uint32_t offset, uint32_t count,
			 struct iovec *piece)
{
	if (offset > p->capacity || count > p->capacity - offset)
		return -1;
	return (int)iov_slice(p->iov, p->n_iov, (uint64_t)VSOCK_HEADER_SIZE + offset, count, piece);
}

enum vsock_packet_error vsock_packet_commit(const struct vsock_packet *p)
{
	if (p->header.len > p->capacity)
		return VSOCK_PACKET_LEN_CHAIN;
	(void)iov_scatter(p->iov, p->n_iov, 0, &p->header, VSOCK_HEADER_SIZE);
	return VSOCK_PACKET_OK;
}

/* By way of a small buffer, because the spans of the two are cut differently. */
enum vsock_packet_error vsock_packet_copy(const struct vsock_packet *from, struct vsock_packet *to)
{
	uint64_t at = VSOCK_HEADER_SIZE, left = from->header.len;

	if (left > from->capacity || left > to->capacity)
		return VSOCK_PACKET_LEN_CHAIN;
	to->header = from->header;
	while (left > 0) {
		uint8_t bytes[512];
		const size_t n = left < sizeof bytes ? (size_t)left : sizeof bytes;

		(void)iov_gather(from->iov, from->n_iov, at, bytes, n);
		(void)iov_scatter(to->iov, to->n_iov, at, bytes, n);
		at += n;
		left -= n;
	}
	return vsock_packet_commit(to);
}
