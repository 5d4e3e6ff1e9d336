/* SPDX-License-Identifier: ISC */
/*
 * watch.h: a thread that sees a debugger knock while the guest runs, and asks for the vcpu's thread.
 *
 * It reads nothing and touches neither guest nor session. All functions are for the owner of the core.
 */
#ifndef HUSK_GDB_WATCH_H
#define HUSK_GDB_WATCH_H

#include "core.h"
#include "io_thread.h"

struct gdb_watch {
	struct io_thread thread;
	unsigned client;		/* the thread's number for us */
	struct core *core;
	unsigned id;			/* whom the core attends */
	bool armed;			/* a knock is told; atomic */
	int connection;			/* -1: none; atomic */
	unsigned changes;		/* of connection; atomic */
	unsigned seen_changes;		/* by the thread */
	bool knocked;			/* the thread's own */
};

/* Knocks at listener are seen from the start on. HUSK_E_HOST, and w is as after stop. */
int gdb_watch_init(struct gdb_watch *w, int listener, struct core *c, unsigned id,
		   struct husk_error *e);

/* Starts the thread, which tells nothing before it is armed. HUSK_E_HOST. */
int gdb_watch_start(struct gdb_watch *w, struct husk_error *e);

/*
 * The guest runs: knocks are told from now on, and who has come to door before; with look, also what has come
 * on fd before. No look while earlier input is unused. -1: no connection, or no door.
 */
void gdb_watch_arm(struct gdb_watch *w, int fd, int door, bool look);
void gdb_watch_disarm(struct gdb_watch *w);

/* Accepts the same object twice, and a zeroed one. */
void gdb_watch_stop(struct gdb_watch *w);

#endif
