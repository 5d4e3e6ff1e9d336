/* SPDX-License-Identifier: ISC */
/* session_query.c: what the stub can do, what the target is, and commands of the monitor's own. */
#include <stdio.h>
#include <string.h>

#include "session.h"

/* A NUL follows the packet. */
static bool has_word(const struct gdb_words *w, const char *word)
{
	return strstr((const char *)w->at, word) != NULL;
}

static enum gdb_verdict supported(struct gdb_session *s, struct gdb_words *w)
{
	s->tells_soft = has_word(w, "swbreak+");
	s->tells_hard = has_word(w, "hwbreak+");
	gdb_answer(s, "PacketSize=");
	gdb_out_number(&s->out, GDB_PACKET_MAX);
	gdb_out_text(&s->out, ";QStartNoAckMode+;qXfer:features:read+;qXfer:memory-map:read+;"
		     "swbreak+;hwbreak+;vContSupported+");
	return GDB_STAY;
}

static enum gdb_verdict no_acks(struct gdb_session *s, struct gdb_words *w)
{
	(void)w;
	s->no_acks = true;
	return gdb_answer(s, "OK");
}

static enum gdb_verdict fine(struct gdb_session *s, struct gdb_words *w)
{
	(void)w;
	return gdb_answer(s, "OK");
}

/* To quit is to detach; the guest goes on. */
static enum gdb_verdict attached(struct gdb_session *s, struct gdb_words *w)
{
	(void)w;
	return gdb_answer(s, "1");
}

static enum gdb_verdict first_threads(struct gdb_session *s, struct gdb_words *w)
{
	(void)w;
	return gdb_answer(s, "m1");
}

static enum gdb_verdict more_threads(struct gdb_session *s, struct gdb_words *w)
{
	(void)w;
	return gdb_answer(s, "l");
}

static enum gdb_verdict current_thread(struct gdb_session *s, struct gdb_words *w)
{
	return gdb_left(w) == 0 ? gdb_answer(s, "QC1") : gdb_answer(s, "");
}

/* The image is where it was linked to be: lldb sets no breakpoint before it knows. */
static enum gdb_verdict offsets(struct gdb_session *s, struct gdb_words *w)
{
	(void)w;
	return gdb_answer(s, "Text=0;Data=0;Bss=0");
}

/* A piece of a document, OFFSET,LENGTH of it. */
static enum gdb_verdict transfer(struct gdb_session *s, struct gdb_words *w, const char *text,
				 size_t size)
{
	uint64_t offset, len;

	if (!gdb_take_number(w, &offset) || !gdb_take(w, ",") || !gdb_take_number(w, &len) ||
	    offset > size)
		return gdb_answer_result(s, GDB_E_FAILED);
	if (len > GDB_PACKET_MAX / 2 - 1)
		len = GDB_PACKET_MAX / 2 - 1;
	if (len > size - offset)
		len = size - offset;
	gdb_answer(s, offset + len < size ? "m" : "l");
	gdb_out_binary(&s->out, text + offset, (size_t)len);
	return GDB_STAY;
}

static enum gdb_verdict features(struct gdb_session *s, struct gdb_words *w)
{
	return transfer(s, w, s->description, s->description_size);
}

/* All of it is ram: gdb would not put breakpoints into what is called rom. */
static enum gdb_verdict memory_map(struct gdb_session *s, struct gdb_words *w)
{
	char text[128];
	const int n = snprintf(text, sizeof text, "<memory-map><memory type=\"ram\" start=\"0\" "
			       "length=\"0x%llx\"/></memory-map>",
			       (unsigned long long)s->core->memory.size);

	return transfer(s, w, text, (size_t)n);
}

#define ADDRESSES_END UINT64_C(0xfffffffffffff000)	/* lldb takes an end of 0 for the start */

/* lldb looks for room for its expressions, and fails where that is not answered. */
static enum gdb_verdict region(struct gdb_session *s, struct gdb_words *w)
{
	const uint64_t size = s->core->memory.size;
	uint64_t addr;

	if (!gdb_take_number(w, &addr))
		return gdb_answer_result(s, GDB_E_FAILED);
	gdb_answer(s, "start:");
	gdb_out_number(&s->out, addr < size ? 0 : size);
	gdb_out_text(&s->out, ";size:");
	gdb_out_number(&s->out, addr < size ? size : ADDRESSES_END - size);
	gdb_out_text(&s->out, addr < size ? ";permissions:rwx;" : ";");
	return GDB_STAY;
}

/* ---- monitor ---- */

#define COMMAND_MAX 64u
#define ANSWER_MAX 8192u

static enum gdb_verdict monitor(struct gdb_session *s, struct gdb_words *w)
{
	char text[COMMAND_MAX + 1] = "", answer[ANSWER_MAX];
	const size_t n = gdb_left(w) / 2;

	if (n > COMMAND_MAX || !gdb_take_hex(w, text, n))
		return gdb_answer_result(s, GDB_E_FAILED);
	gdb_monitor(s, text, answer, sizeof answer);
	gdb_answer(s, "");
	gdb_out_hex(&s->out, answer, strlen(answer));
	return GDB_STAY;
}

const struct gdb_command gdb_query_commands[] = {
	{"qSupported", supported}, {"QStartNoAckMode", no_acks}, {"qAttached", attached},
	{"qfThreadInfo", first_threads}, {"qsThreadInfo", more_threads},
	{"qOffsets", offsets}, {"qC", current_thread}, {"H", fine}, {"T", fine},
	{"qXfer:features:read:target.xml:", features}, {"qXfer:memory-map:read::", memory_map},
	{"qMemoryRegionInfo:", region}, {"qRcmd,", monitor},
	{NULL, NULL},
};
