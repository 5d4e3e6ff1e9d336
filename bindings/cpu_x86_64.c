/* SPDX-License-Identifier: ISC */
/* cpu_x86_64.c: descriptor tables, counter, thread pointer and hypercalls of x86_64. */
#include "cpu.h"

#include <stdbool.h>
#include <stddef.h>

#include "../include/husk_abi.h"

#define N_EXCEPTIONS 32			/* Intel SDM vol. 3A 6.3.1: vectors 0 to 31 */
#define VECTOR_STRIDE 16		/* vectors_x86_64.S aligns its entries to this */
#define VECTOR_NMI 2
#define VECTOR_DF 8
#define VECTOR_MC 18

#define IST_TRAP 1			/* entries of the TSS's interrupt stack table, from 1 */
#define IST_CRITICAL 2			/* may interrupt the report of another exception */
#define IST_STACK_SIZE 4096

#define CODE_SELECTOR 0x08
#define DATA_SELECTOR 0x10
#define TSS_SELECTOR 0x18

/* Intel SDM vol. 3A 3.4.5: flat segments, present, accessed, DPL 0. */
#define CODE_DESCRIPTOR 0x00af99000000ffffull	/* 64-bit, execute-only */
#define DATA_DESCRIPTOR 0x00cf93000000ffffull	/* read/write */

#define MSR_FS_BASE 0xc0000100u		/* Intel SDM vol. 4, table 2-2 */

struct tss {				/* Intel SDM vol. 3A 7.7, figure 7-11 */
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t reserved1;
	uint64_t ist[7];
	uint64_t reserved2;
	uint16_t reserved3;
	uint16_t iomap_base;
} __attribute__((packed));
_Static_assert(sizeof(struct tss) == 104, "TSS layout");

struct gate {				/* Intel SDM vol. 3A 6.14.1, figure 6-8 */
	uint16_t offset_low;
	uint16_t selector;
	uint8_t ist;
	uint8_t type;
	uint16_t offset_mid;
	uint32_t offset_high;
	uint32_t reserved;
};
_Static_assert(sizeof(struct gate) == 16, "gate layout");

#define GATE_INTERRUPT 0x8e		/* present, DPL 0, 64-bit interrupt gate */
#define TSS_AVAILABLE 0x89ull		/* present, DPL 0, available 64-bit TSS */

