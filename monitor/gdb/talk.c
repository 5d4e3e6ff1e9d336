/* SPDX-License-Identifier: ISC */
/* talk.c: packets of a debugger while the guest is stopped. */
#include <signal.h>

#include "debugger.h"

/* What a byte or a packet leads to; beside enum talk_end: */
#define TALK_ON (-1)

static bool reply(struct debugger *d)
{
	return gdb_send(&d->connection, d->session.out.data, d->session.out.n);
}

/* What gdb is told of a packet's arrival, until it wants no more of that. */
static bool acknowledge(struct debugger *d, const char *sign)
{
	return d->session.no_acks || gdb_send(&d->connection, sign, 1);
}

static int obey(struct debugger *d, enum gdb_verdict verdict)
{
	switch (verdict) {
	case GDB_STAY:
		return TALK_ON;
	case GDB_CONTINUE:
		d->state = GDB_RUNNING;
		return TALK_GO;
	case GDB_STEP:
		d->state = GDB_STEPPING;
		return TALK_GO;
	case GDB_KILL:
		core_stop(d->core, SIGTERM);
		return TALK_GONE;
	case GDB_DETACH:
		break;
	}
	return TALK_GONE;
}

/* The packet that ends acknowledgements is still acknowledged. */
static int serve_packet(struct debugger *d)
{
	const bool sent = acknowledge(d, "+");
	const enum gdb_verdict verdict = gdb_session_packet(&d->session);

	d->told = true;
	if (verdict != GDB_KILL && (!sent || (d->session.answered && !reply(d))))
		return TALK_GONE;
	if (verdict == GDB_KILL && sent && d->session.answered)
		(void)reply(d);
	return obey(d, verdict);
}

static bool refuse_length(struct debugger *d)
{
	(void)gdb_answer_result(&d->session, GDB_E_LONG);
	gdb_out_end(&d->session.out);
	return acknowledge(d, "+") && reply(d);
}

static int serve_byte(struct debugger *d, uint8_t byte)
{
	bool fine = true;

	switch (gdb_in_byte(&d->session.in, byte)) {
	case GDB_PACKET:
		return serve_packet(d);
	case GDB_BROKEN:
		fine = acknowledge(d, "-");
		break;
	case GDB_TOO_LONG:
		fine = refuse_length(d);
		break;
	case GDB_AGAIN:
		fine = d->session.no_acks || reply(d);
		break;
	case GDB_INTERRUPT:
	case GDB_NOTHING:
		break;
	}
	return fine ? TALK_ON : TALK_GONE;
}

/* A debugger that has just come asks by itself. */
static void tell_stop(struct debugger *d)
{
	if (d->told)
		return;
	d->told = true;
	gdb_session_tell_stop(&d->session);
	(void)reply(d);
}

enum talk_end debugger_talk(struct debugger *d)
{
	uint8_t byte;

	tell_stop(d);
	for (;;) {
		while (gdb_next(&d->connection, &byte)) {
			const int end = serve_byte(d, byte);

			if (end != TALK_ON)
				return (enum talk_end)end;
		}
		if (!gdb_connection_wait(&d->connection, POLLIN))
			return TALK_ASKED;
		if (!gdb_receive(&d->connection))
			return TALK_GONE;
	}
}

/* An error of the hypervisor's is most often an instruction that it cannot emulate. */
int debugger_fault_signal(const struct debugger *d)
{
	return d->core->last.kind == HV_EXIT_ERROR ? GDB_SIGILL : GDB_SIGSEGV;
}

/* Exited with a status, or ended by a signal. */
void debugger_tell_end(struct debugger *d, const struct core_ending *how)
{
	const bool halted = how->end == CORE_HALTED;
	const uint8_t number = (uint8_t)(halted ? how->status :
					 how->end == CORE_STOPPED ? how->reason :
					 debugger_fault_signal(d));

	(void)gdb_answer(&d->session, halted ? "W" : "X");
	gdb_out_hex(&d->session.out, &number, 1);
	gdb_out_end(&d->session.out);
	(void)reply(d);
}
