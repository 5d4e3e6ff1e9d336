/* SPDX-License-Identifier: ISC */
/* interpreter.c: the instructions of classic BPF that system call filters consist of. */
#include "interpreter.h"

#include <stdbool.h>
#include <string.h>

/* Linux kernel/seccomp.c, seccomp_check_filter: aligned words of struct seccomp_data. */
static bool load(const struct seccomp_data *call, uint32_t at, uint32_t *word)
{
	if (at % sizeof *word != 0 || at > sizeof *call - sizeof *word)
		return false;
	memcpy(word, (const char *)call + at, sizeof *word);
	return true;
}

long interpreter_skip(const struct sock_filter *i, uint32_t a)
{
	switch (i->code) {
	case BPF_JMP | BPF_JA:
		return i->k;
	case BPF_JMP | BPF_JEQ | BPF_K:
		return a == i->k ? i->jt : i->jf;
	case BPF_JMP | BPF_JGT | BPF_K:
		return a > i->k ? i->jt : i->jf;
	case BPF_JMP | BPF_JGE | BPF_K:
		return a >= i->k ? i->jt : i->jf;
	case BPF_JMP | BPF_JSET | BPF_K:
		return (a & i->k) != 0 ? i->jt : i->jf;
	}
	return -1;
}

uint32_t interpreter_run(const struct sock_filter *code, size_t n, const struct seccomp_data *call)
{
	uint32_t a = 0;

	for (size_t at = 0; at < n; at++) {
		const struct sock_filter *i = &code[at];
		const long to = interpreter_skip(i, a);

		if (i->code == (BPF_RET | BPF_K))
			return i->k;
		if (to >= 0)
			at += (size_t)to;
		else if (i->code == (BPF_ALU | BPF_AND | BPF_K))
			a &= i->k;
		else if (i->code != (BPF_LD | BPF_W | BPF_ABS) || !load(call, i->k, &a))
			return INTERPRETER_INVALID;
	}
	return INTERPRETER_INVALID;
}
