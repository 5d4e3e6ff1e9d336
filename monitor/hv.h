/* SPDX-License-Identifier: ISC */
/*
 * hv.h: what a hypervisor backend implements, and the neutral exits it reports.
 *
 * One backend is in a binary (hv_backend); tests link another one beside it. A backend knows no
 * device, no hypercall and no file format. What may be called when, and by which thread:
 *
 *	                          made   owned   in run  after an exit
 *	memory, caps              owner  owner   any     owner
 *	protect, set_entry,
 *	  cycle_freq, doorbells   owner  owner   -       owner
 *	own                       owner  -       -       -
 *	run                       -      owner   -       owner
 *	complete                  -      -       -       owner
 *	ip, registers, debug      owner  owner   -       owner
 *	disown                    -      owner   -       owner
 *	kick                      any    any     any     any
 *	destroy                   owner  -       -       -
 *
 * One thread at a time uses an hv; between own and disown it is the thread that called own. Nothing
 * here takes a lock.
 */
#ifndef HUSK_HV_H
#define HUSK_HV_H

#include <stdbool.h>
#include <stdint.h>

#include "bus_access.h"
#include "cpu.h"
#include "error.h"

struct hv;	/* each backend's own */

enum hv_exit_kind {
	HV_EXIT_PIO,		/* io */
	HV_EXIT_MMIO,		/* io */
	HV_EXIT_HALT,		/* the vcpu waits for an interrupt that cannot come */
	HV_EXIT_SHUTDOWN,	/* triple fault */
	HV_EXIT_INTERRUPTED,	/* a kick, a signal or no reason; invisible to the guest */
	HV_EXIT_DEBUG,		/* debug */
	HV_EXIT_FAULT,		/* fault: the guest accessed protected memory */
	HV_EXIT_ERROR,		/* error: the hypervisor cannot go on */
	HV_EXIT_KINDS
};

enum hv_debug_kind {
	HV_DEBUG_STEP,		/* one instruction was executed */
	HV_DEBUG_SOFT,		/* a breakpoint instruction; the instruction pointer is at it */
	HV_DEBUG_HARD,		/* a point that was set */
};

struct hv_exit {
	enum hv_exit_kind kind;
	union {
		struct bus_access io;	/* data lies in the backend, valid until the next run */
		struct {
			bool known;	/* whether gpa says where */
			uint64_t gpa;
		} fault;
		struct {
			const char *what;	/* "unhandled exit: exit_reason", static */
			uint64_t code;		/* the hypervisor's own number */
			const char *hint;	/* cause and remedy as far as known, or NULL */
		} error;
		struct hv_debug_exit {
			enum hv_debug_kind kind;
			int point;		/* HARD: index in what was set, -1 if unknown */
			uint64_t addr;		/* of the instruction; of a watchpoint: the access */
			uint16_t number;	/* SOFT, aarch64: the one in the instruction */
		} debug;
	};
};

/* Lower-case name of an exit kind, for statistics: "pio". */
const char *hv_exit_name(enum hv_exit_kind kind);

/* A guest's write of width bytes to addr signals fd without an exit. */
struct hv_doorbell_ops {
	/* HUSK_E_HOST. fd stays the caller's. */
	int (*add)(struct hv *hv, enum bus_kind kind, uint64_t addr, unsigned width, int fd,
		   struct husk_error *e);
	void (*del)(struct hv *hv, enum bus_kind kind, uint64_t addr, unsigned width, int fd);

	/*
	 * The same for writes of this value only, of which there may be several at one address; others
	 * are exits.
	 */
	int (*add_value)(struct hv *hv, enum bus_kind kind, uint64_t addr, unsigned width,
			 uint64_t value, int fd, struct husk_error *e);
	void (*del_value)(struct hv *hv, enum bus_kind kind, uint64_t addr, unsigned width,
			  uint64_t value, int fd);
};

/*
 * A vcpu's registers; the structures are the architecture's own. All fail with HUSK_E_HOST. After an
 * exit call complete first, as the access is still pending.
 */
struct hv_register_ops {
	/* Those that every program uses. */
	int (*get)(struct hv *hv, struct cpu_regs *regs, struct husk_error *e);
	int (*set)(struct hv *hv, const struct cpu_regs *regs, struct husk_error *e);

	/* Floating point and vectors; NULL if the hypervisor does not tell them. */
	int (*get_fp)(struct hv *hv, struct cpu_fp *fp, struct husk_error *e);
	int (*set_fp)(struct hv *hv, const struct cpu_fp *fp, struct husk_error *e);

	/* Segments, control registers and their like; NULL likewise. */
	int (*get_system)(struct hv *hv, struct cpu_system *system, struct husk_error *e);
};

enum hv_point_kind { HV_POINT_EXEC, HV_POINT_WRITE, HV_POINT_READ, HV_POINT_ACCESS };

#define HV_POINTS_MAX 32

/* How the guest is to be debugged from the next run on: all of it, each time. */
struct hv_debug {
	bool step;	/* HV_EXIT_DEBUG after one instruction, unless it is another exit itself */
	bool soft;	/* HV_EXIT_DEBUG at a breakpoint instruction (cpu_breakpoint) */
	unsigned n;
	struct hv_point {
		enum hv_point_kind kind;
		uint64_t addr;
		uint64_t len;		/* 1 to 8 bytes; EXEC: of the instruction */
	} points[HV_POINTS_MAX];
};

