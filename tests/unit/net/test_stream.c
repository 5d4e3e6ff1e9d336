/* SPDX-License-Identifier: ISC */
/* test_stream.c: frames over byte streams: any cut, any length, peers that stall, vanish or lie. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../../monitor/net/poller.h"
#include "../../../monitor/net/stream.h"
#include "wire.h"
#include "expect.h"

#define LONGEST 65557u		/* an IP packet of 65535 bytes with header and two tags */
#define MOST (4 + LONGEST)
#define PATH_MOST (sizeof((struct sockaddr_un *)0)->sun_path - 1)

/* ---- calls that fail or move less when told ---- */

static struct {
	bool in_peer_connect;
	unsigned seen, fail_at;	/* calls so far, and the one that fails */
	bool from_then_on;
	int error;		/* of the one that fails */
	int send_error, recv_error, watch_error;	/* 0: they are real */
	size_t send_most, recv_most;	/* bytes that one call moves at most; 0: any */
	unsigned recvs, sends;
} host;

int __real_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol);
int __real_connect(int fd, const struct sockaddr *address, socklen_t size);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t size);
int __real_peer_connect(int directory, int fd, const struct sockaddr_un *address);
int __wrap_peer_connect(int directory, int fd, const struct sockaddr_un *address);
ssize_t __real_send(int fd, const void *bytes, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags);
ssize_t __real_sendmsg(int fd, const struct msghdr *m, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *m, int flags);
ssize_t __real_recv(int fd, void *bytes, size_t len, int flags);
ssize_t __wrap_recv(int fd, void *bytes, size_t len, int flags);
int __real_poller_open(void);
int __wrap_poller_open(void);
int __real_poller_watch(int poller, int fd, bool watch);
int __wrap_poller_watch(int poller, int fd, bool watch);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

static bool fails(void)
{
	host.seen++;
	errno = host.error != 0 ? host.error : EIO;
	return host.fail_at != 0 && (host.seen == host.fail_at ||
				     (host.seen > host.fail_at && host.from_then_on));
}

int __wrap_socket(int domain, int type, int protocol)
{
	return fails() ? -1 : __real_socket(domain, type, protocol);
}

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t size)
{
	return !host.in_peer_connect && fails() ? -1 : __real_connect(fd, address, size);
}

