/* SPDX-License-Identifier: ISC */
/*
 * core.h: one machine at run time: what it is made of, who serves its exits, and its loop.
 *
 * Knows no device and no file. Modules attach to it through the registration functions.
 *
 * What may be called in which state, and by which thread:
 *
 *	                       made   sealed  running   between exits  stopped
 *	register, add_client   owner  -       -         -              -
 *	unregister,
 *	  core_remove_client   owner  owner   -         -              owner
 *	core_seal              owner  -       -         -              -
 *	core_run               -      owner   -         -              owner
 *	guest memory, devices  owner  owner   see below vcpu           owner
 *	core_stop, core_post   any    any     any       any            any
 *	core_stopping          any    any     any       any            any
 *	core_wanted            -      -       -         vcpu           -
 *	core_finish,
 *	  core_serve_as        -      -       -         vcpu           -
 *	core_fini              owner  owner   -         -              owner
 *
 * owner: the thread that uses the core, one at a time. The one that is in core_run is the vcpu's
 * thread; running means that it is in the guest, between exits that it serves one or waits for its
 * devices. While the guest runs, a client's own thread may touch guest memory and devices by that
 * client's rules; between core_run's return and its next call no thread but the owner's does (see
 * quiesce). core_stop and core_post are async-signal-safe. What is posted while nothing runs is seen
 * by the next core_run.
 */
#ifndef HUSK_CORE_H
#define HUSK_CORE_H

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"
#include "command.h"
#include "device.h"
#include "error.h"
#include "event.h"
#include "facts.h"
#include "hv.h"
#include "hypercall.h"
#include "mailbox.h"
#include "manifest.h"
#include "memory.h"
#include "queues.h"
#include "resource.h"
#include "vmexit.h"
#include "wait.h"

/* Tells the user something that does not end the run; one line without a newline. */
typedef void core_notice(void *ctx, const char *text);

typedef enum vmexit_result vmexit_handler(void *ctx, const struct hv_exit *exit,
					  struct husk_error *e);

enum core_end {
	CORE_FAILED = -1,	/* e says why */
	CORE_HALTED = 0,	/* exit_status is the guest's */
	CORE_STOPPED = 1,	/* core_stop was called; core_run may be called again */
};

/* How a run ended, for who wants to know more than core_run returns. */
struct core_ending {
	enum core_end end;
	int reason;			/* CORE_STOPPED: as given to core_stop */
	int status;			/* CORE_HALTED: as given by the guest */
	gpa_t cookie;			/* CORE_HALTED: HVT_HALT_COOKIE_MAX bytes in memory; 0: none */
	const struct husk_error *error;	/* CORE_FAILED */
};

/* Callbacks of a client, all in the thread that is in core_run. NULL: not wanted, and free of cost. */
struct core_client {
	/* core_run begins: the client's own threads may go on. */
	void (*resume)(void *ctx);

	/* core_post was called with the client's id. -1 ends the run with e. */
	int (*attend)(void *ctx, struct husk_error *e);

	/*
	 * The machine is about to stand still: core_run returns. From here on until it is called
	 * again, no thread of the client's touches guest memory or a device. -1 turns a stop into a
	 * failure.
	 */
	int (*quiesce)(void *ctx, struct husk_error *e);

	/*
	 * An exit that counts is about to be served; its data is what the guest gave. Interruptions
	 * without a request do not count.
	 */
	void (*exit)(void *ctx, const struct hv_exit *exit);

	/* A hypercall has been served. */
	void (*call)(void *ctx, uint64_t nr, gpa_t arg, enum vmexit_result result);

	/*
	 * The run has ended. Guest memory is as the guest left it, and every client has quiesced.
	 * core_settle may be called.
	 */
	void (*end)(void *ctx, const struct core_ending *how);

	/* An exit that was told to exit has been served; result is not VMEXIT_RETRY. */
	void (*served)(void *ctx, const struct hv_exit *exit, enum vmexit_result result);

	/* The guest has been interrupted, with a request or without: by whatever signals its thread. */
	void (*interrupted)(void *ctx);

	/* A module has done what no hypercall asked for, such as serving a ring; see core_note. */
	void (*noted)(void *ctx, const char *what, const struct facts *facts);
};

#define CORE_CLIENTS_MAX 16
#define CORE_NO_CLIENT 0u

/* In the mailbox; the bit of the client with id n is 1 << (n - 1). */
#define CORE_STOP (1u << CORE_CLIENTS_MAX)
#define CORE_TIME_OUT (CORE_STOP << 1)
#define CORE_ENDS (CORE_STOP | CORE_TIME_OUT)

/* What core_run gives for core_time_out; core_stop has positive reasons. */
#define CORE_TIMED_OUT (-1)

struct symbol_file;
struct output;

