/* SPDX-License-Identifier: ISC */
/* netns_linux.c: a short-lived thread that enters another network namespace, setns(2). */
#include "netns.h"

#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>

#define STACK_SIZE (256u << 10)	/* bytes, independent of RLIMIT_STACK; on aarch64 128 KiB is the least */

struct errand {
	int ns;
	void (*f)(void *ctx);
	void *ctx;
	bool done;
};

static void *run(void *arg)
{
	struct errand *errand = arg;

	if (setns(errand->ns, CLONE_NEWNET) == -1)
		return NULL;
	errand->f(errand->ctx);
	errand->done = true;
	return NULL;
}

/* The thread blocks all signals: they are for the caller. */
bool netns_call(int ns, void (*f)(void *ctx), void *ctx)
{
	struct errand errand = {.ns = ns, .f = f, .ctx = ctx};
	pthread_attr_t attr;
	sigset_t all, old;
	pthread_t thread;
	bool made;

	if (pthread_attr_init(&attr) != 0)
		return false;
	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	made = pthread_attr_setstacksize(&attr, STACK_SIZE) == 0 &&
	       pthread_create(&thread, &attr, run, &errand) == 0;
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	(void)pthread_attr_destroy(&attr);
	if (made)
		(void)pthread_join(thread, NULL);
	return errand.done;
}
