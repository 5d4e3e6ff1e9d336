/* SPDX-License-Identifier: ISC */
/*
 * guest.h: the socket devices of one machine, and what the parts of the module do for each other.
 *
 *   module_vsock.c  options, and the life of a device: open, attach, start, detach, close
 *   host_calls.c    the host's sockets, as the connections use them
 *   serve.c         the I/O thread's turns, the run loop's pauses, what POLL waits for
 *   queues.c        their queues, and doorbells
 *   figures.c       what --stats tells
 *
 * A device belongs to the I/O thread while that is not paused, and to the vcpu's thread otherwise.
 */
#ifndef HUSK_VSOCK_GUEST_H
#define HUSK_VSOCK_GUEST_H

#include "device.h"
#include "device_set.h"
#include "io_thread.h"
#include "module.h"
#include "routes.h"
#include "wake.h"

struct vsock_module;

struct vsock_guest {
	struct set_device is;
	struct vsock_module *module;
	struct vsock_routes routes;
	struct vsock_mux *mux;		/* owned, while attached */
	struct vsock_device device;
	struct wake bell, call;		/* by the guest, and for it */
	bool called;			/* since POLL last said so; atomic */
	bool is_source;			/* of POLL */
	unsigned client;		/* of the thread */
	unsigned n_bells;		/* that the hypervisor rings without an exit */
	uint64_t calls;			/* that it was called */
	uint64_t thread_calls, vcpu_calls;	/* system calls, by each thread */
	char what[VSOCK_QUEUES][MFT_NAME_SIZE + 40];	/* names of the queues */
};

struct vsock_module {
	struct core *core;
	struct device_set set;		/* of struct vsock_guest */
	struct io_thread thread;
	bool stuck;			/* the thread was, and has been ended */
	unsigned client;		/* of the run loop */
	uint64_t trapped;		/* doorbells that were exits */
};

/* ---- host_calls.c ---- */

/* For g's connections. */
struct vsock_host guest_host_calls(struct vsock_guest *g);

/* ---- serve.c ---- */

/* A thread, which does not run yet, that stands still whenever the run loop does. HUSK_E_HOST. */
int serve_init(struct vsock_module *s, struct husk_error *e);

/* Ends the thread. Accepts the same object twice, and one whose serve_init has failed. */
void serve_fini(struct vsock_module *s);

/*
 * On return the thread, if there is one, is paused. ctx is the module. HUSK_E_HOST: it has failed, or
 * was ended because it did not come back from a call and the run is to end.
 */
int serve_pause(void *ctx, struct husk_error *e);

/* The thread will serve g, whose doorbell is there. HUSK_E_HOST. */
int serve_add(struct vsock_guest *g, struct husk_error *e);

/* Completions are there that the guest, ctx, asked to be told of. By the thread. */
void guest_call(void *ctx);

/* What POLL waits for: such calls. */
struct event_source guest_source(struct vsock_guest *g);

/* ---- queues.c ---- */

/* Those of g's doorbells that the hypervisor can do without an exit: all, some or none. */
void doorbells_add(struct vsock_guest *g);
void doorbells_remove(struct vsock_guest *g);

extern const struct queue_ops vsock_queue_ops;	/* ctx is the guest */

/* ---- figures.c ---- */

void vsock_report(const void *state, module_figure *tell, void *ctx);

#endif
