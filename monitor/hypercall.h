/* SPDX-License-Identifier: ISC */
/*
 * hypercall.h: the table of hypercalls, and the device through which they arrive.
 *
 * The window is a device on the bus like any other. What a handler gets is the gpa of the
 * guest's argument structure, unchecked: memory.h's accessors check it.
 */
#ifndef HUSK_HYPERCALL_H
#define HUSK_HYPERCALL_H

#include "../include/husk_abi.h"
#include "../include/hvt_abi.h"
#include "bus.h"
#include "cpu.h"
#include "device.h"
#include "mailbox.h"
#include "memory.h"

typedef enum vmexit_result hypercall_handler(void *ctx, gpa_t arg, struct husk_error *e);

struct hypercall {
	const char *name;		/* "block_write"; NULL: no handler */
	hypercall_handler *handler;
	void *ctx;
	uint64_t count;			/* how often it was called */
};

/* Told of each call that was served. */
typedef void hypercall_observer(void *ctx, uint64_t nr, gpa_t arg, enum vmexit_result result);

/* Solo5's numbers are below HVT_HYPERCALL_MAX, husk's own from HUSK_HYPERCALL_FIRST to _LAST. */
#define HYPERCALLS_MAX (HUSK_HYPERCALL_LAST + 1)

struct hypercalls {
	struct device_resource windows[2];	/* Solo5's numbers, husk's own */
	const struct mailbox *mailbox;	/* requests to the vcpu's thread; not owned */
	uint32_t served;		/* items of the access in hand that need not be served again */
	hypercall_observer *observer;	/* may be NULL */
	void *observer_ctx;
	struct hypercall table[HYPERCALLS_MAX];	/* by number */
};

/*
 * Puts the windows on the bus, at the architecture's place. What is posted to mailbox is seen between
 * two calls of one access. HUSK_E_HOST if the place is taken.
 */
int hypercalls_init(struct hypercalls *h, struct devices *d, const struct mailbox *mailbox,
		    struct husk_error *e);

/* HUSK_E_HOST: number 0, out of range, or served by somebody else. name must outlive h. */
int hypercalls_register(struct hypercalls *h, int nr, const char *name,
			hypercall_handler *handler, void *ctx, struct husk_error *e);

/* No-op for a number without a handler. */
void hypercalls_unregister(struct hypercalls *h, int nr);

/* observer is called after each call from now on; NULL for none. */
void hypercalls_observe(struct hypercalls *h, hypercall_observer *observer, void *ctx);

#endif
