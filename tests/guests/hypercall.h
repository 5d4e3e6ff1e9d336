/* SPDX-License-Identifier: ISC */
/* hypercall.h: hypercalls without the bindings in between, for guests that break the rules. */
#ifndef HYPERCALL_H
#define HYPERCALL_H

#include "hvt_abi.h"

#if defined(__x86_64__)
#include "hypercall_x86_64.h"
#elif defined(__aarch64__)
#include "hypercall_aarch64.h"
#else
#error "no hypercall_<architecture>.h for this architecture"
#endif

#endif
