/* SPDX-License-Identifier: ISC */
/*
 * device.h: a vsock device: its three queues, and the connections behind them.
 *
 * Does its work in turns (io_thread.h). A chain that is no packet is given back with length 0 and
 * counted; what virtqueue.h calls impossible fails the turn. One thread at a time.
 */
#ifndef HUSK_VSOCK_DEVICE_H
#define HUSK_VSOCK_DEVICE_H

#include "calls.h"
#include "io_thread.h"
#include "mux.h"
#include "virtqueue.h"

struct vsock_device {
	struct vsock_mux *mux;		/* not owned */
	struct virtqueue queues[VSOCK_QUEUES];	/* enum vsock_queue; those not announced not in use */
	void (*call)(void *ctx);	/* the guest wants to be told of completions */
	void *ctx;
	struct vsock_calls calls;
	bool gated;			/* the guest has not taken note of a transport reset: */
	uint16_t events_submitted;	/* no more than these on the event queue */
	uint64_t malformed;		/* chains that were no packets, or no room for one */
};

/* One turn: packets both ways, as many as the budget allows. HUSK_E_GUEST. */
enum io_turn vsock_device_turn(struct vsock_device *d, uint64_t now, struct husk_error *e);

/* After a turn that began then and has ended idle: calls the guest, if that was put off. */
void vsock_device_rest(struct vsock_device *d, uint64_t began, uint64_t now);

/* When there has to be a turn without an event; VSOCK_NEVER. */
uint64_t vsock_device_deadline(const struct vsock_device *d);

/*
 * Closes all connections and tells the guest so by an event, after which it gets no packet until it
 * has given the event's buffer back. Without a buffer for the event it is told nothing. HUSK_E_GUEST.
 */
int vsock_device_reset_transport(struct vsock_device *d, struct husk_error *e);

/*
 * The guest has ended: the packets that it had submitted are taken, so that what it wrote reaches the
 * host as far as sockets take it now.
 */
void vsock_device_finish(struct vsock_device *d, uint64_t now);

/* Closes all connections; no queue is in use any more. */
void vsock_device_reset(struct vsock_device *d);

#endif
