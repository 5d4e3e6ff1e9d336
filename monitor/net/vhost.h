/* SPDX-License-Identifier: ISC */
/*
 * vhost.h: the kernel of the host serves the two queues of a network device: Linux's vhost-net.
 *
 * A worker of the kernel's then moves frames between guest memory and a tap. It is woken by the guest's
 * doorbells, which are no exits, and calls the guest by a descriptor. Only what the guest may write, and
 * what the host's page tables protect, is in its reach (vhost_table.h). What it holds for impossible in a
 * queue it tells, and does not go on. Linux uapi/linux/vhost.h; one file per host implements this.
 *
 * All by the thread that owns the core. Errors name no device; the caller wraps them.
 */
#ifndef HUSK_NET_VHOST_H
#define HUSK_NET_VHOST_H

#include <stdbool.h>
#include <stdint.h>

#include "../../include/net_abi.h"
#include "error.h"
#include "memory.h"
#include "sandbox.h"
#include "virtqueue.h"

#define VHOST_DEVICES_MAX 4u		/* each has a worker, and rules of the sandbox */
#define VHOST_HEADER 12			/* bytes of struct net_header */

struct vhost {
	int fd;				/* -1: not open, and so is none of the others */
	bool owned;			/* there is a worker */
	int kick[NET_QUEUES], broken[NET_QUEUES], call;	/* eventfds */
	int watch;			/* polls readable when there is something for vhost_look */
	int tap;			/* as it was given last; not owned */
};

#define VHOST_CLOSED {.fd = -1, .kick = {-1, -1}, .broken = {-1, -1}, .call = -1, .watch = -1, .tap = -1}

/*
 * Opens where, a path or @N, and finds out whether it is vhost-net and does what is needed; creates no
 * worker. A descriptor is duplicated. HUSK_E_HOST, HUSK_E_USAGE, with the remedy; *v is then closed.
 */
int vhost_open(struct vhost *v, const char *where, struct husk_error *e);

/* Ends the worker, if there is one, whoever else has the descriptor. Accepts a closed one. */
void vhost_close(struct vhost *v);

/*
 * Has the worker made, which gets the guest's memory, and tries whether it takes the tap, in front of
 * whose frames are header bytes: 0 or VHOST_HEADER. Before that, guest memory has the rights that it will
 * have. HUSK_E_HOST; what is left is for vhost_close.
 */
int vhost_begin(struct vhost *v, const struct memory *m, int tap, unsigned header,
		struct husk_error *e);

/* A queue that is to be served from index base on, once it is connected. HUSK_E_HOST. */
int vhost_set_queue(struct vhost *v, unsigned index, const struct virtqueue *q, uint16_t base,
		    struct husk_error *e);

/* The worker serves the queue, with this tap. HUSK_E_HOST. */
int vhost_connect(struct vhost *v, unsigned index, int tap, struct husk_error *e);

/* On return it touches neither queue nor buffers any more. Returns the next index that it would take. */
uint16_t vhost_disconnect(struct vhost *v, unsigned index);

/* As a doorbell. */
void vhost_kick(const struct vhost *v, unsigned index);

/* What has become readable; and whether frames that come are to be seen by vhost_look, or served. */
enum vhost_seen {
	VHOST_CALLED = 1,		/* there are completions that the guest wants to know of */
	VHOST_GONE = 2,			/* the interface does not exist any more */
	VHOST_FRAMES = 4,		/* frames have come, where nothing serves these */
	VHOST_BROKEN = 8,		/* << index of the queue */
};
unsigned vhost_look(const struct vhost *v);

/*
 * What was told of broken queues until now does not count. Only after vhost_disconnect of both, and where
 * it was the tap that went: deleting that looks broken to the kernel.
 */
void vhost_forget_broken(const struct vhost *v);

/* v->tap may be another than before: it is watched then, too. */
void vhost_watch_frames(struct vhost *v, bool watch);

/* What is needed once the sandbox is closed; n: which of them it is, below VHOST_DEVICES_MAX. */
void vhost_confine(const struct vhost *v, unsigned n, struct sandbox *s);

#endif
