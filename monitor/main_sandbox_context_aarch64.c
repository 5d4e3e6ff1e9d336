/* SPDX-License-Identifier: ISC */
/* main_sandbox_context_aarch64.c: the result of a system call, in the registers of this architecture. */
#include "main_sandbox_context.h"

void sandbox_set_result(ucontext_t *context, long result)
{
	context->uc_mcontext.regs[0] = (unsigned long long)result;
}
