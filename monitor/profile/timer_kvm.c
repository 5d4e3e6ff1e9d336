/* SPDX-License-Identifier: ISC */
/* timer_kvm.c: a timer that signals one thread: timer_create(2) with SIGEV_THREAD_ID. */
#include "timer.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"

#define TIMER_SIGNAL SIGURG	/* hv_kvm.h */

/* Linux uapi/asm-generic/siginfo.h: struct sigevent, 64 bytes; C libraries name its parts in their ways. */
struct event {
	union sigval value;
	int signal;
	int notify;
	int thread;
	uint8_t pad[64 - sizeof(union sigval) - 3 * sizeof(int)];
};
_Static_assert(sizeof(struct event) == 64, "struct sigevent");

#define NOTIFY_THREAD 4		/* SIGEV_THREAD_ID */

static struct timespec at(uint64_t ns)
{
	return (struct timespec){
		.tv_sec = (time_t)(ns / CLOCK_NS_PER_S), .tv_nsec = (long)(ns % CLOCK_NS_PER_S),
	};
}

/*
 * A signal that is not blocked and has no handler is dropped, and since Linux 6.13 that is the end of
 * its timer.
 */
static void block_signal(struct profile_timer *t)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, TIMER_SIGNAL);
	(void)pthread_sigmask(SIG_BLOCK, &set, &t->mask);
}

int profile_timer_start(struct profile_timer *t, uint64_t start, uint64_t period_ns,
			struct husk_error *e)
{
	struct event ev = {
		.signal = TIMER_SIGNAL, .notify = NOTIFY_THREAD, .thread = (int)syscall(SYS_gettid),
	};
	const struct itimerspec when = {.it_value = at(start + period_ns), .it_interval = at(period_ns)};

	if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &t->id) == -1)
		return husk_fail_sys(e, errno, "--profile: timer_create");
	t->running = 1;
	block_signal(t);
	if (syscall(SYS_timer_settime, t->id, TIMER_ABSTIME, &when, NULL) == 0)
		return 0;
	husk_fail_sys(e, errno, "--profile: timer_settime");
	profile_timer_stop(t);
	return -1;
}

void profile_timer_stop(struct profile_timer *t)
{
	if (!t->running)
		return;
	(void)syscall(SYS_timer_delete, t->id);
	(void)pthread_sigmask(SIG_SETMASK, &t->mask, NULL);
	t->running = 0;
}
