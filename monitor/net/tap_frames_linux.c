/* tap_frames_linux.c: frames in and out of a tap, or of what is read and written like one. */
#include "tap_linux.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* After net/if.h, whose names it would define again. */
#include <linux/if_tun.h>

struct tap *tap_new(const struct uplink_ops *ops, struct husk_error *e)
{
	struct tap *t = calloc(1, sizeof *t);

	if (t == NULL)
		husk_fail_sys(e, ENOMEM, "network device");
	else
		t->uplink = (struct uplink){.ops = ops, .fd = -1};
	return t;
}

void tap_close(struct uplink *u)
{
	if (u->fd != -1)
		close(u->fd);
	free(u);
}

void tap_refuse_offloads(int fd)
{
	(void)ioctl(fd, TUNSETOFFLOAD, 0);
}

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

/*
 * Not from a tap: an empty datagram is no frame, a socket whose peer sends no more will never have
 * one, and one whose peer is gone takes none either.
 */
static enum uplink_result read_nothing(const struct uplink *u)
{
	struct pollfd p = {.fd = u->fd, .events = POLLRDHUP};

	if (poll(&p, 1, 0) != 1)
		return UPLINK_NO_FRAME;
	return (p.revents & POLLHUP) != 0 ? UPLINK_GONE : UPLINK_ERROR;
}

/*
 * The kernel cuts a frame that does not fit and does not say so; one byte of room behind
 * the caller's shows it.
 */
enum uplink_result tap_read(struct uplink *u, struct iovec buffer, size_t *len)
{
	const struct tap *t = (struct tap *)u;
	uint8_t prefix[TAP_PREFIX_MAX], excess;
	struct iovec parts[] = {{prefix, t->prefix}, buffer, {&excess, sizeof excess}};
	ssize_t n = readv(u->fd, parts, 3);

	if (n == -1)
		return explain(errno);
	if (n == 0)
		return read_nothing(u);
	if ((size_t)n < t->prefix)
		return UPLINK_NO_FRAME;
	*len = (size_t)n - t->prefix;
	return *len > buffer.iov_len ? UPLINK_TOO_LONG : UPLINK_OK;
}

enum uplink_result tap_write(struct uplink *u, struct iovec frame)
{
	const struct tap *t = (struct tap *)u;
	uint8_t prefix[TAP_PREFIX_MAX] = {0};
	struct iovec parts[] = {{prefix, t->prefix}, frame};
	ssize_t n = t->prefix == 0 ? write(u->fd, frame.iov_base, frame.iov_len) :
		    writev(u->fd, parts, 2);

	if (n == -1)
		return explain(errno);
	return (size_t)n == frame.iov_len + t->prefix ? UPLINK_OK : UPLINK_ERROR;
}
