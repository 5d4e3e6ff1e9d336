/* SPDX-License-Identifier: ISC */
/* runs.c: a run is ended from outside, looked at from outside, and says how it has ended. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "checks.h"

#define MS UINT64_C(1000000)

/* A spinning guest that passes its time so is loaded. */
static const char *spin(struct run *r, const char *how)
{
	r->guest = "spin";
	r->args[0] = "--solo5:quiet";
	r->args[1] = how;
	return create_and_load(r);
}

/* ---- ended ---- */

static void *stop_soon(void *ctx)
{
	struct run *r = ctx;

	wait_for_words(r);
	usleep(20000);
	husk_stop(r->h, 7);
	return NULL;
}

static const char *stopped_by_thread(struct run *r, const char *how)
{
	const char *wrong = spin(r, how);
	pthread_t thread;

	if (wrong != NULL)
		return wrong;
	if (pthread_create(&thread, NULL, stop_soon, r) != 0)
		return "no thread";
	wrong = ends(r, HUSK_STOPPED, 7);
	pthread_join(thread, NULL);
	return wrong;
}

static const char *busy_stopped_by_thread(struct run *r)
{
	return stopped_by_thread(r, "compute");
}

static const char *asleep_stopped_by_thread(struct run *r)
{
	return stopped_by_thread(r, "sleep");
}

static struct husk *volatile alarmed;

static void on_alarm(int signal)
{
	husk_stop(alarmed, signal);
}

static const char *busy_stopped_by_handler(struct run *r)
{
	const struct itimerval soon = {.it_value = {.tv_usec = 50000}};
	const struct sigaction act = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
	const char *wrong = spin(r, "compute");

	if (wrong != NULL)
		return wrong;
	alarmed = r->h;
	if (sigaction(SIGALRM, &act, NULL) == -1 || setitimer(ITIMER_REAL, &soon, NULL) == -1)
		return "no alarm";
	return ends(r, HUSK_STOPPED, SIGALRM);
}

static const char *stopped_before(struct run *r)
{
	const char *wrong = spin(r, "compute");

	if (wrong != NULL)
		return wrong;
	husk_stop(r->h, 9);
	return ends(r, HUSK_STOPPED, 9);
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 * MS + (uint64_t)ts.tv_nsec;
}

static const char *timed(struct run *r, const char *how)
{
	const char *wrong = spin(r, how);
	uint64_t start = now();

	if (wrong != NULL)
		return wrong;
	for (int i = 0; i < 2; i++)
		if (husk_run_for(r->h, 30 * MS, &r->status, &r->e) != HUSK_TIMED_OUT)
			return "it did not time out";
	return now() - start < 60 * MS ? "its time was not over" : NULL;
}

static const char *busy_timed(struct run *r)
{
	return timed(r, "compute");
}

static const char *asleep_timed(struct run *r)
{
	return timed(r, "sleep");
}

static const char *in_time(struct run *r)
{
	*r = (struct run){.guest = "hello", .args = {"Hello_Solo5"}};
	const char *wrong = create_and_load(r);

	if (wrong != NULL)
		return wrong;
	if (husk_run_for(r->h, UINT64_MAX, &r->status, &r->e) != HUSK_HALTED || r->status != 0)
		return "it was not left alone";
	return NULL;
}

/* ---- looked at ---- */

static void add(void *ctx, const char *subject, const char *name, uint64_t value)
{
	uint64_t *exits = ctx;

	if (strcmp(subject, "exits") == 0 && (strcmp(name, "pio") == 0 || strcmp(name, "mmio") == 0))
		*exits += value;
}

/* The run ends when there were figures, and then there were more. */
static void look(void *ctx)
{
	static uint64_t before;
	struct run *r = ctx;
	uint64_t exits = 0;

	husk_report(r->h, add, &exits);
	if (before != 0 && exits > before)
		husk_stop(r->h, 5);
	before = exits;
}

static void *attend_often(void *ctx)
{
	struct run *r = ctx;

	for (int i = 0; i < 2000 && !__atomic_load_n(&r->over, __ATOMIC_ACQUIRE); i++) {
		usleep(10000);
		husk_attend(r->h);
	}
	if (!__atomic_load_n(&r->over, __ATOMIC_ACQUIRE))
		husk_stop(r->h, 6);
	return NULL;
}

