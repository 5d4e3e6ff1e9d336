/* SPDX-License-Identifier: ISC */
/* cpuid_x86_64.c: one table of CPUID bits that a guest may see, leaf by leaf. */
#include "cpuid_x86_64.h"

#include <stddef.h>

#define BIT(n) (1u << (n))

/*
 * Intel SDM vol. 2A CPUID; AMD APM vol. 3 appendix E; for 0x4000_0001 Linux virt/kvm/x86/cpuid.rst.
 */
#define L1_ECX_MONITOR BIT(3)
#define L1_ECX_VMX BIT(5)
#define L1_ECX_X2APIC BIT(21)
#define L1_ECX_TSC_DEADLINE BIT(24)
#define L7_EBX_SGX BIT(2)
#define L7_ECX_SGX_LC BIT(30)
#define L4_EAX_CLOCKSOURCE BIT(0)
#define L4_EAX_NOP_IO_DELAY BIT(1)
#define L4_EAX_CLOCKSOURCE2 BIT(3)
#define L4_EAX_CLOCKSOURCE_STABLE BIT(24)
#define LEXT1_ECX_SVM BIT(2)
#define LEXT1_ECX_MONITORX BIT(29)

#define ALL UINT32_MAX

static const struct {
	uint32_t leaf;
	struct cpuid_regs keep;
} masks[] = {
	{0x00000001, {ALL, ALL, ~(L1_ECX_MONITOR | L1_ECX_VMX | L1_ECX_X2APIC |
				  L1_ECX_TSC_DEADLINE), ALL}},
	{0x00000005, {0, 0, 0, 0}},	/* MONITOR/MWAIT */
	{0x00000007, {ALL, ~L7_EBX_SGX, ~L7_ECX_SGX_LC, ALL}},
	{0x00000012, {0, 0, 0, 0}},	/* SGX */
	{0x40000001, {L4_EAX_CLOCKSOURCE | L4_EAX_NOP_IO_DELAY | L4_EAX_CLOCKSOURCE2 |
		      L4_EAX_CLOCKSOURCE_STABLE, 0, 0, 0}},
	{0x80000001, {ALL, ALL, ~(LEXT1_ECX_SVM | LEXT1_ECX_MONITORX), ALL}},
	{0x8000000a, {0, 0, 0, 0}},	/* SVM */
};

void cpuid_filter(uint32_t leaf, struct cpuid_regs *r)
{
	for (size_t i = 0; i < sizeof masks / sizeof masks[0]; i++) {
		const struct cpuid_regs *keep = &masks[i].keep;

		if (masks[i].leaf != leaf)
			continue;
		r->eax &= keep->eax;
		r->ebx &= keep->ebx;
		r->ecx &= keep->ecx;
		r->edx &= keep->edx;
	}
}