/*
 * A debugger's control over the vcpu. A step over an access is an exit as ever, and complete ends
 * it, with HV_EXIT_INTERRUPTED or HV_EXIT_DEBUG.
 */
struct hv_debug_ops {
	/*
	 * How many points the host's processor has, 0 if the hypervisor never hits them; before set,
	 * and before the sandbox. One register may serve either kind.
	 */
	void (*limits)(struct hv *hv, unsigned *exec, unsigned *watch);

	/* HUSK_E_HOST, also for points that the processor cannot have; what was set before holds then. */
	int (*set)(struct hv *hv, const struct hv_debug *d, struct husk_error *e);

	/*
	 * The instruction at the guest's ip is a breakpoint of its own, with this number. *exit becomes
	 * what it is without a debugger: HV_EXIT_INTERRUPTED if the guest takes its exception in the
	 * next run. HUSK_E_HOST.
	 */
	int (*reinject)(struct hv *hv, uint16_t number, struct hv_exit *exit, struct husk_error *e);
};

#define HV_REMARKS_MAX 2

/*
 * What a machine can do, found out by create; where the host's answer is unreliable, by trying. A
 * group of operations that it lacks is NULL.
 */
struct hv_caps {
	const struct hv_doorbell_ops *doorbells;
	const struct hv_register_ops *registers;
	const struct hv_debug_ops *debug;
	bool protects_guest;	/* protect applies to the guest, not only to the monitor */
	bool filters_cpuid;	/* the guest sees only the chosen processor features */
	const char *remarks[HV_REMARKS_MAX];	/* by create, for the user; NULL: no more */
};

/*
 * One finding of a probe: what was checked, whether it is sufficient, and the remedy if not (or
 * "").
 */
typedef void hv_finding(void *ctx, bool ok, const char *what, const char *remedy);

/* For a probe: what a machine with these lacks that its user may want to know. */
void hv_say_caps(const struct hv_caps *caps, hv_finding *say, void *ctx);

struct sandbox;

struct hv_ops {
	const char *name;	/* as in --version, in small letters */
	const char *title;	/* as in messages */

	/* Checks the host without keeping anything open; returns 0 if guests can run. */
	int (*probe)(hv_finding *say, void *ctx);

	/*
	 * A machine with one vcpu and mem_size bytes of zero-filled RAM from gpa 0, which is there on
	 * return. HUSK_E_HOST; on failure nothing is left behind.
	 */
	int (*create)(struct hv **hv, uint64_t mem_size, struct husk_error *e);

	/* Lives as long as hv, and does not change. */
	const struct hv_caps *(*caps)(const struct hv *hv);

	/* Host address of gpa 0; lives as long as hv. */
	void *(*memory)(struct hv *hv);

	/*
	 * Limits accesses to [start, last] (host pages) to prot (enum memory_prot): those of the
	 * monitor, and with protects_guest those of the guest. MEMORY_R always stays. HUSK_E_HOST.
	 */
	int (*protect)(struct hv *hv, uint64_t start, uint64_t last, unsigned prot,
		       struct husk_error *e);

	/* Ticks per second of the guest's counter. */
	int (*cycle_freq)(struct hv *hv, uint64_t *hz, struct husk_error *e);

	/* Sets the registers for the first instruction. */
	int (*set_entry)(struct hv *hv, const struct cpu_state *state, struct husk_error *e);

	/*
	 * Makes the calling thread the one that runs, until disown, and that kick reaches. The
	 * backend may use a signal; its header says which one and how it changes the thread's mask,
	 * which disown restores. HUSK_E_HOST.
	 */
	int (*own)(struct hv *hv, struct husk_error *e);
	void (*disown)(struct hv *hv);

	/*
	 * Completes the access of the last exit, and runs the guest until the next exit. Returns -1
	 * if the hypervisor refused the call, else 0 and *exit.
	 */
	int (*run)(struct hv *hv, struct hv_exit *exit, struct husk_error *e);

	/*
	 * Completes that access without running on: HV_EXIT_INTERRUPTED, or the next exit of the
	 * same instruction (string I/O), which must be served before the next call. May leave a
	 * kick pending.
	 */
	int (*complete)(struct hv *hv, struct hv_exit *exit, struct husk_error *e);

	/*
	 * Makes the run in progress, or else the next one, return HV_EXIT_INTERRUPTED. Stays
	 * pending until then; several count as one. Async-signal-safe, keeps errno.
	 */
	void (*kick)(struct hv *hv);

	/*
	 * What running, kicking and destroying need once the sandbox is closed. NULL: nothing that
	 * has a descriptor. Without s->threads only the owner will kick, in a signal handler or not.
	 */
	void (*confine)(struct hv *hv, struct sandbox *s);

	/* The guest's instruction pointer after an exit; false if it is unknown. */
	bool (*ip)(struct hv *hv, uint64_t *ip);

	/* Frees everything; accepts NULL. */
	void (*destroy)(struct hv *hv);
};

extern const struct hv_ops hv_backend;

#endif