static const char *figures(struct run *r)
{
	const char *wrong;
	pthread_t thread;

	r->attend = look;
	wrong = spin(r, "ask");
	if (wrong != NULL)
		return wrong;
	if (pthread_create(&thread, NULL, attend_often, r) != 0)
		return "no thread";
	wrong = ends(r, HUSK_STOPPED, 5);
	pthread_join(thread, NULL);
	return wrong;
}

/* ---- how it has ended ---- */

static const char *ended(struct run *r, enum husk_how how, const char *function, const char *device)
{
	struct husk_ending e = {.size = sizeof e};
	static char text[600];

	husk_ending(r->h, &e);
	if (e.how == how && e.located && e.address >= 0x100000 && strcmp(e.device, device) == 0 &&
	    strcmp(e.function, function) == 0)
		return NULL;
	snprintf(text, sizeof text, "how %d, at 0x%llx in %s, device '%s'", e.how,
		 (unsigned long long)e.address, e.function, e.device);
	return text;
}

static const char *none_yet(struct run *r)
{
	struct husk_ending e = {.size = sizeof e};
	const char *wrong = spin(r, "compute");

	if (wrong != NULL)
		return wrong;
	husk_ending(r->h, &e);
	return e.how == HUSK_HOW_NONE && !e.located ? NULL : "it has ended already";
}

static const char *stopped_there(struct run *r)
{
	const char *wrong = stopped_by_thread(r, "compute");

	return wrong != NULL ? wrong : ended(r, HUSK_HOW_STOP, "solo5_app_main", "");
}

static const char *exception(struct run *r)
{
	const char *wrong;

	*r = (struct run){.guest = "exception", .args = {"--solo5:quiet"}};
	wrong = create_and_load(r);
	if (wrong == NULL)
		wrong = ends(r, HUSK_HALTED, 255);
	return wrong != NULL ? wrong : ended(r, HUSK_HOW_ABORT, "solo5_app_main", "");
}

static const char *forbidden_call(struct run *r)
{
	char disk[] = "/tmp/husk-embed.XXXXXX", option[64];
	int fd = mkstemp(disk);
	const char *wrong;

	if (fd == -1 || unlink(disk) == -1 || ftruncate(fd, 8192) == -1)
		return "no disk";
	snprintf(option, sizeof option, "--block:storage=@%d", fd);
	*r = (struct run){.guest = "hostile_block", .args = {"block_read", "data=rodata"},
			  .options = {option}};
	wrong = create(r);
	memset(option, 'x', sizeof option);	/* it was copied */
	if (wrong == NULL)
		wrong = load(r);
	if (wrong == NULL)
		wrong = ends(r, HUSK_FAILED, 0);
	close(fd);
	if (wrong == NULL && (r->e.kind != HUSK_E_GUEST || strcmp(r->e.device, "storage") != 0))
		wrong = r->e.message;
	r->options[0] = NULL;
	if (wrong != NULL)
		return wrong;
	struct husk_ending e = {.size = sizeof e};

	husk_ending(r->h, &e);
	return e.how == HUSK_HOW_CALL && e.located && strcmp(e.device, "storage") == 0 ? NULL :
	       "it was not a call on a device";
}

CHECKS(run_checks,
	{"husk_stop from another thread ends a busy guest", busy_stopped_by_thread},
	{"and one that sleeps", asleep_stopped_by_thread},
	{"husk_stop from a signal handler ends a busy guest", busy_stopped_by_handler},
	{"husk_stop between runs ends the next one", stopped_before},
	{"husk_run_for ends a busy guest, which can go on", busy_timed},
	{"and one that sleeps", asleep_timed},
	{"and leaves one alone that ends in time", in_time},
	{"figures of a running machine", figures},
	{"before a run there is no end to tell of", none_yet},
	{"a guest that was stopped: how, and in which function", stopped_there},
	{"one that an exception has ended: where that was", exception},
	{"one that made a forbidden call: on which device; and an option's word is copied",
	 forbidden_call});
