/* SPDX-License-Identifier: ISC */
/* tap_frames_linux.c: frames in and out of a tap. */
#include "tap_linux.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
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

/* The kernel cuts a frame that does not fit without telling; one more byte of room shows it. */
static enum uplink_result read_with(transfer *in, struct uplink *u, struct iovec buffer,
				    size_t *len)
{
	const struct tap *t = (struct tap *)u;
	uint8_t prefix[TAP_PREFIX_MAX], excess;
	struct iovec parts[] = {{prefix, t->prefix}, buffer, {&excess, sizeof excess}};
	ssize_t n = in(t, parts, 3);

	if (n == -1)
		return explain(errno);
	if (n == 0 || (size_t)n < t->prefix)
		return UPLINK_NO_FRAME;
	*len = (size_t)n - t->prefix;
	return *len > buffer.iov_len ? UPLINK_TOO_LONG : UPLINK_OK;
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
