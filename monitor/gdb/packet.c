/* SPDX-License-Identifier: ISC */
/* packet.c: packets of gdb's remote serial protocol, byte by byte. */
#include "packet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ESCAPE 0x7d		/* '}': the next byte was changed by XOR_ESCAPED */
#define XOR_ESCAPED 0x20

int gdb_in_init(struct gdb_in *in, struct husk_error *e)
{
	*in = (struct gdb_in){.data = malloc(GDB_PACKET_MAX + 1)};
	return in->data == NULL ? husk_fail_sys(e, ENOMEM, "gdb: a packet") : 0;
}

int gdb_out_init(struct gdb_out *out, struct husk_error *e)
{
	*out = (struct gdb_out){.data = malloc(GDB_PACKET_MAX + GDB_FRAME)};
	return out->data == NULL ? husk_fail_sys(e, ENOMEM, "gdb: a packet") : 0;
}

void gdb_in_fini(struct gdb_in *in)
{
	free(in->data);
	in->data = NULL;
}

void gdb_out_fini(struct gdb_out *out)
{
	free(out->data);
	out->data = NULL;
}

void gdb_in_reset(struct gdb_in *in)
{
	in->state = GDB_OUTSIDE;
	in->n = 0;
}

static int digit(uint8_t c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 :
	       c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static enum gdb_event outside(struct gdb_in *in, uint8_t byte)
{
	switch (byte) {
	case '$':
		*in = (struct gdb_in){.data = in->data, .state = GDB_INSIDE};
		return GDB_NOTHING;
	case '-':
		return GDB_AGAIN;
	case GDB_CONTROL_C:
		return GDB_INTERRUPT;
	}
	return GDB_NOTHING;
}

static void keep(struct gdb_in *in, uint8_t byte)
{
	if (in->n < GDB_PACKET_MAX)
		in->data[in->n++] = byte;
	else
		in->too_long = true;
}

/* A $ can only be the beginning of another packet: the rest of this one was lost. */
static enum gdb_event inside(struct gdb_in *in, uint8_t byte)
{
	if (byte == '$')
		return outside(in, byte);
	if (byte == '#') {
		in->state = GDB_SUM_HIGH;
		return GDB_NOTHING;
	}
	in->sum = (uint8_t)(in->sum + byte);
	if (in->state == GDB_ESCAPED) {
		keep(in, byte ^ XOR_ESCAPED);
		in->state = GDB_INSIDE;
	} else if (byte == ESCAPE) {
		in->state = GDB_ESCAPED;
	} else {
		keep(in, byte);
	}
	return GDB_NOTHING;
}

static enum gdb_event complete(struct gdb_in *in, int low)
{
	const bool good = low >= 0 && in->given == in->sum >> 4 && low == (in->sum & 0xf);

	in->state = GDB_OUTSIDE;
	in->data[in->n] = '\0';
	return !good ? GDB_BROKEN : in->too_long ? GDB_TOO_LONG : GDB_PACKET;
}

enum gdb_event gdb_in_byte(struct gdb_in *in, uint8_t byte)
{
	switch (in->state) {
	case GDB_OUTSIDE:
		return outside(in, byte);
	case GDB_INSIDE:
	case GDB_ESCAPED:
		return inside(in, byte);
	case GDB_SUM_HIGH:
		in->given = (uint8_t)digit(byte);
		in->state = GDB_SUM_LOW;
		return GDB_NOTHING;
	case GDB_SUM_LOW:
		break;
	}
	return complete(in, digit(byte));
}

/* ---- replies ---- */

static const char digits[] = "0123456789abcdef";

void gdb_out_begin(struct gdb_out *out)
{
	out->data[0] = '$';
	out->n = 1;
}

void gdb_out_end(struct gdb_out *out)
{
	uint8_t sum = 0;

	for (size_t i = 1; i < out->n; i++)
		sum = (uint8_t)(sum + (uint8_t)out->data[i]);
	out->data[out->n++] = '#';
	out->data[out->n++] = digits[sum >> 4];
	out->data[out->n++] = digits[sum & 0xf];
}

size_t gdb_out_room(const struct gdb_out *out)
{
	return GDB_PACKET_MAX + 1 - out->n;
}

void gdb_out_text(struct gdb_out *out, const char *text)
{
	size_t len = strlen(text);

	if (len > gdb_out_room(out))
		len = gdb_out_room(out);
	memcpy(out->data + out->n, text, len);
	out->n += len;
}

void gdb_out_hex(struct gdb_out *out, const void *bytes, size_t n)
{
	const uint8_t *b = bytes;

	for (size_t i = 0; i < n && gdb_out_room(out) >= 2; i++) {
		out->data[out->n++] = digits[b[i] >> 4];
		out->data[out->n++] = digits[b[i] & 0xf];
	}
}

void gdb_out_number(struct gdb_out *out, uint64_t n)
{
	char text[17];
	size_t at = sizeof text - 1;

	text[at] = '\0';
	do
		text[--at] = digits[n & 0xf];
	while ((n >>= 4) != 0);
	gdb_out_text(out, text + at);
}

void gdb_out_binary(struct gdb_out *out, const void *bytes, size_t n)
{
	const uint8_t *b = bytes;

	for (size_t i = 0; i < n && gdb_out_room(out) >= 2; i++) {
		const bool special = b[i] == '#' || b[i] == '$' || b[i] == '*' || b[i] == ESCAPE;

		if (special)
			out->data[out->n++] = ESCAPE;
		out->data[out->n++] = (char)(special ? b[i] ^ XOR_ESCAPED : b[i]);
	}
}

/* ---- words ---- */

size_t gdb_left(const struct gdb_words *w)
{
	return (size_t)(w->end - w->at);
}

bool gdb_take(struct gdb_words *w, const char *text)
{
	const size_t len = strlen(text);

	if (gdb_left(w) < len || memcmp(w->at, text, len) != 0)
		return false;
	w->at += len;
	return true;
}

bool gdb_take_number(struct gdb_words *w, uint64_t *n)
{
	unsigned taken = 0;

	for (*n = 0; w->at < w->end && digit(*w->at) >= 0; w->at++)
		if (++taken > 16)
			return false;
		else
			*n = *n << 4 | (unsigned)digit(*w->at);
	return taken > 0;
}

bool gdb_take_hex(struct gdb_words *w, void *bytes, size_t n)
{
	uint8_t *b = bytes;

	if (gdb_left(w) / 2 < n)
		return false;
	for (size_t i = 0; i < n; i++) {
		const int high = digit(w->at[2 * i]), low = digit(w->at[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		b[i] = (uint8_t)(high << 4 | low);
	}
	w->at += 2 * n;
	return true;
}
