/* SPDX-License-Identifier: ISC */
/* memory_host.c: guest memory as private anonymous memory of the process. */
#include "memory_host.h"

#include <errno.h>
#include <sys/mman.h>

static int reserve_failed(uint64_t size, int sys, struct husk_error *e)
{
	husk_fail_sys(e, sys, "Cannot reserve %llu MiB of guest memory",
		      (unsigned long long)(size >> 20));
	if (sys == ENOMEM)
		husk_hint(e, "give the guest less, or raise the host's limits");
	return -1;
}

int memory_host_reserve(struct memory_host *h, uint64_t size, struct husk_error *e)
{
	size_t map_size;
	uint8_t *map;

	*h = (struct memory_host){0};
	if (__builtin_add_overflow(size, 3 * MEMORY_HOST_ALIGN, &map_size))
		return reserve_failed(size, ENOMEM, e);
	map = mmap(NULL, map_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | memory_host_unused, -1, 0);
	if (map == MAP_FAILED)
		return reserve_failed(size, errno, e);
	*h = (struct memory_host){
		.map = map, .map_size = map_size, .size = size,
		.base = map + MEMORY_HOST_ALIGN + (-(uintptr_t)map & (MEMORY_HOST_ALIGN - 1)),
	};
	return 0;
}

int memory_host_commit(struct memory_host *h, struct husk_error *e)
{
	if (mprotect(h->base, h->size, PROT_READ | PROT_WRITE) == -1)
		return reserve_failed(h->size, errno, e);
	(void)madvise(h->base, h->size, memory_host_no_core);
	return 0;
}

void memory_host_release(struct memory_host *h)
{
	if (h->map != NULL)
		munmap(h->map, h->map_size);
	*h = (struct memory_host){0};
}
