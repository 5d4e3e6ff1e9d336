/* SPDX-License-Identifier: ISC */
/* hv_vmm_registers_x86_64.c: the registers of a vcpu under FreeBSD's vmm on x86_64, read and written. */
#include <errno.h>

#include "hv_vmm.h"

#define EFER_SVME 0x1000u	/* AMD APM vol. 2, 3.1.7: the host's, and told with the guest's */

/* In the order of struct cpu_regs, RIP last. */
static const int32_t numbers[] = {
	VMM_REG_RAX, VMM_REG_RBX, VMM_REG_RCX, VMM_REG_RDX, VMM_REG_RSI, VMM_REG_RDI, VMM_REG_RSP,
	VMM_REG_RBP, VMM_REG_R8, VMM_REG_R9, VMM_REG_R10, VMM_REG_R11, VMM_REG_R12, VMM_REG_R13,
	VMM_REG_R14, VMM_REG_R15, VMM_REG_RFLAGS, VMM_REG_RIP,
};
#define N_NUMBERS (sizeof numbers / sizeof numbers[0])

/* After an instruction's exit vmm tells its address, and goes on behind it all the same. */
static int get_regs(struct hv *hv, struct cpu_regs *r, struct husk_error *e)
{
	uint64_t v[N_NUMBERS];
	struct vmm_registers call = {.count = N_NUMBERS, .numbers = numbers, .values = v};

	if (VMM_IOCTL(hv->vm, VMM_GET_REGISTERS, &call) == -1)
		return husk_fail_sys(e, errno, "VM_GET_REGISTER_SET");
	*r = (struct cpu_regs){
		.rax = v[0], .rbx = v[1], .rcx = v[2], .rdx = v[3], .rsi = v[4], .rdi = v[5],
		.rsp = v[6], .rbp = v[7], .r8 = v[8], .r9 = v[9], .r10 = v[10], .r11 = v[11],
		.r12 = v[12], .r13 = v[13], .r14 = v[14], .r15 = v[15], .rflags = v[16],
		.rip = hv->next_ip,
	};
	return 0;
}

/* RIP is written only if it changes. */
static int set_regs(struct hv *hv, const struct cpu_regs *r, struct husk_error *e)
{
	uint64_t v[N_NUMBERS] = {
		r->rax, r->rbx, r->rcx, r->rdx, r->rsi, r->rdi, r->rsp, r->rbp, r->r8, r->r9,
		r->r10, r->r11, r->r12, r->r13, r->r14, r->r15, r->rflags, r->rip,
	};
	bool same = r->rip == hv->next_ip;
	struct vmm_registers call = {.count = N_NUMBERS - same, .numbers = numbers, .values = v};

	if (VMM_IOCTL(hv->vm, VMM_SET_REGISTERS, &call) == -1)
		return husk_fail_sys(e, errno, "VM_SET_REGISTER_SET");
	hv->ip = hv->next_ip = r->rip;
	return 0;
}

static int get_base(const struct hv *hv, int number, uint64_t *base, struct husk_error *e)
{
	struct vmm_descriptor d = {.number = number};

	if (VMM_IOCTL(hv->vm, VMM_GET_DESCRIPTOR, &d) == -1)
		return husk_fail_sys(e, errno, "VM_GET_SEGMENT_DESCRIPTOR: %d", number);
	*base = d.base;
	return 0;
}

/* A segment register's number stands for its selector. */
static int get_system(struct hv *hv, struct cpu_system *s, struct husk_error *e)
{
	static const int32_t asked[] = {
		VMM_REG_CS, VMM_REG_SS, VMM_REG_DS, VMM_REG_ES, VMM_REG_FS, VMM_REG_GS,
		VMM_REG_CR0, VMM_REG_CR2, VMM_REG_CR3, VMM_REG_CR4, VMM_REG_EFER,
	};
	uint64_t v[sizeof asked / sizeof asked[0]];
	struct vmm_registers call = {.count = sizeof v / sizeof v[0], .numbers = asked, .values = v};

	if (VMM_IOCTL(hv->vm, VMM_GET_REGISTERS, &call) == -1)
		return husk_fail_sys(e, errno, "VM_GET_REGISTER_SET");
	*s = (struct cpu_system){
		.cs = (uint16_t)v[0], .ss = (uint16_t)v[1], .ds = (uint16_t)v[2],
		.es = (uint16_t)v[3], .fs = (uint16_t)v[4], .gs = (uint16_t)v[5],
		.cr0 = v[6], .cr2 = v[7], .cr3 = v[8], .cr4 = v[9],
		.efer = v[10] & ~(uint64_t)EFER_SVME,
	};
	return get_base(hv, VMM_REG_FS, &s->fs_base, e) == -1 ||
	       get_base(hv, VMM_REG_GS, &s->gs_base, e) == -1 ? -1 : 0;
}

const struct hv_register_ops hv_vmm_registers = {
	.get = get_regs, .set = set_regs, .get_system = get_system,
};
const unsigned long hv_vmm_own_codes[] = {VMM_GET_DESCRIPTOR, 0};
