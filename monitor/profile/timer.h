/* SPDX-License-Identifier: ISC */
/* timer.h: interrupts the guest at a rate, by what kicks its vcpu. The backend's. */
#ifndef HUSK_PROFILE_TIMER_H
#define HUSK_PROFILE_TIMER_H

#include <signal.h>
#include <stdint.h>

#include "core.h"
#include "deadline.h"
#include "error.h"
#include "sandbox.h"

struct profile_timer {
	int id;
	int running;	/* whether there is one */
	int starter;	/* the kernel's number of the thread that has called profile_timer_start, */
	int thread;	/* and of the one that is signalled */
	uint64_t start, period_ns;
	sigset_t mask;	/* of the starter, before */
	const struct core *core;	/* whose vcpu is kicked by a thread, where no signal is enough */
	struct deadline ticks;
};

/*
 * From start on (clock_now_ns) every period_ns the calling thread leaves the guest. Where a signal is
 * enough for that, it is blocked in the calling thread until profile_timer_stop, and the hypervisor's
 * backend lets it through in the guest; elsewhere a thread kicks the vcpu, whoever runs it. HUSK_E_HOST.
 */
int profile_timer_start(struct profile_timer *t, const struct core *c, uint64_t start,
			uint64_t period_ns, struct husk_error *e);

/*
 * The calling thread is about to run the guest: the timer is to be its own. If it was another thread's,
 * profile_timer_rest is called at the end of the run, as the signal is not blocked outside of one.
 * Without a timer nothing happens. HUSK_E_HOST; there is none then.
 */
int profile_timer_follow(struct profile_timer *t, struct husk_error *e);

/* Asks for what profile_timer_follow takes once the sandbox is closed, if that may be needed. */
void profile_timer_confine(struct sandbox *out);

/* That run has ended. */
void profile_timer_rest(struct profile_timer *t);

/* Accepts a zeroed timer, and the same one twice. */
void profile_timer_stop(struct profile_timer *t);

#endif
