/* SPDX-License-Identifier: ISC */
/* main_sandbox_host_freebsd.c: SIGSYS of a call that the kernel does not have. */
#include "main_sandbox_host.h"

long sandbox_host_call(const siginfo_t *info)
{
	(void)info;
	return 0;
}

bool sandbox_host_is_ours(const siginfo_t *info)
{
	(void)info;
	return false;
}

bool sandbox_host_is_optional(long nr)
{
	(void)nr;
	return false;
}

void sandbox_host_answer(void *context, int error)
{
	(void)context, (void)error;
}
