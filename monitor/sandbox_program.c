/* SPDX-License-Identifier: ISC */
/* sandbox_program.c: completes the generated filter, and names system calls. */
#include "sandbox_program.h"

#include <linux/seccomp.h>
#include <string.h>

size_t sandbox_fill(const struct sandbox_program *p, const uint64_t values[SANDBOX_VALUES],
		    bool kill, struct sock_filter *out)
{
	for (size_t i = 0; i < p->n; i++) {
		out[i] = p->code[i];
		if (kill && out[i].code == (BPF_RET | BPF_K) &&
		    (out[i].k & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_TRAP)
			out[i].k = SECCOMP_RET_KILL_PROCESS;
	}
	for (size_t i = 0; i < p->n_holes; i++) {
		const struct sandbox_hole *h = &p->holes[i];

		out[h->at].k = (uint32_t)(h->upper ? values[h->value] >> 32 : values[h->value]);
	}
	return p->n;
}

const struct sandbox_program *sandbox_program_for(unsigned calls)
{
	for (size_t i = 0; i < SANDBOX_SMALLER; i++)
		if ((calls & ~sandbox_smaller[i].calls) == 0)
			return &sandbox_smaller[i];
	return &sandbox_program;
}

const char *sandbox_call_name(const struct sandbox_program *p, long nr)
{
	const char *name = p->names;

	if (nr < 0 || (size_t)nr >= p->n_names)
		return NULL;
	while (nr-- > 0)
		name += strlen(name) + 1;
	return name[0] != '\0' ? name : NULL;
}
