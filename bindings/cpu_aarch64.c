/* cpu_aarch64.c: vectors, counter, thread pointer and hypercalls of aarch64. */
#include "cpu.h"

#include "../include/ring_abi.h"

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

void cpu_store_load_barrier(void)
{
	__asm__ __volatile__("dmb ish" : : : "memory");
}

void cpu_relax(void)
{
	__asm__ __volatile__("yield" : : : "memory");
}
