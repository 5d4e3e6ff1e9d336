/* SPDX-License-Identifier: ISC */
/*
 * listener.h: where a debugger connects to: a Unix socket of the user's, or a port of this host alone.
 */
#ifndef HUSK_GDB_LISTENER_H
#define HUSK_GDB_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"
#include "options.h"

#define GDB_PORT 1234u		/* Solo5's */

/* What the options ask for. */
struct gdb_place {
	bool wanted;
	bool nowait;			/* the guest starts without a debugger */
	const char *path;		/* of the socket, path_len bytes; NULL: a port */
	size_t path_len;
	uint16_t port;			/* 0: any that is free */
};

/* Of the options --gdb and --gdb-port. HUSK_E_USAGE. */
int gdb_place_read(struct gdb_place *p, const struct settings *settings, struct husk_error *e);

/* For the table of options: whether it is a port. HUSK_E_USAGE. */
int gdb_port_check(const char *value, struct husk_error *e);

struct gdb_listener {
	int fd;			/* -1 when not open */
	int dir;		/* of the socket's file; -1: there is none to remove */
	char name[128];		/* of it, in dir */
	dev_t dev;		/* which one it is */
	ino_t ino;
	bool file_stays;	/* nothing can remove it any more */
	char where[128];	/* for gdb's command "target remote" */
};

/*
 * A socket that is the user's alone, or at 127.0.0.1. Replaces the file of a socket that nobody has.
 * HUSK_E_HOST, HUSK_E_USAGE; l is then not open.
 */
int gdb_listener_open(struct gdb_listener *l, const struct gdb_place *p, struct husk_error *e);

/* Closes, and removes the file. Accepts the same object twice. */
void gdb_listener_close(struct gdb_listener *l);

/* A connection that never blocks; -1 if nobody waits. */
int gdb_listener_accept(const struct gdb_listener *l);

#endif
