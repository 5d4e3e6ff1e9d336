/* SPDX-License-Identifier: ISC */
/* floor_aarch64.c: the MMU at EL1 and the hypercall window for the floor. Arm ARM DDI 0487, D8. */
#include <string.h>

#include "../../include/hvt_abi.h"
#include "floor.h"

#define L0_GPA 0x1000u
#define L1_GPA 0x2000u
#define L2_GPA 0x3000u			/* four of them, one per GiB */
#define L3_GPA 0x7000u			/* for the first 2 MiB */
#define PAGE_SIZE 0x1000u
#define BLOCK_SIZE 0x200000u		/* of a level 2 entry */
#define GIB 0x40000000u

#define TABLE 3u			/* and level 3 page */
#define BLOCK 1u
#define AF_INNER 0x700u			/* access flag, inner shareable */
#define READ_ONLY 0x80u
#define NORMAL (4u << 2)		/* index into MAIR below: write-back */
#define DEVICE (1u << 2)		/* nGnRE */
#define PXN (1ull << 53)
#define UXN (1ull << 54)

#define MAIR 0x0000bbff440c0400ull
#define TCR 0x32b5183518ull		/* 40-bit addresses, 4 KiB granule */
#define SCTLR 0x1005u			/* I, C, M */
#define PSTATE 0x3c5u			/* EL1h, all masked */

/* Linux arch/arm64/include/uapi/asm/kvm.h */
#define CORE_REG(field) (KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | \
			 KVM_REG_ARM_CORE_REG(field))
#define MAIR_EL1 ARM64_SYS_REG(3, 0, 10, 2, 0)
#define TCR_EL1 ARM64_SYS_REG(3, 0, 2, 0, 2)
#define TTBR0_EL1 ARM64_SYS_REG(3, 0, 2, 0, 0)
#define SCTLR_EL1 ARM64_SYS_REG(3, 0, 1, 0, 0)

static void entry_set(struct floor *f, uint64_t table, uint64_t index, uint64_t value)
{
	memcpy(f->mem + table + index * sizeof value, &value, sizeof value);
}

/* What husk maps: nothing below the boot info, read-only up to the image, then all of memory. */
static void tables_write(struct floor *f)
{
	const uint64_t page = AF_INNER | NORMAL | UXN | TABLE;

	entry_set(f, L0_GPA, 0, L1_GPA | TABLE);
	for (uint64_t i = 0; i * GIB < f->mem_size; i++)
		entry_set(f, L1_GPA, i, (L2_GPA + i * PAGE_SIZE) | TABLE);
	entry_set(f, L1_GPA, HVT_HYPERCALL_MMIO_BASE / GIB,
		  HVT_HYPERCALL_MMIO_BASE | AF_INNER | DEVICE | PXN | UXN | BLOCK);
	entry_set(f, L2_GPA, 0, L3_GPA | TABLE);
	for (uint64_t gpa = BLOCK_SIZE; gpa < f->mem_size; gpa += BLOCK_SIZE)
		entry_set(f, L2_GPA, gpa / BLOCK_SIZE, gpa | AF_INNER | NORMAL | UXN | BLOCK);
	for (uint64_t gpa = HVT_BOOT_INFO_GPA; gpa < HVT_GUEST_MIN_BASE; gpa += PAGE_SIZE)
		entry_set(f, L3_GPA, gpa / PAGE_SIZE, gpa | page | READ_ONLY | PXN);
	for (uint64_t gpa = HVT_GUEST_MIN_BASE; gpa < BLOCK_SIZE; gpa += PAGE_SIZE)
		entry_set(f, L3_GPA, gpa / PAGE_SIZE, gpa | page);
	floor_step(f, "page tables");
}

static void vcpu_init(struct floor *f)
{
	struct kvm_vcpu_init init;

	floor_ioctl(f->vm, KVM_ARM_PREFERRED_TARGET, &init, "KVM_ARM_PREFERRED_TARGET");
	floor_ioctl(f->vcpu, KVM_ARM_VCPU_INIT, &init, "KVM_ARM_VCPU_INIT");
	floor_step(f, "KVM_ARM_VCPU_INIT");
}

static void reg_set(struct floor *f, uint64_t id, uint64_t value)
{
	struct kvm_one_reg reg = {.id = id, .addr = (uintptr_t)&value};

	floor_ioctl(f->vcpu, KVM_SET_ONE_REG, &reg, "KVM_SET_ONE_REG");
}

void floor_machine_enter(struct floor *f, const struct floor_entry *entry)
{
	if (!f->cpuid)
		floor_die("--no-cpuid, which aarch64 has nothing for");
	tables_write(f);
	vcpu_init(f);
	reg_set(f, MAIR_EL1, MAIR);
	reg_set(f, TCR_EL1, TCR);
	reg_set(f, TTBR0_EL1, L0_GPA);
	reg_set(f, SCTLR_EL1, SCTLR);
	reg_set(f, CORE_REG(regs.pstate), PSTATE);
	reg_set(f, CORE_REG(sp_el1), entry->sp);
	reg_set(f, CORE_REG(regs.pc), entry->pc);
	for (size_t i = 0; i < sizeof entry->args / sizeof entry->args[0]; i++)
		reg_set(f, CORE_REG(regs.regs[0]) + i * (sizeof(uint64_t) / sizeof(uint32_t)),
			entry->args[i]);
	reg_set(f, CORE_REG(regs.regs[30]), entry->ret);
	floor_step(f, "registers");
}

bool floor_machine_call(const struct floor *f, struct floor_call *call)
{
	const struct kvm_run *run = f->run;

	if (run->exit_reason != KVM_EXIT_MMIO || !run->mmio.is_write ||
	    run->mmio.len != sizeof call->gpa)
		return false;
	memcpy(&call->gpa, run->mmio.data, sizeof call->gpa);
	call->nr = (unsigned)((run->mmio.phys_addr - HVT_HYPERCALL_MMIO_BASE) /
			      HVT_HYPERCALL_MMIO_STRIDE);
	return true;
}
