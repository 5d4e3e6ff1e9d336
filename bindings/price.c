/* SPDX-License-Identifier: ISC */
/* price.c: measures ways by running them. */
#include "price.h"

#include "cpu.h"

static uint64_t once(const struct price_way *way)
{
	const uint64_t began = cpu_ticks();

	way->go(way->ctx);
	return cpu_ticks() - began;
}

uint64_t price_of(const struct price_way *way)
{
	uint64_t least = once(way);

	for (unsigned i = 1; i < PRICE_TRIES; i++) {
		const uint64_t ticks = once(way);

		least = ticks < least ? ticks : least;
	}
	return least;
}

bool price_is_below(const struct price_way *way, uint64_t limit)
{
	for (unsigned i = 0; i < PRICE_TRIES; i++)
		if (once(way) < limit)
			return true;
	return false;
}
