/* SPDX-License-Identifier: ISC */
/* io_thread.c: waits for events of its clients, and runs their turns. */
#include "io_thread.h"

#include <assert.h>
#include <signal.h>
#include <unistd.h>

#include "counter.h"
#include "io_poll.h"

#define KEY_BITS 56
#define OWNER IO_CLIENTS_MAX		/* the client number of the owner's wake-ups */
#define STACK_SIZE (256u << 10)		/* of the thread; clients keep lists of spans on it */

/* ---- what the owner wants ---- */

static void all_are_due(struct io_thread *t)
{
	for (unsigned i = 0; i < t->n_clients; i++)
		t->slots[i].due = true;
}

/* Waits while the owner has paused the thread. False: it must end. */
static bool may_go_on(struct io_thread *t)
{
	bool go_on;

	pthread_mutex_lock(&t->mutex);
	while (t->wanted == IO_PAUSE || (t->failed && t->wanted == IO_RUN)) {
		t->parked = true;
		pthread_cond_broadcast(&t->changed);
		pthread_cond_wait(&t->changed, &t->mutex);
	}
	if (t->parked)
		all_are_due(t);
	t->parked = false;
	go_on = t->wanted == IO_RUN;
	pthread_mutex_unlock(&t->mutex);
	return go_on;
}

static void want(struct io_thread *t, unsigned what)
{
	pthread_mutex_lock(&t->mutex);
	t->wanted = what;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->mutex);
	if (what != IO_RUN)		/* before which it is parked, not waiting for events */
		wake_signal(&t->wake);
}

static void fail(struct io_thread *t, const struct husk_error *e)
{
	pthread_mutex_lock(&t->mutex);
	t->error = *e;
	t->failed = true;
	pthread_mutex_unlock(&t->mutex);
	t->alarm(t->alarm_ctx);
}

/* ---- turns ---- */

/* How long to wait; marks clients whose deadline has passed as due. */
static uint64_t wait_limit(struct io_thread *t, uint64_t now)
{
	uint64_t first = CLOCK_NEVER;
	bool due = false;

	for (unsigned i = 0; i < t->n_clients; i++) {
		struct io_slot *s = &t->slots[i];
		const uint64_t deadline = s->client->deadline == NULL ? CLOCK_NEVER :
					  s->client->deadline(s->ctx);

		s->due |= deadline <= now;
		due |= s->due;
		first = deadline < first ? deadline : first;
	}
	return due ? 0 : first == CLOCK_NEVER ? CLOCK_NEVER : first - now;
}

/* Whatever else the thread does, but for this and turns, must not be left half done. */
static void give_event(const struct io_slot *s, const struct io_poll_event *ev, uint64_t now)
{
	int before;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &before);
	s->client->event(s->ctx, ev->key & IO_KEY_MAX, ev->events, now);
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
}

static void dispatch(struct io_thread *t, const struct io_poll_event *ev, uint64_t now)
{
	const unsigned client = (unsigned)(ev->key >> KEY_BITS);

	if (client == OWNER) {
		if ((ev->events & IO_READABLE) != 0)	/* it is writable from the start */
			all_are_due(t);
		return;
	}
	t->slots[client].due = true;
	if (t->slots[client].client->event != NULL)
		give_event(&t->slots[client], ev, now);
}

static enum io_turn give_turn(const struct io_slot *s, struct husk_error *e)
{
	enum io_turn end;
	int before;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &before);
	end = s->client->turn(s->ctx, clock_now_ns(), e);
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	return end;
}

/* One turn for each client that is due; each round begins with another client. */
static bool give_turns(struct io_thread *t)
{
	struct husk_error e;

	for (unsigned i = 0; i < t->n_clients; i++) {
		struct io_slot *s = &t->slots[(t->first + i) % t->n_clients];
		enum io_turn end;

		if (!s->due)
			continue;
		if (!may_go_on(t))
			return false;
		end = give_turn(s, &e);
		if (end == IO_FAILED) {
			fail(t, &e);
			return true;
		}
		s->due = end == IO_MORE;
	}
	t->first = t->n_clients > 0 ? (t->first + 1) % t->n_clients : 0;
	return true;
}

static void wait_for_events(struct io_thread *t)
{
	struct io_poll_event events[IO_POLL_BATCH];
	const int n = io_poll_wait(t->poll_fd, events, wait_limit(t, clock_now_ns()));
	const uint64_t now = clock_now_ns();
	struct husk_error e;

	counter_add(&t->calls, 1);
	if (n < 0) {
		husk_fail_sys(&e, -n, "I/O thread: waiting for devices");
		fail(t, &e);
	}
	for (int i = 0; i < n; i++)
		dispatch(t, &events[i], now);
}

static void *run(void *arg)
{
	struct io_thread *t = arg;
	int before;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	all_are_due(t);
	while (may_go_on(t) && give_turns(t))
		if (may_go_on(t))
			wait_for_events(t);
	return NULL;
}

/* ---- the owner's side ---- */

/* POSIX.1-2017: none of these fails on the systems that there are. Deadlines are of clock.h's clock. */
static void init_condition(struct io_thread *t)
{
	pthread_condattr_t attr;

	(void)pthread_mutex_init(&t->mutex, NULL);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&t->changed, &attr);
	(void)pthread_condattr_destroy(&attr);
}