struct table_register {			/* operand of LGDT and LIDT */
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

extern const uint8_t trap_vectors[];	/* vectors_x86_64.S */

static struct tss tss;
static uint64_t gdt[5];
static struct gate idt[N_EXCEPTIONS];
static uint8_t trap_stack[IST_STACK_SIZE] __attribute__((aligned(16)));
static uint8_t critical_stack[IST_STACK_SIZE] __attribute__((aligned(16)));

static void tss_fill(void)
{
	tss.ist[IST_TRAP - 1] = (uint64_t)(trap_stack + sizeof trap_stack);
	tss.ist[IST_CRITICAL - 1] = (uint64_t)(critical_stack + sizeof critical_stack);
	tss.iomap_base = sizeof tss;
}

static void gdt_fill(void)
{
	uint64_t base = (uint64_t)&tss, limit = sizeof tss - 1;

	gdt[CODE_SELECTOR / 8] = CODE_DESCRIPTOR;
	gdt[DATA_SELECTOR / 8] = DATA_DESCRIPTOR;
	/* Intel SDM vol. 3A 7.2.3: a TSS descriptor takes two slots. */
	gdt[TSS_SELECTOR / 8] = limit | (base & 0xffffff) << 16 | TSS_AVAILABLE << 40 |
		(base >> 24 & 0xff) << 56;
	gdt[TSS_SELECTOR / 8 + 1] = base >> 32;
}

static void gdt_load(void)
{
	struct table_register gdtr = {.limit = sizeof gdt - 1, .base = (uint64_t)gdt};

	/* FS and GS stay as they are: loading a selector would clear their bases. */
	__asm__ __volatile__(
		"lgdt %[gdtr]\n\t"
		"pushq %[code]\n\t"
		"leaq 1f(%%rip), %%rax\n\t"
		"pushq %%rax\n\t"
		"lretq\n"
		"1:\n\t"
		"movl %[data], %%ds\n\t"
		"movl %[data], %%es\n\t"
		"movl %[data], %%ss\n\t"
		"ltr %w[task]"
		:
		: [gdtr] "m" (gdtr), [code] "i" (CODE_SELECTOR), [data] "r" (DATA_SELECTOR),
		  [task] "r" (TSS_SELECTOR)
		: "rax", "memory");
}

static uint8_t vector_ist(unsigned vector)
{
	int critical = vector == VECTOR_NMI || vector == VECTOR_DF || vector == VECTOR_MC;

	return critical ? IST_CRITICAL : IST_TRAP;
}

static void idt_load(void)
{
	struct table_register idtr = {.limit = sizeof idt - 1, .base = (uint64_t)idt};

	for (unsigned i = 0; i < N_EXCEPTIONS; i++) {
		uint64_t entry = (uint64_t)trap_vectors + i * VECTOR_STRIDE;

		idt[i] = (struct gate){
			.offset_low = (uint16_t)entry,
			.offset_mid = (uint16_t)(entry >> 16),
			.offset_high = (uint32_t)(entry >> 32),
			.selector = CODE_SELECTOR,
			.ist = vector_ist(i),
			.type = GATE_INTERRUPT,
		};
	}
	__asm__ __volatile__("lidt %0" : : "m" (idtr) : "memory");
}

void cpu_init(void)
{
	tss_fill();
	gdt_fill();
	gdt_load();
	idt_load();
}

uint64_t cpu_ticks(void)
{
	uint32_t low, high;

	__asm__ __volatile__("rdtsc" : "=a" (low), "=d" (high));
	return (uint64_t)high << 32 | low;
}

#define CPUID_1_ECX_RDRAND (1u << 30)	/* Intel SDM vol. 2A, CPUID, table 3-10 */
#define RDRAND_TRIES 10			/* Intel SDM vol. 1 7.3.17.1 */

static bool has_rdrand(void)
{
	uint32_t eax = 1, ebx, ecx = 0, edx;

	__asm__ __volatile__("cpuid" : "+a" (eax), "=b" (ebx), "+c" (ecx), "=d" (edx));
	return (ecx & CPUID_1_ECX_RDRAND) != 0;
}

uint64_t cpu_random(void)
{
	uint64_t value = 0;
	uint8_t there = 0;

	if (!has_rdrand())
		return 0;
	for (unsigned i = 0; i < RDRAND_TRIES && !there; i++)
		__asm__ __volatile__("rdrand %0\n\tsetc %1" : "=r" (value), "=qm" (there) : : "cc");
	return there ? value : 0;
}

void cpu_set_tls_base(uintptr_t base)
{
	__asm__ __volatile__("wrmsr"
		:
		: "c" (MSR_FS_BASE), "a" ((uint32_t)base), "d" ((uint32_t)(base >> 32))
		: "memory");
}

void cpu_hypercall(enum hvt_hypercall nr, void *arg)
{
	uint16_t port = (uint16_t)(HVT_HYPERCALL_PIO_BASE + (unsigned)nr);

	__asm__ __volatile__("outl %0, %1"
		:
		: "a" ((uint32_t)(uintptr_t)arg), "d" (port)
		: "memory");
}

void cpu_ring_kick(void)
{
	__asm__ __volatile__("outl %0, %1"
		:
		: "a" (0), "d" ((uint16_t)HVT_RING_KICK_PIO_BASE)
		: "memory");
}

void cpu_doorbell(uint32_t queue_number)
{
	__asm__ __volatile__("outl %0, %1"
		:
		: "a" (queue_number), "d" ((uint16_t)HUSK_DOORBELL_PIO_BASE)
		: "memory");
}

void cpu_store_load_barrier(void)
{
	__asm__ __volatile__("mfence" : : : "memory");
}

void cpu_relax(void)
{
	__asm__ __volatile__("pause" : : : "memory");
}
