/* SPDX-License-Identifier: ISC */
/* tap_frames_freebsd.c: frames in and out of a tap. */
#include "tap_freebsd.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <unistd.h>

static enum uplink_result explain(int sys)
{
	switch (sys) {
	case EAGAIN:
		return UPLINK_AGAIN;
	case EHOSTDOWN:
	case ENETDOWN:
	case ENOBUFS:
	case ENOMEM:
	case EINTR:
		return UPLINK_DOWN;
	case ENXIO:
		return UPLINK_GONE;
	}
	return UPLINK_ERROR;
}

/*
 * Whether the next transfer will not wait. There is no call that never does, whatever the flags of
 * the description: if another process reads just then, a read waits for a frame or a signal.
 */
static bool ready(const struct tap *t, short events)
{
	struct pollfd p = {.fd = t->uplink.fd, .events = events};

	return !t->shared || poll(&p, 1, 0) == 1;
}

/* The kernel cuts a frame that does not fit without telling; one more byte of room shows it. */
enum uplink_result tap_read(struct uplink *u, struct iovec buffer, size_t *len)
{
	uint8_t excess;
	struct iovec parts[] = {buffer, {&excess, sizeof excess}};
	ssize_t n;

	if (!ready((struct tap *)u, POLLIN))
		return UPLINK_AGAIN;
	n = readv(u->fd, parts, 2);
	if (n == -1)
		return explain(errno);
	if (n == 0)
		return UPLINK_NO_FRAME;
	*len = (size_t)n;
	return *len > buffer.iov_len ? UPLINK_TOO_LONG : UPLINK_OK;
}

/* An interface that is down takes every frame and says 0. */
enum uplink_result tap_write(struct uplink *u, struct iovec frame)
{
	ssize_t n;

	if (!ready((struct tap *)u, POLLOUT))
		return UPLINK_AGAIN;
	n = write(u->fd, frame.iov_base, frame.iov_len);
	if (n == -1)
		return explain(errno);
	return (size_t)n == frame.iov_len ? UPLINK_OK : n == 0 ? UPLINK_DOWN : UPLINK_ERROR;
}
