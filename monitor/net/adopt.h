/* adopt.h: takes over descriptors that the starter has opened, whatever they are. */
#ifndef HUSK_ADOPT_H
#define HUSK_ADOPT_H

#include "uplink.h"

/*
 * Duplicates the descriptor of rq->where, which is @N, and makes it an uplink of its kind.
 * HUSK_E_HOST, HUSK_E_USAGE, with the remedy; *u is then untouched.
 */
int adopt_frames(struct uplink **u, const struct uplink_request *rq, struct husk_error *e);

/* The same of number, which is @N, where a length is in front of each frame. */
int adopt_stream(struct uplink **u, const struct uplink_request *rq, const char *number,
		 struct husk_error *e);

#endif
