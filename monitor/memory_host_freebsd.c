/* SPDX-License-Identifier: ISC */
/* memory_host_freebsd.c: flags and advice of FreeBSD for guest memory. */
#include "memory_host.h"

#include <sys/mman.h>

/* Swap is put aside for memory that can be written only. */
const int memory_host_unused = 0;
const int memory_host_no_core = MADV_NOCORE;
const int memory_host_give_back = MADV_FREE;

/* The kernel makes superpages by itself; there is no advice for a part of memory. */
enum memory_host_pages memory_host_zeros(void)
{
	return MEMORY_HOST_SMALL;
}

void memory_host_prefer(void *at, size_t len, enum memory_host_pages pages)
{
	(void)at, (void)len, (void)pages;
}
