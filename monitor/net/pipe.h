/* pipe.h: a FIFO in packet mode as an uplink: one frame is one packet. */
#ifndef HUSK_PIPE_H
#define HUSK_PIPE_H

#include "uplink.h"

/*
 * Opens what fd is open on once more, and closes fd: nobody shares the new description, which is
 * non-blocking and in packet mode whatever becomes of the old one. HUSK_E_HOST; *u is then
 * untouched.
 */
int pipe_adopt(struct uplink **u, const struct uplink_request *rq, int fd, struct husk_error *e);

#endif
