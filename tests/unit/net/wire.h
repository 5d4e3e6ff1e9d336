/* SPDX-License-Identifier: ISC */
/*
 * wire.h: a network device's other end, without privileges: a pair of sockets in place of a tap.
 *
 *	struct wire w;
 *
 *	wire_make(&w);
 *	netdev_open(&dev, "service0", &(struct uplink_request){.where = w.where}, 0, &e);
 *	wire_send(&w, frame, len);
 *	wire_free(&w);
 *
 * What goes wrong on the host ends the program.
 */
#ifndef WIRE_H
#define WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_FRAME_MAX 2048u

struct wire {
	int device;		/* the descriptor to attach; -1: closed */
	int host;		/* the end that tests use; -1: closed */
	char where[16];		/* the first as an option's value, "@5" */
};

/* Keeps frames apart and in order, and holds at least a hundred of them each way. */
void wire_make(struct wire *w);

/* The same with sockets of the given type. */
void wire_make_type(struct wire *w, int type);
void wire_free(struct wire *w);

/* Each end by itself. */
void wire_close_host(struct wire *w);
void wire_close_device(struct wire *w);

/* Towards the guest; false if there is no room. */
bool wire_send(const struct wire *w, const void *frame, size_t len);

/* What the guest sent: at most WIRE_FRAME_MAX bytes; -1 if there is nothing. */
long wire_receive(const struct wire *w, void *frame);

/* Frame number n, len bytes: 4 bytes of n, then a pattern that follows from it. */
void wire_fill(void *frame, size_t len, uint32_t n);

/* Whether that is what lies there. */
bool wire_matches(const void *frame, size_t len, uint32_t n);

#endif
