/* SPDX-License-Identifier: ISC */
/* datagram.c: frames as datagrams of a connected socket, which other processes may share. */
#include "datagram.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "descriptor.h"

struct datagram {
	struct uplink uplink;
	int mark;		/* MSG_EOR where records need it: descriptor_records_are_marked */
	bool unfinished;	/* what was read last was not the end of a record */
};

static enum uplink_result explain(int sys)
{
	switch (sys) {
	case EAGAIN:
		return UPLINK_AGAIN;
	case ENETDOWN:
	case ENOBUFS:
	case ENOMEM:
	case EINTR:
		return UPLINK_DOWN;
	}
	return UPLINK_ERROR;
}

/*
 * A record that is longer than the buffer is read in pieces, each of which counts as too long. So
 * does everything from a peer that never marks an end.
 */
static enum uplink_result piece(struct datagram *d, bool ended)
{
	const bool whole = ended && !d->unfinished;

	d->unfinished = !ended;
	return whole ? UPLINK_OK : UPLINK_TOO_LONG;
}

/*
 * An empty datagram is no frame. It is also what a socket reads at its end: of a peer that sends no
 * more, or of one that is gone and takes nothing either.
 */
static enum uplink_result read_nothing(const struct uplink *u)
{
	struct pollfd p = {.fd = u->fd, .events = POLLRDHUP};

	if (poll(&p, 1, 0) != 1)
		return UPLINK_NO_FRAME;
	return (p.revents & POLLHUP) != 0 ? UPLINK_GONE : UPLINK_ERROR;
}

static enum uplink_result datagram_read(struct uplink *u, struct iovec buffer, size_t *len)
{
	struct datagram *d = (struct datagram *)u;
	struct msghdr m = {.msg_iov = &buffer, .msg_iovlen = 1};
	ssize_t n = recvmsg(u->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n == -1)
		return explain(errno);
	if ((m.msg_flags & MSG_TRUNC) != 0)
		return UPLINK_TOO_LONG;
	if (n == 0)
		return read_nothing(u);
	*len = (size_t)n;
	return d->mark == 0 ? UPLINK_OK : piece(d, (m.msg_flags & MSG_EOR) != 0);
}

/* ENOBUFS: the queue of an interface is full, or of a peer where the host does not wait for it. */
static enum uplink_result datagram_write(struct uplink *u, struct iovec frame)
{
	const struct datagram *d = (struct datagram *)u;
	ssize_t n = send(u->fd, frame.iov_base, frame.iov_len,
			 MSG_DONTWAIT | MSG_NOSIGNAL | d->mark);

	if (n == -1)
		return errno == ENOBUFS ? UPLINK_AGAIN : explain(errno);
	return (size_t)n == frame.iov_len ? UPLINK_OK : UPLINK_ERROR;
}

static int type_of(int fd)
{
	int type = -1;
	socklen_t size = sizeof type;

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == -1 ? -1 : type;
}

int datagram_adopt(struct uplink **u, const struct uplink_request *rq, int fd,
		   struct husk_error *e)
{
	static const struct uplink_ops ops = {
		.read = datagram_read, .write = datagram_write, .close = uplink_free,
	};
	struct datagram *d = uplink_new(sizeof *d, &ops, e);

	if (d == NULL) {
		close(fd);
		return -1;
	}
	d->uplink.fd = fd;
	d->uplink.mtu = d->uplink.mtu_max = descriptor_mtu(fd);
	d->mark = descriptor_records_are_marked() && type_of(fd) == SOCK_SEQPACKET ? MSG_EOR : 0;
	if (rq->look)
		uplink_look_only(&d->uplink);
	*u = &d->uplink;
	return 0;
}
