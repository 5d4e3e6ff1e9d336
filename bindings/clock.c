/* SPDX-License-Identifier: ISC */
/* clock.c: monotonic time from the CPU's counter or the monitor, wall time from the monitor. */
#include "../include/husk_abi.h"
#include "../include/solo5x.h"
#include "bindings.h"
#include "cpu.h"

#define NSEC_PER_SEC 1000000000ull
#define SHIFT 32

static uint64_t mult;			/* nanoseconds per tick, times 2^SHIFT */

void clock_init(uint64_t hz)
{
	if (hz == 0)
		bindings_abort("The monitor gave no counter frequency");
	mult = (NSEC_PER_SEC << SHIFT) / hz;
}

/* In runs that are to be alike the counter would not be. */
static solo5_time_t told(void)
{
	struct husk_clock_read arg = {0};

	cpu_hypercall((enum hvt_hypercall)HUSK_HYPERCALL_CLOCK, &arg);
	return arg.nsecs;
}

solo5_time_t solo5_clock_monotonic(void)
{
	yield_send_late();
	if ((solo5x_features() & HUSK_FEATURE_CLOCK) != 0)
		return told();
	/* 64 bits would overflow within minutes. */
	return (solo5_time_t)((unsigned __int128)cpu_ticks() * mult >> SHIFT);
}

solo5_time_t solo5_clock_wall(void)
{
	struct hvt_walltime arg = {0};

	yield_send_late();
	cpu_hypercall(HVT_HYPERCALL_WALLTIME, &arg);
	return arg.nsecs;
}
