/* SPDX-License-Identifier: ISC */
/*
 * times.h: for how long the guest ran, waited, and had the monitor work for it.
 *
 * By the clock, of the thread that runs the guest; what I/O threads do meanwhile is in none of them.
 * Costs two looks at the clock for an exit, and two for a wait, so that it has to be asked for.
 */
#ifndef HUSK_TIMES_H
#define HUSK_TIMES_H

#include "core.h"
#include "module.h"

struct times {
	bool wanted;			/* set before times_attach */
	struct core *core;		/* NULL: not attached */
	bool running;
	uint64_t begun, begun_waited;	/* this run; what the core's waiter had waited then */
	uint64_t ran_ns, waited_ns;	/* those before it; their waits */
	uint64_t exit_at, exit_waited;	/* the exit in hand: when, and what had been waited; 0: none */
	uint64_t husk_ns;		/* exits that were served, without their waits */
};

/* Becomes a client of the core if wanted. HUSK_E_HOST. The core outlives it, or is finished with it. */
int times_attach(struct times *t, struct core *c, struct husk_error *e);

/* Tells them, in us, if wanted; between runs, or in attend. */
void times_report(const struct times *t, module_figure *tell, void *ctx);

#endif
