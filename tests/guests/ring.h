/* SPDX-License-Identifier: ISC */
/* ring.h: the network ring without the bindings in between, see include/ring_abi.h. */
#ifndef RING_H
#define RING_H

#include "../../include/ring_abi.h"
#include "hypercall.h"

/* Hypercall numbers that come out where a kick goes to. */
#if defined(__x86_64__)
#define RING_KICK (HVT_RING_KICK_PIO_BASE - HVT_HYPERCALL_PIO_BASE)
#elif defined(__aarch64__)
#define RING_KICK ((HVT_RING_KICK_MMIO_BASE - HVT_HYPERCALL_MMIO_BASE) / HVT_HYPERCALL_MMIO_STRIDE)
#endif

static inline void ring_kick(void)
{
	hypercall(RING_KICK, 0);
}

/* What is almost a kick, in one of three ways. */
static inline void ring_odd_kick(unsigned way)
{
#if defined(__x86_64__)
	uint32_t value = 0;
	uint16_t port = HVT_RING_KICK_PIO_BASE;

	if (way == 0)
		__asm__ __volatile__("outb %b0, %1" :: "a"(value), "d"(port));
	else if (way == 1)
		__asm__ __volatile__("outw %w0, %1" :: "a"(value), "d"(port));
	else
		__asm__ __volatile__("inl %1, %0" : "=a"(value) : "d"(port));
#elif defined(__aarch64__)
	uint64_t at = HVT_RING_KICK_MMIO_BASE, value = 0;

	if (way == 0)
		__asm__ __volatile__("strb %w0, [%1]" :: "r"(value), "r"(at) : "memory");
	else if (way == 1)
		__asm__ __volatile__("str %0, [%1]" :: "r"(value), "r"(at) : "memory");
	else
		__asm__ __volatile__("ldr %w0, [%1]" : "=r"(value) : "r"(at) : "memory");
#endif
}

/* NULL if none is offered. */
static inline struct hvt_ring *ring_find(void)
{
	const struct hvt_boot_info *boot = (const struct hvt_boot_info *)HVT_BOOT_INFO_GPA;

	return (boot->host_features & HVT_FEATURE_RING_IO) != 0 ?
		(struct hvt_ring *)boot->net_ring : NULL;
}

static inline uint32_t ring_load(const uint32_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_ACQUIRE);
}

/* With a full barrier: what is loaded next is not older. */
static inline void ring_store(uint32_t *counter, uint32_t value)
{
	__atomic_store_n(counter, value, __ATOMIC_SEQ_CST);
}

#endif
