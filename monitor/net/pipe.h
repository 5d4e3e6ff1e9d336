/* SPDX-License-Identifier: ISC */
/* pipe.h: a FIFO in packet mode as an uplink: one frame is one packet. */
#ifndef HUSK_PIPE_H
#define HUSK_PIPE_H

#include "uplink.h"

/*
 * Opens the pipe of fd once more, and closes fd: the new description is not shared with any
 * process, and is non-blocking and in packet mode whatever happens to the old one. HUSK_E_HOST; *u
 * is then untouched.
 */
int pipe_adopt(struct uplink **u, const struct uplink_request *rq, int fd, struct husk_error *e);

#endif
