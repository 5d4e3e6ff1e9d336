/* SPDX-License-Identifier: ISC */
/*
 * connection.h: one connection between a guest and a program of its host: what it is allowed, and
 * what it owes.
 *
 * Arithmetic and states only: neither sockets nor queues nor clocks. Whoever owns the connection
 * (mux.h) reads and writes the host's socket as it is told here, and reports what became of it.
 *
 * Credit: each side says how much it can hold (buf_alloc) and how much it has passed on (fwd_cnt);
 * the other has no more on the way than that. Counters run modulo 2^32; differences are taken in 64
 * signed bits, so that a guest that goes back on its word is given 0, not 4 GiB.
 */
#ifndef HUSK_VSOCK_CONNECTION_H
#define HUSK_VSOCK_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/uio.h>

#include "packet.h"

/*
 * What a connection holds for a host that does not read, and so what the guest may have on its way: a
 * few of the largest packets, so that neither side waits for the other after each.
 */
#define VSOCK_BUFFER_SIZE 262144u	/* of the ring, where there is none of the large ones left */
#define VSOCK_BUFFER_LARGE 1048576u	/* so that a stream wakes the guest twice per MB at most */
#define VSOCK_WINDOW_MAX (4u << 20)	/* bytes on their way to the guest, whatever it claims */

enum vsock_state {
	VSOCK_FREE = 0,
	VSOCK_COMMAND,		/* a host program has connected and not said where to */
	VSOCK_ASKING,		/* REQUEST waits to be sent, or for an answer */
	VSOCK_ANSWERING,	/* the guest has asked; RESPONSE waits to be sent */
	VSOCK_OPEN,
	VSOCK_CLOSING,		/* the host program is gone; the guest's RST has not come */
	VSOCK_RESET,		/* RST waits to be sent, nothing else is left */
};

/* Packets that wait to be sent, by falling urgency; RW is not among them, see vsock_can_read. */
enum vsock_owed {
	VSOCK_OWES_RST = 1,
	VSOCK_OWES_RESPONSE = 2,
	VSOCK_OWES_REQUEST = 4,
	VSOCK_OWES_SHUTDOWN = 8,	/* after what can be read */
	VSOCK_OWES_CREDIT_REQUEST = 16,
	VSOCK_OWES_CREDIT_UPDATE = 32,	/* any other packet says it too */
};

struct vsock_connection {
	TAILQ_ENTRY(vsock_connection) ready_link, timer_link, look_link;	/* the owner's */
	struct vsock_connection *next;				/* of the same hash, or free */
	uint64_t deadline;		/* ns; 0 for none */
	uint64_t read_at, look_at;	/* ns: when bytes were read last; when it is tried again */
	uint8_t *buffer;		/* size bytes, a ring: from the guest */
	uint32_t size;
	int fd;				/* of the host's socket; -1 when closed */
	uint32_t generation;		/* of this use of the object */
	uint32_t host_port, guest_port;
	uint16_t type;			/* enum vsock_type */
	uint8_t state;			/* enum vsock_state */
	uint8_t owes;			/* set of enum vsock_owed */
	uint8_t guest_shut, host_shut;	/* enum vsock_shutdown; what was said, for good */
	bool ours;			/* the host program asked; host_port is of our making */
	bool answers;			/* it is to be told "OK" */
	bool asked;			/* REQUEST was sent */
	bool begged;			/* CREDIT_REQUEST was sent, and nothing has come since */
	bool awaits_credit;		/* the deadline is that of the answer */
	bool answered;			/* that has been answered, and nothing was sent since */
	bool readable, writable;	/* what the host's socket was when last looked at */
	bool ends;			/* the host program has said its last, which may wait to be read */
	bool hung_up;			/* it has closed it both ways */
	bool bulk;			/* the last read has filled a buffer */
	bool named, ready, timed, looks;	/* in the owner's lists, by ports, turn, and times */
	bool kept;			/* the ring has been written to */
	bool untold;			/* the socket's becoming writable is not told */
	uint8_t needless;		/* times that it was told for nothing */
	uint32_t buffered, buffer_at;	/* bytes in the ring; where they begin */

	uint32_t fwd_cnt, told_fwd_cnt;	/* passed on to the host; as the guest knows */
	uint32_t tx_cnt;		/* sent to the guest */
	uint32_t peer_buf_alloc, peer_fwd_cnt;
};

/* Makes c a new connection; buffer, size, links and generation are the owner's and stay. */
void vsock_connection_init(struct vsock_connection *c, enum vsock_state state, int fd);

/* ---- what may be sent to the guest ---- */

/* Bytes of payload that the guest has room for, 0 .. VSOCK_WINDOW_MAX. */
uint32_t vsock_credit(const struct vsock_connection *c);

/* Whether bytes from the host would go to the guest if there were any, now or with credit. */
bool vsock_wants_to_read(const struct vsock_connection *c);

/*
 * Whether the host's socket is to be read now. Of little credit no use is made before the guest has
 * been asked for more: used up each time, it would cut the stream into small pieces for good (the silly
 * window syndrome, RFC 1122, 4.2.3.4).
 */
bool vsock_can_read(const struct vsock_connection *c);

/* Whether the guest is to be asked for credit, without which there is nothing to read now. */
bool vsock_needs_credit(const struct vsock_connection *c);

/*
 * Whether more can follow what was sent before the guest has answered: it has room for a packet, and
 * for a fourth of what it can hold.
 */
bool vsock_is_ahead(const struct vsock_connection *c);

/* The guest does not answer: what credit there is will do, once. */
void vsock_give_up_asking(struct vsock_connection *c);

/* Bytes from the host were sent to the guest. */
void vsock_passed_to_guest(struct vsock_connection *c, uint32_t n);

/* Whether there is a packet to be made. */
bool vsock_has_packet(const struct vsock_connection *c);

/*
 * The most urgent of the packets that are owed, as op and flags of header; false if there is none.
 * It counts as sent.
 */
bool vsock_take_owed(struct vsock_connection *c, struct vsock_header *header);

/* Fills in what every packet of the connection says; the guest then knows the counters. */
void vsock_stamp(struct vsock_connection *c, struct vsock_header *header, uint64_t guest_cid);

/* The host program sends no more, or has hung up: SHUTDOWN is owed for what is new. */
void vsock_host_shuts(struct vsock_connection *c, unsigned what);

/* ---- what comes from the guest ---- */

enum vsock_verdict {
	VSOCK_IGNORED,		/* not in this state */
	VSOCK_NOTED,		/* nothing more to do */
	VSOCK_DELIVER,		/* the payload goes to the host */
	VSOCK_ACCEPTED,		/* the connection is open: the host program may be told */
	VSOCK_SHUT,		/* guest_shut has grown */
	VSOCK_GONE,		/* the guest does not know the connection any more */
	VSOCK_VIOLATION,	/* the connection is to be reset */
};

/* Takes note of a packet of this connection. */
enum vsock_verdict vsock_connection_receive(struct vsock_connection *c,
					    const struct vsock_header *header);

/* So many bytes from the guest were written to the host's socket. */
void vsock_passed_on(struct vsock_connection *c, uint32_t n);

/* The ring's content as one or two spans; returns how many, 0 if it is empty. */
int vsock_buffer_spans(const struct vsock_connection *c, struct iovec spans[2]);

/* Appends what has room, which the caller has seen to. */
void vsock_buffer_put(struct vsock_connection *c, const struct vsock_packet *p, uint32_t offset);

/* The first n bytes are written; vsock_passed_on included. */
void vsock_buffer_drop(struct vsock_connection *c, uint32_t n);

#endif
