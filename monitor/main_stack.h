/* SPDX-License-Identifier: ISC */
/* main_stack.h: what can be known of the limit of the stack without a system call. */
#ifndef HUSK_MAIN_STACK_H
#define HUSK_MAIN_STACK_H

#include <stdbool.h>
#include <stddef.h>

/* Whether it is known to be so many bytes at least. False: it has to be asked for. */
bool stack_is_ample(size_t size);

#endif
