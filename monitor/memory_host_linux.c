/* SPDX-License-Identifier: ISC */
/* memory_host_linux.c: flags and advice of Linux for guest memory. */
#include "memory_host.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

const int memory_host_unused = MAP_NORESERVE;
const int memory_host_no_core = MADV_DONTDUMP;
const int memory_host_give_back = MADV_DONTNEED;

/*
 * A huge page of zeros that all share takes a 500th of the faults. Where there is none, a huge page of
 * the guest's own is made instead: Linux admin-guide/mm/transhuge.rst, use_zero_page.
 */
enum memory_host_pages memory_host_zeros(void)
{
	const int fd = open("/sys/kernel/mm/transparent_hugepage/use_zero_page", O_RDONLY | O_CLOEXEC);
	char value = '0';

	if (fd == -1)
		return MEMORY_HOST_SMALL;
	if (read(fd, &value, 1) != 1)
		value = '0';
	close(fd);
	return value == '1' ? MEMORY_HOST_HUGE : MEMORY_HOST_SMALL;
}

void memory_host_prefer(void *at, size_t len, enum memory_host_pages pages)
{
	(void)madvise(at, len, pages == MEMORY_HOST_HUGE ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
}
