/* SPDX-License-Identifier: ISC */
/*
 * vsock_socket.h: the guest's end of one connection: its state, its credit, and its buffer.
 *
 * Arithmetic and states only. Whoever owns the socket (vsock_driver.h) sends what it owes.
 *
 * Credit: each side says how much it can hold (buf_alloc) and how much of that was taken out
 * (fwd_cnt); the other has no more on the way. Counters run modulo 2^32; a monitor that goes back on
 * its word leaves the guest without credit, not with too much.
 */
#ifndef VSOCK_SOCKET_H
#define VSOCK_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../include/vsock_abi.h"

enum socket_state {
	SOCKET_FREE = 0,
	SOCKET_CONNECTING,		/* REQUEST was sent, or is owed */
	SOCKET_OPEN,
	SOCKET_CLOSING,			/* both sides are told that it ends; RST has not come */
	SOCKET_OVER,			/* the host knows nothing of it, or will not when RST is sent */
};

/* Packets that wait to be sent, by falling urgency. */
enum socket_owed {
	SOCKET_OWES_RST = 1,
	SOCKET_OWES_REQUEST = 2,
	SOCKET_OWES_RESPONSE = 4,
	SOCKET_OWES_SHUTDOWN = 8,
	SOCKET_OWES_CREDIT_UPDATE = 16,	/* any other packet says it too */
};

enum socket_end {			/* how it ended, once it is SOCKET_OVER */
	SOCKET_ENDED = 0,
	SOCKET_REFUSED,
	SOCKET_RESET,
};

struct socket {
	uint64_t deadline;		/* of SOCKET_CLOSING */
	uint8_t *buffer;		/* a ring of size bytes; not owned */
	uint32_t size;
	uint32_t at, held;		/* where what was not read begins; how much it is */
	uint32_t generation;		/* of this use of the object; never 0 */
	uint32_t guest_port, host_port;
	uint32_t arrival;		/* the order of those that wait to be accepted */
	uint8_t state;			/* enum socket_state */
	uint8_t owes;			/* set of enum socket_owed */
	uint8_t own_shut, peer_shut;	/* enum vsock_shutdown; for good */
	uint8_t end;			/* enum socket_end */
	uint8_t watched;		/* what the application waits for */
	bool owned;			/* by the application, which has not closed it */
	bool waits;			/* for the application to accept it */
	bool end_told, break_told;	/* the application knows: nothing more comes; nothing goes */
	uint32_t fwd_cnt, told_fwd_cnt;	/* read by the application; as the host knows */
	uint32_t tx_cnt;		/* sent */
	uint32_t peer_buf_alloc, peer_fwd_cnt;
};

/* Makes s a new socket; buffer, size and generation stay. */
void socket_init(struct socket *s, enum socket_state state, uint32_t guest_port,
		 uint32_t host_port);

/* Takes note of what a packet of this connection says of credit. */
void socket_absorb_credit(struct socket *s, const struct vsock_header *h);

/* Bytes that the host has room for. */
uint32_t socket_credit(const struct socket *s);

/* Whether bytes may still come, or be sent, now or later. */
bool socket_may_receive(const struct socket *s);
bool socket_may_send(const struct socket *s);

/*
 * Takes note of a packet of this connection, all but its payload. True: the payload is for the
 * application, and has room. The socket may owe packets afterwards.
 */
bool socket_receive(struct socket *s, const struct vsock_header *h);

/* Keeps len bytes, which have room. */
void socket_keep(struct socket *s, const uint8_t *bytes, uint32_t len);

/* Moves up to size bytes of what is kept to the application. Returns how many. */
uint32_t socket_take(struct socket *s, uint8_t *buf, uint32_t size);

/* The application has got so many bytes; socket_take included. */
void socket_passed_on(struct socket *s, uint32_t n);

/* The connection is over at once; the host is told by RST if it knows of it. */
void socket_reset(struct socket *s, enum socket_end end);

/* The application's shutdown; SHUTDOWN is owed for what is new. */
void socket_shut(struct socket *s, unsigned directions);

/*
 * The most urgent of the packets that are owed, as op and flags of h; false if there is none. It
 * counts as sent.
 */
bool socket_take_owed(struct socket *s, struct vsock_header *h);

/* Fills in what every packet of the connection says; the host then knows the counters. */
void socket_stamp(struct socket *s, struct vsock_header *h, uint64_t cid);

/* Whether nobody has anything to do with it any more. */
bool socket_is_done(const struct socket *s);

#endif
