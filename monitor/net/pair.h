/* SPDX-License-Identifier: ISC */
/*
 * pair.h: two inherited descriptors as one uplink: one that frames come from, one that they go to.
 *
 * So pipes in packet mode will do, each of which has one direction, and sockets of two connections.
 */
#ifndef HUSK_PAIR_H
#define HUSK_PAIR_H

#include "uplink.h"

#define PAIR_TEXT 16	/* bytes for @N and its end */

/* Whether the value of --net means two: @IN,@OUT. */
bool pair_is_meant(const char *where);

/* HUSK_E_HOST, HUSK_E_USAGE, with the remedy; *u is then untouched. */
int pair_open(struct uplink **u, const struct uplink_request *rq, struct husk_error *e);

/*
 * The part of where that frames come from: all of it if it does not mean two. In text, of PAIR_TEXT
 * bytes, or where itself.
 */
const char *pair_in(const char *where, char *text);

#endif
