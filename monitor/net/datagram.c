/* SPDX-License-Identifier: ISC */
/* datagram.c: frames as datagrams of a connected socket, which other processes may share. */
#include "datagram.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "descriptor.h"
#include "poller.h"

#define FRAME_MAX (UINT16_MAX + UPLINK_HEADER + UPLINK_TAGS)	/* around an IP packet */
#define PIECES 64	/* in which the longest frame comes where there is room for 1500 bytes */

struct datagram {
	struct uplink uplink;	/* fd is the poller while a record is to be finished */
	int socket;
	int poller;		/* readable when the socket is readable or writable; -1: no mark */
	int mark;		/* MSG_EOR where records need it: descriptor_records_are_marked */
	bool unfinished;	/* what was read last was not the end of a record */
	size_t sent, pending;	/* bytes of the record in out: sent, in all */
	uint8_t out[];		/* FRAME_MAX bytes where there is a mark: a record taken in part */
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

/* A record that is longer than the buffer is read in pieces: a part of one is no frame. */
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
static enum uplink_result read_nothing(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLRDHUP};

	if (poll(&p, 1, 0) != 1)
		return UPLINK_NO_FRAME;
	return (p.revents & POLLHUP) != 0 ? UPLINK_GONE : UPLINK_ERROR;
}

static ssize_t put(const struct datagram *d, const void *bytes, size_t len)
{
	return send(d->socket, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL | d->mark);
}

/* ENOBUFS: the queue of an interface is full, or of a peer where the host does not wait for it. */
static enum uplink_result refused(int sys)
{
	return sys == ENOBUFS ? UPLINK_AGAIN : explain(sys);
}

/*
 * Sends the rest of a record that was taken in part, as one that needs its end marked can be: what
 * is sent before that becomes part of it. UPLINK_OK: none is left.
 */
static enum uplink_result flush(struct datagram *d)
{
	ssize_t n;

	if (d->sent == d->pending)
		return UPLINK_OK;
	n = put(d, d->out + d->sent, d->pending - d->sent);
	if (n == -1)
		return refused(errno);
	d->sent += (size_t)n;
	if (d->sent != d->pending)
		return UPLINK_AGAIN;
	(void)poller_watch(d->poller, d->socket, false);
	d->uplink.fd = d->socket;
	return UPLINK_OK;
}

/* Keeps a record of which the socket took n bytes. */
static enum uplink_result keep(struct datagram *d, struct iovec frame, size_t n)
{
	if (poller_watch(d->poller, d->socket, true) == -1)
		return UPLINK_ERROR;
	memcpy(d->out, frame.iov_base, frame.iov_len);
	d->sent = n;
	d->pending = frame.iov_len;
	d->uplink.fd = d->poller;
	return UPLINK_OK;
}

static enum uplink_result receive(struct datagram *d, struct iovec buffer, size_t *len)
{
	struct msghdr m = {.msg_iov = &buffer, .msg_iovlen = 1};
	const ssize_t n = recvmsg(d->socket, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n == -1)
		return explain(errno);
	if ((m.msg_flags & MSG_TRUNC) != 0)
		return UPLINK_TOO_LONG;
	if (n == 0)
		return read_nothing(d->socket);
	*len = (size_t)n;
	return d->mark == 0 ? UPLINK_OK : piece(d, (m.msg_flags & MSG_EOR) != 0);
}

/*
 * A record that is too long was told of with its first piece; the others are passed over, but for
 * those of a peer that never marks an end.
 */
static enum uplink_result datagram_read(struct uplink *u, struct iovec buffer, size_t *len)
{
	struct datagram *d = (struct datagram *)u;

	if (flush(d) == UPLINK_AGAIN)
		poller_refresh(d->poller);
	for (int i = 0; i < PIECES; i++) {
		const bool rest = d->unfinished;
		const enum uplink_result r = receive(d, buffer, len);

		if (!rest || r != UPLINK_TOO_LONG)
			return r;
	}
	return UPLINK_TOO_LONG;
}

static enum uplink_result datagram_write(struct uplink *u, struct iovec frame)
{
	struct datagram *d = (struct datagram *)u;
	const enum uplink_result r = flush(d);
	ssize_t n;

	if (r != UPLINK_OK)
		return r;
	if (frame.iov_len > FRAME_MAX)
		return UPLINK_ERROR;
	n = put(d, frame.iov_base, frame.iov_len);
	if (n == -1)
		return refused(errno);
	if ((size_t)n == frame.iov_len)
		return UPLINK_OK;
	return d->mark == 0 ? UPLINK_ERROR : keep(d, frame, (size_t)n);
}

static void datagram_confine(struct uplink *u, struct sandbox *s)
{
	const struct datagram *d = (const struct datagram *)u;

	sandbox_keep(s, d->socket, SANDBOX_BOTH_WAYS);
	sandbox_keep(s, d->poller, SANDBOX_QUEUE);
}

static void datagram_close(struct uplink *u)
{
	struct datagram *d = (struct datagram *)u;

	if (d->poller != -1)
		close(d->poller);
	u->fd = d->socket;
	uplink_free(u);
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
		.read = datagram_read, .write = datagram_write, .confine = datagram_confine,
		.close = datagram_close,
	};
	const bool marked = descriptor_records_are_marked() && type_of(fd) == SOCK_SEQPACKET;
	struct datagram *d = uplink_new(sizeof *d + (marked ? FRAME_MAX : 0), &ops, e);

	if (d == NULL) {
		close(fd);
		return -1;
	}
	d->socket = d->uplink.fd = fd;
	d->poller = marked && !rq->look ? poller_open() : -1;
	if (marked && !rq->look && d->poller == -1) {
		husk_fail_sys(e, errno, "network device");
		datagram_close(&d->uplink);
		return -1;
	}
	d->uplink.mtu = d->uplink.mtu_max = descriptor_mtu(fd);
	d->mark = marked ? MSG_EOR : 0;
	if (rq->look)
		uplink_look_only(&d->uplink);
	*u = &d->uplink;
	return 0;
}
