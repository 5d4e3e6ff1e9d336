/* SPDX-License-Identifier: ISC */
/*
 * fuzz_vsock_packet.c: chains of any cut as vsock packets. The first byte says how many spans the
 * chain has, and how many of them the device may read; one byte each is their length; what follows
 * is their content. Counted from '0', so that text makes seeds.
 */
#include <stdlib.h>
#include <string.h>

#include "../../monitor/vsock/packet.c"

#define CHECK(condition) ((condition) ? (void)0 : abort())
#define SPANS 8u
#define BYTES 1024u
#define MAX 300u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t memory[BYTES], before[BYTES];

static void check_payload(const struct vsock_packet *p, uint32_t offset, uint32_t count)
{
	struct iovec piece[SPANS + 1];
	const int n = vsock_packet_payload(p, offset, count, piece);

	CHECK((n == -1) == (offset > p->capacity || count > p->capacity - offset));
	if (n == -1)
		return;
	CHECK((unsigned)n <= p->n_iov && iov_length(piece, (unsigned)n) == count);
	for (int i = 0; i < n; i++) {
		const uint8_t *at = piece[i].iov_base;

		CHECK(at >= memory && at + piece[i].iov_len <= memory + BYTES);
	}
}

static void check_payloads(const struct vsock_packet *p)
{
	check_payload(p, 0, p->capacity);
	check_payload(p, 1, p->capacity);
	check_payload(p, p->capacity / 2, p->capacity / 3);
	check_payload(p, p->header.src_port, p->header.dst_port);
	check_payload(p, p->header.src_port % 300, p->header.dst_port % 300);
}

static void try_rx(struct vsock_packet *p, const struct iovec *iov, unsigned n_readable,
		   unsigned n_writable, const struct vsock_header *header)
{
	const enum vsock_packet_error error = vsock_packet_parse_rx(p, iov, n_readable, n_writable,
								    MAX);
	struct vsock_header got;

	CHECK(memcmp(memory, before, BYTES) == 0);
	if (error != VSOCK_PACKET_OK)
		return;
	CHECK(n_readable == 0 && p->capacity > 0 && p->capacity <= MAX);
	check_payloads(p);
	CHECK(vsock_packet_set_header(p, header, sizeof *header) == VSOCK_PACKET_OK);
	if (vsock_packet_commit(p) != VSOCK_PACKET_OK) {
		CHECK(header->len > p->capacity && memcmp(memory, before, BYTES) == 0);
		return;
	}
	(void)iov_gather(iov, n_writable, 0, &got, sizeof got);
	CHECK(memcmp(&got, header, sizeof got) == 0);
}

static void try_tx(struct vsock_packet *p, const struct iovec *iov, unsigned n_readable,
		   unsigned n_writable)
{
	const uint64_t all = iov_length(iov, n_readable);
	const enum vsock_packet_error error = vsock_packet_parse_tx(p, iov, n_readable, n_writable,
								    MAX);

	CHECK(vsock_packet_error_text(error)[0] != 'u');
	CHECK((error == VSOCK_PACKET_OK) == (n_writable == 0 && all >= 44 &&
	      p->header.len <= MAX && p->header.len <= all - 44));
	CHECK(p->capacity == (error == VSOCK_PACKET_OK ? p->header.len : 0));
	check_payloads(p);
	CHECK(memcmp(memory, before, BYTES) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct iovec iov[SPANS];
	struct vsock_packet p;
	struct vsock_header header;
	unsigned n, n_readable;
	size_t at = 0;

	if (size == 0)
		return 0;
	n = (uint8_t)(data[0] - '0') % (SPANS + 1);
	n_readable = (uint8_t)(data[0] - '0') / (SPANS + 1) % (n + 1);
	data++;
	size--;
	if (size < n)
		return 0;
	for (unsigned i = 0; i < n; i++) {
		const size_t len = (uint8_t)(data[i] - '0') % 120;

		iov[i] = (struct iovec){memory + at, len};
		at += len;
	}
	data += n;
	size -= n;
	memset(memory, 0, BYTES);
	memcpy(memory, data, size < BYTES ? size : BYTES);
	memcpy(before, memory, BYTES);
	memcpy(&header, memory, sizeof header);
	try_tx(&p, iov, n - n_readable, n_readable);
	try_rx(&p, iov, n_readable, n - n_readable, &header);
	return 0;
}
