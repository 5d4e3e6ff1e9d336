/* SPDX-License-Identifier: ISC */
/*
 * orphans.h: RST packets that a guest is to get and that no connection owes: answers to packets of
 * connections that there are not, and to requests that were refused.
 */
#ifndef HUSK_VSOCK_ORPHANS_H
#define HUSK_VSOCK_ORPHANS_H

#include <stdbool.h>
#include <stdint.h>

#include "packet.h"

#define VSOCK_ORPHANS_MAX 1024u

/* Zeroed: there are none. */
struct vsock_orphans {
	struct vsock_orphan {
		uint32_t host_port, guest_port;
		uint16_t type;
	} ring[VSOCK_ORPHANS_MAX];
	unsigned first, n;
};

/* Whether there is no room for another. */
bool vsock_orphans_are_full(const struct vsock_orphans *o);

/* The answer to this packet of the guest's, for which there is room. */
void vsock_orphans_add(struct vsock_orphans *o, const struct vsock_header *asked);

/* There is a connection with the ports of this packet now: it is not to be ended by an older answer. */
void vsock_orphans_forget(struct vsock_orphans *o, const struct vsock_header *asked);

/* The oldest as a header for the guest with this CID, and takes it out; false if there is none. */
bool vsock_orphans_take(struct vsock_orphans *o, struct vsock_header *header, uint64_t guest_cid);

#endif
