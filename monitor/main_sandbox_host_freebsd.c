/* SPDX-License-Identifier: ISC */
/* main_sandbox_host_freebsd.c: SIGTRAP of capability mode, procctl(2), PROC_TRAPCAP_CTL. */
#include "main_sandbox_host.h"

#include <string.h>

/* siginfo(3), sys/signal.h: SIGTRAP's si_code; the call's number, which 13's header has no name for. */
#define TRAP_OF_CAPABILITIES 4
#define SYSCALL_AT 40

const int sandbox_host_signal = SIGTRAP;

bool sandbox_host_is_refusal(const siginfo_t *info)
{
	return info->si_code == TRAP_OF_CAPABILITIES;
}

long sandbox_host_call(const siginfo_t *info)
{
	int number;

	memcpy(&number, (const char *)info + SYSCALL_AT, sizeof number);
	return number;
}

/* Before husk enters capability mode, that of its starter. */
bool sandbox_host_is_ours(const siginfo_t *info)
{
	(void)info;
	return true;
}

/* mmap(2) of memory is left in capability mode. */
void sandbox_host_settle_heap(void)
{
}

/* The call has failed already. */
bool sandbox_host_is_optional(long nr)
{
	(void)nr;
	return false;
}

void sandbox_host_answer(void *context, int error)
{
	(void)context, (void)error;
}
