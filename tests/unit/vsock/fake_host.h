/* SPDX-License-Identifier: ISC */
/*
 * fake_host.h: sockets of a made-up host for the connections of a guest.
 *
 * What a program of the host sends is a given text, and after it the stream of its socket: byte n is
 * vsock_fake_byte(stream, n). What the guest sends is checked to be such a stream, or is kept while
 * it is short. Every change is an event until vsock_fake_events hands it out.
 */
#ifndef FAKE_HOST_H
#define FAKE_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "../../../monitor/vsock/host.h"

#define FAKE_SOCKETS 72
#define FAKE_FD 100			/* of the first socket */
#define FAKE_LISTENER 50		/* the only descriptor that can accept */

struct fake_socket {
	bool open;
	uint64_t key;			/* of its events; 0 until it is watched */
	bool untold;			/* that it has become writable */
	unsigned events;		/* not handed out yet */
	uint8_t text[64];		/* is read first */
	unsigned n_text, text_at;
	uint8_t stream;
	uint64_t sent, readable;	/* bytes of the stream that were read; that may be */
	bool ends, hung_up;		/* after these; and it has closed the other way too */
	int read_error, write_error;	/* errno of the next call, if not 0 */
	uint64_t room, got;		/* bytes that it will take; that it has taken */
	uint64_t skip;			/* of these, so many at the front are no stream */
	uint8_t head[32];		/* the first it has taken */
	bool shut_read, shut_write;	/* by the monitor */
	bool wrong;			/* what came was not the stream, or came too late */
	unsigned most;			/* bytes per call, 0: as many as there are */
};

struct vsock_fake {
	struct fake_socket sockets[FAKE_SOCKETS];
	uint64_t listener_key;
	unsigned waiting;		/* clients that were not accepted */
	struct fake_socket client;	/* what each of them is */
	int connect_error, accept_error, watch_error;	/* errno, until it is set to 0 */
	uint32_t connected_port;	/* of the last connect */
	unsigned connects, open, most_open, misused;
	unsigned reads;			/* calls of read */
	unsigned writable_calls;	/* of watch_writable */
	int writable_error;		/* errno of it, until it is set to 0 */
	uint8_t next_stream;
};

uint8_t vsock_fake_byte(uint8_t stream, uint64_t n);

void vsock_fake_init(struct vsock_fake *f, struct vsock_host *host);

/* The socket of this descriptor. */
struct fake_socket *vsock_fake_socket(struct vsock_fake *f, int fd);

/* The next event that was not handed out, cleared; false if there is none. */
bool vsock_fake_event(struct vsock_fake *f, uint64_t *key, unsigned *events);

#endif
