/* SPDX-License-Identifier: ISC */
/* cpu_x86_64.c: descriptor table, page tables and first registers of an x86_64 guest. */
#include "cpu.h"

#include <elf.h>

#include "../include/hvt_abi.h"
#include "../include/ring_abi.h"
#include "tables.h"

const struct cpu_hypercall_window cpu_hypercall_window = {
	.kind = BUS_PIO, .base = HVT_HYPERCALL_PIO_BASE, .stride = 1,
};
const struct cpu_hypercall_window cpu_ring_kick = {
	.kind = BUS_PIO, .base = HVT_RING_KICK_PIO_BASE,
};
const uint16_t cpu_elf_machine = EM_X86_64;
const char cpu_ip_name[] = "rip";

/* HLT: without interrupts it has no use, and every hypervisor reports it. */
const uint8_t cpu_breakpoint[CPU_BREAKPOINT_SIZE_MAX] = {0xf4};
const unsigned cpu_breakpoint_size = 1;

/* Fixed places below the boot info; the guest cannot see them. */
#define GDT_GPA 0x1000ull
#define PML4_GPA 0x2000ull
#define PDPT_GPA 0x3000ull
#define PD_GPA 0x4000ull
#define PT0_GPA 0x8000ull	/* the first 2 MiB */

/* Page table entries, Intel SDM vol. 3A table 4-15 and following. */
#define PTE_P (1ull << 0)
#define PTE_RW (1ull << 1)
#define PTE_PS (1ull << 7)
#define PTE_NX (1ull << 63)

/* Control registers, Intel SDM vol. 3A 2.5; EFER, vol. 4 table 2-2. */
#define CR0_PE (1ull << 0)
#define CR0_NE (1ull << 5)
#define CR0_WP (1ull << 16)
#define CR0_PG (1ull << 31)
#define CR4_PAE (1ull << 5)
#define CR4_OSFXSR (1ull << 9)
#define CR4_OSXMMEXCPT (1ull << 10)
#define EFER_LME (1ull << 8)
#define EFER_LMA (1ull << 10)
#define EFER_NXE (1ull << 11)
#define RFLAGS_FIXED (1ull << 1)

/* Descriptors and their types, Intel SDM vol. 3A 3.4.5 and table 3-1. */
#define SELECTOR_CODE 0x08
#define SELECTOR_DATA 0x10
#define TYPE_CODE_ACCESSED 9
#define TYPE_DATA_WRITE_ACCESSED 3
#define TYPE_TSS_BUSY 11
static const uint64_t gdt[] = {0, 0x00af99000000ffff, 0x00cf93000000ffff};

static const struct tables_format format = {
	.table = PTE_P | PTE_RW,
	.block = PTE_P | PTE_RW | PTE_PS,
	.block_read_only = PTE_P | PTE_PS,
	.page = PTE_P | PTE_RW,
	.page_read_only = PTE_P,
	.no_execute = PTE_NX,
	.directories = PD_GPA,
	.first = PT0_GPA,
};

static const struct tables_place places[] = {
	{0, 1, "zero page"},
	{GDT_GPA, 1, "descriptor table"},
	{PML4_GPA, 1, "page map level 4"},
	{PDPT_GPA, 1, "page directory pointers"},
	{PD_GPA, TABLES_DIRECTORIES, "page directory"},
	{PT0_GPA, 1, "page table"},
};

static int write_upper_levels(const struct memory *m, struct husk_error *e)
{
	const uint64_t pml4 = PDPT_GPA | format.table;
	uint64_t pdpt[TABLES_DIRECTORIES];

	for (unsigned d = 0; d < TABLES_DIRECTORIES; d++)
		pdpt[d] = (PD_GPA + d * TABLES_PAGE) | format.table;
	if (memory_place(m, PML4_GPA, &pml4, sizeof pml4, e) == -1)
		return -1;
	return memory_place(m, PDPT_GPA, pdpt, sizeof pdpt, e);
}

static struct cpu_state first_registers(uint64_t entry, uint64_t mem_size)
{
	const struct cpu_segment data = {
		.selector = SELECTOR_DATA, .type = TYPE_DATA_WRITE_ACCESSED, .limit = UINT32_MAX,
		.code_or_data = true, .present = true, .default_32 = true, .granular = true,
	};
	const struct cpu_segment code = {
		.selector = SELECTOR_CODE, .type = TYPE_CODE_ACCESSED, .limit = UINT32_MAX,
		.code_or_data = true, .present = true, .long_mode = true, .granular = true,
	};

	return (struct cpu_state){
		.rip = entry,
		/* as if called: 16-byte aligned before the return address */
		.rsp = mem_size - 8,
		.rdi = HVT_BOOT_INFO_GPA,
		.rflags = RFLAGS_FIXED,
		.cr0 = CR0_PE | CR0_NE | CR0_WP | CR0_PG,
		.cr3 = PML4_GPA,
		.cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT,
		.efer = EFER_LME | EFER_LMA | EFER_NXE,
		.gdt_base = GDT_GPA,
		.gdt_limit = sizeof gdt - 1,
		.code = code,
		.data = data,
		.tss = {.type = TYPE_TSS_BUSY, .present = true},
	};
}

int cpu_boot(const struct memory *m, struct resource_space *gpas, uint64_t entry,
	     struct cpu_state *state, struct husk_error *e)
{
	if (tables_reserve(gpas, places, sizeof places / sizeof places[0], e) == -1 ||
	    memory_place(m, GDT_GPA, gdt, sizeof gdt, e) == -1 ||
	    write_upper_levels(m, e) == -1 || tables_write(&format, m, gpas, e) == -1)
		return -1;
	*state = first_registers(entry, m->size);
	return 0;
}
