/* SPDX-License-Identifier: ISC */
/* main_sandbox_context.h: what system calls are, and their results, on an architecture. */
#ifndef HUSK_MAIN_SANDBOX_CONTEXT_H
#define HUSK_MAIN_SANDBOX_CONTEXT_H

#include <ucontext.h>

/* In a handler of SIGSYS: what the call returns once the handler has; negative: an errno. */
void sandbox_set_result(ucontext_t *context, long result);

/* The call that vfork() is here. */
extern const long sandbox_vfork;

#endif
