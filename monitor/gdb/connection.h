/* SPDX-License-Identifier: ISC */
/*
 * connection.h: bytes to and from a debugger, without waiting longer than the machine may.
 */
#ifndef HUSK_GDB_CONNECTION_H
#define HUSK_GDB_CONNECTION_H

#include "core.h"

/* Somebody else knocks; ctx is the connection's. */
typedef void gdb_knock(void *ctx);

struct gdb_connection {
	int fd;			/* -1: nobody is connected */
	struct core *core;
	int door;		/* where others knock; -1: nobody listens there */
	gdb_knock *knock;
	void *ctx;
	size_t at, n;		/* what has come and is not yet used */
	uint8_t input[4096];
};

/* Takes fd over; the caller sets door, knock and ctx. */
void gdb_connection_open(struct gdb_connection *k, struct core *c, int fd);

/* Accepts the same object twice. */
void gdb_connection_close(struct gdb_connection *k);

/* Waits until fd is ready; false if the machine is to stop, or this thread is asked for something. */
bool gdb_wait(struct core *c, int fd, short events);

/* The same for the connection; knock is called for each who comes meanwhile. */
bool gdb_connection_wait(struct gdb_connection *k, short events);

/* Sends all; false if the peer is gone, or takes nothing while this thread is asked for something. */
bool gdb_send(struct gdb_connection *k, const void *data, size_t n);

/* Takes what has come, if nothing is left of earlier; false if the peer is gone. Does not wait. */
bool gdb_receive(struct gdb_connection *k);

/* Whether the peer is there, and nothing has come beside what was taken. Does not wait. */
bool gdb_is_quiet(struct gdb_connection *k);

static inline bool gdb_has_input(const struct gdb_connection *k)
{
	return k->fd != -1 && k->at < k->n;
}

/* The next byte; false if there is none. */
bool gdb_next(struct gdb_connection *k, uint8_t *byte);

#endif
