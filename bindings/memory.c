/* SPDX-License-Identifier: ISC */
/* memory.c: what is where in the guest's memory. */
#include "bindings.h"
#include "image.h"

#define PAGE_SIZE 4096ul
#define STACK_MIN 0x80000ul		/* 512 KiB for stack and heap are needed to start */
#define SPARE_SHARE 8			/* of the rest, one part in so many may be taken */

static uint64_t memory_end;

static uint64_t page_up(uint64_t address)
{
	return (address + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
}

void memory_init(uint64_t mem_size, struct solo5_start_info *info)
{
	uint64_t heap_start = page_up((uintptr_t)_end);
	uint64_t needed = heap_start + STACK_MIN;

	if (needed > mem_size)
		bindings_abort("Not enough memory: %lu KiB needed, %lu KiB there: "
			"run with --mem=%lu or more", needed >> 10, mem_size >> 10,
			(needed + HVT_MEM_GRANULE - 1) / HVT_MEM_GRANULE * HVT_MEM_GRANULE >> 20);
	memory_end = mem_size;
	info->heap_start = heap_start;
	info->heap_size = mem_size - heap_start;
}

bool memory_is_data(uint64_t address, size_t size)
{
	return address >= (uintptr_t)_sdata && address < memory_end && size <= memory_end - address;
}

uint8_t *memory_take(struct solo5_start_info *info, size_t size)
{
	uint8_t *taken = (uint8_t *)info->heap_start;

	size = page_up(size);
	if (size > (info->heap_size - STACK_MIN) / SPARE_SHARE)
		return NULL;
	info->heap_start += size;
	info->heap_size -= size;
	return taken;
}

void memory_print_map(const struct solo5_start_info *info)
{
	uint64_t mem_size = info->heap_start + info->heap_size;

	log_printf(LOG_INFO,
		"Solo5: Memory map: %lu MB addressable:\n"
		"Solo5:   reserved @ (0x0 - 0x%lx)\n"
		"Solo5:       text @ (0x%lx - 0x%lx)\n"
		"Solo5:     rodata @ (0x%lx - 0x%lx)\n"
		"Solo5:       data @ (0x%lx - 0x%lx)\n"
		"Solo5:       heap >= 0x%lx < stack < 0x%lx\n",
		mem_size >> 20,
		(uintptr_t)_stext - 1,
		(uintptr_t)_stext, (uintptr_t)_etext - 1,
		(uintptr_t)_etext, (uintptr_t)_erodata - 1,
		(uintptr_t)_sdata, info->heap_start - 1,
		info->heap_start, mem_size);
}
