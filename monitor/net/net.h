/* SPDX-License-Identifier: ISC */
/*
 * net.h: the network devices of one machine, and what the parts of the module do for each other.
 *
 *	module_net.c	options, and the life of a device: open, attach, close
 *	calls.c		the hypercalls
 *	ring_place.c	the ring: where it lies, its doorbell, what is told of it
 *	queues.c	the devices' queues in its place: the same of them
 *	vhost_device.c	devices whose queues the host's kernel serves
 *
 * All by the thread that owns the core, but for what ring_thread.h says.
 */
#ifndef HUSK_NET_H
#define HUSK_NET_H

#include "device_set.h"
#include "module.h"
#include "netdev.h"
#include "queue.h"
#include "queues.h"
#include "ring_thread.h"
#include "sealed.h"
#include "vhost.h"

struct net_module;

struct net_device {
	struct set_device is;
	struct net_module *module;
	struct netdev dev;
	struct net_queues queues;
	struct net_vhost {
		bool on;		/* it serves the queues, or is to */
		bool could;		/* if anything were to run */
		struct vhost host;
		struct husk_error why_not;	/* if it is not on, though asked for */
		struct virtqueue queues[NET_QUEUES];	/* where they lie; memory is NULL: not announced */
		uint16_t told[NET_QUEUES];	/* submissions for which doorbells were seen to */
		unsigned n_bells;
		bool connected;		/* what was announced is served */
		bool called, frames;	/* seen, and not told yet */
	} vhost;
	char what[NET_QUEUES][MFT_NAME_SIZE + 32];	/* the queues' names */
};

struct net_module {
	struct core *core;
	struct device_set set;		/* of struct net_device */
	struct sealed sealed;		/* what their uplinks need to reattach */
	unsigned n_sources;		/* devices whose events are registered */
	bool no_ring, no_queues;	/* not to be offered */
	bool has_queues;		/* they were granted: then there is no ring */
	bool look;			/* --check */
	bool vhost_wanted, vhost_auto;	/* the kernel is to serve them; if it can */
	unsigned n_vhosts;
	struct ring ring;
	struct ring_thread thread;	/* of the ring, or of the TX queues */
	struct device_resource doorbell;
	uint32_t doorbell_id;		/* 0: there is no ring */
	unsigned client;		/* of the run loop, while there is a ring or queues */
	uint64_t kicks;
	uint64_t told_out, told_in;	/* of the counts of frames, to who looks on */
	unsigned first;			/* the device whose queue is served first */
	bool asks;			/* for doorbells of the TX queues; who owns these says it */
};

static inline bool net_has_ring(const struct net_module *s)
{
	return s->doorbell_id != 0;
}

/*
 * What the guest has submitted is served, and no thread but the caller's touches a device. Nothing to do
 * without a ring or queues.
 */
static inline int net_drain(struct net_module *s, struct husk_error *e)
{
	return ring_thread_drain(&s->thread, e);
}

/* ---- calls.c ---- */

#define NET_CALLS 3
extern const struct module_call net_calls[NET_CALLS];

/* The device with this handle, NULL if there is none. ctx: the module. */
struct netdev *net_device_of(void *ctx, uint64_t handle);

/* ---- ring_place.c ---- */

/* Takes memory for a ring, if one is to be offered. */
int net_reserve(void *state, struct core *c, struct husk_error *e);

/* All or nothing. HUSK_E_HOST. */
int net_ring_attach(struct net_module *s, struct husk_error *e);
void net_ring_detach(struct net_module *s);

/* Attends to the ring's or the queues' thread, and ends its work with a run. ctx: the module. */
extern const struct core_client net_client;

/* What the thread asks of the machine; batch is the ring's or the queues' own. */
struct ring_thread_host net_thread_host(struct net_module *s,
					void (*batch)(void *ctx, bool by_thread));

/* Tells who looks on of frames since the last time. */
void net_tell_batch(void *ctx, bool by_thread);

/* ---- queues.c ---- */

/* Whether the image wants queues and may have them: then they are there instead of a ring. */
bool net_queues_wanted(const struct net_module *s, const struct core *c);

/* All or nothing. HUSK_E_HOST. */
int net_queues_attach(struct net_module *s, struct husk_error *e);
void net_queues_detach(struct net_module *s);

/* HUSK_HYPERCALL_NET_OFFLOADS: sets granted and ret of rq. HUSK_E_HOST, HUSK_E_GUEST. */
int net_queues_offload(struct net_module *s, struct husk_net_offloads *rq, struct husk_error *e);

extern const struct ring_work net_queues_work;	/* of the module */
void net_tell_queues(void *ctx, bool by_thread);

/* What POLL asks of a device. ctx: the device. */
int net_source_fd(void *ctx);
int net_source_ready(void *ctx, bool readable, struct husk_error *e);

/* ---- vhost_device.c ---- */

int net_vhost_check(const char *value, struct husk_error *e);

/* Opens what is needed for each device; --check is told what came of it. HUSK_E_USAGE, HUSK_E_HOST. */
int net_vhost_open(struct net_module *s, const struct settings *settings, struct husk_error *e);
void net_vhost_confirm(const struct net_module *s, const struct module_host *host);
void net_vhost_close(struct net_device *d);

/* There will be queues; HUSK_E_HOST. There will be none. */
int net_vhost_attach(struct net_module *s, struct husk_error *e);
void net_vhost_decline(struct net_module *s);
void net_vhost_detach(struct net_module *s);

/* The workers are made. Whoever cannot have one has vhost.on false, or it fails: HUSK_E_HOST. */
int net_vhost_start(struct net_module *s, struct husk_error *e);
bool net_vhost_serves_all(const struct net_module *s);
void net_vhost_confine(const struct net_module *s, struct sandbox *out);

/* With vhost.on, in place of what queues.c does. */
int net_vhost_announce(struct net_device *d, unsigned index, const struct virtqueue *q,
		       struct husk_error *e);
void net_vhost_take_back(struct net_device *d);
void net_vhost_ring(struct net_device *d, unsigned index);
int net_vhost_fd(const struct net_device *d);
int net_vhost_ready(struct net_device *d, bool readable, struct husk_error *e);

/*
 * Before the uplink is used, which may bring it back: if it was seen to be gone, the kernel does not serve the
 * queues any more. With vhost.on or without.
 */
void net_vhost_notice(struct net_device *d);

/* Waits until what was submitted is sent: 1. 0: the thread is wanted first. -1: HUSK_E_GUEST. */
int net_vhost_settle(struct net_device *d, struct husk_error *e);

/* The machine stands still, and goes on. HUSK_E_GUEST. */
int net_vhost_quiesce(struct net_module *s, struct husk_error *e);
void net_vhost_resume(struct net_module *s);

#endif
