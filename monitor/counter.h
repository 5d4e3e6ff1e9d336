/* SPDX-License-Identifier: ISC */
/*
 * counter.h: counts that one thread at a time keeps, and others may look at meanwhile.
 *
 * Who looks sees a count that was true a moment ago; two counts need not be of the same moment. As there is
 * one writer, adding takes no locked instruction.
 */
#ifndef HUSK_COUNTER_H
#define HUSK_COUNTER_H

#include <stdint.h>

static inline uint64_t counter_get(const uint64_t *count)
{
	return __atomic_load_n(count, __ATOMIC_RELAXED);
}

static inline void counter_add(uint64_t *count, uint64_t n)
{
	__atomic_store_n(count, counter_get(count) + n, __ATOMIC_RELAXED);
}

/* Of a count that says how something is. */
static inline void counter_set(uint64_t *count, uint64_t n)
{
	__atomic_store_n(count, n, __ATOMIC_RELAXED);
}

#endif
