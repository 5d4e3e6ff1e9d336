/* SPDX-License-Identifier: ISC */
/* debugger.c: stops the guest for a debugger, and lets it go on. */
#include "debugger.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"

#define ABORTED 255	/* bindings/solo5.h, SOLO5_EXIT_ABORT: the guest has given up */

static bool connected(const struct debugger *d)
{
	return d->connection.fd != -1;
}

void debugger_disconnect(struct debugger *d)
{
	if (!connected(d))
		return;
	gdb_breaks_clear(&d->session.breaks);
	d->detour = (struct gdb_detour){.n = 0};
	gdb_connection_close(&d->connection);
	d->own_break = false;
}

static void want_stop(struct debugger *d, const struct gdb_stop *why)
{
	d->stopping = true;
	d->why = *why;
}

/* ---- who comes ---- */

/* gdb's own words for a refused one do not say why. */
static void tell_limits(const struct debugger *d)
{
	const struct gdb_breaks *b = &d->session.breaks;

	if (b->exec_max == 0)
		core_say(d->core, "gdb: %s never hits breakpoints of the processor here: use break, hbreak is refused",
			 d->core->ops->title);
	if (b->watch_max == 0)
		core_say(d->core, "gdb: %s never hits watchpoints here: for watch, tell gdb first to "
			 "`set can-use-hw-watchpoints 0`", d->core->ops->title);
}

static void announce(struct debugger *d)
{
	if (d->announced)
		return;
	d->announced = true;
	tell_limits(d);
	core_say(d->core, "%s. Connect to it like this:",
		 d->waiting ? "Waiting for a debugger" : "A debugger may come");
	core_say(d->core, "    gdb -ex 'target remote %s' %s", d->listener.where, d->image);
}

/* No descriptor is free, for one: that may pass, and nobody knocks again for it. */
static void tell_refusal(struct debugger *d, int sys)
{
	if (sys == EAGAIN || sys == EINTR || sys == ECONNABORTED)
		return;
	if (!d->refused)
		core_say(d->core, "gdb: a debugger cannot come in: %s", strerror(sys));
	d->refused = true;
}

#define RETRY_NS 100000000u

static bool wait_for_one(struct debugger *d)
{
	struct core *c = d->core;
	struct husk_error ignored;
	struct pollfd none;

	if (!d->refused)
		return gdb_wait(c, d->listener.fd, POLLIN);
	return wait_for(&c->waiter, &none, 0, clock_now_ns() + RETRY_NS, &c->calls, &ignored) ==
	       WAIT_TIMEOUT;
}

/* One is connected: a second one is not left to wait for an answer. */
static void turn_away(void *ctx)
{
	struct debugger *d = ctx;
	const int fd = gdb_listener_accept(&d->listener);

	d->core->calls++;
	if (fd == -1) {
		tell_refusal(d, errno);
		d->connection.door = d->refused ? -1 : d->listener.fd;
		return;
	}
	close(fd);
	d->core->calls++;
	d->refused = false;
	d->connection.door = d->listener.fd;
	if (!d->crowded)
		core_say(d->core, "gdb: another debugger was turned away: there is one already");
	d->crowded = true;
}

/* It asks for the reason of the stop by itself. */
static bool accept_one(struct debugger *d)
{
	static const struct gdb_stop come = {.signal = GDB_SIGTRAP};
	const int fd = gdb_listener_accept(&d->listener);

	d->core->calls++;
	if (fd == -1) {
		tell_refusal(d, errno);
		return false;
	}
	d->refused = d->crowded = false;
	gdb_connection_open(&d->connection, d->core, fd);
	d->connection.door = d->listener.fd;
	d->connection.knock = turn_away;
	d->connection.ctx = d;
	gdb_session_begin(&d->session);
	core_say(d->core, "Connection from debugger");
	d->connections++;
	d->waiting = false;
	d->told = true;
	want_stop(d, &come);
	return true;
}

/* ---- going on ---- */

static void arm(struct debugger *d)
{
	struct gdb_connection *k = &d->connection;

	gdb_watch_arm(&d->watch, k->fd, connected(d) ? k->door : -1, !gdb_has_input(k));
}

/* The guest would have had its exception without us, unless it was moved on. */
static int give_own_break(struct debugger *d, struct husk_error *e)
{
	const struct core *c = d->core;
	struct hv_exit exit;
	uint64_t ip;

	if (!d->own_break)
		return 0;
	d->own_break = false;
	if (!c->ops->ip(c->hv, &ip) || ip != d->own_break_at)
		return 0;
	if (c->caps->debug->reinject(c->hv, d->own_break_number, &exit, e) == -1)
		return -1;
	return exit.kind != HV_EXIT_INTERRUPTED &&
	       core_serve_as(d->core, &exit, e) == VMEXIT_FAIL ? -1 : 0;
}

