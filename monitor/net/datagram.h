/* SPDX-License-Identifier: ISC */
/* datagram.h: a socket with message boundaries as an uplink: one frame is one datagram. */
#ifndef HUSK_DATAGRAM_H
#define HUSK_DATAGRAM_H

#include "uplink.h"

/* Takes ownership of fd, also on failure. HUSK_E_HOST; *u is then untouched. */
int datagram_adopt(struct uplink **u, const struct uplink_request *rq, int fd,
		   struct husk_error *e);

#endif
