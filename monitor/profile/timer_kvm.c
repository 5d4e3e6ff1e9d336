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

static void disarm(struct profile_timer *t)
{
	if (t->running)
		(void)syscall(SYS_timer_delete, t->id);
	t->running = 0;
}

static int own_thread(void)
{
	return (int)syscall(SYS_gettid);
}

/* Ticks are multiples of the period after the start, whoever is interrupted. */
static int arm(struct profile_timer *t, int thread, struct husk_error *e)
{
	const uint64_t now = clock_now_ns();
	const uint64_t ticks = now > t->start ? (now - t->start) / t->period_ns : 0;
	struct event ev = {.signal = TIMER_SIGNAL, .notify = NOTIFY_THREAD, .thread = thread};
	const struct itimerspec when = {
		.it_value = at(t->start + (ticks + 1) * t->period_ns), .it_interval = at(t->period_ns),
	};

	if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &t->id) == -1)
		return husk_fail_sys(e, errno, "--profile: timer_create");
	t->running = 1;
	t->thread = thread;
	if (syscall(SYS_timer_settime, t->id, TIMER_ABSTIME, &when, NULL) == 0)
		return 0;
	husk_fail_sys(e, errno, "--profile: timer_settime");
	disarm(t);
	return -1;
}

int profile_timer_start(struct profile_timer *t, const struct core *c, uint64_t start,
			uint64_t period_ns, struct husk_error *e)
{
	(void)c;
	*t = (struct profile_timer){.start = start, .period_ns = period_ns, .starter = own_thread()};
	block_signal(t);
	if (arm(t, t->starter, e) == 0)
		return 0;
	profile_timer_stop(t);
	return -1;
}

int profile_timer_follow(struct profile_timer *t, struct husk_error *e)
{
	const int thread = t->starter == 0 ? 0 : own_thread();

	if (t->starter == 0 || (t->running && t->thread == thread))
		return 0;
	disarm(t);
	return arm(t, thread, e);
}

void profile_timer_confine(struct sandbox *out)
{
	if (!out->moves)
		return;
	out->values[SANDBOX_TIMER_CLOCK] = CLOCK_MONOTONIC;
	out->values[SANDBOX_TIMER_FLAGS] = TIMER_ABSTIME;
}

void profile_timer_rest(struct profile_timer *t)
{
	if (t->thread != t->starter)
		disarm(t);
}

/* Another thread's mask is its own. */
void profile_timer_stop(struct profile_timer *t)
{
	if (t->starter == 0)
		return;
	disarm(t);
	if (own_thread() == t->starter)
		(void)pthread_sigmask(SIG_SETMASK, &t->mask, NULL);
	t->starter = 0;
}
