/* SPDX-License-Identifier: ISC */
/*
 * price.h: what a way of doing something takes on this machine, by the processor's counter.
 *
 * Each is tried a few times, and its shortest run counts: whatever else goes on can only make one longer.
 */
#ifndef PRICE_H
#define PRICE_H

#include <stdbool.h>
#include <stdint.h>

#define PRICE_TRIES 3u

struct price_way {
	void (*go)(void *ctx);
	void *ctx;
};

/* Ticks of the shortest of PRICE_TRIES runs. */
uint64_t price_of(const struct price_way *way);

/* Whether one of as many runs, the last to be made, takes less than limit. */
bool price_is_below(const struct price_way *way, uint64_t limit);

#endif
