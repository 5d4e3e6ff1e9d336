/* SPDX-License-Identifier: ISC */
/* main_sandbox_context_aarch64.c: system calls of this architecture: a result's register, vfork. */
#include "main_sandbox_context.h"

#include <sys/syscall.h>

const long sandbox_vfork = SYS_clone;

void sandbox_set_result(ucontext_t *context, long result)
{
	context->uc_mcontext.regs[0] = (unsigned long long)result;
}
