/* SPDX-License-Identifier: ISC */
/* main_signals.c: notes the signal that asks for something, passes it on, and enforces an end. */
#include "main_signals.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#include "main_sandbox_host.h"

/* Interval of further interruptions, for a blocking call that began just after the signal. */
#define SIGNAL_REPEAT_MS 100

/* State for the signal handler. */
static struct husk *volatile running;
static volatile sig_atomic_t asked;
static volatile sig_atomic_t nudges;
static volatile sig_atomic_t nudging;
static volatile sig_atomic_t look;		/* figures are asked for, and no machine is there */
static volatile sig_atomic_t user_look, timed_look;	/* figures are to be told */
static volatile sig_atomic_t quit_ignored;	/* SIGQUIT was, by who started husk */
static sigset_t before;				/* what was blocked then */

/*
 * Ending in order has taken too long. If this write blocks too, because other processes have filled
 * the output, the timer ends the process.
 */
static void end_here(void)
{
	static const char text[] = "husk: Exiting on a signal at once: to end in order took too long\n";
	struct pollfd err = {.fd = STDERR_FILENO, .events = POLLOUT};
	sigset_t alarm;

	(void)signal(SIGALRM, SIG_DFL);
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	(void)sigprocmask(SIG_UNBLOCK, &alarm, NULL);
	if (poll(&err, 1, 0) == 1)
		(void)!write(STDERR_FILENO, text, sizeof text - 1);
	_exit(signals_status((int)asked));
}

static void on_nudge(int signal)
{
	(void)signal;
	nudges++;
	if (nudges * SIGNAL_REPEAT_MS >= SIGNALS_GRACE_MS)
		end_here();
}

static void start_nudging(ucontext_t *interrupted)
{
	const struct sigaction nudge = {.sa_handler = on_nudge};
	const struct timeval often = {.tv_usec = SIGNAL_REPEAT_MS * 1000};
	const struct itimerval timer = {.it_interval = often, .it_value = often};

	nudges = 0;
	nudging = 1;
	if (sigaction(SIGALRM, &nudge, NULL) == -1)
		return;
	/* The mask that holds when the handler has returned. */
	sigdelset(&interrupted->uc_sigmask, SIGALRM);
	(void)setitimer(ITIMER_REAL, &timer, NULL);
}

static void on_stop(int signal, siginfo_t *info, void *context)
{
	const int saved = errno;

	if (signal == SIGQUIT && quit_ignored != 0 && info->si_code == SI_KERNEL)
		return;
	if (nudging == 0)
		start_nudging(context);
	asked = signal;
	if (running != NULL)
		husk_stop(running, signal);
	errno = saved;
}

static void on_look(int signal)
{
	const int saved = errno;

	if (signal == SIGALRM)
		timed_look = 1;
	else
		user_look = 1;
	if (running != NULL)
		husk_attend(running);
	else
		look = 1;
	errno = saved;
}

/* Every signal waits while a handler runs, but for that of a system call filter. */
static void hold_all(sigset_t *mask)
{
	sigfillset(mask);
	sigdelset(mask, sandbox_host_signal);
}

/*
 * A signal that is ignored, or has a handler of the C library's or a profiler's, stays as it is; SIGQUIT's
 * handler knows that it was ignored. Blocked while it is changed.
 */
static int catch_one(int signal, struct husk_error *e)
{
	struct sigaction stop = {.sa_sigaction = on_stop, .sa_flags = SA_SIGINFO}, inherited;

	hold_all(&stop.sa_mask);
	if (sigaction(signal, &stop, &inherited) == -1)
		return husk_fail_sys(e, errno, "signal %d", signal);
	if (signal == SIGQUIT)
		quit_ignored = inherited.sa_handler == SIG_IGN;
	else if (signal != SIGTERM && inherited.sa_handler != SIG_DFL)
		(void)sigaction(signal, &inherited, NULL);
	return 0;
}

