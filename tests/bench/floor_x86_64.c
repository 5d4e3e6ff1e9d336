/* SPDX-License-Identifier: ISC */
/* floor_x86_64.c: long mode and I/O ports for the floor. Intel SDM vol. 3A 4.5 and 10.8.5. */
#include <string.h>

#include "../../include/hvt_abi.h"
#include "floor.h"

#define PML4_GPA 0x2000u
#define PDPT_GPA 0x3000u
#define PD_GPA 0x4000u			/* four of them, one per GiB */
#define PT_GPA 0x8000u			/* for the first 2 MiB */
#define PAGE_SIZE 0x1000u
#define LARGE_PAGE_SIZE 0x200000u

#define PTE_P 1u
#define PTE_RW 2u
#define PTE_PS 0x80u

#define CPUID_ENTRIES_MAX 256u

static void entry_set(struct floor *f, uint64_t table, uint64_t index, uint64_t value)
{
	memcpy(f->mem + table + index * sizeof value, &value, sizeof value);
}

/* What husk maps: nothing below the boot info, read-only up to the image, then all of memory. */
static void tables_write(struct floor *f)
{
	entry_set(f, PML4_GPA, 0, PDPT_GPA | PTE_P | PTE_RW);
	for (uint64_t i = 0; i < 4; i++)
		entry_set(f, PDPT_GPA, i, (PD_GPA + i * PAGE_SIZE) | PTE_P | PTE_RW);
	entry_set(f, PD_GPA, 0, PT_GPA | PTE_P | PTE_RW);
	for (uint64_t gpa = LARGE_PAGE_SIZE; gpa < f->mem_size; gpa += LARGE_PAGE_SIZE)
		entry_set(f, PD_GPA, gpa / LARGE_PAGE_SIZE, gpa | PTE_P | PTE_RW | PTE_PS);
	for (uint64_t gpa = HVT_BOOT_INFO_GPA; gpa < HVT_GUEST_MIN_BASE; gpa += PAGE_SIZE)
		entry_set(f, PT_GPA, gpa / PAGE_SIZE, gpa | PTE_P);
	for (uint64_t gpa = HVT_GUEST_MIN_BASE; gpa < LARGE_PAGE_SIZE; gpa += PAGE_SIZE)
		entry_set(f, PT_GPA, gpa / PAGE_SIZE, gpa | PTE_P | PTE_RW);
	floor_step(f, "page tables");
}

static void cpuid_set(struct floor *f)
{
	_Alignas(struct kvm_cpuid2) char space[sizeof(struct kvm_cpuid2) +
					       CPUID_ENTRIES_MAX * sizeof(struct kvm_cpuid_entry2)];
	struct kvm_cpuid2 *cpuid = (struct kvm_cpuid2 *)space;

	*cpuid = (struct kvm_cpuid2){.nent = CPUID_ENTRIES_MAX};
	floor_ioctl(f->kvm, KVM_GET_SUPPORTED_CPUID, cpuid, "KVM_GET_SUPPORTED_CPUID");
	floor_step(f, "KVM_GET_SUPPORTED_CPUID");
	floor_ioctl(f->vcpu, KVM_SET_CPUID2, cpuid, "KVM_SET_CPUID2");
	floor_step(f, "KVM_SET_CPUID2");
}

static void sregs_set(struct floor *f)
{
	const struct kvm_segment code = {
		.limit = 0xffffffff, .selector = 0x08, .type = 9, .present = 1, .s = 1, .l = 1, .g = 1,
	};
	const struct kvm_segment data = {
		.limit = 0xffffffff, .selector = 0x10, .type = 3, .present = 1, .s = 1, .db = 1, .g = 1,
	};
	struct kvm_sregs sregs = {
		.cs = code, .ss = data, .ds = data, .es = data, .fs = data, .gs = data,
		.tr = {.type = 11, .present = 1}, .ldt = {.unusable = 1},
		.cr0 = 0x80010021,	/* PG, WP, NE, PE */
		.cr3 = PML4_GPA,
		.cr4 = 0x620,		/* OSXMMEXCPT, OSFXSR, PAE */
		.efer = 0x500,		/* LMA, LME */
	};

	floor_ioctl(f->vcpu, KVM_SET_SREGS, &sregs, "KVM_SET_SREGS");
	floor_step(f, "KVM_SET_SREGS");
}

static void regs_set(struct floor *f, const struct floor_entry *entry)
{
	struct kvm_regs regs = {
		.rip = entry->pc, .rsp = entry->sp - sizeof entry->ret, .rflags = 2,
		.rdi = entry->args[0], .rsi = entry->args[1], .rdx = entry->args[2],
	};

	memcpy(f->mem + regs.rsp, &entry->ret, sizeof entry->ret);
	floor_ioctl(f->vcpu, KVM_SET_REGS, &regs, "KVM_SET_REGS");
	floor_step(f, "KVM_SET_REGS");
}

void floor_machine_enter(struct floor *f, const struct floor_entry *entry)
{
	tables_write(f);
	if (f->cpuid)
		cpuid_set(f);
	sregs_set(f);
	regs_set(f, entry);
}

bool floor_machine_call(const struct floor *f, struct floor_call *call)
{
	const struct kvm_run *run = f->run;

	if (run->exit_reason != KVM_EXIT_IO || run->io.direction != KVM_EXIT_IO_OUT ||
	    run->io.size != 4)
		return false;
	memcpy(&call->gpa, (const char *)run + run->io.data_offset, sizeof call->gpa);
	call->nr = run->io.port - HVT_HYPERCALL_PIO_BASE;
	return true;
}
