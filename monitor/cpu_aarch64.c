/* SPDX-License-Identifier: ISC */
/* cpu_aarch64.c: translation tables, first code and first registers of an aarch64 guest. */
#include "cpu.h"

#include <elf.h>
#include <stddef.h>
#include <string.h>

#include "../include/hvt_abi.h"
#include "../include/ring_abi.h"
#include "tables.h"

const struct cpu_hypercall_window cpu_hypercall_window = {
	.kind = BUS_MMIO, .base = HVT_HYPERCALL_MMIO_BASE, .stride = HVT_HYPERCALL_MMIO_STRIDE,
};
const struct cpu_hypercall_window cpu_ring_kick = {
	.kind = BUS_MMIO, .base = HVT_RING_KICK_MMIO_BASE,
};
const uint16_t cpu_elf_machine = EM_AARCH64;
const char cpu_ip_name[] = "pc";

/* brk #0 */
const uint8_t cpu_breakpoint[CPU_BREAKPOINT_SIZE_MAX] = {0x00, 0x00, 0x20, 0xd4};
const unsigned cpu_breakpoint_size = 4;

#define GIB 0x40000000ull

/* Fixed places in low memory; those below the boot info the guest cannot see. */
#define L0_GPA 0x1000ull
#define L1_GPA 0x2000ull
#define L2_GPA 0x3000ull
#define L3_GPA 0x7000ull	/* the first 2 MiB */
#define START_GPA 0xfe000ull	/* where a vcpu starts */

/* Translation table descriptors: Arm ARM DDI 0487 D8.3; registers: there, by name. */
#define DESC_BLOCK 1ull
#define DESC_TABLE 3ull
#define DESC_PAGE 3ull
#define DESC_ATTR(index) ((uint64_t)(index) << 2)	/* of MAIR_EL1 */
#define DESC_READ_ONLY (1ull << 7)	/* AP[2] */
#define DESC_INNER (3ull << 8)		/* SH: inner shareable */
#define DESC_AF (1ull << 10)
#define DESC_PXN (1ull << 53)
#define DESC_UXN (1ull << 54)

/* MAIR_EL1: nGnRnE, nGnRE, GRE, non-cacheable, write-back, write-through. */
#define MAIR 0x0000bbff440c0400ull
#define ATTR_DEVICE 1
#define ATTR_NORMAL 4
#define NORMAL (DESC_ATTR(ATTR_NORMAL) | DESC_INNER | DESC_AF | DESC_UXN)

/* TCR_EL1: what write-back tables in 40 bits of 4 KiB granules need. */
#define TCR_T0SZ 24ull			/* 2^40 bytes each way */
#define TCR_T1SZ (24ull << 16)
#define TCR_WALKS0 (0x35ull << 8)	/* write-back in and out, inner shareable */
#define TCR_WALKS1 (0x35ull << 24)
#define TCR_TG1_4K (2ull << 30)		/* TG0 is 0 for the same */
#define TCR_IPS_40 (2ull << 32)
#define TCR_AS (1ull << 36)
#define TCR_TBI0 (1ull << 37)

/* SCTLR_EL1, and PSTATE as in SPSR_EL1. */
#define SCTLR_M (1ull << 0)
#define SCTLR_C (1ull << 2)
#define SCTLR_I (1ull << 12)
#define PSTATE_DAIF (0xfull << 6)
#define PSTATE_EL1H 5ull

static const struct tables_format format = {
	.table = DESC_TABLE,
	.block = NORMAL | DESC_BLOCK,
	.block_read_only = NORMAL | DESC_BLOCK | DESC_READ_ONLY,
	.page = NORMAL | DESC_PAGE,
	.page_read_only = NORMAL | DESC_PAGE | DESC_READ_ONLY,
	.no_execute = DESC_PXN,
	.directories = L2_GPA,
	.first = L3_GPA,
	.code = START_GPA,
};

static const struct tables_place places[] = {
	{0, 1, "zero page"},
	{L0_GPA, 1, "level 0 table"},
	{L1_GPA, 1, "level 1 table"},
	{L2_GPA, TABLES_DIRECTORIES, "level 2 table"},
	{L3_GPA, 1, "page table"},
	{START_GPA, 1, "start code"},
};

