/*
 * hv.h: what a hypervisor backend implements, and the neutral exits it reports.
 *
 * One backend is in a binary (hv_backend); tests link another one beside it. A backend knows
 * no device, no hypercall and no file format. One thread owns an hv; only kick may be
 * called from another thread or from a signal handler.
 */
#ifndef HUSK_HV_H
#define HUSK_HV_H

#include <stdbool.h>
#include <stdint.h>

#include "bus.h"
#include "cpu.h"
#include "error.h"

struct hv;	/* each backend's own */

enum hv_exit_kind {
	HV_EXIT_PIO,		/* io */
	HV_EXIT_MMIO,		/* io */
	HV_EXIT_HALT,		/* the vcpu waits for an interrupt that cannot come */
	HV_EXIT_SHUTDOWN,	/* triple fault */
	HV_EXIT_INTERRUPTED,	/* a kick or a signal; nothing happened in the guest's eyes */
	HV_EXIT_DEBUG,
	HV_EXIT_FAULT,		/* fault: the guest broke a protection of its memory */
	HV_EXIT_ERROR,		/* error: the hypervisor cannot go on */
	HV_EXIT_KINDS
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
	};
};

enum hv_cap { HV_CAP_DOORBELL };

/* One finding of a probe: what was looked at, whether it will do, and the remedy if not (or ""). */
typedef void hv_finding(void *ctx, bool ok, const char *what, const char *remedy);

struct hv_ops {
	const char *name;	/* as in --version: "kvm" */
	const char *title;	/* as in messages: "KVM" */

	/* Looks at the host without keeping anything; returns 0 if guests can run. */
	int (*probe)(hv_finding *say, void *ctx);

	/*
	 * A machine with one vcpu and mem_size bytes of zero-filled RAM from gpa 0. Fails with
	 * HUSK_E_HOST and leaves nothing behind.
	 */
	int (*create)(struct hv **hv, uint64_t mem_size, struct husk_error *e);

	/* Host address of gpa 0; lives as long as hv. */
	void *(*memory)(struct hv *hv);

	/* Takes rights from [start, last] (host pages) for the guest; prot: enum memory_prot. */
	int (*protect)(struct hv *hv, uint64_t start, uint64_t last, unsigned prot,
		       struct husk_error *e);

	/* Ticks per second of the guest's counter. */
	int (*cycle_freq)(struct hv *hv, uint64_t *hz, struct husk_error *e);

	/* Sets the registers for the first instruction. */
	int (*set_entry)(struct hv *hv, const struct cpu_state *state, struct husk_error *e);

	/*
	 * Runs until something is to be done and completes the access that the last exit
	 * reported. Returns -1 if the hypervisor refused the call, else 0 and *exit.
	 */
	int (*run)(struct hv *hv, struct hv_exit *exit, struct husk_error *e);

	/*
	 * Makes the run in progress, or else the next one, return HV_EXIT_INTERRUPTED: from a
	 * signal
	 * handler of the thread that runs, and between own and disown from any thread.
	 */
	void (*kick)(struct hv *hv);

	/* The calling thread is the one that runs, from now on or no longer. HUSK_E_HOST. */
	int (*own)(struct hv *hv, struct husk_error *e);
	void (*disown)(struct hv *hv);

	/* The guest's instruction pointer after an exit; 0 if it cannot be had. */
	uint64_t (*ip)(struct hv *hv);

	bool (*has)(struct hv *hv, enum hv_cap cap);

	/*
	 * A guest's write of width bytes to addr signals fd without an exit; only with
	 * HV_CAP_DOORBELL.
	 */
	int (*doorbell_add)(void *hv, enum bus_kind kind, uint64_t addr, unsigned width, int fd,
			    struct husk_error *e);
	void (*doorbell_del)(void *hv, enum bus_kind kind, uint64_t addr, unsigned width, int fd);

	/* Frees everything; accepts NULL. */
	void (*destroy)(struct hv *hv);
};

extern const struct hv_ops hv_backend;

#endif
