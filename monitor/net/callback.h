/* SPDX-License-Identifier: ISC */
/* callback.h: the program itself as an uplink: frames go to its callback, and come through a socket. */
#ifndef HUSK_NET_CALLBACK_H
#define HUSK_NET_CALLBACK_H

#include "uplink.h"

/* rq->given, which stays the caller's and must outlive the uplink. HUSK_E_HOST; *u is then untouched. */
int callback_open(struct uplink **u, const struct uplink_request *rq, struct husk_error *e);

#endif
