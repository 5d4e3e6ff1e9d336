/* SPDX-License-Identifier: ISC */
/*
 * hv_fake.h: a hypervisor that plays a script instead of a guest and remembers what it was told.
 *
 * Beside the real backend in test programs and fuzzers. Guest memory has exactly the size asked
 * for, so that the address sanitizer sees the first byte beyond. It keeps hv.h's table of who may call
 * what when: a call that breaks it ends the program.
 */
#ifndef HV_FAKE_H
#define HV_FAKE_H

#include <pthread.h>

#include "../../monitor/hv.h"

#define HV_FAKE_DATA 64		/* bytes that one access can carry */
#define HV_FAKE_RECORDS 16
#define HV_FAKE_OVER "the script is over"	/* in the message of a run without a next step */
#define HV_FAKE_HZ 2000000000ull
#define HV_FAKE_IP 0x100abcull

/* Operations that can fail. */
enum hv_fake_op {
	HV_FAKE_ANY,
	HV_FAKE_CREATE,
	HV_FAKE_PROTECT,
	HV_FAKE_CYCLE_FREQ,
	HV_FAKE_SET_ENTRY,
	HV_FAKE_OWN,
	HV_FAKE_RUN,
	HV_FAKE_COMPLETE,
	HV_FAKE_DOORBELL_ADD,
	HV_FAKE_DEBUG,
};

/* For all fakes of the program; a test sets it back to {0}. */
extern struct hv_fake_faults {
	enum hv_fake_op op;	/* which calls count */
	unsigned seen;		/* how many there were */
	unsigned fail_at;	/* the one that fails, with HUSK_E_HOST and EIO; 0: none */
	bool from_then_on;	/* and all that follow it */
} hv_fake_faults;

struct hv_fake_step {
	struct hv_exit exit;
	uint8_t data[HV_FAKE_DATA];
	void (*hook)(void *ctx);	/* instead of an exit */
	void *ctx;
	int refuse;			/* instead of an exit: errno of the run */
	bool more;			/* belongs to the same instruction as the step before */
};

struct hv {
	uint8_t *ram;
	uint64_t size;
	struct hv_fake_step *steps;
	size_t n_steps, room, at;
	uint8_t *data;		/* of the last access, exactly as much as it has; or NULL */
	uint64_t ip;		/* what ip tells; 0: it is lost */
	struct cpu_regs regs;	/* what registers tell and take */
	struct cpu_fp fp;
	struct cpu_system system;
	struct hv_debug debug;	/* as it was set last */
	unsigned debug_sets;
	unsigned points_max;	/* of either kind; what limits tells */
	unsigned reinjections;
	uint16_t reinjected;		/* the number of the last one */
	bool kicked;		/* atomic */
	bool live;		/* at the end of the script, run waits for more of it */
	bool idle, go;		/* atomic: run waits so; there is more, or it is over (live is false) */
	enum { HV_FAKE_MADE, HV_FAKE_OWNED, HV_FAKE_IN_RUN, HV_FAKE_EXITED } state;
	pthread_t owner;
	bool pending;		/* the last exit was an access, and is not completed */
	unsigned runs, completions, owns;
	unsigned entries;	/* how often set_entry was called, and with what */
	struct cpu_state entry;
	unsigned n_protected;
	struct { uint64_t start, last; unsigned prot; } protected[HV_FAKE_RECORDS];
	unsigned n_bells;
	struct hv_fake_bell {
		enum bus_kind kind;
		uint64_t addr;
		unsigned width;
		int fd;
		bool matches;		/* rings for value only */
		uint64_t value;
	} bells[HV_FAKE_RECORDS];
};

extern const struct hv_ops hv_fake_ops;
extern const struct hv_ops hv_fake_plain_ops;	/* the same without what is optional */

/* Each adds a step to the script; a lack of memory ends the program. */
void hv_fake_exit(struct hv *hv, const struct hv_exit *exit);
void hv_fake_access(struct hv *hv, const struct bus_access *a, enum bus_kind kind);
void hv_fake_store(struct hv *hv, enum bus_kind kind, uint64_t addr, unsigned width,
		   uint64_t value);
void hv_fake_load(struct hv *hv, enum bus_kind kind, uint64_t addr, unsigned width);
void hv_fake_hypercall(struct hv *hv, uint64_t nr, uint32_t arg);

/* Called from inside the run, which then goes on, or is interrupted if it was kicked. */
void hv_fake_hook(struct hv *hv, void (*hook)(void *ctx), void *ctx);

/* What follows is the rest of the same instruction: complete runs into it too. */
void hv_fake_more(struct hv *hv, const struct bus_access *a, enum bus_kind kind);

/*
 * For a script that another thread writes while this one runs: plays what is there and returns when
 * run waits for more, or when over says so (may be NULL).
 */
void hv_fake_play(struct hv *hv, bool (*over)(void *ctx), void *ctx);

/* The hypervisor refuses the run. */
void hv_fake_refuse(struct hv *hv, int sys);

#endif
