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

/*
 * A socket that has given less than it was asked for is empty, as epoll(7) says of streams. While bytes
 * have come within this time, that is believed, and no further read asks; a Unix socket can be wrong, as a
 * read ends at a message with descriptors too, so it is tried again after this time.
 */
#define VSOCK_LOOK_NS 10000000ull

/* Buffers that one read may fill, and of how many bytes: alone, and while others wait for their turn. */
#define VSOCK_BATCH 8u
#define VSOCK_READ_ALONE (4 * VSOCK_PAYLOAD_MAX)
#define VSOCK_READ_SHARED VSOCK_PAYLOAD_MAX

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

/* For how many buffers vsock_mux_give may have use, at most VSOCK_BATCH; 0: there is no packet. */
unsigned vsock_mux_buffers(const struct vsock_mux *m);

/*
 * Makes the next packets, in n buffers from vsock_packet_parse_rx, with at most VIRTQ_SIZE_MAX spans
 * in all, and commits them; they are of one connection, and connections take turns. Returns how many.
 * 0: there is none after all, and the buffers are as they were.
 */
unsigned vsock_mux_give(struct vsock_mux *m, struct vsock_packet *p, unsigned n, uint64_t now);

/*
 * Whether the packets that were made last need not be told at once: they are payload, and their
 * connection does not need the guest for more to follow.
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

/*
 * In use: connections of every state, and of these the clients without a command. By any thread, if commands is
 * NULL.
 */
unsigned vsock_mux_connections(const struct vsock_mux *m, unsigned *commands);

/* By any thread, with counter_get. */
const struct vsock_counters *vsock_mux_counters(const struct vsock_mux *m);

#endif
