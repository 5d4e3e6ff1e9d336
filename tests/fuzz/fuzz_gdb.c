/* SPDX-License-Identifier: ISC */
/*
 * fuzz_gdb.c: what a debugger may send: lines, each a packet that is framed here, or raw bytes after '='.
 * A guest's memory has red zones in front of and behind it; breakpoints never stay.
 */
#include <stdlib.h>
#include <string.h>

#include "../../monitor/gdb/session.h"
#include "../unit/rig.h"

#define CHECK(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A reply is framed, and its sum is right. */
static void check_reply(const struct gdb_out *out)
{
	uint8_t sum = 0;

	CHECK(out->n >= 4 && out->n <= GDB_PACKET_MAX + 4 && out->data[0] == '$');
	for (size_t i = 1; i < out->n - 3; i++) {
		CHECK(out->data[i] != '$' && out->data[i] != '#');
		sum = (uint8_t)(sum + (uint8_t)out->data[i]);
	}
	CHECK(out->data[out->n - 3] == '#');
	CHECK(out->data[out->n - 1] == "0123456789abcdef"[sum & 15]);
}

static void take(struct gdb_session *s, uint8_t byte)
{
	const struct gdb_stop stop = {.signal = GDB_SIGTRAP};

	if (gdb_in_byte(&s->in, byte) != GDB_PACKET)
		return;
	CHECK(s->in.n <= GDB_PACKET_MAX);
	if (gdb_session_packet(s) != GDB_STAY)
		gdb_session_stop(s, &stop);
	if (s->answered)
		check_reply(&s->out);
}

static void take_framed(struct gdb_session *s, const uint8_t *line, size_t n)
{
	uint8_t sum = 0;

	take(s, '$');
	for (size_t i = 0; i < n; i++) {
		sum = (uint8_t)(sum + line[i]);
		take(s, line[i]);
	}
	take(s, '#');
	take(s, (uint8_t)"0123456789abcdef"[sum >> 4]);
	take(s, (uint8_t)"0123456789abcdef"[sum & 15]);
}

static void take_lines(struct gdb_session *s, const uint8_t *data, size_t size)
{
	while (size > 0) {
		const uint8_t *end = memchr(data, '\n', size);
		const size_t n = end == NULL ? size : (size_t)(end - data);

		if (n > 0 && data[0] == '=')
			for (size_t i = 1; i < n; i++)
				take(s, data[i]);
		else
			take_framed(s, data, n);
		data += n;
		size -= n;
		if (size > 0)
			data++, size--;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gdb_session s;
	struct rig r;

	CHECK(rig_make(&r, RIG_MEMORY) == 0 && gdb_session_init(&s, &r.e) == 0);
	gdb_session_attach(&s, &r.core);
	gdb_session_begin(&s);
	take_lines(&s, data, size);
	gdb_breaks_clear(&s.breaks);
	CHECK(s.breaks.n == 0 && r.core.hv->debug.n == 0);
	gdb_session_fini(&s);
	rig_free(&r);
	return 0;
}
