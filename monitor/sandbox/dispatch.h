/* SPDX-License-Identifier: ISC */
/* dispatch.h: gives a system call filter a better way from a call's number to what is said to it. */
#ifndef HUSK_SANDBOX_DISPATCH_H
#define HUSK_SANDBOX_DISPATCH_H

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Puts a tree of ranges of numbers in front of the filter, which has room for SANDBOX_LENGTH_MAX
 * instructions: it leads to where the filter itself would come to before it looks at an argument.
 * Other architectures than audit (AUDIT_ARCH_...) come to where the filter leads them with number 0.
 * Returns the new length, 0 if there is no room. What is not reached any more stays: shorten.h. Only
 * numbers below WALK_NUMBERS, x32's first and -1 are tried; that the filter says the same to all of
 * them is for the caller to prove: walk.h.
 */
size_t dispatch(struct sock_filter *code, size_t n, uint32_t audit);

#endif
