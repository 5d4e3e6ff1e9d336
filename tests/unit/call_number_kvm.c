/* SPDX-License-Identifier: ISC */
/* call_number_kvm.c: numbers of system calls by their names. */
#include "call_number_kvm.h"

#include <stddef.h>
#include <string.h>

#include "../../monitor/sandbox_program.h"

#define KNOWN_MAX 128

static long look_up(const char *call)
{
	for (long nr = 0; nr < (long)sandbox_program.n_names; nr++) {
		const char *name = sandbox_call_name(&sandbox_program, nr);

		if (name != NULL && strcmp(name, call) == 0)
			return nr;
	}
	return -1;
}

long call_number(const char *call)
{
	static struct {
		const char *call;
		long nr;
	} known[KNOWN_MAX];
	size_t i = 0;

	while (i < KNOWN_MAX - 1 && known[i].call != NULL && known[i].call != call)
		i++;
	if (known[i].call != call) {
		known[i].call = call;
		known[i].nr = look_up(call);
	}
	return known[i].nr;
}
