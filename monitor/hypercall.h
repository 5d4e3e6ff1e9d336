/* SPDX-License-Identifier: ISC */
/*
 * hypercall.h: the table of hypercalls, and the device through which they arrive.
 *
 * The window is a device on the bus like any other. What a handler gets is the gpa of the
 * guest's argument structure, unchecked: memory.h's accessors check it.
 */
#ifndef HUSK_HYPERCALL_H
#define HUSK_HYPERCALL_H

#include <string.h>

#include "../include/husk_abi.h"
#include "../include/hvt_abi.h"
#include "bus.h"
#include "cpu.h"
#include "device.h"
#include "facts.h"
#include "mailbox.h"
#include "memory.h"

typedef enum vmexit_result hypercall_handler(void *ctx, gpa_t arg, struct husk_error *e);

/*
 * Says what a call was about, from what its handler has kept of it (hypercalls_keep); copy is NULL if
 * the call failed before that. Guest memory is not looked at.
 */
typedef void hypercall_describe(const void *ctx, const void *copy, struct facts *f);

struct hypercall {
	const char *name;		/* "block_write"; NULL: no handler */
	hypercall_handler *handler;
	hypercall_describe *describe;	/* may be NULL */
	void *ctx;
	uint64_t count;			/* how often it was called */
};

/* Told of each call that was served. */
typedef void hypercall_observer(void *ctx, uint64_t nr, gpa_t arg, enum vmexit_result result);

/* Solo5's numbers are below HVT_HYPERCALL_MAX, husk's own from HUSK_HYPERCALL_FIRST to _LAST. */
#define HYPERCALLS_MAX (HUSK_HYPERCALL_LAST + 1)

#define HYPERCALL_COPY_MAX 96

struct hypercalls {
	struct device_resource windows[2];	/* Solo5's numbers, husk's own */
	const struct mailbox *mailbox;	/* requests to the vcpu's thread; not owned */
	uint32_t served;		/* items of the access in hand that need not be served again */
	hypercall_observer *observer;	/* may be NULL */
	void *observer_ctx;
	struct hypercall_copy {
		bool kept;
		_Alignas(8) uint8_t bytes[HYPERCALL_COPY_MAX];
	} copy;				/* of the call in hand, for its describe */
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

/* Calls of this number, which has a handler, can be described from now on. */
void hypercalls_can_describe(struct hypercalls *h, int nr, hypercall_describe *describe);

/*
 * For handlers: keeps what they have copied of a call, for its describe; of several the last counts.
 * Costs nothing while there is no observer. HYPERCALLS_KEEP(h, &rq) checks the size.
 */
static inline void hypercalls_keep(struct hypercalls *h, const void *copy, size_t size)
{
	if (h->observer == NULL)
		return;
	memcpy(h->copy.bytes, copy, size);
	h->copy.kept = true;
}

static inline bool hypercalls_observed(const struct hypercalls *h)
{
	return h->observer != NULL;
}

#define HYPERCALLS_KEEP(h, objp) (__extension__({ \
	_Static_assert(sizeof *(objp) <= HYPERCALL_COPY_MAX, "HYPERCALL_COPY_MAX"); \
	hypercalls_keep((h), (objp), sizeof *(objp)); }))

/* For observers, inside of one: f says what the call was about, and is empty if nobody can say. */
void hypercalls_describe(const struct hypercalls *h, uint64_t nr, struct facts *f);

/* The name of a number that has a handler, else NULL. */
const char *hypercalls_name(const struct hypercalls *h, uint64_t nr);

/* observer is called after each call from now on; NULL for none. */
void hypercalls_observe(struct hypercalls *h, hypercall_observer *observer, void *ctx);

#endif
