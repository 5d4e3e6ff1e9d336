/* SPDX-License-Identifier: ISC */
/* shorten.h: takes out of a system call filter what has no effect. */
#ifndef HUSK_SANDBOX_SHORTEN_H
#define HUSK_SANDBOX_SHORTEN_H

#include <linux/filter.h>
#include <stddef.h>

/*
 * The same answers by fewer instructions, at most SANDBOX_LENGTH_MAX of them; returns how many are
 * left. What is taken out depends on none of the numbers that are compared with. That the answers are
 * the same is for the caller to prove: walk.h.
 */
size_t shorten(struct sock_filter *code, size_t n);

#endif
