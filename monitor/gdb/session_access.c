/* SPDX-License-Identifier: ISC */
/* session_access.c: registers, memory, breakpoints and watchpoints, read and written by packets. */
#include <string.h>

#include "session.h"

/* Bytes of memory that fit into one reply. */
#define PIECE (GDB_PACKET_MAX / 2)

/* ---- registers ---- */

static void tell_register(struct gdb_session *s, unsigned n)
{
	uint8_t bytes[GDB_REGISTER_MAX];

	if (gdb_register_get(&s->values, n, bytes)) {
		gdb_out_hex(&s->out, bytes, gdb_registers[n].size);
		return;
	}
	for (unsigned i = 0; i < gdb_registers[n].size; i++)
		gdb_out_text(&s->out, "xx");
}

static enum gdb_verdict get_all(struct gdb_session *s, struct gdb_words *w)
{
	(void)w;
	if (!gdb_session_load(s))
		return gdb_answer_result(s, GDB_E_FAILED);
	gdb_answer(s, "");
	for (unsigned i = 0; i < gdb_n_registers; i++)
		tell_register(s, i);
	return GDB_STAY;
}

/* Those that cannot be written are passed over: gdb sends back what it was told. */
static enum gdb_verdict set_all(struct gdb_session *s, struct gdb_words *w)
{
	if (gdb_left(w) != 2 * gdb_registers_size() || !gdb_session_load(s))
		return gdb_answer_result(s, GDB_E_FAILED);
	for (unsigned i = 0; i < gdb_n_registers; i++) {
		uint8_t bytes[GDB_REGISTER_MAX];

		if (gdb_take_hex(w, bytes, gdb_registers[i].size))
			(void)gdb_register_set(&s->values, i, bytes);
		else if (gdb_left(w) >= 2u * gdb_registers[i].size)
			w->at += 2u * gdb_registers[i].size;
	}
	return gdb_answer_result(s, gdb_session_store(s));
}

static bool take_register(struct gdb_words *w, unsigned *n)
{
	uint64_t number;

	if (!gdb_take_number(w, &number) || number >= gdb_n_registers)
		return false;
	*n = (unsigned)number;
	return true;
}

static enum gdb_verdict get_one(struct gdb_session *s, struct gdb_words *w)
{
	unsigned n;

	if (!take_register(w, &n) || !gdb_session_load(s))
		return gdb_answer_result(s, GDB_E_FAILED);
	gdb_answer(s, "");
	tell_register(s, n);
	return GDB_STAY;
}

static enum gdb_verdict set_one(struct gdb_session *s, struct gdb_words *w)
{
	uint8_t bytes[GDB_REGISTER_MAX];
	unsigned n;

	if (!take_register(w, &n) || !gdb_take(w, "=") ||
	    gdb_left(w) != 2u * gdb_registers[n].size ||
	    !gdb_take_hex(w, bytes, gdb_registers[n].size) || !gdb_session_load(s) ||
	    !gdb_register_set(&s->values, n, bytes))
		return gdb_answer_result(s, GDB_E_FAILED);
	return gdb_answer_result(s, gdb_session_store(s));
}

/* ---- memory ---- */

static bool take_place(struct gdb_words *w, uint64_t *addr, uint64_t *len)
{
	return gdb_take_number(w, addr) && gdb_take(w, ",") && gdb_take_number(w, len);
}

/* What lies beyond the end of memory is left out, unless that is all. */
static enum gdb_verdict read_memory(struct gdb_session *s, struct gdb_words *w)
{
	const uint64_t size = s->core->memory.size;
	uint8_t bytes[1024];
	uint64_t addr, len;

	if (!take_place(w, &addr, &len))
		return gdb_answer_result(s, GDB_E_FAILED);
	if (addr >= size)
		return gdb_answer_result(s, GDB_E_ADDRESS);
	if (len > size - addr)
		len = size - addr;
	if (len > PIECE)
		len = PIECE;
	gdb_answer(s, "");
	while (len > 0) {
		const size_t n = len < sizeof bytes ? (size_t)len : sizeof bytes;
		const enum gdb_result rc = gdb_peek(&s->breaks, addr, bytes, n);

		if (rc != GDB_OK)
			return gdb_answer_result(s, rc);
		gdb_out_hex(&s->out, bytes, n);
		addr += n;
		len -= n;
	}
	return GDB_STAY;
}

static enum gdb_verdict write_bytes(struct gdb_session *s, uint64_t addr, const uint8_t *bytes,
				    size_t n)
{
	return gdb_answer_result(s, s->over ? GDB_E_FAILED : gdb_poke(&s->breaks, addr, bytes, n));
}

/* The digits are turned into bytes where they lie. */
static enum gdb_verdict write_hex(struct gdb_session *s, struct gdb_words *w)
{
	uint8_t *bytes = s->in.data;
	uint64_t addr, len;

	if (!take_place(w, &addr, &len) || !gdb_take(w, ":") || len > GDB_PACKET_MAX ||
	    gdb_left(w) != 2 * len || !gdb_take_hex(w, bytes, (size_t)len))
		return gdb_answer_result(s, GDB_E_FAILED);
	return write_bytes(s, addr, bytes, (size_t)len);
}

static enum gdb_verdict write_binary(struct gdb_session *s, struct gdb_words *w)
{
	uint64_t addr, len;

	if (!take_place(w, &addr, &len) || !gdb_take(w, ":") || gdb_left(w) != len)
		return gdb_answer_result(s, GDB_E_FAILED);
	return write_bytes(s, addr, w->at, (size_t)len);
}

/* ---- breakpoints and watchpoints ---- */

static bool is_served(const struct gdb_breaks *b, uint64_t type)
{
	return type == 0 || (type == 1 && b->exec_max > 0) ||
	       (type >= 2 && type <= 4 && b->watch_max > 0);
}

static enum gdb_result change(struct gdb_breaks *b, uint64_t type, uint64_t addr, uint64_t kind,
			      bool add)
{
	static const enum hv_point_kind kinds[] = {
		HV_POINT_EXEC, HV_POINT_EXEC, HV_POINT_WRITE, HV_POINT_READ, HV_POINT_ACCESS,
	};
	const struct hv_point p = {kinds[type], addr, type == 1 ? cpu_breakpoint_size : kind};

	if (type == 0)
		return add ? gdb_soft_add(b, addr) : gdb_soft_remove(b, addr);
	return add ? gdb_point_add(b, &p) : gdb_point_remove(b, &p);
}

static enum gdb_verdict change_break(struct gdb_session *s, struct gdb_words *w, bool add)
{
	uint64_t type, addr, kind;

	if (!gdb_take_number(w, &type) || !gdb_take(w, ",") || !take_place(w, &addr, &kind))
		return gdb_answer_result(s, GDB_E_FAILED);
	if (!is_served(&s->breaks, type))
		return gdb_answer(s, "");
	return gdb_answer_result(s, s->over ? GDB_OK : change(&s->breaks, type, addr, kind, add));
}

static enum gdb_verdict add_break(struct gdb_session *s, struct gdb_words *w)
{
	return change_break(s, w, true);
}

static enum gdb_verdict remove_break(struct gdb_session *s, struct gdb_words *w)
{
	return change_break(s, w, false);
}

const struct gdb_command gdb_access_commands[] = {
	{"g", get_all}, {"G", set_all}, {"p", get_one}, {"P", set_one},
	{"m", read_memory}, {"M", write_hex}, {"X", write_binary},
	{"Z", add_break}, {"z", remove_break},
	{NULL, NULL},
};
