/* SPDX-License-Identifier: ISC */
/* wire.c: a pair of sockets in place of a tap. */
#include "wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void wire_make_type(struct wire *w, int type)
{
	int fds[2];

	if (socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0)
		abort();
	*w = (struct wire){.device = fds[0], .host = fds[1]};
	snprintf(w->where, sizeof w->where, "@%d", w->device);
}

void wire_make(struct wire *w)
{
	wire_make_type(w, SOCK_SEQPACKET);
}

static void shut(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

void wire_close_host(struct wire *w)
{
	shut(&w->host);
}

void wire_close_device(struct wire *w)
{
	shut(&w->device);
}

void wire_free(struct wire *w)
{
	wire_close_host(w);
	wire_close_device(w);
}

bool wire_send(const struct wire *w, const void *frame, size_t len)
{
	/* The end of a record, where that is marked: see descriptor_records_are_marked. */
	ssize_t n = send(w->host, frame, len, MSG_NOSIGNAL | MSG_EOR);

	if (n == -1 && (errno == EAGAIN || errno == ENOBUFS))
		return false;
	if (n != (ssize_t)len)
		abort();
	return true;
}

long wire_receive(const struct wire *w, void *frame)
{
	ssize_t n = recv(w->host, frame, WIRE_FRAME_MAX, 0);

	if (n == -1 && errno != EAGAIN)
		abort();
	return n;
}

static uint8_t pattern(size_t i, uint32_t n)
{
	if (i < sizeof n)
		return (uint8_t)(n >> 8 * i);
	return (uint8_t)(n * 7 + i);
}

void wire_fill(void *frame, size_t len, uint32_t n)
{
	uint8_t *bytes = frame;

	for (size_t i = 0; i < len; i++)
		bytes[i] = pattern(i, n);
}

bool wire_matches(const void *frame, size_t len, uint32_t n)
{
	const uint8_t *bytes = frame;

	for (size_t i = 0; i < len; i++)
		if (bytes[i] != pattern(i, n))
			return false;
	return true;
}
