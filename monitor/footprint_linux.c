/* SPDX-License-Identifier: ISC */
/* footprint_linux.c: proc(5), /proc/pid/statm: its second number, in pages. */
#include "footprint.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int footprint_open(void)
{
	return open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
}

bool footprint_read(int fd, uint64_t *bytes)
{
	char text[128], *rest, *end;
	const ssize_t n = fd == -1 ? -1 : pread(fd, text, sizeof text - 1, 0);
	unsigned long long pages;

	if (n <= 0)
		return false;
	text[n] = '\0';
	(void)strtoull(text, &rest, 10);
	pages = strtoull(rest, &end, 10);
	if (end == rest)
		return false;
	*bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
	return true;
}
