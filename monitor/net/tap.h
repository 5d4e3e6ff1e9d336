/*
 * tap.h: a tap interface of the host as an uplink.
 *
 * Each host has files of its own for it: attaching by name, adopting an inherited descriptor,
 * finding out which interface is meant, and frames.
 */
#ifndef HUSK_TAP_H
#define HUSK_TAP_H

#include "uplink.h"

/*
 * Attaches to an interface that exists and is up. No capability is needed where it belongs to the
 * user. HUSK_E_HOST, with the remedy; *u is then untouched.
 */
int tap_attach(struct uplink **u, const struct uplink_request *rq, struct husk_error *e);

/*
 * Takes over an inherited descriptor of a tap or a tun, which becomes the uplink's. HUSK_E_HOST,
 * HUSK_E_USAGE, with the remedy; *u is then untouched and fd closed.
 */
int tap_adopt(struct uplink **u, const struct uplink_request *rq, int fd, struct husk_error *e);

/* As uplink_same, of names and descriptors. */
bool tap_same(const char *where, const char *other);

#endif
