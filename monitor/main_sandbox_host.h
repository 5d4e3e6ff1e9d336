/* SPDX-License-Identifier: ISC */
/* main_sandbox_host.h: what a refused call looks like on the host; one file per system implements it. */
#ifndef HUSK_MAIN_SANDBOX_HOST_H
#define HUSK_MAIN_SANDBOX_HOST_H

#include <signal.h>
#include <stdbool.h>

/* What comes of a system call that is refused. */
extern const int sandbox_host_signal;

/* Whether this is one, and nothing else that the signal is for. */
bool sandbox_host_is_refusal(const siginfo_t *info);

/* The number of the system call that was refused. */
long sandbox_host_call(const siginfo_t *info);

/* Whether it was refused by the filter of this husk, not by one that it was started under. */
bool sandbox_host_is_ours(const siginfo_t *info);

/*
 * Before the calls are limited: memory that is allocated later, as for figures, comes in ways that are
 * left then.
 */
void sandbox_host_settle_heap(void);

/* Whether husk can do without the call. */
bool sandbox_host_is_optional(long nr);

/* The call fails with this errno once the handler has returned. */
void sandbox_host_answer(void *context, int error);

#endif
