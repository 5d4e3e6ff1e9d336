/* SPDX-License-Identifier: ISC */
/* yield.c: waiting for input or for time to pass. */
#include "bindings.h"
#include "cpu.h"

/*
 * The monitor looks for frames only when it is asked: after so many times at the latest, or a device with
 * frames that the guest takes one by one would keep the others waiting.
 */
#define SKIPS_MAX 32u

const struct yield_queues *yield_queues, *yield_frames;
uint64_t inputs_seen;
solo5_handle_set_t yield_ignored;
static unsigned skipped;

static void tell_frames(bool asked)
{
	skipped = asked ? 0 : skipped + 1;
	if (yield_frames != NULL)
		yield_frames->looked(asked);
}

/* The devices that the monitor calls ready, before or at deadline. */
static solo5_handle_set_t poll(solo5_time_t deadline)
{
	solo5_time_t now = solo5_clock_monotonic();
	struct hvt_poll arg = {.timeout_nsecs = deadline > now ? deadline - now : 0};

	cpu_hypercall(HVT_HYPERCALL_POLL, &arg);
	tell_frames(true);
	return arg.ready_set & ~yield_ignored;
}

static solo5_handle_set_t look_at_queues(solo5_handle_set_t *served)
{
	solo5_handle_set_t ready = 0, more = 0;

	*served = 0;
	if (yield_queues != NULL)
		ready = yield_queues->look(served);
	if (yield_frames != NULL)
		ready |= yield_frames->look(&more);
	*served |= more;
	return ready;
}

static bool arm_queues(void)
{
	const bool armed = yield_queues == NULL || yield_queues->arm();

	return (yield_frames == NULL || yield_frames->arm()) && armed;
}

/* Whether something that is ready is enough, and the monitor need not be asked. */
static bool is_enough(void)
{
	return manifest_max_mtu() == 0 || (yield_frames != NULL && skipped < SKIPS_MAX);
}

/*
 * What has come by queues the guest sees for itself. The monitor is asked about other devices, and
 * to wait; of one with queues it says only that a look is worth while.
 */
static solo5_handle_set_t poll_queues(solo5_time_t deadline)
{
	solo5_handle_set_t served, ready, called;

	for (;;) {
		ready = look_at_queues(&served);
		if (ready == 0 && !arm_queues())
			continue;
		if (ready != 0 && is_enough()) {
			tell_frames(false);
			return ready;
		}
		called = poll(ready != 0 ? 0 : deadline);
		ready |= called & ~served;
		if ((called & served) != 0)
			ready |= look_at_queues(&served);
		if (ready != 0 || (called & served) == 0 || solo5_clock_monotonic() >= deadline)
			return ready;
	}
}

void solo5_yield(solo5_time_t deadline, solo5_handle_set_t *ready_set)
{
	const bool any = yield_queues != NULL || yield_frames != NULL;
	solo5_handle_set_t ready = any ? poll_queues(deadline) : poll(deadline);

	inputs_seen++;
	if (ready_set != NULL)
		*ready_set = ready;
}
