/* SPDX-License-Identifier: ISC */
/* double_entry_x86_64.c: whether a processor would take a vcpu's state, as real ones check it. */
#include "double.h"

/* Intel SDM vol. 3A 2.5 and 2.2.1; AMD APM vol. 2, 15.5.1. */
#define CR0_PE 1u
#define CR0_PG 0x80000000u
#define CR4_PAE 0x20u
#define EFER_LME 0x100u
#define EFER_LMA 0x400u
#define RFLAGS_ALWAYS 2u

static const struct descriptor *of(const struct cpu *c, int number)
{
	return &c->descriptors[number - VMM_REG_ES];
}

static bool canonical(uint64_t address)
{
	return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}

static bool unusable(const struct descriptor *d)
{
	return (d->access & VMM_ACCESS_UNUSABLE) != 0;
}

/* Intel SDM vol. 3C 26.3.1.2: limit and granularity agree, reserved bits are 0. */
static bool shape_ok(const struct descriptor *d)
{
	bool granular = (d->access & VMM_ACCESS_G) != 0;

	if ((d->limit & 0xfff) != 0xfff && granular)
		return false;
	if ((d->limit & 0xfff00000) != 0 && !granular)
		return false;
	return (d->access & VMM_ACCESS_P) != 0 && (d->access & 0xfffe0f00) == 0;
}

static bool code_ok(const struct descriptor *d)
{
	uint32_t type = d->access & 15;

	if (unusable(d) || (d->access & VMM_ACCESS_S) == 0 || (type & 9) != 9)
		return false;
	if ((d->access & VMM_ACCESS_L) != 0 && (d->access & VMM_ACCESS_DB) != 0)
		return false;
	return shape_ok(d) && d->base >> 32 == 0;
}

static bool data_ok(const struct descriptor *d, bool stack)
{
	uint32_t type = d->access & 15;

	if (unusable(d))
		return true;
	if ((d->access & VMM_ACCESS_S) == 0 || (type & 1) == 0)
		return false;
	if (stack ? type != 3 && type != 7 : (type & 8) != 0 && (type & 2) == 0)
		return false;
	return shape_ok(d);
}

static bool system_ok(const struct descriptor *d, uint32_t type)
{
	return (d->access & VMM_ACCESS_S) == 0 && (d->access & 15) == type && shape_ok(d) &&
	       canonical(d->base) && (d->selector & 4) == 0;
}

static bool segments_ok(const struct cpu *c)
{
	static const int data[] = {VMM_REG_DS, VMM_REG_ES, VMM_REG_FS, VMM_REG_GS};

	for (unsigned i = 0; i < sizeof data / sizeof data[0]; i++)
		if (!data_ok(of(c, data[i]), false))
			return false;
	return code_ok(of(c, VMM_REG_CS)) && data_ok(of(c, VMM_REG_SS), true) &&
	       !unusable(of(c, VMM_REG_TR)) && system_ok(of(c, VMM_REG_TR), 11) &&
	       (unusable(of(c, VMM_REG_LDTR)) || system_ok(of(c, VMM_REG_LDTR), 2)) &&
	       of(c, VMM_REG_GDTR)->limit <= 0xffff && of(c, VMM_REG_IDTR)->limit <= 0xffff &&
	       canonical(of(c, VMM_REG_GDTR)->base) && canonical(of(c, VMM_REG_IDTR)->base);
}

static bool intel_ok(const struct cpu *c)
{
	uint64_t cr0 = c->sregs.cr0, efer = c->sregs.efer;
	bool paging = (cr0 & CR0_PG) != 0, long_mode = (efer & EFER_LMA) != 0;

	if ((c->regs.rflags & RFLAGS_ALWAYS) == 0 || c->dr7 >> 32 != 0)
		return false;
	if (paging && (cr0 & CR0_PE) == 0)
		return false;
	if (long_mode && (!paging || (c->sregs.cr4 & CR4_PAE) == 0))
		return false;
	if (paging && long_mode != ((efer & EFER_LME) != 0))
		return false;
	return segments_ok(c) && (!long_mode || canonical(c->regs.rip));
}

static bool amd_ok(const struct cpu *c)
{
	uint64_t cr0 = c->sregs.cr0;
	uint32_t code = of(c, VMM_REG_CS)->access;

	if ((c->sregs.efer & EFER_LME) == 0 || (cr0 & CR0_PG) == 0)
		return true;
	return (cr0 & CR0_PE) != 0 && (c->sregs.cr4 & CR4_PAE) != 0 &&
	       (code & (VMM_ACCESS_L | VMM_ACCESS_DB)) != (VMM_ACCESS_L | VMM_ACCESS_DB);
}

bool entry_ok(const struct machine *m)
{
	return double_personality()->amd ? amd_ok(&m->cpu) : intel_ok(&m->cpu);
}