/* One call, whichever it is there: connect or connectat. */
int __wrap_peer_connect(int directory, int fd, const struct sockaddr_un *address)
{
	int rc = -1;

	if (!fails()) {
		host.in_peer_connect = true;
		rc = __real_peer_connect(directory, fd, address);
		host.in_peer_connect = false;
	}
	return rc;
}

ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags)
{
	assert_int_equal(flags, MSG_DONTWAIT | MSG_NOSIGNAL);
	host.sends++;
	errno = host.send_error;
	if (host.send_error != 0)
		return -1;
	return __real_send(fd, bytes, host.send_most != 0 && host.send_most < len ?
			   host.send_most : len, flags);
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *m, int flags)
{
	uint8_t all[MOST];
	size_t n = 0;

	assert_int_equal(flags, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (host.send_error == 0 && host.send_most == 0)
		return __real_sendmsg(fd, m, flags);
	for (size_t i = 0; i < (size_t)m->msg_iovlen; i++) {
		memcpy(all + n, m->msg_iov[i].iov_base, m->msg_iov[i].iov_len);
		n += m->msg_iov[i].iov_len;
	}
	return __wrap_send(fd, all, n, flags);
}

ssize_t __wrap_recv(int fd, void *bytes, size_t len, int flags)
{
	assert_int_equal(flags, MSG_DONTWAIT);
	host.recvs++;
	errno = host.recv_error;
	if (host.recv_error != 0)
		return -1;
	return __real_recv(fd, bytes, host.recv_most != 0 && host.recv_most < len ?
			   host.recv_most : len, flags);
}

int __wrap_poller_open(void)
{
	return fails() ? -1 : __real_poller_open();
}

int __wrap_poller_watch(int poller, int fd, bool watch)
{
	errno = host.watch_error;
	return host.watch_error != 0 ? -1 : __real_poller_watch(poller, fd, watch);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

/* ---- fixtures ---- */

struct fixture {
	struct uplink *uplink;
	struct sealed sealed;
	struct husk_error e;
	int peer;		/* the other end; -1: closed */
	int listener;
	char dir[32], path[64], where[80];
	int files;
	uint8_t frame[MOST], got[MOST];
};

static int set_up(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof f);
	memset(&host, 0, sizeof host);
	f.peer = f.listener = -1;
	f.files = open_descriptors();
	*state = &f;
	return 0;
}

static void shut(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

static void detach(struct fixture *f)
{
	uplink_close(f->uplink);
	f->uplink = NULL;
	shut(&f->peer);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	host.fail_at = 0;
	detach(f);
	shut(&f->listener);
	sealed_free(&f->sealed);
	if (f->dir[0] != '\0') {
		unlink(f->path);
		rmdir(f->dir);
	}
	return open_descriptors() == f->files ? 0 : -1;
}

static int open_word(struct fixture *f, const char *where, bool look)
{
	const struct uplink_request rq = {.where = where, .look = look, .sealed = &f->sealed};

	memset(&f->e, 0, sizeof f->e);
	return uplink_open(&f->uplink, &rq, &f->e);
}

/* The longest frame fits, which it does not everywhere. */
static void make_room(int fd)
{
	static const int options[] = {SO_SNDBUF, SO_RCVBUF};
	const int enough = 3 * MOST;

	for (int i = 0; i < 2; i++) {
		int size = 0;
		socklen_t len = sizeof size;

		assert_int_equal(getsockopt(fd, SOL_SOCKET, options[i], &size, &len), 0);
		if (size < enough)
			assert_int_equal(setsockopt(fd, SOL_SOCKET, options[i], &enough, sizeof enough), 0);
	}
}

/* By an inherited descriptor, which the starter closes. */
static int set_up_pair(void **state)
{
	struct fixture *f;
	char where[24];
	int ends[2], rc;

	set_up(state);
	f = *state;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return -1;
	make_room(ends[0]);
	make_room(ends[1]);
	snprintf(where, sizeof where, "stream:@%d", ends[0]);
	rc = open_word(f, where, false);
	close(ends[0]);
	f->peer = ends[1];
	return rc;
}

static void make_path(struct fixture *f)
{
	strcpy(f->dir, "/tmp/test_stream.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof f->path, "%s/socket", f->dir);
	snprintf(f->where, sizeof f->where, "unix:%s", f->path);
}

static void serve(struct fixture *f, int type)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};

	strcpy(at.sun_path, f->path);
	f->listener = __real_socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(f->listener, (struct sockaddr *)&at, sizeof at), 0);
	if (type != SOCK_DGRAM)
		assert_int_equal(listen(f->listener, 4), 0);
}

static void accept_peer(struct fixture *f)
{
	shut(&f->peer);
	f->peer = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC);
	assert_int_not_equal(f->peer, -1);
}

static enum uplink_result write_frame(struct fixture *f, size_t len, uint32_t n)
{
	wire_fill(f->frame, len, n);
	return f->uplink->ops->write(f->uplink, (struct iovec){f->frame, len});
}

static enum uplink_result read_frame(struct fixture *f, size_t room, size_t *len)
{
	return f->uplink->ops->read(f->uplink, (struct iovec){f->got, room}, len);
}

/* The peer sends a length and so many bytes of frame n. */
static void peer_sends(struct fixture *f, uint32_t length, size_t len, uint32_t n)
{
	uint8_t *all = f->frame;

	all[0] = (uint8_t)(length >> 24);
	all[1] = (uint8_t)(length >> 16);
	all[2] = (uint8_t)(length >> 8);
	all[3] = (uint8_t)length;
	wire_fill(all + 4, len, n);
	assert_int_equal(__real_send(f->peer, all, 4 + len, MSG_NOSIGNAL), 4 + len);
}

static void assert_reads(struct fixture *f, size_t room, size_t len, uint32_t n)
{
	size_t got = 0;

	assert_int_equal(read_frame(f, room, &got), UPLINK_OK);
	assert_int_equal(got, len);
	assert_true(wire_matches(f->got, len, n));
}

static void assert_read_result(struct fixture *f, enum uplink_result result)
{
	size_t len;

	assert_int_equal(read_frame(f, sizeof f->got, &len), result);
}

