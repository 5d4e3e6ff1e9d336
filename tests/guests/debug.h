/* SPDX-License-Identifier: ISC */
/* debug.h: what guests that are to be debugged do: say where their parts are, and wait for a debugger. */
#ifndef DEBUG_H
#define DEBUG_H

#include "guest.h"

#define TICK_NS 1000000u

/* There once: its assembly has symbols. Clang makes no copies of functions, and has no word for it. */
#if __has_attribute(noclone)
#define ONCE __attribute__((noinline, noclone))
#else
#define ONCE __attribute__((noinline))
#endif

/* What a debugger changes so that the guest goes on. */
volatile uint64_t value __attribute__((aligned(16)));

static inline void say_address(const char *name, const volatile void *what)
{
	uint64_t n = (uintptr_t)what;
	char digits[17];
	size_t at = 16;

	digits[16] = '\0';
	do
		digits[--at] = "0123456789abcdef"[n & 15];
	while ((n >>= 4) != 0);
	say(name);
	say("=");
	say(digits + at);
	say("\n");
}

static inline void wait_for_value(void)
{
	while (value == 0)
		solo5_yield(solo5_clock_monotonic() + TICK_NS, NULL);
}

#endif
