/* SPDX-License-Identifier: ISC */
/*
 * vsock_driver.h: the guest's side of a vsock device: packets to and from its queues, and whose
 * socket they are for.
 *
 * All of it lies in memory that the application gives. What the monitor writes is copied once and
 * checked: packets that make no sense are dropped, and a queue that makes none fails the device,
 * whose connections are then over.
 */
#ifndef VSOCK_DRIVER_H
#define VSOCK_DRIVER_H

#include "../include/vsock.h"
#include "virtqueue.h"
#include "vsock_socket.h"

#define DRIVER_ORPHANS_MAX 16u
#define DRIVER_CLOSE_NS 10000000000ull	/* until the host has said that it knows of a close */

struct listener {
	uint32_t port, backlog;
	uint32_t waiting;		/* to be accepted */
};

/* An RST that no socket owes. */
struct orphan {
	uint32_t guest_port, host_port;
	uint16_t type;
};

/* Where the bytes of one socket go whose buffer is empty, while the application waits for them. */
struct sink {
	struct socket *socket;		/* NULL: into its buffer */
	uint8_t *at;
	uint32_t room;
};

struct driver {
	struct driver *next;		/* the owner's */
	solo5_handle_t handle;
	uint64_t cid;
	struct virtq queues[VSOCK_QUEUES];
	uint8_t *rx, *tx;		/* a unit of memory for each descriptor of these queues */
	uint32_t rx_unit, tx_unit;
	struct vsock_event *events;	/* the same */
	struct socket *sockets;
	uint32_t n_sockets;
	struct listener listeners[SOLO5X_VSOCK_PORTS_MAX];
	struct orphan orphans[DRIVER_ORPHANS_MAX];
	uint32_t n_listeners, n_orphans;
	uint32_t last_port, arrivals, last_ready;
	uint64_t deadline;		/* the first of the sockets that are closing */
	struct sink sink;
	bool owing;			/* a socket may owe packets */
	bool tx_wanted;			/* something could not be sent for want of descriptors */
	bool failed;
};

/* Lays a driver out in the memory that config gives. NULL if it is too small. */
struct driver *driver_create(const struct solo5x_vsock_config *config, uint32_t queue_size_max);

/* Hands the queues to the monitor, with buffers in them. False: the monitor does not want them. */
bool driver_start(struct driver *d, solo5_handle_t handle);

/* Takes what has come, and sends what is owed. */
void driver_progress(struct driver *d);

/* Asks for a call at the next that comes. False: something is there already. */
bool driver_arm(struct driver *d);

/* Sends what sockets owe, as far as there are descriptors. */
void driver_send_owed(struct driver *d);

/* Sends up to size bytes of payload. Returns how many; 0: no credit or no descriptors. */
uint32_t driver_send(struct driver *d, struct socket *s, const uint8_t *buf, size_t size);

/* Whether a packet with payload could be sent now. */
bool driver_can_send(const struct driver *d, const struct socket *s);

struct listener *driver_listener(struct driver *d, uint32_t port);

/* A socket of the application's, not connected to anything; NULL if all are in use. */
struct socket *driver_new_socket(struct driver *d, enum socket_state state, uint32_t guest_port,
				 uint32_t host_port);

/* A guest port for a connection to this port of the host. */
uint32_t driver_new_port(struct driver *d, uint32_t host_port);

/* Both sides are told; the socket is free when the host has answered, or after a while. */
void driver_close(struct driver *d, struct socket *s);

#endif
