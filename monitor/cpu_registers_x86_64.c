/* SPDX-License-Identifier: ISC */
/* cpu_registers_x86_64.c: what the registers of a program are called on x86_64. */
#include <stddef.h>

#include "cpu.h"

#define R(name) {#name, offsetof(struct cpu_regs, name)}
const struct cpu_register cpu_registers[] = {
	R(rip), R(rsp), R(rbp), R(rflags), R(rax), R(rbx), R(rcx), R(rdx), R(rsi), R(rdi), R(r8), R(r9),
	R(r10), R(r11), R(r12), R(r13), R(r14), R(r15),
};
const size_t cpu_n_registers = sizeof cpu_registers / sizeof cpu_registers[0];
