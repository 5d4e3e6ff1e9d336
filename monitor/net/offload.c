/* SPDX-License-Identifier: ISC */
/* offload.c: what a guest may leave to the host, and the header by which it does. */
#include "offload.h"

#include "iov.h"
#include "netdev.h"

#define TCP_MIN 20u			/* RFC 9293 3.1: bytes of the header, */
#define TCP_DATA_OFFSET 12u		/* where it says how many it has, in words of 4, */
#define TCP_CHECKSUM 16u		/* and where its checksum is */

#define IPV4_MIN 20u			/* RFC 791 3.1: bytes of the header, at least */
#define IPV4_MAX 60u			/* and at most */

/* VIRTIO 1.2, 5.1.3.1 */
uint64_t offload_sound(uint64_t wanted)
{
	uint64_t set = wanted & NET_OFFLOADS;

	if ((set & NET_CSUM) == 0)
		set &= ~(uint64_t)NET_HOST_TSO;
	if ((set & NET_GUEST_CSUM) == 0)
		set &= ~(uint64_t)NET_GUEST_TSO;
	if ((set & NET_HOST_TSO) == 0)
		set &= ~(uint64_t)NET_HOST_ECN;
	if ((set & NET_GUEST_TSO) == 0)
		set &= ~(uint64_t)NET_GUEST_ECN;
	return set;
}

static bool may_segment(uint64_t granted, uint8_t type)
{
	const uint8_t plain = (uint8_t)(type & ~NET_GSO_ECN);

	if (plain != type && (granted & NET_HOST_ECN) == 0)
		return false;
	return (plain == NET_GSO_TCPV4 && (granted & NET_HOST_TSO4) != 0) ||
	       (plain == NET_GSO_TCPV6 && (granted & NET_HOST_TSO6) != 0);
}

/* RFC 1071: len is even. */
static bool adds_up(const uint8_t *header, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i += 2)
		sum += (uint32_t)header[i] << 8 | header[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16) == 0xffff;
}

/*
 * A kernel that gets a packet whose IPv4 header has a wrong checksum drops it and tells nobody; one that sends it
 * on in segments makes each a right one, but no guest can rely on that. A guest that changes the header
 * meanwhile loses its own frame.
 */
static bool check_ipv4(const struct iovec *frame, unsigned n)
{
	uint8_t start[UPLINK_HEADER + UPLINK_TAGS + IPV4_MAX];
	const size_t len = iov_gather(frame, n, 0, start, sizeof start);
	const size_t at = UPLINK_HEADER + netdev_tags(start, len);
	size_t header;

	if (at + IPV4_MIN > len || start[at - 2] != 0x08 || start[at - 1] != 0x00)	/* RFC 894 */
		return false;
	header = (start[at] & 15) * (size_t)4;
	return header >= IPV4_MIN && at + header <= len && adds_up(start + at, header);
}

/* Where the header's hint would be believed, the frame itself is asked. */
static bool check_segments(struct offload *o, const struct net_header *h, const struct iovec *frame,
			   unsigned n, size_t len)
{
	uint8_t words;
	size_t headers;

	if (h->csum_offset != TCP_CHECKSUM || h->gso_size == 0 || h->gso_size == UINT16_MAX ||
	    iov_gather(frame, n, (size_t)h->csum_start + TCP_DATA_OFFSET, &words, 1) != 1)
		return false;
	headers = h->csum_start + (words >> 4) * (size_t)4;
	if (headers < h->csum_start + TCP_MIN || headers >= len || headers > UINT16_MAX)
		return false;
	o->header.hdr_len = (uint16_t)headers;
	o->header.gso_type = h->gso_type;
	o->header.gso_size = h->gso_size;
	o->longest = headers + h->gso_size < len ? headers + h->gso_size : len;
	return true;
}

/* A kernel's own checks differ from one to the next; what none can do is refused here. */
bool offload_check(struct offload *o, uint64_t granted, const struct net_header *h,
		   const struct iovec *frame, unsigned n, size_t len)
{
	*o = (struct offload){.longest = len};
	if (h->flags == 0 && h->gso_type == NET_GSO_NONE)
		return true;
	if (h->flags != NET_NEEDS_CSUM || (granted & NET_CSUM) == 0 || len > NET_SEGMENTS_MAX ||
	    h->csum_start < UPLINK_HEADER ||
	    (size_t)h->csum_start + h->csum_offset + sizeof(uint16_t) > len)
		return false;
	o->header.flags = NET_NEEDS_CSUM;
	o->header.csum_start = h->csum_start;
	o->header.csum_offset = h->csum_offset;
	if (h->gso_type == NET_GSO_NONE)
		return true;
	return may_segment(granted, h->gso_type) &&
	       ((h->gso_type & ~NET_GSO_ECN) != NET_GSO_TCPV4 || check_ipv4(frame, n)) &&
	       check_segments(o, h, frame, n, len);
}
