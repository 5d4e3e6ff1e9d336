/* SPDX-License-Identifier: ISC */
/*
 * floor_filter.c: puts the floor under husk's own system call filter for a guest without devices, to tell
 * its price from husk's.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

#include "../../monitor/sandbox_program.h"
#include "floor.h"

bool floor_filter(const struct floor *f)
{
	static struct sock_filter code[SANDBOX_LENGTH_MAX];
	uint64_t values[SANDBOX_VALUES];
	struct sock_fprog program = {.filter = code};

	for (unsigned v = 0; v < SANDBOX_VALUES; v++)
		values[v] = UINT32_MAX;
	values[SANDBOX_VCPU] = (uint64_t)f->vcpu;
	program.len = (unsigned short)sandbox_fill(sandbox_program_for(0), values, false, code);
	return prctl(PR_SET_NO_NEW_PRIVS, 1ul, 0ul, 0ul, 0ul) == 0 &&
	       prctl(PR_SET_SECCOMP, (unsigned long)SECCOMP_MODE_FILTER, &program, 0ul, 0ul) == 0;
}
