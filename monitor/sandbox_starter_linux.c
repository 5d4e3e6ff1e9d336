/* SPDX-License-Identifier: ISC */
/* sandbox_starter_linux.c: a child tries what a filter might end husk for. */
#include "sandbox_starter.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Each with arguments that the kernel has to refuse, or that only ask. Numbers as in sandbox_linux.c. */
static void attempt(unsigned spare)
{
	static const uint32_t action = SECCOMP_RET_TRAP;
	static const struct {
		long nr, a, b, c;
	} tries[SPARES] = {
		[SPARE_LANDLOCK_CREATE] = {444, 0, 0, 1},	/* which ABI */
		[SPARE_LANDLOCK_ADD] = {445, -1, 1, 0},
		[SPARE_LANDLOCK_RESTRICT] = {446, -1, 0, 0},
		[SPARE_CLOSE_RANGE] = {436, ~0u, ~0u, 0},	/* there is no such descriptor */
		[SPARE_SECCOMP] = {SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, (intptr_t)&action},
		[SPARE_CAPSET] = {SYS_capset, 0, 0, 0},
	};

	(void)syscall(tries[spare].nr, tries[spare].a, tries[spare].b, tries[spare].c, 0l);
}

/* The first one, from this one on, that a child did not survive; SPARES: none, or no child could be had. */
static unsigned first_deadly(unsigned from)
{
	volatile unsigned at = from;	/* the child's steps are seen here */
	const pid_t child = vfork();

	if (child == 0) {
		for (; at < SPARES; at++)
			attempt(at);
		_exit(0);
	}
	if (child == -1)
		return SPARES;
	while (waitpid(child, NULL, 0) == -1 && errno == EINTR)
		;
	return at;
}

static unsigned all_deadly(void)
{
	unsigned deadly = 0, at = 0;

	while ((at = first_deadly(at)) < SPARES)
		deadly |= 1u << at++;
	return deadly;
}

/*
 * The child's handlers are the caller's, so that signals wait, but for the one that says of other filters
 * that they would have refused the call. A core file would be one of all who share the memory.
 */
unsigned sandbox_deadly(void)
{
	sigset_t blocked, before;
	unsigned deadly;
	int dumpable;

	if (prctl(PR_GET_SECCOMP, 0ul, 0ul, 0ul, 0ul) <= 0)
		return 0;
	dumpable = prctl(PR_GET_DUMPABLE, 0ul, 0ul, 0ul, 0ul);
	(void)prctl(PR_SET_DUMPABLE, 0ul, 0ul, 0ul, 0ul);
	sigfillset(&blocked);
	sigdelset(&blocked, SIGSYS);
	pthread_sigmask(SIG_BLOCK, &blocked, &before);
	deadly = all_deadly();
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (dumpable == 1)
		(void)prctl(PR_SET_DUMPABLE, 1ul, 0ul, 0ul, 0ul);
	return deadly;
}
