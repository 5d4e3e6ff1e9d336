/* SPDX-License-Identifier: ISC */
/*
 * given.h: a network device that is the program's own: a callback for one way, a pair of sockets for
 * the other.
 *
 * Made before the device is opened, and kept as long as its setting. Frames wait for the guest in the
 * socket, so that any thread may hand them over, and the guest's waits see them.
 */
#ifndef HUSK_GIVEN_H
#define HUSK_GIVEN_H

#include <stddef.h>

#include "error.h"

typedef void given_send(void *ctx, const void *frame, size_t len);

struct given_net {
	given_send *send;
	void *ctx;
	unsigned mtu;
	int program, device;	/* the ends of the pair; owned */
};

/* NULL: HUSK_E_HOST. */
struct given_net *given_net_new(const struct given_net *what, struct husk_error *e);

/*
 * Puts a frame where the device reads. Never blocks; any thread. HUSK_E_HOST: EAGAIN if there is no
 * room now, EMSGSIZE if it is none.
 */
int given_net_deliver(const struct given_net *n, const void *frame, size_t len, struct husk_error *e);

/* Accepts NULL. */
void given_net_free(struct given_net *n);

#endif