static int catch_looks(int signal, struct husk_error *e)
{
	struct sigaction tell = {.sa_handler = on_look};

	hold_all(&tell.sa_mask);
	return sigaction(signal, &tell, NULL) == -1 ? husk_fail_sys(e, errno, "signal %d", signal) : 0;
}

static const int ends[] = {
	SIGQUIT, SIGTERM, SIGINT, SIGHUP, SIGALRM, SIGVTALRM, SIGPROF, SIGXCPU, SIGUSR2,
};
static const size_t n_ends = sizeof ends / sizeof ends[0];

/* Of these, what timers and limits of a starter send, and SIGUSR2: nobody asks for an order in the end. */
static bool kills(int signal)
{
	return signal == SIGALRM || signal == SIGVTALRM || signal == SIGPROF || signal == SIGXCPU ||
	       signal == SIGUSR2;
}

static void add_caught(sigset_t *set)
{
	sigemptyset(set);
	for (size_t i = 0; i < n_ends; i++)
		sigaddset(set, ends[i]);
	sigaddset(set, SIGUSR1);
}

/* With known signals it cannot fail. */
void signals_hold(void)
{
	sigset_t held;

	add_caught(&held);
	sigaddset(&held, SIGPIPE);
	sigaddset(&held, SIGXFSZ);
	(void)sigprocmask(SIG_BLOCK, &held, &before);
}

int signals_catch(struct husk_error *e)
{
	sigset_t caught;

	if (catch_looks(SIGUSR1, e) == -1)
		return -1;
	for (size_t i = 0; i < n_ends; i++)
		if (catch_one(ends[i], e) == -1)
			return -1;
	add_caught(&caught);
	/* Where a starter has blocked one, it would not have killed. */
	for (size_t i = 0; i < n_ends; i++)
		if (kills(ends[i]) && sigismember(&before, ends[i]) == 1)
			sigdelset(&caught, ends[i]);
	/* It has a handler already; a starter may have blocked it. */
	sigaddset(&caught, sandbox_host_signal);
	if (sigprocmask(SIG_UNBLOCK, &caught, NULL) == -1)
		return husk_fail_sys(e, errno, "signals");
	return 0;
}

void signals_stop(struct husk *machine)
{
	running = machine;
	if (machine != NULL && asked != 0)
		husk_stop(machine, (int)asked);
	if (machine != NULL && look != 0) {
		look = 0;
		husk_attend(machine);
	}
}

void signals_rest(void)
{
	const struct itimerval none = {0};

	(void)setitimer(ITIMER_REAL, &none, NULL);
	nudging = 0;
}

int signals_asked(void)
{
	return (int)asked;
}

int signals_status(int signal)
{
	return kills(signal) ? 128 + signal : 1;
}

unsigned signals_take_looks(void)
{
	unsigned looks = 0;

	/* A signal that comes between the two lines of one is told of with that. */
	if (user_look != 0) {
		user_look = 0;
		looks |= SIGNALS_USER;
	}
	if (timed_look != 0) {
		timed_look = 0;
		looks |= SIGNALS_TIME;
	}
	return looks;
}

/* For the first time at once. Whoever asks for the end takes the timer from here. */
int signals_look_every(unsigned seconds, struct husk_error *e)
{
	const struct timeval often = {.tv_sec = (time_t)seconds};
	const struct itimerval timer = {.it_interval = often, .it_value = {.tv_usec = 1}};
	sigset_t held, mask;
	int rc;

	add_caught(&held);
	if (sigprocmask(SIG_BLOCK, &held, &mask) == -1)
		return husk_fail_sys(e, errno, "signals");
	rc = nudging != 0 ? 0 : catch_looks(SIGALRM, e);
	if (rc == 0 && nudging == 0 && setitimer(ITIMER_REAL, &timer, NULL) == -1)
		rc = husk_fail_sys(e, errno, "setitimer");
	sigdelset(&mask, SIGALRM);
	(void)sigprocmask(SIG_SETMASK, &mask, NULL);
	return rc;
}
