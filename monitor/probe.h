/* SPDX-License-Identifier: ISC */
/*
 * probe.h: places that bpftrace and perf can watch from outside, if husk was configured with them.
 *
 * Each is an instruction that does nothing, and a note that says where it is and where its arguments
 * are (sys/sdt.h). Without them there is nothing. docs/debugging.md has the list.
 */
#ifndef HUSK_PROBE_H
#define HUSK_PROBE_H

#ifdef HUSK_USDT
#include <sys/sdt.h>
#define PROBE1(name, a) DTRACE_PROBE1(husk, name, a)
#define PROBE2(name, a, b) DTRACE_PROBE2(husk, name, a, b)
#define PROBE3(name, a, b, c) DTRACE_PROBE3(husk, name, a, b, c)
#else
#define PROBE1(name, a) ((void)(a))
#define PROBE2(name, a, b) ((void)(a), (void)(b))
#define PROBE3(name, a, b, c) ((void)(a), (void)(b), (void)(c))
#endif

#endif
