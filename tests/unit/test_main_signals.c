/* SPDX-License-Identifier: ISC */
/* test_main_signals.c: signals that ask for the end, each in a process of its own. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../monitor/main_signals.h"

#define LONG_MS 10000	/* nothing here takes that long unless it hangs */

/* ---- host calls that fail, and the machine that is stopped ---- */

static struct {
	int fails;		/* the call that fails, counted from 1; 0: none */
	int calls;
	int early;		/* a signal that comes as soon as there is a handler; 0: none */
	struct husk *stopped;
	int reason, stops, attended;
} host;

void __wrap_husk_attend(struct husk *h);
void __wrap_husk_stop(struct husk *h, int reason);
int __real_sigaction(int signal, const struct sigaction *to, struct sigaction *from);
int __wrap_sigaction(int signal, const struct sigaction *to, struct sigaction *from);
int __real_sigprocmask(int how, const sigset_t *set, sigset_t *old);
int __wrap_sigprocmask(int how, const sigset_t *set, sigset_t *old);

void __wrap_husk_stop(struct husk *h, int reason)
{
	host.stopped = h;
	host.reason = reason;
	host.stops++;
}

void __wrap_husk_attend(struct husk *h)
{
	host.stopped = h;
	host.attended++;
}

static bool fails(void)
{
	errno = EPERM;
	return ++host.calls == host.fails;
}

int __wrap_sigaction(int signal, const struct sigaction *to, struct sigaction *from)
{
	int rc = fails() ? -1 : __real_sigaction(signal, to, from);

	if (host.early == signal)
		(void)raise(signal);
	return rc;
}

int __wrap_sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
	return fails() ? -1 : __real_sigprocmask(how, set, old);
}

/* ---- a process for each case: what is noted of signals stays until its end ---- */

static struct husk *const machine = (struct husk *)(uintptr_t)0x1000;

/* In a child an assertion cannot be told apart from others but by its line. */
#define CHECK(what) do { \
	if (!(what)) { \
		fprintf(stderr, "line %d: " #what "\n", __LINE__); \
		_exit(99); \
	} \
} while (0)

