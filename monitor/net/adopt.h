/* SPDX-License-Identifier: ISC */
/* adopt.h: takes over descriptors of any kind that the starter has opened. */
#ifndef HUSK_ADOPT_H
#define HUSK_ADOPT_H

#include "uplink.h"

/*
 * Duplicates the descriptor of rq->where, which is @N, and makes it an uplink of its kind.
 * HUSK_E_HOST, HUSK_E_USAGE, with the remedy; *u is then untouched.
 */
int adopt_frames(struct uplink **u, const struct uplink_request *rq, struct husk_error *e);

/* The same for the descriptor in number, @N, of a stream with a length in front of each frame. */
int adopt_stream(struct uplink **u, const struct uplink_request *rq, const char *number,
		 struct husk_error *e);

/* The same as adopt_frames for a socket or a pipe from which frames only come, or to which they only go. */
int adopt_one_way(struct uplink **u, const struct uplink_request *rq, bool in, struct husk_error *e);

#endif