struct core {
	const struct hv_ops *ops;
	struct hv *hv;
	const struct hv_caps *caps;	/* the backend's, of this machine */
	struct memory memory;
	struct resource_space gpas;	/* who lies where in guest memory */
	struct devices devices;
	struct hypercalls hypercalls;
	struct commands commands;	/* of modules, for who takes words from the user */
	struct queues queues;
	struct events events;
	struct waiter waiter;		/* the vcpu's thread's waits */
	struct mailbox mailbox;		/* requests to it */
	struct core_vmexit {
		vmexit_handler *handler;
		void *ctx;
	} vmexits[HV_EXIT_KINDS];
	struct core_client_slot {
		const struct core_client *is;	/* NULL: free */
		void *ctx;
	} clients[CORE_CLIENTS_MAX];
	unsigned exit_clients;		/* how many have an entry exit or served */
	unsigned interrupted_clients, noted_clients;	/* likewise */
	uint64_t cycle_freq;		/* ticks per second of the guest's counter */
	uint64_t net_ring;		/* gpa of the network ring, 0: none is offered */
	uint32_t wanted, granted;	/* enum husk_feature: by the image; of these, by modules */
	uint64_t block_alone;		/* set of handles: disks to which only the guest writes */
	uint64_t net_direct;		/* set of handles: network devices that the host's kernel serves */
	const struct symbol_file *symbols;	/* the image's names, for modules' attach; NULL: none */
	int console_fd;			/* where the guest's console goes, -1: nowhere; not owned */
	void (*console)(void *ctx, const void *text, size_t len);	/* in its place; NULL: none */
	void *console_ctx;
	struct clock_own own_clock;	/* the guest's, if it is on */
	const struct output *console_out;	/* what there is of it; its module's; NULL: none is attached */
	core_notice *notice;
	void *notice_ctx;
	int stop_reason;		/* as given to core_stop; atomic */
	bool timed_out;			/* the run ends by core_time_out alone */
	bool ending;			/* the stop was taken, and core_run has not returned; atomic */
	struct hv_exit last;		/* the exit that was served last */
	bool retry;			/* it is to be served anew */
	unsigned finisher;		/* who is attended when an access is completed */
	unsigned completions;		/* calls of complete since core_finish */
	int exit_status;		/* as given by the guest's halt */
	gpa_t cookie;			/* as given by the guest's halt; 0: none */
	uint64_t exits[HV_EXIT_KINDS];
	uint64_t calls;			/* system calls made for the guest, but for those that run it */
};

/*
 * Makes the machine: hypervisor, memory, buses, the hypercall window, the mailbox. HUSK_E_HOST; on
 * failure *c is as after core_fini.
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

/*
 * Adds a client, which must outlive its stay; *id names it to core_post and core_remove_client, and
 * is not CORE_NO_CLIENT. They are called in the order of registration. HUSK_E_HOST if there are too
 * many; *id is then CORE_NO_CLIENT.
 */
int core_add_client(struct core *c, const struct core_client *client, void *ctx, unsigned *id,
		    struct husk_error *e);

/* No-op for CORE_NO_CLIENT. Its pending requests are dropped. */
void core_remove_client(struct core *c, unsigned id);

/* The guest's machine is complete: nothing can be added or removed any more. */
void core_seal(struct core *c);

/*
 * Runs the guest until it ends; *stop_reason is what core_stop was given, if it was. After
 * CORE_STOPPED no access of the guest is half done, but for one to be served anew (VMEXIT_RETRY) and
 * for one without an end, such as string I/O over all of memory.
 */
enum core_end core_run(struct core *c, int *stop_reason, struct husk_error *e);

/*
 * For a client's end that wants registers: completes the access that the run has ended in, so that they
 * are those behind its instruction. Nothing if there is none, if it was a fault, or if it is to be
 * served anew.
 */
void core_settle(struct core *c);

/* Ends core_run soon, or at once when it is called next, whatever the guest does. reason is not 0. */
void core_stop(struct core *c, int reason);

/*
 * The same with CORE_TIMED_OUT for a reason. A stop goes before it, whichever came first, and none is
 * lost by it: one that comes once this has ended the run is for the next.
 */
void core_time_out(struct core *c);

/* Between runs: what core_time_out has asked for too late is not for the next one. */
void core_forget_time(struct core *c);

/*
 * Whether core_stop or core_time_out was called and core_run has not returned since. For who must not
 * wait any longer, not even to come to a good end.
 */
static inline bool core_stopping(const struct core *c)
{
	return __atomic_load_n(&c->ending, __ATOMIC_RELAXED) || mailbox_has(&c->mailbox, CORE_ENDS);
}

/*
 * Whether the vcpu's thread is asked for anything: a handler that works long looks now and then, and
 * returns VMEXIT_RETRY. A handler that waits does so by wait_for, in c->waiter.
 */
static inline bool core_wanted(const struct core *c)
{
	return mailbox_has(&c->mailbox, ~0u);
}

/* Makes the vcpu's thread call the client's attend soon, outside the guest. */
void core_post(struct core *c, unsigned id);

/*
 * Tells the clients that want to know what a module has done beside hypercalls. Between exits, by the
 * vcpu's thread; core_is_noted says first whether there is such a client, so that nothing is gathered
 * in vain. what is static.
 */
void core_note(const struct core *c, const char *what, const struct facts *facts);

static inline bool core_is_noted(const struct core *c)
{
	return c->noted_clients > 0;
}

/*
 * Whether the guest is in the middle of an access: its registers may be those of before or behind
 * it. See core_finish.
 */
static inline bool core_unfinished(const struct core *c)
{
	return !c->retry && (c->last.kind == HV_EXIT_PIO || c->last.kind == HV_EXIT_MMIO);
}

/*
 * When an access has been served, the one in hand or a later one, it is completed without running
 * on, and the client is attended. Until it is called again with CORE_NO_CLIENT. An access without
 * an end is left unfinished after a while.
 */
void core_finish(struct core *c, unsigned id);

/* In attend: serves this exit as if it were the last one. */
enum vmexit_result core_serve_as(struct core *c, const struct hv_exit *exit, struct husk_error *e);

/* Passes a formatted line to the notice function, if there is one. */
void core_say(const struct core *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