static int in_child(void (*body)(void))
{
	int status;
	pid_t pid;

	memset(&host, 0, sizeof host);
	fflush(NULL);
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		body();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void passes(void (*body)(void))
{
	assert_int_equal(in_child(body), 0);
}

static void catch(void)
{
	struct husk_error e;

	signals_hold();
	CHECK(signals_catch(&e) == 0);
}

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- when it comes ---- */

static void before_there_is_a_machine(void)
{
	catch();
	CHECK(signals_asked() == 0);
	raise(SIGTERM);
	CHECK(signals_asked() == SIGTERM && host.stops == 0);
	signals_stop(machine);
	CHECK(host.stops == 1 && host.stopped == machine && host.reason == SIGTERM);
}

static void while_there_is_one(void)
{
	catch();
	signals_stop(machine);
	CHECK(host.stops == 0);
	raise(SIGINT);
	CHECK(host.stops == 1 && host.stopped == machine && host.reason == SIGINT);
	raise(SIGTERM);
	CHECK(host.stops == 2 && host.reason == SIGTERM && signals_asked() == SIGTERM);
}

static void when_it_is_gone(void)
{
	catch();
	signals_stop(machine);
	signals_stop(NULL);
	raise(SIGHUP);
	CHECK(host.stops == 0 && signals_asked() == SIGHUP);
}

static void between_the_handler_and_all_else(void)
{
	host.early = SIGTERM;
	catch();
	CHECK(signals_asked() == SIGTERM);
	signals_stop(machine);
	CHECK(host.stops == 1 && host.reason == SIGTERM);
}

static void before_all(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	CHECK(__real_sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	raise(SIGTERM);
	catch();
	CHECK(signals_asked() == SIGTERM);
}

static void a_signal_stops_the_machine_that_there_is(void **state)
{
	(void)state;
	passes(before_there_is_a_machine);
	passes(while_there_is_one);
	passes(when_it_is_gone);
	passes(between_the_handler_and_all_else);
	passes(before_all);
}

static void keeps_errno(void)
{
	catch();
	errno = EDOM;
	raise(SIGTERM);
	CHECK(errno == EDOM);
}

static void errno_is_kept(void **state)
{
	(void)state;
	passes(keeps_errno);
}

/* ---- what asks to be told ---- */

static void asks_for_figures(void)
{
	catch();
	raise(SIGUSR1);
	raise(SIGUSR1);
	CHECK(host.attended == 0 && signals_asked() == 0);
	signals_stop(machine);
	CHECK(host.attended == 1 && host.stopped == machine && host.stops == 0);
	CHECK(signals_take_looks() == SIGNALS_USER && signals_take_looks() == 0);
	raise(SIGUSR1);
	CHECK(host.attended == 2);
	signals_stop(NULL);
	raise(SIGUSR1);
	CHECK(host.attended == 2 && signals_asked() == 0);
}

/* Whoever ends husk takes the timer: what began before the signal is interrupted as without metrics. */
static void asks_again_and_again(void)
{
	struct husk_error e;

	catch();
	signals_stop(machine);
	CHECK(signals_look_every(1, &e) == 0);
	while (host.attended < 2)
		(void)poll(NULL, 0, LONG_MS);
	CHECK(signals_take_looks() == SIGNALS_TIME && signals_asked() == 0);
	raise(SIGTERM);
	CHECK(poll(NULL, 0, LONG_MS) == -1 && errno == EINTR);
	CHECK(poll(NULL, 0, LONG_MS) == -1 && errno == EINTR);
	CHECK(signals_take_looks() == 0);
	CHECK(signals_look_every(1, &e) == 0);	/* too late: the timer is the end's */
	CHECK(signals_take_looks() == 0);
}

static void every_call_of_it_may_fail(void)
{
	struct husk_error e = {0};

	catch();
	for (host.fails = 1; host.fails <= 2; host.fails++) {
		host.calls = 0;
		CHECK(signals_look_every(1, &e) == -1 && e.kind == HUSK_E_HOST && e.sys == EPERM);
	}
}

static void asks_for_the_place(void)
{
	catch();
	raise(SIGQUIT);
	CHECK(signals_asked() == SIGQUIT);
	signals_stop(machine);
	CHECK(host.stops == 1 && host.reason == SIGQUIT);
	/* What is told then may take its time, and another signal ends that. */
	signals_rest();
	CHECK(poll(NULL, 0, 3 * 100) == 0);
	raise(SIGTERM);
	CHECK(poll(NULL, 0, LONG_MS) == -1 && errno == EINTR);
}

/* The echo comes after the signal. */
static void press_quit(void)
{
	const int keyboard = posix_openpt(O_RDWR | O_NOCTTY);
	char name[80], echo;

	CHECK(keyboard != -1 && grantpt(keyboard) == 0 && unlockpt(keyboard) == 0);
	CHECK(setsid() != -1 && ptsname_r(keyboard, name, sizeof name) == 0);
	CHECK(open(name, O_RDWR) != -1);
	CHECK(write(keyboard, "\x1c", 1) == 1);
	while (read(keyboard, &echo, 1) == -1)
		CHECK(errno == EINTR);
}

static void meant_by_a_keyboard(void)
{
	catch();
	press_quit();
	CHECK(signals_asked() == SIGQUIT);
}

/* As the shell ignores it for a background job: only who has meant this process is heard. */
static void ignored_by_the_starter(void)
{
	(void)signal(SIGQUIT, SIG_IGN);
	catch();
	press_quit();
	CHECK(signals_asked() == 0);
	raise(SIGQUIT);
	CHECK(signals_asked() == SIGQUIT);
}

static void neither_kills(void **state)
{
	(void)state;
	passes(asks_for_figures);
	passes(asks_again_and_again);
	passes(every_call_of_it_may_fail);
	passes(asks_for_the_place);
	passes(meant_by_a_keyboard);
	passes(ignored_by_the_starter);
}

/* ---- what was inherited ---- */

/* What kills a program that does not know it; each ends in order, and the status tells which it was. */
static const int killers[] = {SIGALRM, SIGVTALRM, SIGPROF, SIGXCPU, SIGUSR2};
#define N_KILLERS (sizeof killers / sizeof killers[0])

static bool is_killer(int signal)
{
	for (size_t i = 0; i < N_KILLERS; i++)
		if (killers[i] == signal)
			return true;
	return false;
}

static int killer;

static void kills_nobody(void)
{
	catch();
	signals_stop(machine);
	raise(killer);
	CHECK(signals_asked() == killer && host.stops == 1 && host.reason == killer);
	CHECK(signals_status(killer) == 128 + killer);
	/* Also what comes again, as those of a limit and of timers do. */
	raise(killer);
	CHECK(signals_asked() == killer);
}

static void what_kills_others_ends_in_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_KILLERS; i++) {
		killer = killers[i];
		passes(kills_nobody);
	}
	assert_int_equal(signals_status(SIGTERM), 1);
	assert_int_equal(signals_status(SIGINT), 1);
	assert_int_equal(signals_status(SIGHUP), 1);
	assert_int_equal(signals_status(SIGQUIT), 1);
}

