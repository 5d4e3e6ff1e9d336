/* SPDX-License-Identifier: ISC */
/* interpreter.h: runs a system call filter on one call, as the kernel would. */
#ifndef HUSK_SANDBOX_INTERPRETER_H
#define HUSK_SANDBOX_INTERPRETER_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>

/* How many instructions a jump skips, with a in the accumulator; -1 for one that is no jump. */
long interpreter_skip(const struct sock_filter *i, uint32_t a);

/* What no filter returns: the program is none that the kernel would take. */
#define INTERPRETER_INVALID 0xdeadbeefu

/* Returns what the filter says to the call, SECCOMP_RET_..., or INTERPRETER_INVALID. */
uint32_t interpreter_run(const struct sock_filter *code, size_t n, const struct seccomp_data *call);

#endif
