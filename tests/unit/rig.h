/* SPDX-License-Identifier: ISC */
/*
 * rig.h: a core on the fake hypervisor, with modules and devices: what tests of hypercalls need.
 *
 *	struct rig r;
 *
 *	rig_make(&r, RIG_MEMORY);
 *	rig_device(&r, "disk", MFT_DEV_BLOCK_BASIC);
 *	rig_option(&r, &module_block, "--block:disk=disk.img");
 *	rig_attach(&r, &module_block);
 *	end = rig_call(&r, HVT_HYPERCALL_BLOCK_READ, gpa);
 *	rig_free(&r);
 *
 * What can fail returns -1 and says why in r.e.
 */
#ifndef RIG_H
#define RIG_H

#include "../../monitor/core.h"
#include "../../monitor/module.h"
#include "hv_fake.h"

#define RIG_MEMORY HVT_MEM_GRANULE
#define RIG_MODULES 4
#define RIG_NOTICES 8

struct rig {
	struct core core;
	struct manifest *mft;	/* exactly as large as it is, for the address sanitizer */
	struct settings settings;
	unsigned n_modules;
	const struct module *modules[RIG_MODULES];
	void *state[RIG_MODULES];
	bool live;
	pthread_t thread;	/* while live: it is in core_run */
	int end, reason;	/* what core_run came to; end is atomic */
	unsigned n_notices;
	char notices[RIG_NOTICES][400];
	struct husk_error e;
};

extern const struct module module_core, module_block;

/*
 * If there is more than low memory, all of that is declared read-only, as the monitor does it for
 * every guest.
 */
int rig_make(struct rig *r, uint64_t mem_size);
void rig_free(struct rig *r);

/* Declares a device; its handle is what manifest_find says: 1 for the first. */
void rig_device(struct rig *r, const char *name, uint32_t type);

/* word must outlive r. */
int rig_option(struct rig *r, const struct module *m, const char *word);
int rig_attach(struct rig *r, const struct module *m);

enum rig_end { RIG_FAILED = -1, RIG_HALTED, RIG_STOPPED, RIG_RESUMED };

/*
 * From here on one core_run, by a thread of its own, plays all that rig_run and rig_call are given, as
 * if the caller were the guest; until it ends or rig_free stops it. After everything is attached.
 */
void rig_live(struct rig *r);

/* Ends that run, if there is one, as a stop does. */
void rig_stop(struct rig *r);

/* Plays what is in the script; RIG_RESUMED if it came to its end. */
enum rig_end rig_run(struct rig *r);

/* One hypercall, from the store in the window to the guest's next instruction. */
enum rig_end rig_call(struct rig *r, uint64_t nr, uint64_t arg);

/* What the n-th attached module reports about a subject; UINT64_MAX if it does not. */
uint64_t rig_figure(const struct rig *r, unsigned n, const char *subject, const char *name);

/* Where gpa lies; no check. */
void *rig_at(const struct rig *r, uint64_t gpa);

/* A descriptor that is ready whenever it polls readable, as the device with this handle. */
int rig_add_device(struct rig *r, int fd, unsigned handle);

#endif
