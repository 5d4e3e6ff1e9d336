/* SPDX-License-Identifier: ISC */
/* session.c: a debugger's session: stops told, packets handed out, and how the guest is to go on. */
#include "session.h"

#include <stdio.h>
#include <string.h>

int gdb_session_init(struct gdb_session *s, struct husk_error *e)
{
	*s = (struct gdb_session){.stop = {.signal = GDB_SIGTRAP}};
	s->description_size = gdb_description(s->description, sizeof s->description);
	if (gdb_in_init(&s->in, e) == -1 || gdb_out_init(&s->out, e) == -1) {
		gdb_session_fini(s);
		return -1;
	}
	return 0;
}

void gdb_session_fini(struct gdb_session *s)
{
	gdb_in_fini(&s->in);
	gdb_out_fini(&s->out);
}

void gdb_session_attach(struct gdb_session *s, struct core *c)
{
	s->core = c;
	gdb_breaks_init(&s->breaks, c);
}

void gdb_session_begin(struct gdb_session *s)
{
	s->no_acks = s->tells_soft = s->tells_hard = false;
	gdb_in_reset(&s->in);
	gdb_out_begin(&s->out);
	gdb_out_end(&s->out);
}

void gdb_session_stop(struct gdb_session *s, const struct gdb_stop *stop)
{
	s->stop = *stop;
	s->loaded = false;
}

bool gdb_session_load(struct gdb_session *s)
{
	struct husk_error ignored;

	if (!s->loaded)
		s->loaded = gdb_values_load(s->core->caps, s->core->hv, &s->values, &ignored) == 0;
	return s->loaded;
}

/* In the middle of a hypercall the registers are not only the guest's: what is written could be lost. */
enum gdb_result gdb_session_store(struct gdb_session *s)
{
	struct husk_error ignored;

	if (!s->over && !s->core->retry &&
	    gdb_values_store(s->core->caps, s->core->hv, &s->values, &ignored) == 0)
		return GDB_OK;
	s->loaded = false;
	return GDB_E_FAILED;
}

/* ---- answers ---- */

enum gdb_verdict gdb_answer(struct gdb_session *s, const char *text)
{
	gdb_out_begin(&s->out);
	gdb_out_text(&s->out, text);
	return GDB_STAY;
}

enum gdb_verdict gdb_answer_result(struct gdb_session *s, enum gdb_result result)
{
	char text[8];

	snprintf(text, sizeof text, "E%02x", (unsigned)result & 0xff);
	return gdb_answer(s, result == GDB_OK ? "OK" : text);
}

/* Saves gdb from asking for all of them. */
static void tell_registers(struct gdb_session *s)
{
	for (unsigned i = 0; i < 3 && gdb_session_load(s); i++) {
		const unsigned n = gdb_expedited[i];
		uint8_t bytes[GDB_REGISTER_MAX], number = (uint8_t)n;

		if (!gdb_register_get(&s->values, n, bytes))
			continue;
		gdb_out_hex(&s->out, &number, 1);
		gdb_out_text(&s->out, ":");
		gdb_out_hex(&s->out, bytes, gdb_registers[n].size);
		gdb_out_text(&s->out, ";");
	}
}

static void tell_reason(struct gdb_session *s)
{
	static const char *const names[] = {
		[HV_POINT_WRITE] = "watch:", [HV_POINT_READ] = "rwatch:",
		[HV_POINT_ACCESS] = "awatch:",
	};
	const struct gdb_stop *why = &s->stop;

	if (why->why == GDB_STOP_SOFT && s->tells_soft)
		gdb_out_text(&s->out, "swbreak:;");
	if (why->why == GDB_STOP_HARD && why->point.kind == HV_POINT_EXEC && s->tells_hard)
		gdb_out_text(&s->out, "hwbreak:;");
	if (why->why != GDB_STOP_HARD || why->point.kind == HV_POINT_EXEC)
		return;
	gdb_out_text(&s->out, names[why->point.kind]);
	gdb_out_number(&s->out, why->addr);
	gdb_out_text(&s->out, ";");
}

static void begin_stop(struct gdb_session *s)
{
	const uint8_t number = (uint8_t)s->stop.signal;

	gdb_answer(s, "T");
	gdb_out_hex(&s->out, &number, 1);
	gdb_out_text(&s->out, "thread:1;");
	tell_reason(s);
	tell_registers(s);
}

void gdb_session_tell_stop(struct gdb_session *s)
{
	begin_stop(s);
	gdb_out_end(&s->out);
}

