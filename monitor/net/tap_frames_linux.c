/* SPDX-License-Identifier: ISC */
/* tap_frames_linux.c: frames in and out of a tap. */
#include "tap_linux.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* Linux drivers/net/tun.c: EBADFD once the interface is deleted, EIO while it is down. */
static enum uplink_result explain(int sys)
{
	switch (sys) {
	case EAGAIN:
		return UPLINK_AGAIN;
	case EBADFD:
	case ENODEV:
		return UPLINK_GONE;
	case EIO:
	case ENETDOWN:
	case ENOBUFS:
	case ENOMEM:
	case EINTR:
		return UPLINK_DOWN;
	}
	return UPLINK_ERROR;
}

typedef ssize_t transfer(const struct tap *t, const struct iovec *parts, int n);

/* Linux include/linux/virtio_net.h: of the header the kernel writes and reads so much. */
#define HEADER_USED offsetof(struct net_header, num_buffers)

/* RFC 1071 4.1: the sum, folded. An odd length counts as if a zero followed. */
static uint16_t sum(const uint8_t *at, size_t len)
{
	uint64_t all = 0;

	for (size_t i = 0; i < len; i++)
		all += (uint64_t)at[i] << (i % 2 == 0 ? 8 : 0);
	while (all >> 16 != 0)
		all = (all & 0xffff) + (all >> 16);
	return (uint16_t)all;
}

/* RFC 768: where 0 stands for none, and elsewhere, what comes out as 0 is the same as all ones. */
static uint16_t checksum(const uint8_t *at, size_t len)
{
	const uint16_t rest = (uint16_t)~sum(at, len);

	return rest != 0 ? rest : UINT16_MAX;
}

/*
 * What was sent to the tap while that still offloaded something reaches a reader that has none of it: its
 * checksum is made here. False: it has many segments, or is broken.
 */
static bool finish(const struct net_header *h, uint8_t *frame, size_t len)
{
	const size_t at = (size_t)h->csum_start + h->csum_offset;
	uint16_t rest;

	if (h->gso_type != NET_GSO_NONE)
		return false;
	if ((h->flags & NET_NEEDS_CSUM) == 0)
		return true;
	if (at + sizeof rest > len)
		return false;
	rest = checksum(frame + h->csum_start, len - h->csum_start);
	frame[at] = (uint8_t)(rest >> 8);
	frame[at + 1] = (uint8_t)rest;
	return true;
}

/* The header is the last of what is in front of a frame. */
static struct net_header header_in(const struct tap *t, const uint8_t *prefix)
{
	struct net_header h = {.num_buffers = 0};

	if (t->uplink.header >= HEADER_USED)
		memcpy(&h, prefix + t->prefix - t->uplink.header, HEADER_USED);
	return h;
}

/* The kernel cuts a frame that does not fit without telling; one more byte of room shows it. */
static enum uplink_result read_with(transfer *in, struct uplink *u, struct iovec buffer,
				    size_t *len)
{
	const struct tap *t = (struct tap *)u;
	uint8_t prefix[TAP_PREFIX_MAX] = {0}, excess;
	struct iovec parts[] = {{prefix, t->prefix}, buffer, {&excess, sizeof excess}};
	ssize_t n = in(t, parts, 3);
	struct net_header h;

	if (n == -1)
		return explain(errno);
	if (n == 0 || (size_t)n < t->prefix)
		return UPLINK_NO_FRAME;
	*len = (size_t)n - t->prefix;
	h = header_in(t, prefix);
	return *len <= buffer.iov_len && finish(&h, buffer.iov_base, *len) ? UPLINK_OK : UPLINK_TOO_LONG;
}

static enum uplink_result read_parts_with(transfer *in, struct uplink *u, struct net_header *h,
					  const struct iovec *parts, unsigned n, size_t *len)
{
	const struct tap *t = (struct tap *)u;
	uint8_t prefix[TAP_PREFIX_MAX] = {0}, excess;
	struct iovec all[UPLINK_PARTS + 2] = {{prefix, t->prefix}};
	size_t room = 0;
	ssize_t got;

	for (unsigned i = 0; i < n; i++) {
		all[i + 1] = parts[i];
		room += parts[i].iov_len;
	}
	all[n + 1] = (struct iovec){&excess, sizeof excess};
	got = in(t, all, (int)n + 2);
	if (got == -1)
		return explain(errno);
	if (got == 0 || (size_t)got < t->prefix)
		return UPLINK_NO_FRAME;
	*h = header_in(t, prefix);
	*len = (size_t)got - t->prefix;
	return *len > room ? UPLINK_TOO_LONG : UPLINK_OK;
}

