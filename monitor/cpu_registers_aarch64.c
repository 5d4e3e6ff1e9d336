/* SPDX-License-Identifier: ISC */
/* cpu_registers_aarch64.c: what the registers of a program are called on aarch64. */
#include <stddef.h>

#include "cpu.h"

#define R(name) {#name, offsetof(struct cpu_regs, name)}
#define X(n) {"x" #n, offsetof(struct cpu_regs, x) + (n) * sizeof(uint64_t)}
const struct cpu_register cpu_registers[] = {
	R(pc), R(sp), X(29), R(pstate), X(0), X(1), X(2), X(3), X(4), X(5), X(6), X(7), X(8), X(9),
	X(10), X(11), X(12), X(13), X(14), X(15), X(16), X(17), X(18), X(19), X(20), X(21), X(22),
	X(23), X(24), X(25), X(26), X(27), X(28), X(30),
};
const size_t cpu_n_registers = sizeof cpu_registers / sizeof cpu_registers[0];
