/* SPDX-License-Identifier: ISC */
/* adopt.c: takes over an inherited descriptor, or reports what it is and what to give instead. */
#include "adopt.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "datagram.h"
#include "descriptor.h"
#include "options.h"
#include "pipe.h"
#include "stream.h"
#include "tap.h"

/* Takes ownership of fd: it becomes the uplink's, or is closed. */
typedef int adopter(struct uplink **u, const struct uplink_request *rq, int fd,
		    struct husk_error *e);

enum way { FRAMES, STREAM, IN, OUT, WAYS };	/* @N, stream:@N, and those of @IN,@OUT */

/* Whether a pipe keeps frames apart is its writer's affair: the other end does not tell. */
static const struct {
	const char *what;	/* "it is ..." */
	adopter *by[WAYS];	/* NULL: refused */
} kinds[DESCRIPTOR_KINDS] = {
	[DESCRIPTOR_TAP] = {"a tap, which keeps frames apart by itself", {tap_adopt}},
	[DESCRIPTOR_TUN] = {"a tun", {tap_adopt, tap_adopt, tap_adopt, tap_adopt}},
	[DESCRIPTOR_NO_INTERFACE] = {"/dev/net/tun without an interface (TUNSETIFF)", {NULL}},
	[DESCRIPTOR_DATAGRAMS] = {"a socket that keeps frames apart by itself",
				  {datagram_adopt, NULL, datagram_adopt, datagram_adopt}},
	[DESCRIPTOR_STREAM] = {"a stream socket, which does not keep frames apart",
			       {NULL, stream_adopt}},
	[DESCRIPTOR_UNCONNECTED] = {"a socket that is not connected", {NULL}},
	[DESCRIPTOR_LISTENING] = {"a socket that listens for connections", {NULL}},
	[DESCRIPTOR_SOCKET] = {"a socket of a kind that carries no frames", {NULL}},
	[DESCRIPTOR_PACKET_PIPE] = {"a pipe that keeps frames apart by itself",
				    {pipe_adopt, NULL, pipe_adopt, pipe_adopt}},
	[DESCRIPTOR_PIPE] = {"a pipe, which does not keep frames apart", {[IN] = pipe_adopt}},
	[DESCRIPTOR_FILE] = {"a regular file", {NULL}},
	[DESCRIPTOR_DIRECTORY] = {"a directory", {NULL}},
	[DESCRIPTOR_DEVICE] = {"a device that is no tap", {NULL}},
	[DESCRIPTOR_OTHER] = {"nothing that carries frames", {NULL}},
};

static int unusable(enum descriptor_kind kind, const char *where, const char *number, enum way way,
		    struct husk_error *e)
{
	husk_fail(e, HUSK_E_USAGE, "Could not attach interface: %s: it is %s", where,
		  kinds[kind].what);
	if (kinds[kind].by[FRAMES] != NULL)
		return husk_hint(e, "give it as %s", number);
	if (way == STREAM)
		return husk_hint(e, "give a connected stream socket");
	switch (kind) {
	case DESCRIPTOR_STREAM:
		if (way != FRAMES)
			return husk_hint(e, "give a connected socket of SOCK_DGRAM or SOCK_SEQPACKET");
		return husk_hint(e, "where its other end puts a length of 4 bytes in front of each "
				 "frame, as passt and QEMU do, say stream:%s", number);
	case DESCRIPTOR_PIPE:
		return husk_hint(e, "%s", descriptor_pipe_hint);
	default:
		return husk_hint(e, way == FRAMES ? "give a tap or a connected socket, open for "
				 "reading and writing" : "give a connected socket");
	}
}

static int check_access(int fd, const char *where, enum way way, enum descriptor_kind kind,
			struct husk_error *e)
{
	static const int refused[WAYS] = {[IN] = O_WRONLY, [OUT] = O_RDONLY};
	const int flags = fcntl(fd, F_GETFL), mode = flags & O_ACCMODE;
	const bool one_way = way == IN || way == OUT;

	if (flags == -1)
		return husk_fail_sys(e, errno, "Could not attach interface: %s", where);
	if (mode == O_RDWR || (one_way && mode != refused[way]))
		return 0;
	husk_fail(e, HUSK_E_USAGE, "Could not attach interface: %s: it is open for %s only", where,
		  mode == O_RDONLY ? "reading" : "writing");
	if (one_way)
		return husk_hint(e, "of @IN,@OUT frames for the guest are read from the first");
	return husk_hint(e, "open it for reading and writing, in a shell N<>PATH%s",
			 kinds[kind].by[IN] == pipe_adopt ? ", or give two: @IN,@OUT" : "");
}

/* The descriptor of @N, duplicated; -1 on failure. */
static int duplicate(const char *where, const char *number, struct husk_error *e)
{
	unsigned long long given;
	int fd;

	if (number[0] != '@') {
		husk_fail(e, HUSK_E_USAGE, "Could not attach interface: %s", where);
		return husk_hint(e, "it needs the number of an open descriptor: stream:@N");
	}
	if (option_number(number + 1, 0, INT_MAX, &given, e) == -1)
		return husk_wrap(e, "Could not attach interface: %s", where);
	fd = fcntl((int)given, F_DUPFD_CLOEXEC, 0);
	if (fd != -1)
		return fd;
	husk_fail_sys(e, errno, "Could not attach interface: %s", where);
	return e->sys != EBADF ? -1 :
	       husk_hint(e, "it is not open; what starts this program must open it and leave it so");
}

/*
 * NULL and e if the descriptor cannot be used. One end of a pipe alone cannot in any mode.
 */
static adopter *choose(int fd, const char *where, const char *number, enum way way,
		       struct husk_error *e)
{
	enum descriptor_kind kind = descriptor_kind(fd);
	adopter *take = kinds[kind].by[way];

	if ((take != NULL || kind == DESCRIPTOR_PIPE) &&
	    check_access(fd, where, way, kind, e) == -1)
		return NULL;
	if (take == NULL)
		unusable(kind, where, number, way, e);
	return take;
}

static int adopt(struct uplink **u, const struct uplink_request *rq, const char *number,
		 enum way way, struct husk_error *e)
{
	int fd = duplicate(rq->where, number, e);
	adopter *take = fd == -1 ? NULL : choose(fd, rq->where, number, way, e);

	if (take != NULL)
		return take(u, rq, fd, e);
	if (fd != -1)
		close(fd);
	return -1;
}

int adopt_frames(struct uplink **u, const struct uplink_request *rq, struct husk_error *e)
{
	return adopt(u, rq, rq->where, FRAMES, e);
}

int adopt_stream(struct uplink **u, const struct uplink_request *rq, const char *number,
		 struct husk_error *e)
{
	return adopt(u, rq, number, STREAM, e);
}

int adopt_one_way(struct uplink **u, const struct uplink_request *rq, bool in, struct husk_error *e)
{
	return adopt(u, rq, rq->where, in ? IN : OUT, e);
}
