/* SPDX-License-Identifier: ISC */
/*
 * debugger.h: a debugger and the machine: when the guest stops, who is connected, how it goes on.
 *
 * A client of the core. The guest is stopped while attend waits for packets; all that a debugger does
 * happens in the vcpu's thread. Every wait ends with a stop of the machine, and while somebody else asks
 * for the thread.
 */
#ifndef HUSK_GDB_DEBUGGER_H
#define HUSK_GDB_DEBUGGER_H

#include "connection.h"
#include "detour.h"
#include "listener.h"
#include "session.h"
#include "watch.h"

struct debugger {
	struct core *core;
	unsigned id;			/* of the core's client */
	struct gdb_place place;
	struct gdb_listener listener;
	struct gdb_watch watch;
	struct gdb_session session;
	struct gdb_connection connection;
	char image[256];		/* for gdb's command line, as a shell takes it */
	bool announced;			/* the user knows where to connect */
	bool refused;			/* the user knows that somebody cannot come in */
	bool crowded;			/* the user knows that somebody was turned away */
	bool waiting;			/* the guest does not start before somebody has connected */
	enum { GDB_RUNNING, GDB_STEPPING, GDB_STOPPED } state;
	bool stopping;			/* there is a reason to stop: why */
	struct gdb_stop why;
	bool finishing;			/* to stop as soon as the access in hand is completed */
	struct gdb_detour detour;	/* of the step in hand */
	bool told;			/* gdb knows of this stop */
	bool own_break;			/* the guest has stopped at a breakpoint of its own */
	uint64_t own_break_at;
	uint16_t own_break_number;	/* hv_debug_exit.number */
	uint64_t stops, connections;
};

/* The client's entries; ctx is the debugger. */
extern const struct core_client debugger_client;

/* The handler of HV_EXIT_DEBUG; ctx is the debugger. */
vmexit_handler debugger_exit;

/* Closes the connection; the guest is free of breakpoints. */
void debugger_disconnect(struct debugger *d);

/* ---- talk.c: while the guest is stopped ---- */

enum talk_end {
	TALK_GO,	/* the guest is to go on: state says how */
	TALK_GONE,	/* there is nobody any more */
	TALK_ASKED,	/* somebody else wants this thread */
};

/* Tells of the stop, and answers packets until one of these. */
enum talk_end debugger_talk(struct debugger *d);

/* What gdb is told that has ended a guest which has failed. */
int debugger_fault_signal(const struct debugger *d);

/* Tells how the run has ended. */
void debugger_tell_end(struct debugger *d, const struct core_ending *how);

#endif