static volatile sig_atomic_t samples;

static void take_sample(int signal)
{
	(void)signal;
	samples = samples + 1;
}

static void profiled(void)
{
	(void)signal(SIGPROF, take_sample);
	catch();
	raise(SIGPROF);
	CHECK(samples == 1 && signals_asked() == 0);
}

static void ignored(void)
{
	for (int i = 0; i < 3; i++)
		(void)signal((const int[]){SIGTERM, SIGINT, SIGHUP}[i], SIG_IGN);
	for (size_t i = 0; i < N_KILLERS; i++)
		(void)signal(killers[i], SIG_IGN);
	catch();
	raise(SIGINT);
	raise(SIGHUP);
	for (size_t i = 0; i < N_KILLERS; i++)
		raise(killers[i]);
	CHECK(signals_asked() == 0);
	raise(SIGTERM);
	CHECK(signals_asked() == SIGTERM);
}

/* The mask is as it was, but for what ends husk whoever has blocked it, and what a write tells better. */
static void masks(void)
{
	sigset_t set, now;
	struct husk_error e;

	sigfillset(&set);
	CHECK(__real_sigprocmask(SIG_SETMASK, &set, NULL) == 0);
	catch();
	CHECK(__real_sigprocmask(SIG_SETMASK, NULL, &now) == 0);
	for (int s = 1; s < 32; s++)
		CHECK(s == SIGKILL || s == SIGSTOP || sigismember(&now, s) ==
		      (s != SIGTERM && s != SIGINT && s != SIGHUP && s != SIGSYS && s != SIGUSR1 &&
		       s != SIGQUIT));
	raise(SIGUSR2);
	CHECK(signals_asked() == 0);
	/* Nor does it come by the timer of figures, which frees that signal alone. */
	CHECK(signals_look_every(1, &e) == 0 && signals_asked() == 0);
	CHECK(__real_sigprocmask(SIG_SETMASK, NULL, &now) == 0);
	CHECK(sigismember(&now, SIGUSR2) == 1 && sigismember(&now, SIGALRM) == 0);
	sigemptyset(&set);
	CHECK(__real_sigprocmask(SIG_SETMASK, &set, NULL) == 0);
	catch();
	CHECK(__real_sigprocmask(SIG_SETMASK, NULL, &now) == 0);
	for (int s = 1; s < 32; s++)
		CHECK(sigismember(&now, s) == (s == SIGPIPE || s == SIGXFSZ));
}

