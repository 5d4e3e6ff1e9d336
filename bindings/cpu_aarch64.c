/* SPDX-License-Identifier: ISC */
/* cpu_aarch64.c: vectors, counter, thread pointer and hypercalls of aarch64. */
#include "cpu.h"

#include <stdbool.h>

#include "../include/husk_abi.h"

extern const uint8_t trap_vectors[];	/* vectors_aarch64.S */

void cpu_init(void)
{
	__asm__ __volatile__("msr vbar_el1, %0\n\tisb" : : "r" (trap_vectors) : "memory");
}

uint64_t cpu_ticks(void)
{
	uint64_t ticks;

	/* Arm ARM DDI 0487, D12.1: without the barrier it may be read early. */
	__asm__ __volatile__("isb\n\tmrs %0, cntvct_el0" : "=r" (ticks) : : "memory");
	return ticks;
}

#define ISAR0_RNDR_SHIFT 60		/* Arm ARM DDI 0487, ID_AA64ISAR0_EL1 */

/* Arm DEN0098, True Random Number Generator firmware interface; DEN0028, calling convention. */
#define TRNG_VERSION 0x84000050u
#define TRNG_RND64 0xc4000053u
#define TRNG_BITS 64

static bool has_rndr(void)
{
	uint64_t isar0;

	__asm__ __volatile__("mrs %0, id_aa64isar0_el1" : "=r" (isar0));
	return isar0 >> ISAR0_RNDR_SHIFT != 0;
}

/* RNDR, by its encoding; Z is set where it has nothing to give. */
static bool read_rndr(uint64_t *value)
{
	uint32_t there;

	__asm__ __volatile__("mrs %0, s3_3_c2_c4_0\n\tcset %w1, ne"
		: "=r" (*value), "=r" (there) : : "cc");
	return there != 0;
}

/* Asks the hypervisor; negative: it has no such call. The answer's low 64 bits are in *value. */
static int64_t ask(uint32_t function, uint64_t argument, uint64_t *value)
{
	register uint64_t x0 __asm__("x0") = function;
	register uint64_t x1 __asm__("x1") = argument;
	register uint64_t x2 __asm__("x2");
	register uint64_t x3 __asm__("x3");

	__asm__ __volatile__("hvc #0"
		: "+r" (x0), "+r" (x1), "=r" (x2), "=r" (x3)
		:
		: "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15",
		  "x16", "x17", "memory");
	*value = x3;
	return (int32_t)x0;
}

uint64_t cpu_random(void)
{
	uint64_t value = 0;

	if (has_rndr() && read_rndr(&value))
		return value;
	if (ask(TRNG_VERSION, 0, &value) < 0 || ask(TRNG_RND64, TRNG_BITS, &value) != 0)
		return 0;
	return value;
}

void cpu_set_tls_base(uintptr_t base)
{
	__asm__ __volatile__("msr tpidr_el0, %0" : : "r" (base) : "memory");
}

/* A hypervisor understands a store of one register without a change of the address. */
static void window_store(uint64_t address, uint32_t value)
{
	__asm__ __volatile__("str %w0, [%1]" : : "r" (value), "r" (address) : "memory");
}

void cpu_hypercall(enum hvt_hypercall nr, void *arg)
{
	window_store(HVT_HYPERCALL_MMIO_BASE + (uint64_t)nr * HVT_HYPERCALL_MMIO_STRIDE,
		(uint32_t)(uintptr_t)arg);
}

void cpu_ring_kick(void)
{
	cpu_store_load_barrier();
	window_store(HVT_RING_KICK_MMIO_BASE, 0);
}

void cpu_doorbell(uint32_t queue_number)
{
	cpu_store_load_barrier();
	window_store(HUSK_DOORBELL_MMIO_BASE, queue_number);
}

void cpu_store_load_barrier(void)
{
	__asm__ __volatile__("dmb ish" : : : "memory");
}

void cpu_relax(void)
{
	__asm__ __volatile__("yield" : : : "memory");
}