/*
 * A vcpu starts with the MMU off, and not every hypervisor lets its monitor set the registers that
 * turning it on takes. So code in the guest's memory does, with what lies behind it in the page; the
 * page's address is the same before and after. X16 is what calls may change anyway (AAPCS64).
 */
__asm__(".section .rodata.start_code, \"a\"\n"
	".balign 64\n"
	"start_code:\n"
	"	mrs x16, cpacr_el1\n"
	"	orr x16, x16, #(3 << 20)\n"		/* FPEN: FP and SIMD do not trap */
	"	msr cpacr_el1, x16\n"
	"	ldr x16, start_code + 64\n"
	"	msr mair_el1, x16\n"
	"	ldr x16, start_code + 72\n"
	"	msr tcr_el1, x16\n"
	"	ldr x16, start_code + 80\n"
	"	msr ttbr0_el1, x16\n"
	"	isb\n"
	"	ldr x16, start_code + 88\n"
	"	msr sctlr_el1, x16\n"
	"	isb\n"
	"	ldr x16, start_code + 96\n"
	"	br x16\n"
	".balign 64\n"
	".previous\n");
extern const uint8_t start_code[64] __attribute__((visibility("hidden")));

struct start_page {
	uint8_t code[sizeof start_code];
	uint64_t mair, tcr, ttbr0, sctlr, entry;
};
_Static_assert(offsetof(struct start_page, mair) == 64 &&
	       offsetof(struct start_page, entry) == 96, "what start_code loads");

static int write_start_page(const struct memory *m, uint64_t entry, struct husk_error *e)
{
	struct start_page page = {
		.mair = MAIR,
		.tcr = TCR_T0SZ | TCR_T1SZ | TCR_WALKS0 | TCR_WALKS1 | TCR_TG1_4K | TCR_IPS_40 |
		       TCR_AS | TCR_TBI0,
		.ttbr0 = L0_GPA,
		.sctlr = SCTLR_M | SCTLR_C | SCTLR_I,
		.entry = entry,
	};

	memcpy(page.code, start_code, sizeof page.code);
	return memory_place(m, START_GPA, &page, sizeof page, e);
}

/* The last entry of level 1 is the window to the monitor, above all memory. */
static int write_upper_levels(const struct memory *m, struct husk_error *e)
{
	const uint64_t l0 = L1_GPA | format.table;
	uint64_t l1[TABLES_DIRECTORIES + 1] = {0};

	_Static_assert(HVT_HYPERCALL_MMIO_BASE == TABLES_DIRECTORIES * GIB &&
		       HVT_MMIO_WINDOW_SIZE == GIB, "one entry, the next one");
	for (unsigned d = 0; d < TABLES_DIRECTORIES && d * GIB < m->size; d++)
		l1[d] = (L2_GPA + d * TABLES_PAGE) | format.table;
	l1[TABLES_DIRECTORIES] = HVT_HYPERCALL_MMIO_BASE | DESC_ATTR(ATTR_DEVICE) | DESC_INNER |
				 DESC_AF | DESC_PXN | DESC_UXN | DESC_BLOCK;
	if (memory_place(m, L0_GPA, &l0, sizeof l0, e) == -1)
		return -1;
	return memory_place(m, L1_GPA, l1, sizeof l1, e);
}

int cpu_boot(const struct memory *m, struct resource_space *gpas, uint64_t entry,
	     struct cpu_state *state, struct husk_error *e)
{
	if (tables_reserve(gpas, places, sizeof places / sizeof places[0], e) == -1 ||
	    write_upper_levels(m, e) == -1 || tables_write(&format, m, gpas, e) == -1 ||
	    write_start_page(m, entry, e) == -1)
		return -1;
	*state = (struct cpu_state){
		.pc = START_GPA,
		.sp = m->size - 16,	/* 16-byte aligned: AAPCS64 */
		.x0 = HVT_BOOT_INFO_GPA,
		.pstate = PSTATE_DAIF | PSTATE_EL1H,
	};
	return 0;
}