/* A step is over the guest's instruction, not over the breakpoint in its place. */
static int uncover(struct debugger *d, struct husk_error *e)
{
	const struct core *c = d->core;
	uint64_t ip;

	if (!c->ops->ip(c->hv, &ip) || !gdb_soft_at(&d->session.breaks, ip))
		return 0;
	return gdb_breaks_lift(&d->session.breaks, e);
}

static bool takes_detour(struct debugger *d)
{
	uint64_t ip;

	return d->core->ops->ip(d->core->hv, &ip) &&
	       gdb_detour_begin(&d->detour, &d->session.breaks, ip);
}

static void stop_at_own_break(struct debugger *d, uint64_t at)
{
	static const struct gdb_stop met = {.signal = GDB_SIGTRAP};

	want_stop(d, &met);
	d->own_break = true;
	d->own_break_at = at;
	d->own_break_number = 0;	/* cpu_breakpoint's */
	core_post(d->core, d->id);
}

/*
 * A step would meet the guest's own breakpoint, and needs no run for it: who emulates each instruction
 * steps over HLT, and halts behind the next one.
 */
static bool stops_here(struct debugger *d)
{
	const struct core *c = d->core;
	uint64_t ip;

	if (c->retry || core_unfinished(c) || !c->ops->ip(c->hv, &ip) ||
	    !gdb_is_own_break(&d->session.breaks, ip))
		return false;
	stop_at_own_break(d, ip);
	return true;
}

static int go_on(struct debugger *d, struct husk_error *e)
{
	bool step;

	if (give_own_break(d, e) == -1)
		return -1;
	step = d->state == GDB_STEPPING && !stops_here(d) && !takes_detour(d);
	if (step && uncover(d, e) == -1)
		return -1;
	if (connected(d) && gdb_breaks_apply(&d->session.breaks, step, e) == -1)
		return husk_wrap(e, "gdb");
	core_finish(d->core, step ? d->id : CORE_NO_CLIENT);
	d->told = false;
	arm(d);
	if (gdb_has_input(&d->connection))	/* ^C came with the packet */
		core_post(d->core, d->id);
	return 0;
}

/* ---- stopping ---- */

/* The kick comes before the guest does. */
static int give_way(const struct debugger *d)
{
	core_post(d->core, d->id);
	return 0;
}

static int be_alone(struct debugger *d, struct husk_error *e)
{
	debugger_disconnect(d);
	d->state = GDB_RUNNING;
	d->stopping = d->finishing = false;
	core_post(d->core, d->id);	/* somebody may be waiting to come */
	return go_on(d, e);
}

static int talk(struct debugger *d, struct husk_error *e)
{
	switch (debugger_talk(d)) {
	case TALK_ASKED:
		return give_way(d);
	case TALK_GONE:
		return be_alone(d, e);
	case TALK_GO:
		break;
	}
	return go_on(d, e);
}

static int stop(struct debugger *d, struct husk_error *e)
{
	d->state = GDB_STOPPED;
	d->stopping = d->finishing = false;
	d->stops++;
	core_finish(d->core, CORE_NO_CLIENT);
	gdb_watch_disarm(&d->watch);
	gdb_session_stop(&d->session, &d->why);
	if (gdb_breaks_plant(&d->session.breaks, e) == -1)
		return husk_wrap(e, "gdb");
	if (gdb_detour_end(&d->detour, &d->session.breaks, e) == -1)
		return -1;
	return talk(d, e);
}

/* Registers are the guest's only between two instructions. */
static int stop_behind_access(struct debugger *d, struct husk_error *e)
{
	if (!core_unfinished(d->core) || d->finishing)
		return stop(d, e);
	d->finishing = true;
	core_finish(d->core, d->id);
	return 0;
}

/* A step over an access ends when that is completed. */
static void look_for_step(struct debugger *d)
{
	static const struct gdb_stop stepped = {.signal = GDB_SIGTRAP};

	if (d->state == GDB_STEPPING && d->core->completions > 0 && !d->stopping)
		want_stop(d, &stepped);
}

/*
 * While the guest runs gdb sends nothing else; a packet that comes all the same waits for a stop. False if
 * it is gone.
 */
