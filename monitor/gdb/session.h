/* SPDX-License-Identifier: ISC */
/*
 * session.h: what a debugger asks of a guest that has stopped: packets answered, one by one.
 *
 * No system calls of its own: packets come in in, and the reply is left in out. The peer is hostile; it
 * owns the guest, but never the monitor. By the thread that owns the core, while the guest does not run.
 */
#ifndef HUSK_GDB_SESSION_H
#define HUSK_GDB_SESSION_H

#include "breaks.h"
#include "packet.h"
#include "target.h"

/* Numbers of gdb's, include/gdb/signals.def: not always the host's. */
enum gdb_signal {
	GDB_SIGINT = 2,
	GDB_SIGILL = 4,
	GDB_SIGTRAP = 5,
	GDB_SIGABRT = 6,
	GDB_SIGSEGV = 11,
};

/* Why the guest has stopped. */
struct gdb_stop {
	enum gdb_signal signal;
	enum { GDB_STOP_PLAIN, GDB_STOP_SOFT, GDB_STOP_HARD } why;
	struct hv_point point;		/* HARD */
	uint64_t addr;			/* HARD: of the access */
};

enum gdb_verdict {
	GDB_STAY,	/* the guest stays stopped */
	GDB_CONTINUE,
	GDB_STEP,
	GDB_DETACH,	/* it goes on by itself */
	GDB_KILL,	/* the run ends */
};

#define GDB_DESCRIPTION_MAX 8192u

struct gdb_session {
	struct core *core;
	struct gdb_breaks breaks;
	struct gdb_in in;
	struct gdb_out out;
	bool answered;			/* out has a reply to the last packet */
	bool no_acks;
	bool tells_soft, tells_hard;	/* gdb wants to know of swbreak, hwbreak */
	bool over;			/* the guest has ended: it can only be looked at */
	struct gdb_stop stop;
	bool loaded;			/* values are those of this stop */
	struct gdb_values values;
	size_t description_size;
	char description[GDB_DESCRIPTION_MAX];	/* target.xml */
	uint64_t packets;
};

/* HUSK_E_HOST; s is then as after fini. */
int gdb_session_init(struct gdb_session *s, struct husk_error *e);

/* Accepts the same object twice, and a zeroed one. */
void gdb_session_fini(struct gdb_session *s);

/* The machine is there: c->caps->debug and registers are. */
void gdb_session_attach(struct gdb_session *s, struct core *c);

/* Another debugger has come: what the last one agreed on is forgotten. */
void gdb_session_begin(struct gdb_session *s);

/* The guest has stopped. */
void gdb_session_stop(struct gdb_session *s, const struct gdb_stop *stop);

/* Leaves the reply that tells of the stop in out. */
void gdb_session_tell_stop(struct gdb_session *s);

/* Answers the packet in in. */
enum gdb_verdict gdb_session_packet(struct gdb_session *s);

/* ---- parts ---- */

/* A request; w is behind its name. */
typedef enum gdb_verdict gdb_request(struct gdb_session *s, struct gdb_words *w);

struct gdb_command {
	const char *name;
	gdb_request *serve;
};

/* Those that begin with the name; an unknown one is answered with nothing. Ends with a NULL name. */
enum gdb_verdict gdb_dispatch(struct gdb_session *s, struct gdb_words *w,
			      const struct gdb_command *list);

extern const struct gdb_command gdb_query_commands[];	/* session_query.c */
extern const struct gdb_command gdb_access_commands[];	/* session_access.c */

/* One whole answer. */
enum gdb_verdict gdb_answer(struct gdb_session *s, const char *text);
enum gdb_verdict gdb_answer_result(struct gdb_session *s, enum gdb_result result);

/* The registers of this stop; false if they cannot be had. */
bool gdb_session_load(struct gdb_session *s);

/* Stores what was changed in s->values. */
enum gdb_result gdb_session_store(struct gdb_session *s);

/* Of `monitor TEXT': writes at most room bytes and a NUL. */
void gdb_monitor(struct gdb_session *s, const char *text, char *answer, size_t room);

#endif