static enum gdb_verdict tell_why(struct gdb_session *s, struct gdb_words *w)
{
	(void)w;
	begin_stop(s);
	return GDB_STAY;
}

/* ---- going on ---- */

static enum gdb_verdict go(struct gdb_session *s, enum gdb_verdict how)
{
	s->answered = false;
	return how;
}

/* From an address, if one is given. */
static enum gdb_verdict go_from(struct gdb_session *s, struct gdb_words *w, enum gdb_verdict how)
{
	enum gdb_result rc = GDB_OK;
	uint64_t ip;

	if (gdb_left(w) > 0) {
		if (!gdb_take_number(w, &ip) || !gdb_session_load(s))
			return gdb_answer_result(s, GDB_E_FAILED);
		gdb_set_ip(&s->values, ip);
		rc = gdb_session_store(s);
	}
	return rc == GDB_OK ? go(s, how) : gdb_answer_result(s, rc);
}

static enum gdb_verdict resume(struct gdb_session *s, struct gdb_words *w)
{
	return go_from(s, w, GDB_CONTINUE);
}

static enum gdb_verdict step(struct gdb_session *s, struct gdb_words *w)
{
	return go_from(s, w, GDB_STEP);
}

/* There is nobody to give a signal to. */
static enum gdb_verdict skip_signal(struct gdb_session *s, struct gdb_words *w,
				    enum gdb_verdict how)
{
	uint64_t signal;

	if (!gdb_take_number(w, &signal))
		return gdb_answer_result(s, GDB_E_FAILED);
	(void)gdb_take(w, ";");
	return go_from(s, w, how);
}

static enum gdb_verdict resume_with(struct gdb_session *s, struct gdb_words *w)
{
	return skip_signal(s, w, GDB_CONTINUE);
}

static enum gdb_verdict step_with(struct gdb_session *s, struct gdb_words *w)
{
	return skip_signal(s, w, GDB_STEP);
}

/* The first action is for the only thread, or for all. */
static enum gdb_verdict act(struct gdb_session *s, struct gdb_words *w)
{
	if (gdb_take(w, ";c") || gdb_take(w, ";C"))
		return go(s, GDB_CONTINUE);
	if (gdb_take(w, ";s") || gdb_take(w, ";S"))
		return go(s, GDB_STEP);
	return gdb_answer_result(s, GDB_E_FAILED);
}

/* C and S have to be there: gdb does without vCont otherwise. */
static enum gdb_verdict tell_actions(struct gdb_session *s, struct gdb_words *w)
{
	(void)w;
	return gdb_answer(s, "vCont;c;C;s;S");
}

static enum gdb_verdict detach(struct gdb_session *s, struct gdb_words *w)
{
	(void)w;
	gdb_answer(s, "OK");
	return GDB_DETACH;
}

static enum gdb_verdict kill_now(struct gdb_session *s, struct gdb_words *w)
{
	(void)w;
	return go(s, GDB_KILL);
}

static enum gdb_verdict kill_told(struct gdb_session *s, struct gdb_words *w)
{
	(void)w;
	gdb_answer(s, "OK");
	return GDB_KILL;
}

static const struct gdb_command commands[] = {
	{"?", tell_why}, {"vCont?", tell_actions}, {"vCont", act}, {"vKill", kill_told},
	{"c", resume}, {"s", step}, {"C", resume_with}, {"S", step_with},
	{"D", detach}, {"k", kill_now},
	{NULL, NULL},
};

static const struct gdb_command *find(const struct gdb_command *list, struct gdb_words *w)
{
	while (list->name != NULL && !gdb_take(w, list->name))
		list++;
	return list->name != NULL ? list : NULL;
}

enum gdb_verdict gdb_dispatch(struct gdb_session *s, struct gdb_words *w,
			      const struct gdb_command *list)
{
	const struct gdb_command *found = find(list, w);

	return found != NULL ? found->serve(s, w) : gdb_answer(s, "");
}

enum gdb_verdict gdb_session_packet(struct gdb_session *s)
{
	static const struct gdb_command *const lists[] = {
		commands, gdb_access_commands, gdb_query_commands,
	};
	struct gdb_words w = {s->in.data, s->in.data + s->in.n};
	const struct gdb_command *found = NULL;
	enum gdb_verdict verdict;

	s->packets++;
	s->answered = true;
	for (size_t i = 0; i < sizeof lists / sizeof lists[0] && found == NULL; i++)
		found = find(lists[i], &w);
	verdict = found != NULL ? found->serve(s, &w) : gdb_answer(s, "");
	if (s->answered)
		gdb_out_end(&s->out);
	return verdict;
}
