/* SPDX-License-Identifier: ISC */
/* stream.c: frames over a byte stream: cutting it into frames, and writing whole ones. */
#include "stream.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "peer.h"
#include "poller.h"

#define LENGTH_SIZE 4u			/* in front of each frame, big endian */
#define FRAME_MAX (UINT16_MAX + UPLINK_HEADER + UPLINK_TAGS)	/* around an IP packet */
#define IN_SIZE 131072u			/* bytes read ahead; at least one frame and its length */
#define OUT_SIZE (LENGTH_SIZE + FRAME_MAX)

_Static_assert(IN_SIZE >= LENGTH_SIZE + FRAME_MAX, "the longest frame fits");

struct stream {
	struct uplink uplink;	/* its fd is socket or poller */
	int socket;		/* -1: there is no connection */
	int poller;		/* watches the socket while there is something to write */
	uint8_t *in;		/* IN_SIZE bytes; owned */
	size_t start, end;	/* bytes in in that were read and not yet taken */
	uint8_t *out;		/* OUT_SIZE bytes; owned */
	size_t sent, pending;	/* bytes of the frame in out: sent, in all */
	const struct sockaddr_un *peer;	/* sealed; NULL: it was inherited */
	int directory;		/* of its file; -1: it is not needed */
};

static struct stream *stream_of(struct uplink *u)
{
	return (struct stream *)u;
}

/* Closes the connection; what was under way in both directions is lost. */
static enum uplink_result disconnect(struct stream *s)
{
	if (s->socket != -1) {
		if (s->pending != 0)
			(void)poller_watch(s->poller, s->socket, false);
		close(s->socket);
	}
	s->socket = s->uplink.fd = -1;
	s->start = s->end = s->sent = s->pending = 0;
	return UPLINK_GONE;
}

/* The result of a failed call on the socket. */
static enum uplink_result failed(struct stream *s, int sys)
{
	switch (sys) {
	case EAGAIN:
		return UPLINK_AGAIN;
	case ENOBUFS:
	case ENOMEM:
	case EINTR:
		return UPLINK_DOWN;
	}
	return disconnect(s);
}

/* ---- writing ---- */

/* Everything has gone out. */
static enum uplink_result finish(struct stream *s)
{
	(void)poller_watch(s->poller, s->socket, false);
	s->uplink.fd = s->socket;
	s->sent = s->pending = 0;
	return UPLINK_OK;
}

/* Sends more of a frame of which the socket took a part. UPLINK_OK: none is left. */
static enum uplink_result flush(struct stream *s)
{
	ssize_t n;

	if (s->pending == 0)
		return UPLINK_OK;
	n = send(s->socket, s->out + s->sent, s->pending - s->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n == -1)
		return failed(s, errno);
	s->sent += (size_t)n;
	return s->sent == s->pending ? finish(s) : UPLINK_AGAIN;
}

/* Keeps a frame of which the socket took n bytes. */
static enum uplink_result keep(struct stream *s, const uint8_t length[LENGTH_SIZE],
			       struct iovec frame, size_t n)
{
	if (poller_watch(s->poller, s->socket, true) == -1)
		return disconnect(s);
	memcpy(s->out, length, LENGTH_SIZE);
	memcpy(s->out + LENGTH_SIZE, frame.iov_base, frame.iov_len);
	s->sent = n;
	s->pending = LENGTH_SIZE + frame.iov_len;
	s->uplink.fd = s->poller;
	return UPLINK_OK;
}

static enum uplink_result stream_write(struct uplink *u, struct iovec frame)
{
	struct stream *s = stream_of(u);
	uint32_t size = (uint32_t)frame.iov_len;
	uint8_t length[LENGTH_SIZE] = {(uint8_t)(size >> 24), (uint8_t)(size >> 16),
				       (uint8_t)(size >> 8), (uint8_t)size};
	struct iovec parts[] = {{length, sizeof length}, frame};
	const struct msghdr m = {.msg_iov = parts, .msg_iovlen = 2};
	enum uplink_result r = s->socket == -1 ? UPLINK_GONE : flush(s);
	ssize_t n;

	if (r != UPLINK_OK)
		return r;
	if (frame.iov_len > FRAME_MAX)
		return UPLINK_ERROR;
	n = sendmsg(s->socket, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n == -1)
		return failed(s, errno);
	return (size_t)n == sizeof length + frame.iov_len ? UPLINK_OK :
	       keep(s, length, frame, (size_t)n);
}

