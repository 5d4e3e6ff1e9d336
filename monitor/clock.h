/* SPDX-License-Identifier: ISC */
/* clock.h: time that only goes forward, and deadlines on it. */
#ifndef HUSK_CLOCK_H
#define HUSK_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define CLOCK_NS_PER_S 1000000000ull
#define CLOCK_NS_PER_MS 1000000ull

/* A deadline is a point of clock_now_ns. 0 has always passed; this one never does. */
#define CLOCK_NEVER UINT64_MAX

/* ns of CLOCK_MONOTONIC. Async-signal-safe; no system call where the host has a vDSO. */
uint64_t clock_now_ns(void);

/*
 * The deadline that is timeout_ns from now. 0 for 0, without reading the clock; CLOCK_NEVER from
 * INT64_MAX on, 292 years, where Linux's timers end.
 */
uint64_t clock_deadline(uint64_t timeout_ns);

/* The guest's clock where the program makes it: husk.h, struct husk_clock. */
struct clock_own {
	bool on;
	uint64_t now;		/* ns since the start */
	uint64_t wall, tick;
	uint64_t (*wait)(void *ctx, uint64_t now, uint64_t until);
	void *ctx;
};

/* Its time, which goes on by that. */
uint64_t clock_own_read(struct clock_own *c);

/* As clock_deadline. */
uint64_t clock_own_deadline(const struct clock_own *c, uint64_t timeout_ns);

/*
 * Goes on to until, or to when something has come; false if that is CLOCK_NEVER, and nothing is to
 * come.
 */
bool clock_own_wait(struct clock_own *c, uint64_t until);

#endif
