/* SPDX-License-Identifier: ISC */
/* rules_core.c: system calls of the core and of main: waits, the console, the end, signals. */
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>

#include "sandbox_rules.h"

#define MADV_DONTNEED_LINUX 4	/* madvise(2); its macro depends on the C library */
#define SIGNAL_CANCEL 32	/* of glibc: pthread_cancel */
#define SIGNAL_KICK 23		/* SIGURG: the backend's, to reach a vcpu */
#define SIGNAL_ALARM 14		/* main_signals.c */

static const struct rule list[] = {
	/* waits and time; after SIGCONT the kernel goes on with a wait by restart_syscall */
	{.call = "ppoll"},
	{.call = "poll", .arch = "x86_64"},
	{.call = "futex"},
	{.call = "epoll_wait", .arch = "x86_64"},
	{.call = "epoll_pwait"},
	{.call = "epoll_pwait2"},
	{.call = "epoll_ctl"},
	{.call = "clock_gettime"},
	{.call = "clock_nanosleep", .checks = {INT_IS(0, 0)}},
	{.call = "sched_yield"},
	{.call = "restart_syscall"},
	{.call = "prctl", .checks = {INT_IS(0, PR_SET_TIMERSLACK)}},

	/* the console, messages, figures, eventfds */
	{.call = "read"},
	{.call = "write"},
	{.call = "pwritev2"},
	{.call = "sendto", .checks = {NULL_IS(4)}},	/* to the peer that it has */
	{.call = "dup"},
	{.call = "ftruncate", .checks = {INT_FROM(0, SANDBOX_CUT), NULL_IS(1)}},

	/* names of the guest's functions, for messages */
	{.call = "pread64", .checks = {INT_FROM(0, SANDBOX_SYMBOLS)}},
	{.call = "fstat", .checks = {INT_FROM(0, SANDBOX_SYMBOLS)}},

	/* memory in use, for figures */
	{.call = "pread64", .checks = {INT_FROM(0, SANDBOX_FOOTPRINT)}},

	/* signals: SIGSYS keeps its handler */
	{.call = "rt_sigreturn"},
	{.call = "rt_sigprocmask"},
	{.call = "rt_sigtimedwait"},
	{.call = "rt_sigaction", .checks = {INT_IS(0, SIGNAL_ALARM)}},
	{.call = "rt_sigaction", .checks = {INT_IS(0, SIGNAL_CANCEL)}},
	{.call = "setitimer", .checks = {INT_IS(0, 0)}},
	{.call = "getpid"},
	{.call = "tgkill", .checks = {INT_FROM(0, SANDBOX_PID), INT_IS(2, SIGNAL_KICK)}},
	{.call = "tgkill", .checks = {INT_FROM(0, SANDBOX_PID), INT_IS(2, SIGNAL_CANCEL)}},

	/* what the C library does first in a thread, which may come late */
	{.call = "rseq"},
	{.call = "set_robust_list"},

	/* the end of threads and of the process */
	{.call = "close"},
	{.call = "munmap"},
	{.call = "brk"},
	{.call = "madvise", .checks = {INT_IS(2, MADV_DONTNEED_LINUX)}},
	{.call = "exit"},
	{.call = "exit_group"},
};

extern const struct rules rules_core;
const struct rules rules_core = {"core", list, sizeof list / sizeof list[0], 0};

const char *const rules_fatal[] = {
	"execve", "execveat", "ptrace", "process_vm_readv", "process_vm_writev", "bpf",
	"io_uring_setup", "memfd_create", NULL,
};
