/* SPDX-License-Identifier: ISC */
/* cpuid_x86_64.h: which processor features are visible to an x86_64 guest. */
#ifndef HUSK_CPUID_X86_64_H
#define HUSK_CPUID_X86_64_H

#include <stdint.h>

struct cpuid_regs {
	uint32_t eax, ebx, ecx, edx;
};

/*
 * Hides from one leaf what a guest without interrupts, local APIC or nested guests cannot
 * use: VMX, SVM, SGX, MONITOR, x2APIC, the TSC deadline timer, and the hypervisor's
 * paravirtual features that need interrupts. All else stays.
 */
void cpuid_filter(uint32_t leaf, struct cpuid_regs *r);

#endif
