/* SPDX-License-Identifier: ISC */
/* pipe_freebsd.c: FreeBSD's pipes keep no frames apart, so none is an uplink. */
#include "pipe.h"

#include <unistd.h>

int pipe_adopt(struct uplink **u, const struct uplink_request *rq, int fd, struct husk_error *e)
{
	(void)u;
	close(fd);
	return husk_fail(e, HUSK_E_USAGE, "Could not attach interface: %s: a pipe keeps no frames "
			 "apart; give a connected socket of SOCK_DGRAM", rq->where);
}
