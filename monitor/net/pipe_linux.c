/* SPDX-License-Identifier: ISC */
/* pipe_linux.c: frames as packets of a FIFO, pipe(2). */
#include "pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

static enum uplink_result explain(int sys)
{
	return sys == EAGAIN ? UPLINK_AGAIN : sys == EINTR ? UPLINK_DOWN : UPLINK_ERROR;
}

/*
 * The kernel silently drops the part of a packet that does not fit; one more byte of room shows it.
 */
static enum uplink_result pipe_read(struct uplink *u, struct iovec buffer, size_t *len)
{
	uint8_t excess;
	struct iovec parts[] = {buffer, {&excess, sizeof excess}};
	ssize_t n = readv(u->fd, parts, 2);

	if (n == -1)
		return explain(errno);
	if (n == 0)
		return UPLINK_NO_FRAME;
	*len = (size_t)n;
	return *len > buffer.iov_len ? UPLINK_TOO_LONG : UPLINK_OK;
}

/* A write of more than PIPE_BUF bytes would be split into several packets. */
static enum uplink_result pipe_write(struct uplink *u, struct iovec frame)
{
	ssize_t n;

	if (frame.iov_len > PIPE_BUF)
		return UPLINK_ERROR;
	n = write(u->fd, frame.iov_base, frame.iov_len);
	if (n == -1)
		return explain(errno);
	return (size_t)n == frame.iov_len ? UPLINK_OK : UPLINK_ERROR;
}

/* O_DIRECT is set afterwards, as open(2) refuses it for FIFOs. */
static int open_packets(const char *path)
{
	int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC), saved;

	if (fd == -1 || fcntl(fd, F_SETFL, O_NONBLOCK | O_DIRECT) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static int open_again(int fd, const char *where, struct husk_error *e)
{
	char path[sizeof "/proc/self/fd/" + 10];
	int again;

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	again = open_packets(path);
	if (again != -1)
		return again;
	husk_fail_sys(e, errno, "Could not attach interface: %s: %s", where, path);
	return husk_hint(e, "a pipe is opened anew there, so that nobody shares its flags: this "
			 "user must be allowed to, or give a connected socket of SOCK_DGRAM");
}

int pipe_adopt(struct uplink **u, const struct uplink_request *rq, int fd, struct husk_error *e)
{
	static const struct uplink_ops ops = {
		.read = pipe_read, .write = pipe_write, .close = uplink_free,
	};
	struct uplink *p = uplink_new(sizeof *p, &ops, e);

	if (p != NULL)
		p->fd = open_again(fd, rq->where, e);
	close(fd);
	if (p == NULL)
		return -1;
	if (p->fd == -1) {
		uplink_free(p);
		return -1;
	}
	p->mtu_max = PIPE_BUF - UPLINK_HEADER - UPLINK_TAGS;
	if (rq->look)
		uplink_look_only(p);
	*u = p;
	return 0;
}
