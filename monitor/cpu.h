/* SPDX-License-Identifier: ISC */
/*
 * cpu.h: what depends on the architecture when a guest starts: translation tables and first
 * registers.
 *
 * Knows the architecture, not the hypervisor. struct cpu_state is the architecture's own.
 */
#ifndef HUSK_CPU_H
#define HUSK_CPU_H

#include <stddef.h>
#include <stdint.h>

#include "bus_access.h"
#include "error.h"
#include "memory.h"
#include "resource.h"

#if defined(__x86_64__)
#include "cpu_x86_64.h"
#elif defined(__aarch64__)
#include "cpu_aarch64.h"
#else
#error "no cpu_<architecture>.h for this architecture"
#endif

/* Where the guest's hypercalls arrive: number n at base + n * stride. */
struct cpu_hypercall_window {
	enum bus_kind kind;
	uint64_t base;
	unsigned stride;
};

extern const struct cpu_hypercall_window cpu_hypercall_window;
extern const struct cpu_hypercall_window cpu_ring_kick;	/* one place: base */
extern const uint16_t cpu_elf_machine;	/* EM_* of images that run here */
extern const char cpu_ip_name[];	/* "rip" or "pc", for messages */

/* Each of the 64-bit registers in struct cpu_regs, the most telling first. */
extern const struct cpu_register {
	char name[8];
	size_t place;		/* its offset there */
} cpu_registers[];
extern const size_t cpu_n_registers;

/* An instruction that a debugger writes over another, and that no guest can use for anything else. */
#define CPU_BREAKPOINT_SIZE_MAX 4
extern const uint8_t cpu_breakpoint[CPU_BREAKPOINT_SIZE_MAX];
extern const unsigned cpu_breakpoint_size;

/*
 * Writes the boot tables into low memory, with the translation that the declared ranges of
 * m ask for (what is not executable there is not executable in the guest), takes their
 * addresses from gpas, and says in *state how the vcpu starts: at entry, with the stack at
 * the top of m. HUSK_E_IMAGE if the image needs more tables than there is room for.
 */
int cpu_boot(const struct memory *m, struct resource_space *gpas, uint64_t entry,
	     struct cpu_state *state, struct husk_error *e);

#endif
