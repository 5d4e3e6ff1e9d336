/* SPDX-License-Identifier: ISC */
/*
 * cpu.h: what an architecture supplies to the bindings; cpu_ARCH.c implements it.
 */
#ifndef CPU_H
#define CPU_H

#include <stdint.h>

#include "../include/hvt_abi.h"

/* Own descriptor tables or vectors: from here on exceptions are reported. */
void cpu_init(void);

/* The counter whose frequency the boot information gives. */
uint64_t cpu_ticks(void);

/* A random number of the processor's or the hypervisor's, 0 where there is none. */
uint64_t cpu_random(void);

/* The thread pointer: FS base, TPIDR_EL0. */
void cpu_set_tls_base(uintptr_t base);

/*
 * Hands the structure to the monitor and returns when it has answered in place. The
 * structure is below 4 GiB, in memory that the guest may write.
 */
void cpu_hypercall(enum hvt_hypercall nr, void *arg);

/* Wakes the monitor's end of the network ring. What was stored before is visible to it. */
void cpu_ring_kick(void);

/* Tells the monitor that something was submitted to this queue (husk_abi.h); the same. */
void cpu_doorbell(uint32_t queue_number);

/* A store before it is visible to the monitor before a load after it is made. */
void cpu_store_load_barrier(void);

/* For loops that wait for another thread: lets other threads of the core run for a moment. */
void cpu_relax(void);

#endif