static void dispositions(void)
{
	struct sigaction now;

	catch();
	for (int s = 1; s < 32; s++) {
		if (s == SIGKILL || s == SIGSTOP || s == SIGTERM || s == SIGINT || s == SIGHUP ||
		    s == SIGQUIT || s == SIGUSR1 || is_killer(s))
			continue;
		CHECK(__real_sigaction(s, NULL, &now) == 0);
		CHECK(now.sa_handler == SIG_DFL);
	}
}

static void by_default(void)
{
	for (int s = 1; s < 32; s++)
		(void)signal(s, SIG_DFL);
	dispositions();
}

static void the_rest_is_as_inherited(void **state)
{
	(void)state;
	passes(ignored);
	passes(profiled);
	passes(masks);
	passes(by_default);
}

/* ---- host calls that fail ---- */

static int failing;

static void nth_fails(void)
{
	struct husk_error e = {0};
	int rc;

	signals_hold();
	host.calls = 0;
	host.fails = failing;
	rc = signals_catch(&e);
	if (rc == -1) {
		CHECK(e.kind == HUSK_E_HOST && e.sys == EPERM && strncmp(e.message, "signal", 6) == 0);
		_exit(1);
	}
	CHECK(host.calls < failing);
}

static void every_call_may_fail(void **state)
{
	int status;

	(void)state;
	for (failing = 1; (status = in_child(nth_fails)) != 0; failing++)
		assert_int_equal(status, 1 << 8);
	assert_int_equal(failing, 1 + 10 + 1);
}

/* ---- calls that begin after the look, and ends that take too long ---- */

static void waits_for_ever(void)
{
	const long start = now_ms();

	catch();
	raise(SIGTERM);
	/* Whoever has looked before the signal, and waits since. */
	CHECK(poll(NULL, 0, LONG_MS) == -1 && errno == EINTR);
	CHECK(poll(NULL, 0, LONG_MS) == -1 && errno == EINTR);
	CHECK(now_ms() - start < LONG_MS);
}

static void a_call_that_began_too_late_is_interrupted(void **state)
{
	(void)state;
	passes(waits_for_ever);
}

static void alarm_is_blocked(void)
{
	sigset_t set;

	sigfillset(&set);
	CHECK(__real_sigprocmask(SIG_SETMASK, &set, NULL) == 0);
	(void)signal(SIGALRM, SIG_IGN);
	waits_for_ever();
}

static void also_where_alarms_were_not_wanted(void **state)
{
	(void)state;
	passes(alarm_is_blocked);
}

static char *said;
static int asks;

static void never_ends(void)
{
	int ends[2];
	long start = now_ms();

	catch();
	CHECK(pipe(ends) == 0 && dup2(ends[1], STDERR_FILENO) == STDERR_FILENO);
	if (fork() == 0) {
		raise(asks);
		for (;;)
			pause();
	}
	close(ends[1]);
	close(STDERR_FILENO);
	CHECK(read(ends[0], said, 200) > 0);
	CHECK(now_ms() - start >= SIGNALS_GRACE_MS - 200);
	wait(&((int *)(void *)said)[64]);
}

/* The one thing that ends what looks at nothing. */
static void an_end_that_takes_too_long_is_cut_short(void **state)
{
	(void)state;
	said = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(said != MAP_FAILED);
	for (size_t i = 0; i < 2; i++) {
		asks = (const int[]){SIGTERM, SIGUSR2}[i];
		passes(never_ends);
		assert_non_null(strstr(said, "took too long"));
		assert_int_equal(((int *)(void *)said)[64], signals_status(asks) << 8);
	}
	munmap(said, 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signal_stops_the_machine_that_there_is),
		cmocka_unit_test(neither_kills),
		cmocka_unit_test(errno_is_kept),
		cmocka_unit_test(what_kills_others_ends_in_order),
		cmocka_unit_test(the_rest_is_as_inherited),
		cmocka_unit_test(every_call_may_fail),
		cmocka_unit_test(a_call_that_began_too_late_is_interrupted),
		cmocka_unit_test(also_where_alarms_were_not_wanted),
		cmocka_unit_test(an_end_that_takes_too_long_is_cut_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
