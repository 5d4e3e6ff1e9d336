/* SPDX-License-Identifier: ISC */
/*
 * routes.h: which sockets of the host a guest's connections go to, and which lead to the guest.
 *
 * Made from the value of --vsock (words.h) before the guest runs; places and listeners stay open.
 */
#ifndef HUSK_VSOCK_ROUTES_H
#define HUSK_VSOCK_ROUTES_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "place.h"
#include "sandbox.h"
#include "unix_socket.h"

struct vsock_routes {
	uint32_t cid;
	struct vsock_route {
		struct unix_place place;
		int64_t port;		/* of the host; of the guest, or VSOCK_PORT_BY_COMMAND */
		struct unix_listener listener;
	} *connects, *listens;		/* owned; in connects no listener is open */
	unsigned n_connects, n_listens;
	const struct unix_place *prefix;	/* of all other ports, of a listener; NULL: refused */
};

/*
 * value has passed vsock_words_check. look: nothing is left on the host, and nothing listens.
 * HUSK_E_USAGE, HUSK_E_HOST; r is then as after vsock_routes_close.
 */
int vsock_routes_open(struct vsock_routes *r, const char *value, bool look, struct husk_error *e);

/* Accepts the same object twice, and a zeroed one. */
void vsock_routes_close(struct vsock_routes *r);

/* What is needed once the sandbox is closed: before and after sandbox_limit (module.h). */
void vsock_routes_limit(const struct vsock_routes *r, struct sandbox *s);
void vsock_routes_confine(struct vsock_routes *r, struct sandbox *s);

/* A stream to whatever serves this port for the guest: a descriptor, or -errno. */
int vsock_routes_connect(const struct vsock_routes *r, uint32_t port);

/* The next client of the listener whose descriptor is fd, -errno. */
int vsock_routes_accept(const struct vsock_routes *r, int fd);

#endif
