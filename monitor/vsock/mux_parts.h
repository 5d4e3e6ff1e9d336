/* SPDX-License-Identifier: ISC */
/*
 * mux_parts.h: what the parts of mux.h share: its state, and what they do for each other.
 *
 *   mux.c       the face: whose packet it is, whose turn, events, time, beginning and end
 *   clients.c   host programs that connect, and what they have to say before they are connections
 *   to_host.c   payload of a connection from the guest to the host's socket
 *   to_guest.c  payload, and all else that a connection has to say, from the host to the guest
 *   ends.c      how a connection ends
 *
 * Below them: table.h owns the connections, orphans.h the answers that none of them owes.
 */
#ifndef HUSK_VSOCK_MUX_PARTS_H
#define HUSK_VSOCK_MUX_PARTS_H

#include "mux.h"
#include "orphans.h"
#include "table.h"

#define VSOCK_LISTENER_KEYS 0x10000u	/* keys below are connections' */

struct vsock_listener {
	int fd;			/* not owned */
	int64_t port;
	bool waiting;		/* for a place, or for the host to have descriptors */
};

/* Host programs that connect. */
struct vsock_clients {
	struct vsock_listener listeners[VSOCK_LISTENERS_MAX];
	unsigned n_listeners;
	uint64_t accept_at;	/* when those that wait are tried again */
	uint32_t last_port;	/* that was given to one */
	unsigned n_commands;	/* connections in VSOCK_COMMAND */
};

struct vsock_mux {
	uint64_t cid;
	struct vsock_host host;
	struct vsock_table table;
	struct vsock_orphans orphans;
	struct vsock_clients clients;
	struct vsock_counters counters;
	bool can_wait;		/* see vsock_mux_can_wait */
};

/* ---- ends.c ---- */

/* Nothing is left of it, and the guest is told nothing. */
void mux_release(struct vsock_mux *m, struct vsock_connection *c);

/* The guest is told by RST if it knows of the connection; its place is kept until then. */
void mux_reset(struct vsock_mux *m, struct vsock_connection *c);

/* The host program is gone: the guest is told so, and has a while to say that it knows. */
void mux_host_is_gone(struct vsock_mux *m, struct vsock_connection *c, uint64_t now);

/* how: SHUT_RD or SHUT_WR. Nothing if the socket is closed. */
void mux_shut_socket(struct vsock_mux *m, struct vsock_connection *c, int how);

/* ---- to_host.c ---- */

/* The payload of a packet of this connection, which has room for it. */
void mux_deliver(struct vsock_mux *m, struct vsock_connection *c, const struct vsock_packet *p);

/* The guest has shut what it had not before. */
void mux_follow_shutdown(struct vsock_mux *m, struct vsock_connection *c, unsigned before,
			 uint64_t now);

/* The socket may take bytes again. */
void mux_go_on_writing(struct vsock_mux *m, struct vsock_connection *c, uint64_t now);

/* ---- to_guest.c ---- */

/*
 * The most urgent packet of the connection in p, or payload in several of the n, not committed. Returns
 * how many; 0 if it has none after all. It is in the queue for a turn no more.
 */
unsigned mux_make_packets(struct vsock_mux *m, struct vsock_connection *c, struct vsock_packet *p,
			  unsigned n, uint64_t now);

/* ---- clients.c ---- */

void mux_clients_init(struct vsock_clients *c);

/* Something has become of the listener with this number. */
void mux_listener_event(struct vsock_mux *m, uint32_t number, uint64_t now);

/* A client in VSOCK_COMMAND may have said where to. */
void mux_read_command(struct vsock_mux *m, struct vsock_connection *c, unsigned events,
		      uint64_t now);

/* The guest has accepted a client: it is told, if it is to be told, and connected. */
void mux_client_accepted(struct vsock_mux *m, struct vsock_connection *c);

/* There is a place again for those that wait to be accepted. */
void mux_wake_listeners(struct vsock_mux *m);

/* Tries those that wait, if it is time to. */
void mux_accept_waiting(struct vsock_mux *m, uint64_t now);

#endif
