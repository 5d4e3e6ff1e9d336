/* SPDX-License-Identifier: ISC */
/* deadline.c: a thread that waits for a time or to be told that it is not needed. */
#include "deadline.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "clock.h"

#define STACK_SIZE ((size_t)128 << 10)

static struct timespec at(uint64_t ns)
{
	return (struct timespec){
		.tv_sec = (time_t)(ns / CLOCK_NS_PER_S), .tv_nsec = (long)(ns % CLOCK_NS_PER_S),
	};
}

/* False if the end comes before the time does. */
static bool wait_until(struct deadline *d)
{
	const struct timespec when = at(d->at);
	int rc = 0;

	while (!d->over && rc != ETIMEDOUT)
		rc = d->at == CLOCK_NEVER ? pthread_cond_wait(&d->changed, &d->lock) :
		     pthread_cond_timedwait(&d->changed, &d->lock, &when);
	return !d->over;
}

/* Times that have passed meanwhile are left out. */
static uint64_t next_time(const struct deadline *d)
{
	const uint64_t now = clock_now_ns(), since = now > d->at ? now - d->at : 0;

	return d->at + (since / d->every + 1) * d->every;
}

static void *wait_for_it(void *ctx)
{
	struct deadline *d = ctx;

	pthread_mutex_lock(&d->lock);
	while (wait_until(d)) {
		d->called = true;
		d->act(d->ctx);
		if (d->every == 0)
			break;
		d->at = next_time(d);
	}
	pthread_mutex_unlock(&d->lock);
	return NULL;
}

static int init(struct deadline *d)
{
	pthread_condattr_t attributes;
	int rc = pthread_mutex_init(&d->lock, NULL);

	if (rc != 0)
		return rc;
	rc = pthread_condattr_init(&attributes);
	if (rc == 0) {
		rc = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
		if (rc == 0)
			rc = pthread_cond_init(&d->changed, &attributes);
		pthread_condattr_destroy(&attributes);
	}
	if (rc != 0)
		pthread_mutex_destroy(&d->lock);
	return rc;
}

static int make_thread(struct deadline *d)
{
	pthread_attr_t attributes;
	sigset_t all, old;
	int rc = pthread_attr_init(&attributes);

	if (rc != 0)
		return rc;
	(void)pthread_attr_setstacksize(&attributes, STACK_SIZE);
	sigfillset(&all);
	sigdelset(&all, SIGSYS);	/* of a system call filter: the kernel ends the process otherwise, */
	sigdelset(&all, SIGTRAP);	/* and of capability mode */
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&d->thread, &attributes, wait_for_it, d);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attributes);
	return rc;
}

static void destroy(struct deadline *d)
{
	pthread_cond_destroy(&d->changed);
	pthread_mutex_destroy(&d->lock);
}

static int start(struct deadline *d, struct husk_error *e)
{
	int rc = init(d);

	if (rc != 0)
		return husk_fail_sys(e, rc, "deadline");
	rc = make_thread(d);
	if (rc == 0)
		return 0;
	destroy(d);
	return husk_fail_sys(e, rc, "deadline: no thread");
}

int deadline_start(struct deadline *d, uint64_t ns, void (*act)(void *ctx), void *ctx,
		   struct husk_error *e)
{
	*d = (struct deadline){
		.at = ns == 0 ? clock_now_ns() : clock_deadline(ns), .act = act, .ctx = ctx,
	};
	return start(d, e);
}

int deadline_repeat(struct deadline *d, uint64_t first, uint64_t every, void (*act)(void *ctx),
		    void *ctx, struct husk_error *e)
{
	*d = (struct deadline){.at = first, .every = every, .act = act, .ctx = ctx};
	return start(d, e);
}

bool deadline_end(struct deadline *d)
{
	pthread_mutex_lock(&d->lock);
	d->over = true;
	pthread_cond_broadcast(&d->changed);
	pthread_mutex_unlock(&d->lock);
	(void)pthread_join(d->thread, NULL);
	destroy(d);
	return d->called;
}