/* The peer gets frame n, whole, and nothing before it. */
static void assert_peer_gets(struct fixture *f, size_t len, uint32_t n)
{
	const uint8_t length[4] = {0, (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len};
	uint8_t head[4];

	assert_int_equal(__real_recv(f->peer, head, 4, MSG_WAITALL), 4);
	assert_memory_equal(head, length, 4);
	assert_int_equal(__real_recv(f->peer, f->got, len, MSG_WAITALL), len);
	assert_true(wire_matches(f->got, len, n));
}

static bool polls(const struct fixture *f)
{
	struct pollfd p = {.fd = f->uplink->fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

/* ---- whole frames ---- */

static void a_frame_is_behind_its_length(void **state)
{
	static const size_t lengths[] = {14, 15, 60, 255, 256, 1514, 1522, 65535, LONGEST};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		assert_int_equal(write_frame(f, lengths[i], (uint32_t)i), UPLINK_OK);
		assert_peer_gets(f, lengths[i], (uint32_t)i);
		assert_read_result(f, UPLINK_AGAIN);
		peer_sends(f, (uint32_t)lengths[i], lengths[i], 100 + (uint32_t)i);
		assert_true(polls(f));
		assert_reads(f, lengths[i], lengths[i], 100 + (uint32_t)i);
		assert_read_result(f, UPLINK_AGAIN);
	}
	assert_int_equal(write_frame(f, LONGEST + 1, 1), UPLINK_ERROR);
	assert_int_equal(f->uplink->mtu + f->uplink->mtu_max, 0);
}

static bool buffered(const struct fixture *f)
{
	return f->uplink->ops->buffered(f->uplink);
}

/* One system call for many frames; and the socket has nothing any more while frames are left. */
static void many_frames_are_read_at_once(void **state)
{
	struct fixture *f = *state;

	for (uint32_t n = 0; n < 60; n++)
		peer_sends(f, 100 + n, 100 + n, n);
	assert_false(buffered(f));
	for (uint32_t n = 0; n < 60; n++) {
		assert_reads(f, 1514, 100 + n, n);
		assert_int_equal(buffered(f), n < 59);
		assert_false(polls(f));
	}
	assert_int_equal(host.recvs, 1);
	assert_read_result(f, UPLINK_AGAIN);
	assert_int_equal(host.recvs, 2);
}

static void a_frame_that_does_not_fit_is_skipped(void **state)
{
	struct fixture *f = *state;
	size_t len = 0;

	peer_sends(f, 101, 101, 1);
	peer_sends(f, 100, 100, 2);
	peer_sends(f, LONGEST, LONGEST, 3);
	assert_int_equal(read_frame(f, 100, &len), UPLINK_TOO_LONG);
	assert_reads(f, 100, 100, 2);
	while (read_frame(f, 100, &len) == UPLINK_AGAIN)
		;
	assert_int_equal(len, LONGEST);
	peer_sends(f, 100, 100, 4);
	assert_reads(f, 100, 100, 4);
}

static void what_is_shorter_than_a_header_is_no_frame(void **state)
{
	struct fixture *f = *state;

	peer_sends(f, 0, 0, 0);
	peer_sends(f, 1, 1, 1);
	peer_sends(f, 13, 13, 2);
	peer_sends(f, 14, 14, 3);
	for (int i = 0; i < 3; i++)
		assert_read_result(f, UPLINK_NO_FRAME);
	assert_reads(f, 14, 14, 3);
}

/* ---- cuts ---- */

/* Byte by byte, and at every place of two frames. */
static void a_frame_may_come_in_any_pieces(void **state)
{
	struct fixture *f = *state;
	uint8_t two[4 + 20 + 4 + 30] = {0, 0, 0, 20}, *second = two + 24;
	size_t len;

	second[3] = 30;
	wire_fill(two + 4, 20, 1);
	wire_fill(second + 4, 30, 2);
	for (size_t cut = 0; cut <= sizeof two; cut++) {
		unsigned frames = 0;

		assert_int_equal(__real_send(f->peer, two, cut, 0), cut);
		while (cut > 0 && read_frame(f, 100, &len) == UPLINK_OK)
			frames++;
		assert_int_equal(frames, (cut >= 24) + (cut == sizeof two));
		assert_int_equal(__real_send(f->peer, two + cut, sizeof two - cut, 0),
				 sizeof two - cut);
		while (frames < 2 && read_frame(f, 100, &len) == UPLINK_OK)
			frames++;
		assert_int_equal(frames, 2);
		assert_int_equal(len, 30);
		assert_true(wire_matches(f->got, 30, 2));
	}
	host.recv_most = 1;
	assert_int_equal(__real_send(f->peer, two, sizeof two, 0), sizeof two);
	for (size_t i = 1; i <= sizeof two; i++)
		assert_read_result(f, i == 24 || i == sizeof two ? UPLINK_OK : UPLINK_AGAIN);
}

/* What the socket took a part of is finished before anything else, and the wait is told of it. */
static void a_frame_taken_in_part_is_finished(void **state)
{
	struct fixture *f = *state;

	for (size_t part = 1; part < 4 + 60; part++) {
		int socket = f->uplink->fd;

		host.send_most = part;
		assert_int_equal(write_frame(f, 60, (uint32_t)part), UPLINK_OK);
		assert_int_not_equal(f->uplink->fd, socket);
		assert_true(polls(f));
		host.send_error = EAGAIN;
		assert_int_equal(write_frame(f, 61, 0), UPLINK_AGAIN);
		assert_read_result(f, UPLINK_AGAIN);
		assert_int_not_equal(f->uplink->fd, socket);
		host.send_error = 0;
		if (part % 2 == 0)
			while (f->uplink->fd != socket)
				assert_read_result(f, UPLINK_AGAIN);
		host.send_most = 0;
		assert_int_equal(write_frame(f, 62, 1000), UPLINK_OK);
		assert_int_equal(f->uplink->fd, socket);
		assert_false(polls(f));
		assert_peer_gets(f, 60, (uint32_t)part);
		assert_peer_gets(f, 62, 1000);
	}
}

/* What the peer has read and not yet taken apart. */
struct pile {
	uint8_t bytes[4 * MOST];
	size_t n;
	uint32_t frames;	/* so far, which are numbered */
};

/* Takes whole frames off, which must be the next in order. */
static void check_pile(struct pile *p)
{
	size_t at = 0, len;

	while (p->n - at >= 4) {
		len = (size_t)p->bytes[at + 1] << 16 | (size_t)p->bytes[at + 2] << 8 | p->bytes[at + 3];
		if (p->n - at < 4 + len)
			break;
		assert_true(wire_matches(p->bytes + at + 4, len, p->frames++));
		at += 4 + len;
	}
	memmove(p->bytes, p->bytes + at, p->n - at);
	p->n -= at;
}

static bool drain(const struct fixture *f, struct pile *p, size_t most)
{
	ssize_t n = __real_recv(f->peer, p->bytes + p->n, most, MSG_DONTWAIT);

	if (n <= 0)
		return false;
	p->n += (size_t)n;
	check_pile(p);
	return true;
}

/* A socket that takes little at a time, and a peer that reads now and then. */
static void nothing_is_lost_between_frames_that_were_sent(void **state)
{
	static struct pile pile;
	struct fixture *f = *state;
	uint32_t seed = 77, sent = 0, parts = 0;
	int small = 5000, socket = f->uplink->fd;
	size_t len;

	pile = (struct pile){.n = 0};
	assert_int_equal(setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
	for (int i = 0; i < 20000; i++) {
		seed = seed * 1103515245 + 12345;
		if (seed >> 31 == 0)
			sent += write_frame(f, 14 + (seed >> 8) % 9000, sent) == UPLINK_OK;
		else
			(void)drain(f, &pile, 1 + (seed >> 8) % 3000);
		parts += f->uplink->fd != socket;
		if (seed >> 28 == 7 && polls(f))
			assert_int_equal(read_frame(f, 100, &len), UPLINK_AGAIN);
	}
	while (drain(f, &pile, MOST) || polls(f))
		assert_int_equal(read_frame(f, 100, &len), UPLINK_AGAIN);
	assert_int_equal(pile.frames, sent);
	assert_int_equal(pile.n, 0);
	assert_int_equal(f->uplink->fd, socket);
	assert_true(sent > 1000 && parts > 100);
}

/* ---- peers that lie, stall or vanish ---- */

static void a_length_that_no_frame_has_ends_the_connection(void **state)
{
	static const uint32_t lies[] = {LONGEST + 1, 0x10000000, 0x7fffffff, 0x80000000, 0xffffffff};

	for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
		struct fixture *f;
		uint8_t byte;

		assert_int_equal(set_up_pair(state), 0);
		f = *state;
		peer_sends(f, 60, 60, 1);
		peer_sends(f, lies[i], 60, 2);
		assert_reads(f, 1514, 60, 1);
		assert_true(buffered(f));
		assert_read_result(f, UPLINK_GONE);
		assert_read_result(f, UPLINK_GONE);
		assert_false(buffered(f));
		assert_int_equal(write_frame(f, 60, 1), UPLINK_GONE);
		assert_int_equal(__real_recv(f->peer, &byte, 1, MSG_DONTWAIT), 0);
		assert_null(f->uplink->ops->reattach);
		assert_int_equal(tear_down(state), 0);
	}
	set_up(state);
}

static void a_peer_that_does_not_read_costs_frames(void **state)
{
	struct fixture *f = *state;
	uint32_t n = 0;

	while (write_frame(f, 1514, n) == UPLINK_OK)
		assert_true(++n < 10000);
	assert_int_equal(write_frame(f, 14, 9), UPLINK_AGAIN);
	for (uint32_t i = 0; i < n; i++) {
		while (polls(f))	/* for the rest of a frame */
			assert_read_result(f, UPLINK_AGAIN);
		assert_peer_gets(f, 1514, i);
	}
	while (polls(f))
		assert_read_result(f, UPLINK_AGAIN);
	assert_int_equal(write_frame(f, 60, 7), UPLINK_OK);
	assert_peer_gets(f, 60, 7);
}

static void the_end_of_a_stream_is_the_end_of_the_uplink(void **state)
{
	struct fixture *f = *state;

	peer_sends(f, 60, 60, 1);
	peer_sends(f, 60, 20, 2);	/* it dies in the middle */
	shut(&f->peer);
	assert_reads(f, 1514, 60, 1);
	assert_read_result(f, UPLINK_GONE);
	assert_int_equal(f->uplink->fd, -1);
	assert_int_equal(write_frame(f, 60, 1), UPLINK_GONE);
}

static void a_peer_that_is_gone_is_noticed_when_writing(void **state)
{
	struct fixture *f = *state;

	shut(&f->peer);
	assert_int_equal(write_frame(f, 60, 1), UPLINK_GONE);
	assert_int_equal(write_frame(f, 60, 1), UPLINK_GONE);
	assert_read_result(f, UPLINK_GONE);
}

static void a_peer_that_is_gone_in_the_middle_of_a_frame_is_noticed(void **state)
{
	struct fixture *f = *state;

	host.send_most = 10;
	assert_int_equal(write_frame(f, 60, 1), UPLINK_OK);
	shut(&f->peer);
	assert_read_result(f, UPLINK_GONE);
	assert_int_equal(f->uplink->fd, -1);
}

static void each_failure_has_its_meaning(void **state)
{
	static const struct { int error; enum uplink_result result; } meanings[] = {
		{EAGAIN, UPLINK_AGAIN}, {EINTR, UPLINK_DOWN}, {ENOBUFS, UPLINK_DOWN},
		{ENOMEM, UPLINK_DOWN}, {EPIPE, UPLINK_GONE}, {ECONNRESET, UPLINK_GONE},
		{ETIMEDOUT, UPLINK_GONE}, {EBADF, UPLINK_GONE},
	};

	for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++)
		for (int way = 0; way < 3; way++) {
			struct fixture *f;

			assert_int_equal(set_up_pair(state), 0);
			f = *state;
			if (way == 2) {
				host.send_most = 10;
				assert_int_equal(write_frame(f, 60, 1), UPLINK_OK);
			}
			host.send_error = way > 0 ? meanings[i].error : 0;
			host.recv_error = way == 0 ? meanings[i].error : 0;
			if (way == 0)
				assert_read_result(f, meanings[i].result);
			else
				assert_int_equal(write_frame(f, 60, 1), meanings[i].result);
			assert_int_equal(tear_down(state), 0);
		}
	set_up(state);
}

static void what_cannot_be_waited_for_ends_the_connection(void **state)
{
	struct fixture *f = *state;

	host.send_most = 10;
	host.watch_error = ENOMEM;
	assert_int_equal(write_frame(f, 60, 1), UPLINK_GONE);
	assert_int_equal(f->uplink->fd, -1);
}

/* ---- by the path of a socket ---- */

static void a_connection_that_is_lost_is_made_anew(void **state)
{
	struct fixture *f = *state;

	make_path(f);
	serve(f, SOCK_STREAM);
	assert_int_equal(open_word(f, f->where, false), 0);
	assert_int_equal(sealed_protect(&f->sealed, &f->e), 0);
	for (uint32_t round = 0; round < 3; round++) {
		accept_peer(f);
		assert_int_equal(write_frame(f, 60, round), UPLINK_OK);
		assert_peer_gets(f, 60, round);
		peer_sends(f, 61, 61, round);
		assert_reads(f, 1514, 61, round);
		peer_sends(f, 61, 10, 0);		/* what is left of a frame is forgotten */
		host.send_most = 10;
		assert_int_equal(write_frame(f, 60, round), UPLINK_OK);
		host.send_most = 0;
		shut(&f->peer);
		while (f->uplink->fd != -1)
			(void)write_frame(f, 60, 1);
		assert_read_result(f, UPLINK_GONE);
		shut(&f->listener);
		assert_int_equal(f->uplink->ops->reattach(f->uplink), -1);
		assert_int_equal(unlink(f->path), 0);
		assert_int_equal(f->uplink->ops->reattach(f->uplink), -1);
		assert_read_result(f, UPLINK_GONE);
		serve(f, SOCK_STREAM);
		assert_int_equal(f->uplink->ops->reattach(f->uplink), 0);
		assert_int_equal(f->uplink->ops->reattach(f->uplink), 0);
	}
}

static void assert_refused(struct fixture *f, const char *where, const char *message)
{
	for (int look = 0; look <= 1; look++) {
		int files = open_descriptors();

		assert_int_equal(open_word(f, where, look == 1), -1);
		if (strncmp(f->e.message, message, strlen(message)) != 0)
			fail_msg("\"%s\", expected \"%s\"", f->e.message, message);
		assert_null(f->uplink);
		assert_int_equal(open_descriptors(), files);
	}
}

static void assert_refused_at_path(struct fixture *f, const char *why)
{
	char message[300];

	snprintf(message, sizeof message, "Could not attach interface: %s: %s", f->where, why);
	assert_refused(f, f->where, message);
}

static void what_cannot_be_connected_to_is_told_with_its_remedy(void **state)
{
	struct fixture *f = *state;
	char longer[140] = "unix:/", most[64];

	make_path(f);
	assert_refused_at_path(f, "No such file or directory: nobody serves it; start first what shall, "
			       "for instance passt with --socket and this path");
	serve(f, SOCK_STREAM);
	shut(&f->listener);
	assert_refused_at_path(f, "Connection refused: nobody serves it");
	unlink(f->path);
	assert_int_equal(mkfifo(f->path, 0600), 0);
	assert_refused_at_path(f, "");
	assert_non_null(strstr(f->e.message, f->e.sys == ENOTSOCK ?	/* FreeBSD */
			       "it is no stream socket" : "Connection refused: nobody serves it"));
	unlink(f->path);
	serve(f, SOCK_DGRAM);
	assert_refused_at_path(f, "Protocol wrong type for socket: it is no stream socket");
	assert_refused(f, "unix:", "Could not attach interface: unix:: it needs the path of a socket: "
		       "unix:PATH");
	assert_int_equal(f->e.kind, HUSK_E_USAGE);
	memset(longer + 6, 'x', 107);
	assert_refused(f, longer, "Could not attach interface: unix:/xxx");
	snprintf(most, sizeof most, "File name too long: the path of a socket has at most %zu",
		 PATH_MOST);
	assert_non_null(strstr(f->e.message, most));
	longer[5 + PATH_MOST] = '\0';
	assert_int_equal(open_word(f, longer, false), -1);
	assert_int_equal(f->e.sys, ENOENT);
}

static void a_server_that_takes_no_connection_is_told(void **state)
{
	struct fixture *f = *state;
	struct uplink *held[8] = {0};
	int n = 0;

	make_path(f);
	serve(f, SOCK_STREAM);
	while (n < 8 && open_word(f, f->where, false) == 0)
		held[n++] = f->uplink, f->uplink = NULL;
	assert_non_null(strstr(f->e.message, f->e.sys == ECONNREFUSED ?	/* FreeBSD */
			       "nobody serves it" : "whoever serves it does not take connections"));
	while (n > 0)
		uplink_close(held[--n]);
}

/* Whoever serves it would take a connection for a guest, and its end for the guest's. */
static void looking_does_not_connect(void **state)
{
	struct fixture *f = *state;
	size_t len;

	make_path(f);
	serve(f, SOCK_STREAM);
	assert_int_equal(open_word(f, f->where, true), 0);
	assert_int_equal(accept4(f->listener, NULL, NULL, SOCK_CLOEXEC), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(f->uplink->fd, -1);
	assert_int_equal(read_frame(f, 60, &len), UPLINK_AGAIN);
	assert_int_equal(write_frame(f, 60, 1), UPLINK_DOWN);
}

/* ---- every call may fail ---- */

static void assert_survives(struct fixture *f, const char *where, bool look, unsigned calls)
{
	int files = open_descriptors();

	host.seen = host.fail_at = 0;
	assert_int_equal(open_word(f, where, look), 0);
	uplink_close(f->uplink);
	f->uplink = NULL;
	assert_int_equal(host.seen, calls);
	for (unsigned n = 1; n <= 2 * calls; n++) {
		host.seen = 0;
		host.fail_at = (n + 1) / 2;
		host.from_then_on = n % 2 == 0;
		assert_int_equal(open_word(f, where, look), -1);
		assert_int_equal(f->e.kind, HUSK_E_HOST);
		assert_null(f->uplink);
		assert_int_equal(open_descriptors(), files);
	}
	host.fail_at = 0;
}

static void whatever_fails_leaves_nothing_open(void **state)
{
	struct fixture *f = *state;
	char where[24];
	int ends[2];

	make_path(f);
	serve(f, SOCK_STREAM);
	shut(&f->listener);
	unlink(f->path);
	serve(f, SOCK_STREAM);
	assert_int_equal(listen(f->listener, 100), 0);
	assert_survives(f, f->where, false, 6);	/* socket, connect, memory, poller, memory, memory */
	assert_survives(f, f->where, true, 3);	/* socket, connect, memory */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	snprintf(where, sizeof where, "stream:@%d", ends[0]);
	assert_survives(f, where, false, 4);	/* memory, poller, memory, memory */
	assert_survives(f, where, true, 1);
	close(ends[0]);
	close(ends[1]);
}

static void an_attempt_to_connect_again_that_fails_leaves_nothing(void **state)
{
	struct fixture *f = *state;

	make_path(f);
	serve(f, SOCK_STREAM);
	assert_int_equal(open_word(f, f->where, false), 0);
	accept_peer(f);
	shut(&f->peer);
	assert_read_result(f, UPLINK_GONE);
	for (host.fail_at = 1; host.fail_at <= 2; host.fail_at++) {
		int files = open_descriptors();

		host.seen = 0;
		assert_int_equal(f->uplink->ops->reattach(f->uplink), -1);
		assert_int_equal(open_descriptors(), files);
	}
	host.fail_at = 0;
	assert_int_equal(f->uplink->ops->reattach(f->uplink), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define PAIR(name) cmocka_unit_test_setup_teardown(name, set_up_pair, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PAIR(a_frame_is_behind_its_length),
		PAIR(many_frames_are_read_at_once),
		PAIR(a_frame_that_does_not_fit_is_skipped),
		PAIR(what_is_shorter_than_a_header_is_no_frame),
		PAIR(a_frame_may_come_in_any_pieces),
		PAIR(a_frame_taken_in_part_is_finished),
		PAIR(nothing_is_lost_between_frames_that_were_sent),
		TEST(a_length_that_no_frame_has_ends_the_connection),
		PAIR(a_peer_that_does_not_read_costs_frames),
		PAIR(the_end_of_a_stream_is_the_end_of_the_uplink),
		PAIR(a_peer_that_is_gone_is_noticed_when_writing),
		PAIR(a_peer_that_is_gone_in_the_middle_of_a_frame_is_noticed),
		TEST(each_failure_has_its_meaning),
		PAIR(what_cannot_be_waited_for_ends_the_connection),
		TEST(a_connection_that_is_lost_is_made_anew),
		TEST(what_cannot_be_connected_to_is_told_with_its_remedy),
		TEST(a_server_that_takes_no_connection_is_told),
		TEST(looking_does_not_connect),
		TEST(whatever_fails_leaves_nothing_open),
		TEST(an_attempt_to_connect_again_that_fails_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
