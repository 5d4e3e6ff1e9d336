/* SPDX-License-Identifier: ISC */
/* double_run.c: the stand-in's VM_RUN: the checks before each entry, kicks, signals and sleeps. */
#include "double.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define KICK (SIGRTMIN + 9)	/* between our own threads; always blocked outside KVM_RUN */
#define TICK_NS 10000000L	/* how often the host looks at a running vcpu */

static void kick_set(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, KICK);
}

static void drain_kicks(void)
{
	const struct timespec none = {0};
	sigset_t kick;

	kick_set(&kick);
	while (sigtimedwait(&kick, NULL, &none) == KICK)
		;
}

void vcpu_kick(struct machine *m)
{
	if (m->state == VCPU_RUNNING)
		pthread_kill(m->runner, KICK);
}

void vcpu_idle(struct machine *m)
{
	m->waiting++;
	while (m->state == VCPU_RUNNING) {
		vcpu_kick(m);
		giant_wait();
	}
	m->waiting--;
}

/* Something is pending that the runner would handle: the kernel would send it home. */
static bool signal_waits(const sigset_t *mask)
{
	sigset_t pending;

	sigpending(&pending);
	for (int s = 1; s < SIGRTMIN; s++)
		if (sigismember(&pending, s) == 1 && sigismember(mask, s) == 0)
			return true;
	return false;
}

/* The runner is inside from here on. */
static void go_in(struct machine *m)
{
	m->state = VCPU_RUNNING;
	m->runner = pthread_self();
}

static void come_out(struct machine *m, const sigset_t *mask)
{
	m->state = VCPU_IDLE;
	drain_kicks();
	m->ast = signal_waits(mask);
	giant_wake();
}

void vcpu_sleep(struct machine *m, const sigset_t *mask, long ms)
{
	const struct timespec slice = {ms / 1000, ms % 1000 * 1000000};
	sigset_t kick;

	kick_set(&kick);
	go_in(m);
	giant_leave();
	(void)sigtimedwait(&kick, NULL, &slice);
	giant_return();
	come_out(m, mask);
}

/* Linux virt/kvm/api.rst 4.22: only kicks interrupt KVM_RUN; its signal set has 64 bits. */
static void let_kicks_in(struct machine *m)
{
	const struct kvm_signal_mask head = {.len = 8};
	uint8_t arg[sizeof head + 8];
	sigset_t open;

	sigfillset(&open);
	sigdelset(&open, KICK);
	memcpy(arg, &head, sizeof head);
	memcpy(arg + sizeof head, &open, 8);
	(void)ioctl(m->vcpu, KVM_SET_SIGNAL_MASK, arg);
}

static void tick_for_me(struct machine *m)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = KICK};
	pid_t self = gettid();

	if (m->tick_thread == self)
		return;
	if (m->tick_thread != 0)
		timer_delete(m->tick);
	event._sigev_un._tid = self;
	m->tick_thread = timer_create(CLOCK_MONOTONIC, &event, &m->tick) == 0 ? self : 0;
	let_kicks_in(m);
}

static void tick(struct machine *m, long ns)
{
	const struct itimerspec every = {{0, ns}, {0, ns}};

	if (m->tick_thread != 0)
		(void)timer_settime(m->tick, 0, &every, NULL);
}

int vcpu_enter(struct machine *m, const sigset_t *mask)
{
	int error;

	tick_for_me(m);
	go_in(m);
	giant_leave();
	tick(m, TICK_NS);
	error = ioctl(m->vcpu, KVM_RUN, 0) == -1 ? errno : 0;
	tick(m, 0);
	giant_return();
	come_out(m, mask);
	return error;
}

void vcpu_complete(struct machine *m)
{
	__u8 *immediate = &m->run->immediate_exit;

	*immediate = 1;
	(void)ioctl(m->vcpu, KVM_RUN, 0);
	*immediate = 0;
}

static bool now_and_then(struct machine *m, unsigned rate)
{
	m->random = m->random * 1664525u + 1013904223u;
	return !double_personality()->calm && (m->random >> 16) % rate == 0;
}

static int event(struct machine *m, int code)
{
	cpu_event(m, code);
	return 0;
}

/* FreeBSD amd64: suspended, request, AST, debug; arm64: suspended, debug. */
static int before_entry(struct machine *m)
{
	if (m->how != 0) {
		m->stopped = true;
		cpu_event(m, VMM_EXIT_SUSPENDED);
		m->exit.suspended.how = m->how;
		return 0;
	}
	if (m->waiting > 0)
		return event(m, cpu_reqidle_exit);
	if (m->ast || now_and_then(m, cpu_bogus_rate)) {
		m->ast = false;
		return event(m, VMM_EXIT_BOGUS);
	}
	if (m->debug)
		return event(m, VMM_EXIT_DEBUG);
	if (now_and_then(m, 50))
		return event(m, cpu_reqidle_exit);
	return CPU_AGAIN;
}

/* The debug bit does not end a sleep, and a signal only at the end of its slice. */
static void sleep_on(struct machine *m, const sigset_t *mask)
{
	while (m->how == 0 && m->waiting == 0 && !m->ast && !m->destroyed)
		vcpu_sleep(m, mask, SLEEP_SLICE);
}

static int enter_and_leave(struct machine *m, const sigset_t *mask)
{
	int error = cpu_entry(m, mask);

	if (error != CPU_AGAIN)
		return error;
	error = vcpu_enter(m, mask);
	if (error == 0)
		return cpu_exit(m, mask);
	if (error != EINTR && error != EAGAIN)
		return error;
	if (cpu_sleeps(m))
		sleep_on(m, mask);
	else
		m->ast |= ++m->ticks % cpu_slice == 0;
	return CPU_AGAIN;
}

int vcpu_run(struct machine *m, const sigset_t *mask)
{
	int rc;

	if (!m->active || m->stopped)
		return EINVAL;
	do {
		rc = before_entry(m);
		if (rc == CPU_AGAIN && m->destroyed)
			return event(m, cpu_reqidle_exit);
		if (rc == CPU_AGAIN)
			rc = enter_and_leave(m, mask);
	} while (rc == CPU_AGAIN);
	return rc;
}
