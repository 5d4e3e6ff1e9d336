/* SPDX-License-Identifier: ISC */
/* yield.c: waiting for input or for time to pass. */
#include "bindings.h"
#include "cpu.h"

void solo5_yield(solo5_time_t deadline, solo5_handle_set_t *ready_set)
{
	solo5_time_t now = solo5_clock_monotonic();
	struct hvt_poll arg = {.timeout_nsecs = deadline > now ? deadline - now : 0};

	cpu_hypercall(HVT_HYPERCALL_POLL, &arg);
	if (ready_set != NULL)
		*ready_set = arg.ready_set;
}
