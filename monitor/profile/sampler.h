/* SPDX-License-Identifier: ISC */
/*
 * sampler.h: what a guest was at, at each tick of a clock.
 *
 * A tick counts for what the run loop's next word about it says: the guest was interrupted, has made an
 * exit, or has been served. So no tick is missed or counted twice, whatever signals the thread, and a
 * signal only sees to it that there is a word soon.
 */
#ifndef HUSK_PROFILE_SAMPLER_H
#define HUSK_PROFILE_SAMPLER_H

#include <stdbool.h>
#include <stdint.h>

#include "callers.h"
#include "core.h"
#include "symbols.h"
#include "tree.h"

struct sampler {
	const struct core *core;
	struct symbols symbols;
	struct tree tree;
	struct callers callers;
	uint64_t period_ns;
	uint64_t start;		/* clock_now_ns of tick 0 */
	uint64_t ticks;		/* that are accounted for */
	struct place serving;	/* what the exit in hand turned out to be */
	bool ran;		/* there has been a run */
	bool stopped;		/* the last run was, instead of ending by itself */
	uint64_t waits, off;	/* samples in which the guest waits, or has no processor */
	uint64_t in_guest, nested;	/* samples of code; of these, with a caller */
};

/* The caller owns what is in symbols, and sets core and period_ns. */
void sampler_start(struct sampler *s);

/* ctx of its entries is a struct sampler that was started. */
extern const struct core_client sampler_client;

/* What a place is called; the result is in text, or lives as long as s. */
const char *sampler_name(const struct sampler *s, const struct place *at, char *text, size_t size);

#endif