static bool look_for_interrupt(struct debugger *d)
{
	static const struct gdb_stop interrupted = {.signal = GDB_SIGINT};
	struct gdb_connection *k = &d->connection;

	if (!gdb_receive(k))
		return false;
	while (k->at < k->n && k->input[k->at] == '+')
		k->at++;
	if (k->at == k->n)
		return true;
	if (k->input[k->at] != GDB_CONTROL_C)
		return gdb_is_quiet(k);
	k->at++;
	want_stop(d, &interrupted);
	return true;
}

/* ---- the client ---- */

static int attend_alone(struct debugger *d)
{
	announce(d);
	gdb_watch_arm(&d->watch, -1, -1, false);
	while (!accept_one(d)) {
		if (!d->waiting)
			return 0;
		if (!wait_for_one(d))
			return give_way(d);
	}
	return 1;
}

static int attend(void *ctx, struct husk_error *e)
{
	struct debugger *d = ctx;

	if (core_stopping(d->core))
		return 0;
	if (!connected(d) && attend_alone(d) != 1)
		return 0;
	if (d->state == GDB_STOPPED)
		return talk(d, e);
	look_for_step(d);
	if (!d->stopping && !look_for_interrupt(d))
		return be_alone(d, e);
	if (d->stopping)
		return stop_behind_access(d, e);
	turn_away(d);
	arm(d);
	return 0;
}

static struct gdb_stop meaning(const struct debugger *d, const struct hv_debug_exit *x)
{
	struct gdb_stop why = {.signal = GDB_SIGTRAP};

	if (x->kind == HV_DEBUG_SOFT && gdb_soft_met_at(&d->session.breaks, x->addr) &&
	    !gdb_detour_ends_at(&d->detour, x->addr))
		why.why = GDB_STOP_SOFT;
	if (x->kind == HV_DEBUG_HARD && x->point >= 0 &&
	    (unsigned)x->point < d->session.breaks.n_points) {
		why.why = GDB_STOP_HARD;
		why.point = d->session.breaks.points[x->point];
		why.addr = x->addr;
	}
	return why;
}

enum vmexit_result debugger_exit(void *ctx, const struct hv_exit *exit, struct husk_error *e)
{
	struct debugger *d = ctx;
	const struct gdb_stop why = meaning(d, &exit->debug);

	(void)e;
	want_stop(d, &why);
	d->own_break = exit->debug.kind == HV_DEBUG_SOFT &&
		       !gdb_soft_met_at(&d->session.breaks, exit->debug.addr);
	d->own_break_at = exit->debug.addr;
	d->own_break_number = exit->debug.number;
	core_post(d->core, d->id);
	return VMEXIT_RESUME;
}

static void on_resume(void *ctx)
{
	struct debugger *d = ctx;
	struct husk_error ignored;

	(void)gdb_breaks_plant(&d->session.breaks, &ignored);
	io_thread_resume(&d->watch.thread);
}

/* Whoever looks at guest memory from here on finds the guest's own. */
static int on_quiesce(void *ctx, struct husk_error *e)
{
	struct debugger *d = ctx;

	io_thread_pause(&d->watch.thread);
	return gdb_breaks_lift(&d->session.breaks, e);
}

/* ---- the end ---- */

static bool is_worth_a_look(const struct core_ending *how)
{
	return how->end == CORE_FAILED || (how->end == CORE_HALTED && how->status == ABORTED);
}

/* Nobody else is served any more, but a stop. */
static void look_back(struct debugger *d, const struct core_ending *how)
{
	const int signal = how->end == CORE_HALTED ? GDB_SIGABRT : debugger_fault_signal(d);
	const struct gdb_stop why = {.signal = (enum gdb_signal)signal};

	d->session.over = true;
	d->told = d->told && d->state == GDB_STOPPED;
	gdb_session_stop(&d->session, &why);
	while (debugger_talk(d) == TALK_ASKED && !core_stopping(d->core))
		mailbox_withdraw(&d->core->mailbox, CORE_STOP - 1);
}

static void on_end(void *ctx, const struct core_ending *how)
{
	struct debugger *d = ctx;

	if (connected(d) && is_worth_a_look(how))
		look_back(d, how);
	if (connected(d)) {
		debugger_tell_end(d, how);
		debugger_disconnect(d);
	}
	d->state = GDB_RUNNING;
	d->stopping = d->finishing = false;
	core_post(d->core, d->id);	/* another run begins with who has come by then */
}

const struct core_client debugger_client = {
	.resume = on_resume, .attend = attend, .quiesce = on_quiesce, .end = on_end,
};