/* ---- reading ---- */

/* Bytes of the next frame in in; FRAME_MAX + 1 for every length that no frame can have. */
static size_t next_length(const struct stream *s)
{
	const uint8_t *at = s->in + s->start;
	uint32_t len = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];

	return len <= FRAME_MAX ? len : FRAME_MAX + 1;
}

/* Whether there is a whole frame, or a length that no frame can have. */
static bool stream_buffered(const struct uplink *u)
{
	const struct stream *s = (const struct stream *)u;
	size_t have = s->end - s->start;

	return have >= LENGTH_SIZE && (next_length(s) > FRAME_MAX ||
				       have - LENGTH_SIZE >= next_length(s));
}

/* Reads what the socket has; UPLINK_OK if that was something. */
static enum uplink_result refill(struct stream *s)
{
	ssize_t n;

	memmove(s->in, s->in + s->start, s->end - s->start);
	s->end -= s->start;
	s->start = 0;
	n = recv(s->socket, s->in + s->end, IN_SIZE - s->end, MSG_DONTWAIT);
	if (n == -1)
		return failed(s, errno);
	if (n == 0)
		return disconnect(s);
	s->end += (size_t)n;
	return UPLINK_OK;
}

static enum uplink_result take(struct stream *s, struct iovec buffer, size_t *len)
{
	size_t size = next_length(s);

	if (size > FRAME_MAX)
		return disconnect(s);
	s->start += LENGTH_SIZE + size;
	if (size < UPLINK_HEADER)
		return UPLINK_NO_FRAME;
	*len = size;
	if (size > buffer.iov_len)
		return UPLINK_TOO_LONG;
	memcpy(buffer.iov_base, s->in + s->start - size, size);
	return UPLINK_OK;
}

/* One system call at most, however much the peer sends. */
static enum uplink_result stream_read(struct uplink *u, struct iovec buffer, size_t *len)
{
	struct stream *s = stream_of(u);
	enum uplink_result r = UPLINK_OK;

	if (s->socket == -1)
		return UPLINK_GONE;
	if (flush(s) == UPLINK_GONE)
		return UPLINK_GONE;
	if (s->pending != 0)
		poller_refresh(s->poller);
	if (!stream_buffered(u))
		r = refill(s);
	if (r != UPLINK_OK)
		return r;
	return stream_buffered(u) ? take(s, buffer, len) : UPLINK_AGAIN;
}

/* ---- connections ---- */

/*
 * Two calls, all of whose arguments are constants or sealed, so that a system call filter can allow
 * exactly these.
 */
static int open_connection(int directory, const struct sockaddr_un *peer)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), saved;

	if (fd == -1 || peer_connect(directory, fd, peer) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/*
 * Whether a program listens there, without connecting: for a socket of another type the kernel says
 * EPROTOTYPE if it does. Returns 0, or an errno.
 */
static int probe_socket(const struct sockaddr_un *peer)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc, sys;

	if (fd == -1)
		return errno;
	rc = connect(fd, (const struct sockaddr *)peer, sizeof *peer);
	sys = rc == 0 ? EPROTOTYPE : errno == EPROTOTYPE ? 0 : errno;
	close(fd);
	return sys;
}

static int reconnect(struct uplink *u)
{
	struct stream *s = stream_of(u);

	if (s->socket == -1)
		s->socket = s->uplink.fd = open_connection(s->directory, s->peer);
	return s->socket == -1 ? -1 : 0;
}

/* connect takes an address from the sealed pages only. */
static void stream_confine(struct uplink *u, struct sandbox *s)
{
	const struct stream *stream = stream_of(u);

	sandbox_keep(s, stream->socket, SANDBOX_BOTH_WAYS);
	sandbox_keep(s, stream->poller, SANDBOX_QUEUE);
	sandbox_keep(s, stream->directory, SANDBOX_CONNECTS);
	if (stream->peer != NULL)
		s->values[SANDBOX_FAMILY] = AF_UNIX;
}

static void stream_close(struct uplink *u)
{
	struct stream *s = stream_of(u);

	(void)disconnect(s);
	if (s->poller != -1)
		close(s->poller);
	if (s->directory != -1)
		close(s->directory);
	free(s->in);
	free(s->out);
	free(s);
}