static enum uplink_result write_parts_with(transfer *out, struct uplink *u, const struct net_header *h,
					   const struct iovec *parts, unsigned n)
{
	const struct tap *t = (struct tap *)u;
	uint8_t prefix[TAP_PREFIX_MAX] = {0};
	struct iovec all[UPLINK_PARTS + 1] = {{prefix, t->prefix}};
	size_t len = t->prefix;
	ssize_t put;

	memcpy(prefix + t->prefix - t->uplink.header, h, HEADER_USED);
	for (unsigned i = 0; i < n; i++) {
		all[i + 1] = parts[i];
		len += parts[i].iov_len;
	}
	put = out(t, all, (int)n + 1);
	if (put == -1)
		return explain(errno);
	return (size_t)put == len ? UPLINK_OK : UPLINK_ERROR;
}

static enum uplink_result write_with(transfer *out, struct uplink *u, struct iovec frame)
{
	const struct tap *t = (struct tap *)u;
	uint8_t prefix[TAP_PREFIX_MAX] = {0};
	struct iovec parts[] = {{prefix, t->prefix}, frame};
	ssize_t n = t->prefix == 0 ? out(t, &frame, 1) : out(t, parts, 2);

	if (n == -1)
		return explain(errno);
	return (size_t)n == frame.iov_len + t->prefix ? UPLINK_OK : UPLINK_ERROR;
}

static ssize_t read_own(const struct tap *t, const struct iovec *parts, int n)
{
	return readv(t->uplink.fd, parts, n);
}

static ssize_t write_own(const struct tap *t, const struct iovec *parts, int n)
{
	return n == 1 ? write(t->uplink.fd, parts->iov_base, parts->iov_len) : writev(t->uplink.fd, parts, n);
}

enum uplink_result tap_read(struct uplink *u, struct iovec buffer, size_t *len)
{
	return read_with(read_own, u, buffer, len);
}

enum uplink_result tap_write(struct uplink *u, struct iovec frame)
{
	return write_with(write_own, u, frame);
}

enum uplink_result tap_read_parts(struct uplink *u, struct net_header *h, const struct iovec *parts,
				  unsigned n, size_t *len)
{
	return read_parts_with(read_own, u, h, parts, n, len);
}

enum uplink_result tap_write_parts(struct uplink *u, const struct net_header *h,
				   const struct iovec *parts, unsigned n)
{
	return write_parts_with(write_own, u, h, parts, n);
}

/* Whether the next transfer will not block. Another process that shares the tap may come first. */
static bool ready(const struct tap *t, short events)
{
	struct pollfd p = {.fd = t->uplink.fd, .events = events};

	if (poll(&p, 1, 0) == 1)
		return true;
	errno = EAGAIN;
	return false;
}

static ssize_t read_shared(const struct tap *t, const struct iovec *parts, int n)
{
	if (!t->polled)
		return preadv2(t->uplink.fd, parts, n, -1, RWF_NOWAIT);
	return ready(t, POLLIN) ? readv(t->uplink.fd, parts, n) : -1;
}

static ssize_t write_shared(const struct tap *t, const struct iovec *parts, int n)
{
	if (!t->polled)
		return pwritev2(t->uplink.fd, parts, n, -1, RWF_NOWAIT);
	return ready(t, POLLOUT) ? writev(t->uplink.fd, parts, n) : -1;
}

enum uplink_result tap_read_shared(struct uplink *u, struct iovec buffer, size_t *len)
{
	return read_with(read_shared, u, buffer, len);
}

enum uplink_result tap_write_shared(struct uplink *u, struct iovec frame)
{
	return write_with(write_shared, u, frame);
}

enum uplink_result tap_read_parts_shared(struct uplink *u, struct net_header *h,
					 const struct iovec *parts, unsigned n, size_t *len)
{
	return read_parts_with(read_shared, u, h, parts, n, len);
}

enum uplink_result tap_write_parts_shared(struct uplink *u, const struct net_header *h,
					  const struct iovec *parts, unsigned n)
{
	return write_parts_with(write_shared, u, h, parts, n);
}

/* Packet information has 4 bytes, a virtio header 10 or more. */
int tap_vhost_header(const struct uplink *u)
{
	const struct tap *t = (const struct tap *)u;

	return t->prefix == 0 || t->prefix == 12 ? (int)t->prefix : -1;
}

/*
 * Taps support RWF_NOWAIT since Linux 6.4. The probe is shorter than a header, so that all refuse
 * it.
 */
void tap_probe_shared(struct tap *t)
{
	uint8_t byte = 0;
	const struct iovec parts = {&byte, sizeof byte};

	t->polled = pwritev2(t->uplink.fd, &parts, 1, -1, RWF_NOWAIT) == -1 && errno == EOPNOTSUPP;
}
