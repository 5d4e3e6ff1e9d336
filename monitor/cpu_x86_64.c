/* cpu_x86_64.c: descriptor table, page tables and first registers of an x86_64 guest. */
#include "cpu.h"

#include <elf.h>
#include <string.h>

#include "../include/hvt_abi.h"

const struct cpu_hypercall_window cpu_hypercall_window = {
	.kind = BUS_PIO, .base = HVT_HYPERCALL_PIO_BASE, .stride = 1,
};
const uint16_t cpu_elf_machine = EM_X86_64;
const char cpu_ip_name[] = "rip";

#define PAGE 0x1000ull
#define LARGE_PAGE 0x200000ull
#define ENTRIES 512u		/* of every table, Intel SDM vol. 3A 4.5 */

/* Fixed places below the boot info; the guest cannot see them. */
#define GDT_GPA 0x1000ull
#define PML4_GPA 0x2000ull
#define PDPT_GPA 0x3000ull
#define PD_GPA 0x4000ull	/* four pages, 1 GiB each */
#define PDS 4u
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

struct tables {
	const struct memory *m;
	struct resource_space *gpas;
	struct husk_error *e;
};

static bool executable(const struct memory *m, uint64_t addr)
{
	const struct memory_range *r = memory_range_at(m, addr);

	return r != NULL && (r->prot & MEMORY_X) != 0;
}

/* Whether all of the 2 MiB at addr has the same right to execute as its first page. */
static bool uniform(const struct memory *m, uint64_t addr)
{
	uint64_t last = addr + LARGE_PAGE - 1;

	for (size_t i = 0; i < m->n_ranges; i++) {
		const struct memory_range *r = &m->ranges[i];

		if ((r->prot & MEMORY_X) != 0 && r->start <= last && r->last >= addr)
			return r->start <= addr && r->last >= last;
	}
	return true;
}

/*
 * Nothing below the boot info, so that null pointers fault; read-only up to the image.
 * Above, all is writable here: what an image declares read-only is protected by the
 * backend, which ends the run where a page fault would leave it to the guest.
 */
static uint64_t small_page(const struct memory *m, uint64_t addr)
{
	if (addr < HVT_BOOT_INFO_GPA)
		return 0;
	if (addr < HVT_GUEST_MIN_BASE)
		return addr | PTE_P | PTE_NX;
	return addr | PTE_P | PTE_RW | (executable(m, addr) ? 0 : PTE_NX);
}

static int write_page_table(const struct tables *t, uint64_t gpa, uint64_t addr)
{
	uint64_t pt[ENTRIES];

	for (unsigned i = 0; i < ENTRIES; i++)
		pt[i] = small_page(t->m, addr + i * PAGE);
	return memory_place(t->m, gpa, pt, sizeof pt, t->e);
}

/* Room for another page table: any free page that the guest cannot write. */
static int take_page(const struct tables *t, uint64_t *gpa)
{
	const struct resource_request rq = {
		.size = PAGE, .align = PAGE, .min = PAGE, .max = HVT_GUEST_MIN_BASE - 1,
		.owner = "page table",
	};
	struct resource_range got;
	enum resource_status s = resource_alloc(t->gpas, &rq, &got);

	if (s != RESOURCE_OK)
		return husk_fail(t->e, HUSK_E_IMAGE,
				 "no room for another page table (%s): the image has too many "
				 "executable segments in different 2 MiB blocks",
				 resource_status_text(s));
	*gpa = got.start;
	return 0;
}

static int directory_entry(const struct tables *t, uint64_t addr, uint64_t *entry)
{
	uint64_t pt = PT0_GPA;

	if (addr != 0 && uniform(t->m, addr)) {
		*entry = addr | PTE_P | PTE_RW | PTE_PS | (executable(t->m, addr) ? 0 : PTE_NX);
		return 0;
	}
	if (addr != 0 && take_page(t, &pt) == -1)
		return -1;
	*entry = pt | PTE_P | PTE_RW;
	return write_page_table(t, pt, addr);
}

/* Directories beyond the end of memory stay zero: not present. */
static int write_directories(const struct tables *t)
{
	uint64_t pd[ENTRIES], addr = 0;

	for (unsigned d = 0; d < PDS && addr < t->m->size; d++) {
		memset(pd, 0, sizeof pd);
		for (unsigned i = 0; i < ENTRIES && addr < t->m->size; i++, addr += LARGE_PAGE)
			if (directory_entry(t, addr, &pd[i]) == -1)
				return -1;
		if (memory_place(t->m, PD_GPA + d * PAGE, pd, sizeof pd, t->e) == -1)
			return -1;
	}
	return 0;
}

static int write_upper_levels(const struct tables *t)
{
	const uint64_t pml4 = PDPT_GPA | PTE_P | PTE_RW;
	uint64_t pdpt[PDS];

	for (unsigned d = 0; d < PDS; d++)
		pdpt[d] = (PD_GPA + d * PAGE) | PTE_P | PTE_RW;
	if (memory_place(t->m, PML4_GPA, &pml4, sizeof pml4, t->e) == -1)
		return -1;
	return memory_place(t->m, PDPT_GPA, pdpt, sizeof pdpt, t->e);
}

static int reserve_tables(const struct tables *t)
{
	static const struct { uint64_t start, pages; const char *owner; } fixed[] = {
		{0, 1, "zero page"},
		{GDT_GPA, 1, "descriptor table"},
		{PML4_GPA, 1, "page map level 4"},
		{PDPT_GPA, 1, "page directory pointers"},
		{PD_GPA, PDS, "page directory"},
		{PT0_GPA, 1, "page table"},
	};

	for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
		enum resource_status s = resource_alloc_at(t->gpas, fixed[i].start,
							   fixed[i].pages * PAGE, PAGE,
							   fixed[i].owner);

		if (s != RESOURCE_OK)
			return husk_fail(t->e, HUSK_E_IMAGE, "%s at gpa 0x%llx: %s",
					 fixed[i].owner, (unsigned long long)fixed[i].start,
					 resource_status_text(s));
	}
	return 0;
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
		.rsp = mem_size - 8,	/* as if called: 16-byte aligned before the return address */
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
	const struct tables t = {m, gpas, e};

	if (reserve_tables(&t) == -1 || memory_place(m, GDT_GPA, gdt, sizeof gdt, e) == -1 ||
	    write_upper_levels(&t) == -1 || write_directories(&t) == -1)
		return -1;
	*state = first_registers(entry, m->size);
	return 0;
}
