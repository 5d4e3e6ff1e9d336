/* SPDX-License-Identifier: ISC */
/*
 * table.h: the places for one guest's connections: which are taken, who has the next turn, and who
 * expires first.
 *
 * Owns the connections and their buffers. Knows neither guest nor host: what becomes of a descriptor
 * and what the guest is told is its user's (mux.h). Allocates when it is made and never after. One
 * thread at a time.
 */
#ifndef HUSK_VSOCK_TABLE_H
#define HUSK_VSOCK_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "connection.h"
#include "error.h"

#define VSOCK_BUCKETS 1024u

/* Keys have the index of a place in their low 32 bits, and the generation above, in all 56 bits. */
#define VSOCK_GENERATIONS 0xffffffu

/* The first connections at a time have large buffers; not all, for what a guest can make full. */
#define VSOCK_LARGE 16u

TAILQ_HEAD(vsock_connections, vsock_connection);

struct vsock_table {
	struct vsock_connection *connections;	/* owned; max of them */
	unsigned max;
	uint64_t n_used;			/* counter.h */
	struct vsock_connection *free;		/* by next */
	struct vsock_connection *buckets[VSOCK_BUCKETS];	/* those with ports, by next */
	struct vsock_connections ready;		/* in turn */
	struct vsock_connections timed;		/* the next to expire first */
	struct vsock_connections looking;	/* likewise, to be tried again */
	uint8_t *buffers;			/* owned; VSOCK_BUFFER_SIZE bytes for each connection, */
	uint8_t *large;				/* and then VSOCK_LARGE of VSOCK_BUFFER_LARGE */
	size_t buffers_size;
	uint16_t large_free;			/* set of the latter */
};

/* So many places, at least one. HUSK_E_HOST. */
int vsock_table_init(struct vsock_table *t, unsigned max, struct husk_error *e);

/* No connection has a descriptor any more. */
void vsock_table_fini(struct vsock_table *t);

/* A connection in this state and with this descriptor, in no list; NULL if there are too many. */
struct vsock_connection *vsock_table_add(struct vsock_table *t, enum vsock_state state, int fd);

/* Takes it out of all lists. Its descriptor is closed; its key and the content of its buffer are void. */
void vsock_table_remove(struct vsock_table *t, struct vsock_connection *c);

/* From now on it is found by these ports, which no other has. */
void vsock_table_name(struct vsock_table *t, struct vsock_connection *c, uint32_t host_port,
		      uint32_t guest_port);

/* NULL if there is none. */
struct vsock_connection *vsock_table_find(const struct vsock_table *t, uint32_t host_port,
					  uint32_t guest_port);

/* Whether a connection has this port of the host. */
bool vsock_table_has_port(const struct vsock_table *t, uint32_t host_port);

/* What events of this use of the place are told by; no later one has the same for a long time. */
uint64_t vsock_table_key(const struct vsock_table *t, const struct vsock_connection *c);

/* NULL if the key is void. */
struct vsock_connection *vsock_table_by_key(const struct vsock_table *t, uint64_t key);

/* ---- turns ---- */

/* To the end of the queue for a turn, if it has anything to send and is not in it. */
void vsock_table_schedule(struct vsock_table *t, struct vsock_connection *c);

/* The first of the queue, and takes it out; NULL if it is empty. */
struct vsock_connection *vsock_table_next(struct vsock_table *t);

/* ---- time ---- */

/* It expires then, in ns; instead of an earlier such call. */
void vsock_table_set_timer(struct vsock_table *t, struct vsock_connection *c, uint64_t deadline);
void vsock_table_clear_timer(struct vsock_table *t, struct vsock_connection *c);

/* The next to expire; NULL if none does. */
struct vsock_connection *vsock_table_first_timed(const struct vsock_table *t);

/* Its socket is to be tried again then, in ns; no earlier than any other is by then. */
void vsock_table_look_at(struct vsock_table *t, struct vsock_connection *c, uint64_t when);
void vsock_table_look_no_more(struct vsock_table *t, struct vsock_connection *c);

/* The next to be tried again; NULL if none is. */
struct vsock_connection *vsock_table_first_look(const struct vsock_table *t);

#endif
