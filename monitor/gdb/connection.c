/* SPDX-License-Identifier: ISC */
/* connection.c: system calls of a debugger's connection. */
#include "connection.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"

void gdb_connection_open(struct gdb_connection *k, struct core *c, int fd)
{
	k->fd = fd;
	k->core = c;
	k->at = k->n = 0;
}

void gdb_connection_close(struct gdb_connection *k)
{
	if (k->fd != -1)
		close(k->fd);
	k->fd = -1;
}

bool gdb_wait(struct core *c, int fd, short events)
{
	struct pollfd fds[2] = {{.fd = fd, .events = events}};
	struct husk_error ignored;

	return wait_for(&c->waiter, fds, 1, CLOCK_NEVER, &c->calls, &ignored) == WAIT_READY;
}

/* A peer that is gone, too, is ready: who knocks then may come in. */
bool gdb_connection_wait(struct gdb_connection *k, short events)
{
	struct pollfd fds[3] = {{.fd = k->fd, .events = events}, {.events = POLLIN}};
	struct husk_error ignored;

	for (;;) {
		fds[1].fd = k->door;
		if (wait_for(&k->core->waiter, fds, 2, CLOCK_NEVER, &k->core->calls, &ignored) != WAIT_READY)
			return false;
		if (fds[0].revents != 0)
			return true;
		k->knock(k->ctx);
	}
}

bool gdb_send(struct gdb_connection *k, const void *data, size_t n)
{
	const char *at = data;

	while (n > 0) {
		const ssize_t sent = send(k->fd, at, n, MSG_NOSIGNAL | MSG_DONTWAIT);

		k->core->calls++;
		if (sent > 0) {
			at += sent;
			n -= (size_t)sent;
		} else if (sent == 0 || (errno != EINTR && errno != EAGAIN) ||
			   (errno == EAGAIN && !gdb_connection_wait(k, POLLOUT))) {
			return false;
		}
	}
	return true;
}

bool gdb_receive(struct gdb_connection *k)
{
	ssize_t n;

	if (k->at < k->n)
		return true;
	do {
		n = recv(k->fd, k->input, sizeof k->input, MSG_DONTWAIT);
		k->core->calls++;
	} while (n == -1 && errno == EINTR);
	k->at = 0;
	k->n = n > 0 ? (size_t)n : 0;
	return n > 0 || (n == -1 && errno == EAGAIN);
}

bool gdb_is_quiet(struct gdb_connection *k)
{
	uint8_t byte;

	k->core->calls++;
	return recv(k->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == -1 &&
	       (errno == EAGAIN || errno == EINTR);
}

bool gdb_next(struct gdb_connection *k, uint8_t *byte)
{
	if (k->at == k->n)
		return false;
	*byte = k->input[k->at++];
	return true;
}
