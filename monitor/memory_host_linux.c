/* SPDX-License-Identifier: ISC */
/* memory_host_linux.c: flags and advice of Linux for guest memory. */
#include "memory_host.h"

#include <sys/mman.h>

const int memory_host_unused = MAP_NORESERVE;
const int memory_host_no_core = MADV_DONTDUMP;
const int memory_host_give_back = MADV_DONTNEED;

void memory_host_prefer(void *at, size_t len, enum memory_host_pages pages)
{
	(void)madvise(at, len, pages == MEMORY_HOST_HUGE ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
}
