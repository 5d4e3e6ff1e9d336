/* datagram.h: a socket that keeps frames apart as an uplink: one frame is one datagram. */
#ifndef HUSK_DATAGRAM_H
#define HUSK_DATAGRAM_H

#include "uplink.h"

/* fd becomes the uplink's, or is closed. HUSK_E_HOST; *u is then untouched. */
int datagram_adopt(struct uplink **u, const struct uplink_request *rq, int fd,
		   struct husk_error *e);

#endif