static const struct uplink_ops adopted_ops = {
	.read = stream_read, .write = stream_write, .buffered = stream_buffered,
	.confine = stream_confine, .close = stream_close,
};

static const struct uplink_ops connected_ops = {
	.read = stream_read, .write = stream_write, .buffered = stream_buffered,
	.reattach = reconnect, .confine = stream_confine, .close = stream_close,
};

/* A stream over the socket, of which it takes ownership. */
static struct stream *stream_new(int socket, const struct uplink_ops *ops, struct husk_error *e)
{
	struct stream *s = uplink_new(sizeof *s, ops, e);

	if (s == NULL) {
		close(socket);
		return NULL;
	}
	s->socket = s->uplink.fd = socket;
	s->directory = -1;
	s->poller = poller_open();
	if (s->poller == -1)
		husk_fail_sys(e, errno, "network device");
	s->in = malloc(IN_SIZE);
	s->out = malloc(OUT_SIZE);
	if (s->in == NULL || s->out == NULL)
		husk_fail_sys(e, ENOMEM, "network device");
	if (s->poller != -1 && s->in != NULL && s->out != NULL)
		return s;
	stream_close(&s->uplink);
	return NULL;
}

static int look_only(struct uplink **u, struct husk_error *e)
{
	static const struct uplink_ops none = {.close = uplink_free};
	struct uplink *looked = uplink_new(sizeof *looked, &none, e);

	if (looked == NULL)
		return -1;
	uplink_look_only(looked);
	*u = looked;
	return 0;
}

int stream_adopt(struct uplink **u, const struct uplink_request *rq, int fd, struct husk_error *e)
{
	struct stream *s;

	if (rq->look) {
		close(fd);
		return look_only(u, e);
	}
	s = stream_new(fd, &adopted_ops, e);
	if (s == NULL)
		return -1;
	*u = &s->uplink;
	return 0;
}

static int connect_failed(const char *where, int sys, struct husk_error *e)
{
	husk_fail_sys(e, sys, "Could not attach interface: %s", where);
	switch (sys) {
	case ENOENT:
	case ECONNREFUSED:
		return husk_hint(e, "nobody serves it; start first what shall, for instance passt "
				 "with --socket and this path");
	case EACCES:
		return husk_hint(e, "this user must be allowed to write to it");
	case EPROTOTYPE:
	case ENOTSOCK:
		return husk_hint(e, "it is no stream socket; give one of SOCK_STREAM, as passt and "
				 "gvproxy's -listen-qemu make it");
	case EAGAIN:
		return husk_hint(e, "whoever serves it does not take connections");
	case ENAMETOOLONG:
		return husk_hint(e, "the path of a socket has at most %zu bytes",
				 sizeof ((struct sockaddr_un *)0)->sun_path - 1);
	}
	return -1;
}

static int make_address(struct sockaddr_un *peer, const char *where, const char *path,
			struct husk_error *e)
{
	*peer = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (path[0] == '\0') {
		husk_fail(e, HUSK_E_USAGE, "Could not attach interface: %s", where);
		return husk_hint(e, "it needs the path of a socket: unix:PATH");
	}
	if (strlen(path) >= sizeof peer->sun_path)
		return connect_failed(where, ENAMETOOLONG, e);
	memcpy(peer->sun_path, path, strlen(path));
	return 0;
}

int stream_connect(struct uplink **u, const struct uplink_request *rq, const char *path,
		   struct husk_error *e)
{
	struct sockaddr_un peer;
	struct stream *s;
	void *sealed;
	int fd;

	if (make_address(&peer, rq->where, path, e) == -1)
		return -1;
	if (rq->look) {
		int sys = probe_socket(&peer);

		return sys == 0 ? look_only(u, e) : connect_failed(rq->where, sys, e);
	}
	if (sealed_put(rq->sealed, &peer, sizeof peer, &sealed, e) == -1)
		return -1;
	fd = open_connection(-1, &peer);
	if (fd == -1)
		return connect_failed(rq->where, errno, e);
	s = stream_new(fd, &connected_ops, e);
	if (s == NULL)
		return -1;
	s->peer = sealed;
	if (peer_directory(&peer, &s->directory) == -1) {
		connect_failed(rq->where, errno, e);
		stream_close(&s->uplink);
		return -1;
	}
	*u = &s->uplink;
	return 0;
}
