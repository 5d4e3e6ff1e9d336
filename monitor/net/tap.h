/* SPDX-License-Identifier: ISC */
/*
 * tap.h: a tap interface of the host as an uplink.
 *
 * Each host has its own files for attaching by name, adopting an inherited descriptor, identifying
 * the interface, and moving frames.
 */
#ifndef HUSK_TAP_H
#define HUSK_TAP_H

#include "uplink.h"

/*
 * Attaches to an interface that exists and is up. No capability is needed for one that belongs to
 * the user. HUSK_E_HOST, with the remedy; *u is then untouched.
 */
int tap_attach(struct uplink **u, const struct uplink_request *rq, struct husk_error *e);

/*
 * Takes ownership of an inherited descriptor of a tap or a tun. HUSK_E_HOST, HUSK_E_USAGE, with the
 * remedy; *u is then untouched and fd closed.
 */
int tap_adopt(struct uplink **u, const struct uplink_request *rq, int fd, struct husk_error *e);

/* uplink_same for names of interfaces and descriptors. */
bool tap_same(const char *where, const char *other);

#endif
