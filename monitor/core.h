/*
 * core.h: one machine at run time: what it is made of, who serves its exits, and its loop.
 *
 * Knows no device and no file. Modules attach to it through the registration functions; all
 * of that ends with the seal, before the guest runs. One thread owns a core; only core_stop
 * may be called from elsewhere.
 */
#ifndef HUSK_CORE_H
#define HUSK_CORE_H

#include <stdint.h>

#include "device.h"
#include "error.h"
#include "event.h"
#include "hv.h"
#include "hypercall.h"
#include "manifest.h"
#include "memory.h"
#include "resource.h"

/* Tells the user something that does not end the run; one line without a newline. */
typedef void core_notice(void *ctx, const char *text);

typedef enum vmexit_result vmexit_handler(void *ctx, const struct hv_exit *exit, struct husk_error *e);

struct core {
	const struct hv_ops *ops;
	struct hv *hv;
	struct memory memory;
	struct resource_space gpas;	/* who lies where in guest memory */
	struct devices devices;
	struct hypercalls hypercalls;
	struct events events;
	struct core_vmexit {
		vmexit_handler *handler;
		void *ctx;
	} vmexits[HV_EXIT_KINDS];
	uint64_t cycle_freq;		/* ticks per second of the guest's counter */
	uint64_t net_ring;		/* gpa of the network ring, 0: none is offered */
	struct core_alarm {
		int (*look)(void *ctx, struct husk_error *e);
		void *ctx;
	} alarm;
	/* threads besides the vcpu's may call core_stop or core_raise */
	bool cross_thread;
	int console_fd;			/* where the guest's console goes, -1: nowhere; not owned */
	core_notice *notice;
	void *notice_ctx;
	int stop;			/* reason given to core_stop, 0 = go on; atomic */
	int exit_status;		/* as given by the guest's halt */
	uint64_t exits[HV_EXIT_KINDS];
	uint64_t calls;			/* system calls made for the guest, KVM_RUN excluded */
};

/*
 * Makes the machine: hypervisor, memory, buses, the hypercall window, the wait set. HUSK_E_HOST;
 * on failure *c is as after core_fini.
 */
int core_init(struct core *c, const struct hv_ops *ops, uint64_t mem_size, struct husk_error *e);

/* Frees everything; accepts a half-made core and the same one twice. Modules have detached. */
void core_fini(struct core *c);

/* HUSK_E_HOST if the exit kind has a handler already. */
int core_register_vmexit(struct core *c, enum hv_exit_kind kind, vmexit_handler *handler,
			 void *ctx, struct husk_error *e);
void core_unregister_vmexit(struct core *c, enum hv_exit_kind kind);

/* See hypercalls_register. */
int core_register_hypercall(struct core *c, int nr, const char *name, hypercall_handler *handler,
			    void *ctx, struct husk_error *e);
void core_unregister_hypercall(struct core *c, int nr);

/* The guest's machine is complete: nothing can be added or removed any more. */
void core_seal(struct core *c);

enum core_end {
	CORE_FAILED = -1,	/* e says why */
	CORE_HALTED = 0,	/* exit_status is the guest's */
	CORE_STOPPED = 1,	/* core_stop was called; core_run may be called again */
};

/* Runs the guest until it ends; *stop_reason is what core_stop was given, if it was. */
enum core_end core_run(struct core *c, int *stop_reason, struct husk_error *e);

/* Ends core_run soon, or at once when it is called next. Async-signal-safe. reason is not 0. */
void core_stop(struct core *c, int reason);

/*
 * For a module with a thread of its own: look is called by the vcpu's thread, outside the guest,
 * soon after core_raise; -1 ends the run with e. One per core: HUSK_E_HOST if there is one already.
 */
int core_register_alarm(struct core *c, int (*look)(void *ctx, struct husk_error *e), void *ctx,
			struct husk_error *e);
void core_unregister_alarm(struct core *c);

/* From any thread. */
void core_raise(struct core *c);

/* Passes a formatted line to the notice function, if there is one. */
void core_say(const struct core *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Lower-case name of an exit kind, for statistics: "pio". */
const char *hv_exit_name(enum hv_exit_kind kind);

#endif
