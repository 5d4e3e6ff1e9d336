/* SPDX-License-Identifier: ISC */
/*
 * packet.h: gdb's remote serial protocol, as far as it is bytes: packets taken from a stream, replies
 * put together. No system calls; the peer is hostile.
 *
 * "Debugging with GDB", appendix E.1: $DATA#CC, where CC is the sum of DATA's bytes in hex.
 */
#ifndef HUSK_GDB_PACKET_H
#define HUSK_GDB_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define GDB_CONTROL_C 0x03

/* Bytes of DATA, in either direction. */
#define GDB_PACKET_MAX 0x10000u

enum gdb_event {
	GDB_NOTHING,		/* more bytes are needed */
	GDB_PACKET,		/* a packet is complete: gdb_in.data, n */
	GDB_BROKEN,		/* its sum is wrong: it is to be sent again */
	GDB_TOO_LONG,		/* it has been skipped */
	GDB_INTERRUPT,		/* ^C, outside of packets */
	GDB_AGAIN,		/* the peer wants the last reply again */
};

/* What comes in. */
struct gdb_in {
	uint8_t *data;		/* GDB_PACKET_MAX + 1 bytes, owned; a NUL follows the packet */
	size_t n;
	enum { GDB_OUTSIDE, GDB_INSIDE, GDB_ESCAPED, GDB_SUM_HIGH, GDB_SUM_LOW } state;
	uint8_t sum, given;
	bool too_long;
};

/* What goes out: one reply, complete with its frame. */
struct gdb_out {
	char *data;		/* GDB_PACKET_MAX + GDB_FRAME bytes, owned */
	size_t n;
};
#define GDB_FRAME 8u

/* HUSK_E_HOST; nothing is left behind. */
int gdb_in_init(struct gdb_in *in, struct husk_error *e);
int gdb_out_init(struct gdb_out *out, struct husk_error *e);

/* Accept the same object twice, and a zeroed one. */
void gdb_in_fini(struct gdb_in *in);
void gdb_out_fini(struct gdb_out *out);

/* Forgets what was begun. */
void gdb_in_reset(struct gdb_in *in);

/* Takes one byte. A packet's escapes are undone. */
enum gdb_event gdb_in_byte(struct gdb_in *in, uint8_t byte);

/* Begins a reply, without any data; it is complete as soon as gdb_out_end is called. */
void gdb_out_begin(struct gdb_out *out);
void gdb_out_end(struct gdb_out *out);

/* Append to it; what has no room is left out. How much room is left, gdb_out_room says. */
size_t gdb_out_room(const struct gdb_out *out);
void gdb_out_text(struct gdb_out *out, const char *text);
void gdb_out_hex(struct gdb_out *out, const void *bytes, size_t n);
void gdb_out_number(struct gdb_out *out, uint64_t n);
void gdb_out_binary(struct gdb_out *out, const void *bytes, size_t n);

/* ---- words of a packet ---- */

/* A cursor over a packet's data. */
struct gdb_words {
	const uint8_t *at, *end;
};

/* Takes the text, if it comes next. */
bool gdb_take(struct gdb_words *w, const char *text);

/* Takes a hex number of 1 to 16 digits; false if there is none. */
bool gdb_take_number(struct gdb_words *w, uint64_t *n);

/* Takes exactly n bytes, two hex digits each; nothing if one is no digit. */
bool gdb_take_hex(struct gdb_words *w, void *bytes, size_t n);

size_t gdb_left(const struct gdb_words *w);

#endif
