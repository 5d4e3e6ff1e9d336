/* SPDX-License-Identifier: ISC */
/*
 * stream.h: a stream socket as an uplink: each frame behind its length, 4 bytes, big endian.
 *
 * The protocol of passt, gvproxy and QEMU's stream netdev. A frame of which the socket took a part
 * is completed before the next one; until then frames are dropped. After a length that no frame can
 * have the two sides are out of step, and the connection is closed.
 */
#ifndef HUSK_STREAM_H
#define HUSK_STREAM_H

#include "uplink.h"

/*
 * Connects to the socket at path; reattach makes a new connection after a loss. HUSK_E_HOST,
 * HUSK_E_USAGE, with the remedy; *u is then untouched. With rq->look it does not connect.
 */
int stream_connect(struct uplink **u, const struct uplink_request *rq, const char *path,
		   struct husk_error *e);

/* Takes ownership of fd, a connected socket, also on failure. HUSK_E_HOST; *u is then untouched. */
int stream_adopt(struct uplink **u, const struct uplink_request *rq, int fd, struct husk_error *e);

#endif
