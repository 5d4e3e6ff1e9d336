/* SPDX-License-Identifier: ISC */
/*
 * sandbox_starter.h: which of the sandbox's calls a filter of the starter's ends a process for.
 *
 * Such a filter, as systemd's SystemCallFilter= is unless it says otherwise, leaves no handler a chance:
 * all that can be done is not to make the call.
 */
#ifndef HUSK_SANDBOX_STARTER_H
#define HUSK_SANDBOX_STARTER_H

/* The calls that husk can do without; each is a bit of what sandbox_deadly returns. */
enum sandbox_spare {
	SPARE_LANDLOCK_CREATE,
	SPARE_LANDLOCK_ADD,
	SPARE_LANDLOCK_RESTRICT,
	SPARE_CLOSE_RANGE,
	SPARE_SECCOMP,
	SPARE_CAPSET,
	SPARES
};

#define SPARE_LANDLOCK (1u << SPARE_LANDLOCK_CREATE | 1u << SPARE_LANDLOCK_ADD | 1u << SPARE_LANDLOCK_RESTRICT)

/*
 * Bits of the calls that would end the process. Where there is no filter that takes one system call;
 * otherwise a child makes each call, with arguments that change nothing, and it is the child that ends.
 * It shares the caller's memory, which stands still meanwhile. SIGCHLD may come of it.
 */
unsigned sandbox_deadly(void);

#endif