int io_thread_init(struct io_thread *t, void (*alarm)(void *ctx), void *alarm_ctx,
		   struct husk_error *e)
{
	int rc;

	*t = (struct io_thread){.poll_fd = -1, .wake.fd = -1, .alarm = alarm,
				.alarm_ctx = alarm_ctx};
	init_condition(t);
	if (wake_init(&t->wake, e) == -1) {
		io_thread_stop(t);
		return -1;
	}
	t->poll_fd = io_poll_open();
	rc = t->poll_fd < 0 ? t->poll_fd :
	     io_poll_add(t->poll_fd, t->wake.fd, (uint64_t)OWNER << KEY_BITS);
	if (rc < 0) {
		io_thread_stop(t);
		return husk_fail_sys(e, -rc, "I/O thread: descriptors to wait for");
	}
	return 0;
}

int io_thread_add(struct io_thread *t, const struct io_client *client, void *ctx)
{
	assert(!t->running);
	if (t->n_clients == IO_CLIENTS_MAX)
		return -1;
	t->slots[t->n_clients] = (struct io_slot){.client = client, .ctx = ctx};
	return (int)t->n_clients++;
}

int io_thread_watch(struct io_thread *t, unsigned client, int fd, uint64_t key)
{
	assert(client < t->n_clients && key <= IO_KEY_MAX);
	return io_poll_add(t->poll_fd, fd, (uint64_t)client << KEY_BITS | key);
}

int io_thread_watch_writable(struct io_thread *t, unsigned client, int fd, uint64_t key,
			     bool wanted)
{
	assert(client < t->n_clients && key <= IO_KEY_MAX);
	return io_poll_writable(t->poll_fd, fd, (uint64_t)client << KEY_BITS | key, wanted);
}

/* The default stack size is RLIMIT_STACK, which the starter may have set to anything. */
static int create_with_stack(struct io_thread *t)
{
	pthread_attr_t attr;
	int rc = pthread_attr_init(&attr);

	if (rc != 0)
		return rc;
	rc = pthread_attr_setstacksize(&attr, STACK_SIZE);
	if (rc == 0)
		rc = pthread_create(&t->thread, &attr, run, t);
	(void)pthread_attr_destroy(&attr);
	return rc;
}

/* Signals are for the vcpu's thread: they must interrupt the guest. */
int io_thread_start(struct io_thread *t, struct husk_error *e)
{
	sigset_t all, old;
	int rc;

	sigfillset(&all);
	sigdelset(&all, SIGSYS);	/* of a system call filter: the kernel ends the process otherwise, */
	sigdelset(&all, SIGTRAP);	/* and of capability mode */
	rc = pthread_sigmask(SIG_SETMASK, &all, &old);
	if (rc == 0) {
		rc = create_with_stack(t);
		(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	}
	t->running = rc == 0;
	return rc == 0 ? 0 : husk_fail_sys(e, rc, "I/O thread");
}

void io_thread_wake(const struct io_thread *t)
{
	wake_signal(&t->wake);
}

bool io_thread_pause_within(struct io_thread *t, uint64_t ns)
{
	const uint64_t deadline = clock_deadline(ns);
	const struct timespec until = {
		(time_t)(deadline / CLOCK_NS_PER_S), (long)(deadline % CLOCK_NS_PER_S),
	};
	bool parked;
	int rc = 0;

	if (!t->running)
		return true;
	want(t, IO_PAUSE);
	pthread_mutex_lock(&t->mutex);
	while (!t->parked && rc == 0)
		rc = deadline == CLOCK_NEVER ? pthread_cond_wait(&t->changed, &t->mutex) :
		     pthread_cond_timedwait(&t->changed, &t->mutex, &until);
	parked = t->parked;
	pthread_mutex_unlock(&t->mutex);
	return parked;
}

void io_thread_pause(struct io_thread *t)
{
	(void)io_thread_pause_within(t, CLOCK_NEVER);
}

void io_thread_resume(struct io_thread *t)
{
	if (t->running)
		want(t, IO_RUN);
}

int io_thread_check(struct io_thread *t, struct husk_error *e)
{
	bool failed;

	pthread_mutex_lock(&t->mutex);
	failed = t->failed;
	if (failed)
		*e = t->error;
	pthread_mutex_unlock(&t->mutex);
	return failed ? -1 : 0;
}

void io_thread_cancel(struct io_thread *t)
{
	if (!t->running)
		return;
	want(t, IO_STOP);
	(void)pthread_cancel(t->thread);
	(void)pthread_join(t->thread, NULL);
	t->running = false;
}

void io_thread_stop(struct io_thread *t)
{
	if (t->running) {
		want(t, IO_STOP);
		(void)pthread_join(t->thread, NULL);
	}
	/* Of one that is zeroed, which nobody has initialised, descriptor 0 is not ours. */
	if (t->alarm != NULL) {
		(void)pthread_cond_destroy(&t->changed);
		(void)pthread_mutex_destroy(&t->mutex);
		if (t->poll_fd >= 0)
			close(t->poll_fd);
		wake_fini(&t->wake);
	}
	*t = (struct io_thread){.poll_fd = -1, .wake.fd = -1};
}
