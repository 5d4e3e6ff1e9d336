/* SPDX-License-Identifier: ISC */
/*
 * module_owned.c: a monitor that its guest has taken over, for tests of the sandbox.
 *
 * Makes any system call that the guest asks for, with its arguments, in the thread that runs it or
 * in one of its own. Only the program husk-owned has this module, which is never installed.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "../../../monitor/main_sandbox_host.h"
#include "../../../monitor/module.h"
#include "../../../monitor/sandbox.h"
#include "owned.h"

struct owned {
	struct core *core;
	pthread_t thread;
	bool running;
	pthread_mutex_t lock;	/* of what follows */
	pthread_cond_t changed;
	bool asked, ending;
	struct owned_call call;
};

static void *serve(void *ctx)
{
	struct owned *s = ctx;

	pthread_mutex_lock(&s->lock);
	while (!s->ending) {
		if (s->asked) {
			owned_make(&s->call);
			s->asked = false;
			pthread_cond_broadcast(&s->changed);
		}
		pthread_cond_wait(&s->changed, &s->lock);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

static void have_made(struct owned *s, struct owned_call *c)
{
	pthread_mutex_lock(&s->lock);
	s->call = *c;
	s->asked = true;
	pthread_cond_broadcast(&s->changed);
	while (s->asked)
		pthread_cond_wait(&s->changed, &s->lock);
	*c = s->call;
	pthread_mutex_unlock(&s->lock);
}

static enum vmexit_result owned_call(void *ctx, gpa_t arg, struct husk_error *e)
{
	struct owned *s = ctx;
	struct owned_call c;

	if (MEMORY_GET(&s->core->memory, arg, &c, e) == -1)
		return VMEXIT_FAIL;
	for (unsigned i = 0; i < OWNED_ARGS; i++)
		if ((c.pointers >> i & 1) != 0)
			c.args[i] += (uintptr_t)s->core->memory.base;
	if (c.in_thread != 0)
		have_made(s, &c);
	else
		owned_make(&c);
	return MEMORY_PUT_FIELD(&s->core->memory, arg, struct owned_call, result, &c, e) == -1 ?
	       VMEXIT_FAIL : VMEXIT_RESUME;
}

static int owned_open(void **state, const struct settings *settings, struct manifest *mft,
		      struct husk_error *e)
{
	struct owned *s = calloc(1, sizeof *s);

	(void)settings, (void)mft;
	*state = s;
	if (s == NULL)
		return husk_fail_sys(e, ENOMEM, "owned");
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	return 0;
}

static int owned_attach(void *state, struct core *c, struct husk_error *e)
{
	struct owned *s = state;

	(void)e;
	s->core = c;
	return 0;
}

/* Its signals are blocked as those of husk's threads are. */
static int owned_start(void *state, struct husk_error *e)
{
	struct owned *s = state;
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	sigdelset(&all, sandbox_host_signal);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&s->thread, NULL, serve, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	s->running = rc == 0;
	return rc == 0 ? 0 : husk_fail_sys(e, rc, "owned: thread");
}

static void owned_confine(void *state, struct sandbox *out)
{
	(void)state;
	out->threads = true;
	out->calls = SANDBOX_ALL_CALLS;		/* so that it is their arguments that attacks meet */
}

static void owned_detach(void *state, struct core *c)
{
	struct owned *s = state;

	(void)c;
	if (!s->running)
		return;
	pthread_mutex_lock(&s->lock);
	s->ending = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	s->running = false;
}

static const struct module_call calls[] = {
	{.nr = OWNED_HYPERCALL, .name = "owned", .handler = owned_call},
};

extern const struct module module_owned;
const struct module module_owned = {
	.name = "owned",
	.calls = calls,
	.n_calls = sizeof calls / sizeof calls[0],
	.open = owned_open,
	.attach = owned_attach,
	.start = owned_start,
	.confine = owned_confine,
	.detach = owned_detach,
	.close = free,
};
