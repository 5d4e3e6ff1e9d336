/* SPDX-License-Identifier: ISC */
/* start_aarch64.h: runs the code that an aarch64 vcpu starts with, for tests without a hypervisor. */
#ifndef START_AARCH64_H
#define START_AARCH64_H

#include <stdint.h>

#include "../../monitor/cpu.h"

struct start_registers {
	uint64_t pc;		/* where the code goes */
	uint64_t cpacr, mair, tcr, ttbr0, sctlr;
	unsigned steps;		/* instructions */
};

/*
 * From state on, with ram at gpa 0 and system registers of 0, to the first instruction outside the
 * code's page. What it may not do fails the test: other instructions or registers, a register that
 * the MMU uses and that is not written before it is on, a change that no barrier follows.
 */
struct start_registers start_run(const uint8_t *ram, const struct cpu_state *state);

#endif
