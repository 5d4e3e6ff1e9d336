/* SPDX-License-Identifier: ISC */
/* main_sandbox_host_linux.c: SIGSYS of seccomp(2), and the calls that husk can do without. */
#include "main_sandbox_host.h"

#include <malloc.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "main_sandbox_context.h"

/* linux/seccomp.h: si_code of SIGSYS; si_errno is SECCOMP_RET_DATA. */
#define SYS_SECCOMP_CODE 1
#define OURS 0x4855		/* sandbox_program.h, SANDBOX_TRAP_DATA */

const int sandbox_host_signal = SIGSYS;

/* Others' count as well: nothing else is known of. */
bool sandbox_host_is_refusal(const siginfo_t *info)
{
	(void)info;
	return true;
}

long sandbox_host_call(const siginfo_t *info)
{
	return info->si_syscall;
}

bool sandbox_host_is_ours(const siginfo_t *info)
{
	return info->si_code == SYS_SECCOMP_CODE && info->si_errno == OURS;
}

/* mallopt(3): by brk, however much. */
void sandbox_host_settle_heap(void)
{
	(void)mallopt(M_MMAP_MAX, 0);
}

/* Newer calls by number, as the headers of some systems lack them: landlock, close_range. */
bool sandbox_host_is_optional(long nr)
{
	static const long optional[] = {
		SYS_seccomp, SYS_prctl, SYS_capset, SYS_capget, 436, 444, 445, 446, SYS_wait4,
	};

	if (nr == sandbox_vfork)
		return true;
	for (size_t i = 0; i < sizeof optional / sizeof optional[0]; i++)
		if (nr == optional[i])
			return true;
	return false;
}

void sandbox_host_answer(void *context, int error)
{
	sandbox_set_result(context, -error);
}
