/* SPDX-License-Identifier: ISC */
/* hv_kvm_kick.c: how a run of the vcpu is interrupted, by whom, and for whom: immediate_exit and a signal. */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#include "hv_kvm.h"

#define KICK_SIGNAL SIGURG

static sigset_t kick_set(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, KICK_SIGNAL);
	return set;
}

/* Linux virt/kvm/api.rst 4.22. The kernel's signal set has 64 bits, the C library's more. */
static int run_with_mask(struct hv *hv, const sigset_t *mask)
{
	const struct kvm_signal_mask head = {.len = 8};
	uint8_t arg[sizeof head + 8];

	memcpy(arg, &head, sizeof head);
	memcpy(arg + sizeof head, mask, 8);
	return ioctl(hv->vcpu, KVM_SET_SIGNAL_MASK, arg);
}

/* A thread that is kicked by itself alone is never in the guest then: no signal is needed. */
int hv_kvm_own(struct hv *hv, struct husk_error *e)
{
	const sigset_t kick = kick_set();
	sigset_t running;
	int rc;

	if (hv->lone)
		return 0;
	rc = pthread_sigmask(SIG_BLOCK, &kick, &hv->saved_mask);
	if (rc != 0)
		return husk_fail_sys(e, rc, "blocking signal %d", KICK_SIGNAL);
	running = hv->saved_mask;
	sigdelset(&running, KICK_SIGNAL);
	if (run_with_mask(hv, &running) == -1) {
		husk_fail_sys(e, errno, "KVM_SET_SIGNAL_MASK");
		(void)pthread_sigmask(SIG_SETMASK, &hv->saved_mask, NULL);
		return -1;
	}
	hv->owner = pthread_self();
	(void)__atomic_exchange_n(&hv->owned, true, __ATOMIC_SEQ_CST);
	return 0;
}

/* Takes the signal of a kick, if there is one; one may wait for the thread, and another for the process. */
static bool take_kick(void)
{
	const sigset_t kick = kick_set();
	const struct timespec none = {0};

	return sigtimedwait(&kick, NULL, &none) == KICK_SIGNAL;
}

/* Removes kicks that came after the run, so that they interrupt nothing else in this thread. */
static void drain_kicks(void)
{
	while (take_kick())
		;
}

/* The owner may end as soon as this returns: nobody may still be about to signal it. */
void hv_kvm_disown(struct hv *hv)
{
	if (hv->lone)
		return;
	__atomic_store_n(&hv->owned, false, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&hv->kickers, __ATOMIC_SEQ_CST) != 0)
		(void)sched_yield();
	drain_kicks();
	(void)pthread_sigmask(SIG_SETMASK, &hv->saved_mask, NULL);
}

/*
 * Requests before this are seen by the caller now; later ones stay pending for the next run. So does a
 * second signal, which costs another interruption, and is rarer than the call that would look for it.
 */
void hv_kvm_interrupted(struct hv *hv, struct hv_exit *exit)
{
	(void)__atomic_exchange_n(&hv->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
	if (hv->owned)
		(void)take_kick();
	*exit = (struct hv_exit){.kind = HV_EXIT_INTERRUPTED};
}

bool hv_kvm_kicked(const struct hv *hv)
{
	return __atomic_load_n(&hv->run->immediate_exit, __ATOMIC_SEQ_CST) != 0;
}

/*
 * The kernel checks immediate_exit before it enters the guest; a run in progress needs a signal as
 * well. If no owner is found here, its next KVM_RUN will see immediate_exit.
 */
void hv_kvm_kick(struct hv *hv)
{
	(void)__atomic_fetch_add(&hv->kickers, 1, __ATOMIC_SEQ_CST);
	(void)__atomic_exchange_n(&hv->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&hv->owned, __ATOMIC_SEQ_CST) &&
	    !pthread_equal(hv->owner, pthread_self()))
		(void)pthread_kill(hv->owner, KICK_SIGNAL);
	(void)__atomic_fetch_sub(&hv->kickers, 1, __ATOMIC_RELEASE);
}
