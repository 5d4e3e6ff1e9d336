/* SPDX-License-Identifier: ISC */
/* timer.h: interrupts the guest at a rate, by the signal that kicks its vcpu. The backend's. */
#ifndef HUSK_PROFILE_TIMER_H
#define HUSK_PROFILE_TIMER_H

#include <signal.h>
#include <stdint.h>

#include "error.h"

struct profile_timer {
	int id;
	int running;	/* whether there is one */
	sigset_t mask;	/* of the thread, before */
};

/*
 * From start on (clock_now_ns) every period_ns the calling thread leaves the guest. It blocks the signal
 * until profile_timer_stop; in the guest, the hypervisor's backend lets it through. HUSK_E_HOST.
 */
int profile_timer_start(struct profile_timer *t, uint64_t start, uint64_t period_ns,
			struct husk_error *e);

/* In the same thread. Accepts a zeroed timer, and the same one twice. */
void profile_timer_stop(struct profile_timer *t);

#endif
