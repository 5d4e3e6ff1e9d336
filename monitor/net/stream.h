/*
 * stream.h: a stream socket as an uplink: each frame behind its length, 4 bytes, big endian.
 *
 * That is how passt, gvproxy and QEMU's stream netdev talk. A frame of which the socket took a part
 * is finished before the next; while it cannot be, frames are dropped. A length that no frame has
 * means that the stream is out of step: it is closed.
 */
#ifndef HUSK_STREAM_H
#define HUSK_STREAM_H

#include "uplink.h"

/*
 * Connects to the socket at path; where the connection is lost, reattach makes a new one. HUSK_E_HOST,
 * HUSK_E_USAGE, with the remedy; *u is then untouched. Looking does not connect.
 */
int stream_connect(struct uplink **u, const struct uplink_request *rq, const char *path,
		   struct husk_error *e);

/* fd, a connected socket, becomes the uplink's, or is closed. HUSK_E_HOST; *u is then untouched. */
int stream_adopt(struct uplink **u, const struct uplink_request *rq, int fd, struct husk_error *e);

#endif
