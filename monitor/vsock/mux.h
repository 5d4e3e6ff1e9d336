/* SPDX-License-Identifier: ISC */
/*
 * mux.h: all connections of one guest: whose packet it is, who is next, what has taken too long.
 *
 * Between queues, which bring packets and buffers for packets, and the host's sockets (host.h).
 * Knows no clock: the time, in ns from any start, comes with the calls. Allocates when it is made
 * and never after. One thread at a time.
 *
 * Packets that no connection is to answer for are answered by RST where the protocol has one, and
 * dropped otherwise; each way to be dropped is counted. Nothing here ends the guest.
 */
#ifndef HUSK_VSOCK_MUX_H
#define HUSK_VSOCK_MUX_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "connection.h"
#include "host.h"

#define VSOCK_CONNECTIONS_MAX 1023u
#define VSOCK_COMMANDS_MAX 64u		/* clients that have not said where to */
#define VSOCK_LISTENERS_MAX 64u
#define VSOCK_TIMEOUT_NS 2000000000ull	/* for a command, for an answer, for the end */
#define VSOCK_CREDIT_NS 200000000ull	/* for credit; RFC 1122, 4.2.3.4: 0.1 to 1 s */
#define VSOCK_RETRY_NS 100000000ull	/* until the host may have descriptors again */
#define VSOCK_NEVER UINT64_MAX

/* Host ports that are given to host programs: [2^30, 2^31). */
#define VSOCK_PORT_FIRST 0x40000000u
#define VSOCK_PORT_LAST 0x7fffffffu

struct vsock_counters {
	uint64_t packets_in, packets_out, bytes_in, bytes_out;
	uint64_t opened;	/* connections that came to be open */
	uint64_t refused;	/* the host would not, or there were too many */
	uint64_t timed_out;
	uint64_t resets_in, resets_out;
	/* What was dropped, and why. */
	uint64_t wrong_cid, wrong_type, no_connection, ignored, payload_ignored, overrun;
};

struct vsock_mux;

/* Whether a guest may have this CID. */
bool vsock_cid_valid(uint64_t cid);

/*
 * For a guest with this CID, and at most so many connections (1 .. VSOCK_CONNECTIONS_MAX). host is
 * copied. HUSK_E_USAGE: a reserved CID; HUSK_E_HOST.
 */
int vsock_mux_create(struct vsock_mux **mux, uint64_t cid, unsigned max_connections,
		     const struct vsock_host *host, struct husk_error *e);

/* Closes all connections. NULL is fine. Listeners belong to the caller. */
void vsock_mux_destroy(struct vsock_mux *m);

/*
 * Clients of the listening socket fd are connected to this port of the guest, or, if port is
 * VSOCK_PORT_BY_COMMAND, to the one that they ask for (command.h). 0 or -errno: ENOSPC when there
 * are too many, or watch failed.
 */
#define VSOCK_PORT_BY_COMMAND (-1)
int vsock_mux_listen(struct vsock_mux *m, int fd, int64_t port);

/*
 * A packet from the guest, its chain checked by vsock_packet_parse_tx. False: there is no room for
 * an answer, nothing was done; to be tried again when the guest has taken a packet.
 */
bool vsock_mux_take(struct vsock_mux *m, const struct vsock_packet *p, uint64_t now);

/* Whether it would be so for any packet. */
bool vsock_mux_is_full(const struct vsock_mux *m);

/* Whether there may be a packet for the guest. */
bool vsock_mux_has_packet(const struct vsock_mux *m);

/*
 * Makes the next packet, in a buffer from vsock_packet_parse_rx, and commits it; connections take
 * turns. False: there is none after all, and the buffer is as it was.
 */
bool vsock_mux_give(struct vsock_mux *m, struct vsock_packet *p, uint64_t now);

/*
 * Whether the packet that was made last need not be told at once: it is payload, and its connection
 * does not need the guest for more to follow.
 */
bool vsock_mux_can_wait(const struct vsock_mux *m);

/* What watch was asked to tell: events is a set of enum vsock_event_bits. An old key is no harm. */
void vsock_mux_event(struct vsock_mux *m, uint64_t key, unsigned events, uint64_t now);

/* Writes what connections hold as far as sockets take it now, whether or not that was told. */
void vsock_mux_flush(struct vsock_mux *m, uint64_t now);

/* When vsock_mux_expire is to be called next; 0: now; VSOCK_NEVER. */
uint64_t vsock_mux_deadline(const struct vsock_mux *m);
void vsock_mux_expire(struct vsock_mux *m, uint64_t now);

/* Closes all connections, without a word to the guest; those who listen stay. */
void vsock_mux_reset(struct vsock_mux *m);

/* In use: connections of every state, and of these the clients without a command. */
unsigned vsock_mux_connections(const struct vsock_mux *m, unsigned *commands);

const struct vsock_counters *vsock_mux_counters(const struct vsock_mux *m);

#endif
