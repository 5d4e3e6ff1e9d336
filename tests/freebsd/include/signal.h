/* SPDX-License-Identifier: ISC */
/* signal.h: what husk and its tests use of FreeBSD's <signal.h>. */
#ifndef HUSK_FREEBSD_SIGNAL_H
#define HUSK_FREEBSD_SIGNAL_H

#include <sys/types.h>

#include <sys/_sigset.h>
#include <sys/_timespec.h>
#include <sys/_ucontext.h>

#define SIGHUP 1
#define SIGINT 2
#define SIGQUIT 3
#define SIGILL 4
#define SIGTRAP 5
#define SIGABRT 6
#define SIGKILL 9
#define SIGSEGV 11
#define SIGSYS 12
#define SIGPIPE 13
#define SIGALRM 14
#define SIGTERM 15
#define SIGURG 16
#define SIGSTOP 17
#define SIGXCPU 24
#define SIGXFSZ 25
#define SIGVTALRM 26
#define SIGPROF 27
#define SIGUSR1 30
#define SIGUSR2 31

#define SIG_DFL ((void (*)(int))0)
#define SIG_IGN ((void (*)(int))1)

#define SIG_BLOCK 1
#define SIG_UNBLOCK 2
#define SIG_SETMASK 3

#define SI_USER 0x10001
#define SI_KERNEL 0x10006

#define SA_RESTART 0x0002
#define SA_SIGINFO 0x0040

typedef long sig_atomic_t;

typedef struct siginfo {
	int si_signo, si_errno, si_code;
	pid_t si_pid;
	uid_t si_uid;
	int si_status;
	void *si_addr;
} siginfo_t;

struct sigaction {
	union {
		void (*sa_handler)(int signal);
		void (*sa_sigaction)(int signal, siginfo_t *info, void *context);
	};
	int sa_flags;
	sigset_t sa_mask;
};

int sigaction(int signal, const struct sigaction *action, struct sigaction *old);
void (*signal(int signal, void (*handler)(int signal)))(int signal);
int sigemptyset(sigset_t *set);
int sigfillset(sigset_t *set);
int sigaddset(sigset_t *set, int signal);
int sigdelset(sigset_t *set, int signal);
int sigismember(const sigset_t *set, int signal);
int sigpending(sigset_t *set);
int sigprocmask(int how, const sigset_t *set, sigset_t *old);
int pthread_sigmask(int how, const sigset_t *set, sigset_t *old);
int kill(pid_t pid, int signal);
int raise(int signal);
int pthread_kill(struct pthread *thread, int signal);

#endif
