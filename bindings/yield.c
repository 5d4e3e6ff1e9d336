/* SPDX-License-Identifier: ISC */
/* yield.c: waiting for input or for time to pass. */
#include "bindings.h"
#include "cpu.h"

const struct yield_queues *yield_queues;
uint64_t inputs_seen;
solo5_handle_set_t yield_ignored;

/* The devices that the monitor calls ready, before or at deadline. */
static solo5_handle_set_t poll(solo5_time_t deadline)
{
	solo5_time_t now = solo5_clock_monotonic();
	struct hvt_poll arg = {.timeout_nsecs = deadline > now ? deadline - now : 0};

	cpu_hypercall(HVT_HYPERCALL_POLL, &arg);
	return arg.ready_set & ~yield_ignored;
}

/*
 * What has come by queues the guest sees for itself. The monitor is asked about other devices, and
 * to wait; of one with queues it says only that a look is worth while.
 */
static solo5_handle_set_t poll_queues(solo5_time_t deadline)
{
	solo5_handle_set_t served, ready, called;

	for (;;) {
		ready = yield_queues->look(&served);
		if (ready == 0 && !yield_queues->arm())
			continue;
		if (ready != 0 && manifest_max_mtu() == 0)
			return ready;
		called = poll(ready != 0 ? 0 : deadline);
		ready |= called & ~served;
		if (ready == 0 && (called & served) != 0)
			ready = yield_queues->look(&served);
		if (ready != 0 || (called & served) == 0 || solo5_clock_monotonic() >= deadline)
			return ready;
	}
}

void solo5_yield(solo5_time_t deadline, solo5_handle_set_t *ready_set)
{
	solo5_handle_set_t ready = yield_queues != NULL ? poll_queues(deadline) : poll(deadline);

	inputs_seen++;
	if (ready_set != NULL)
		*ready_set = ready;
}
