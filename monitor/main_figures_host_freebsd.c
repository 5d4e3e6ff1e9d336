/* SPDX-License-Identifier: ISC */
/* main_figures_host_freebsd.c: pwrite(2), for which the descriptor has the right. */
#include "main_figures_host.h"

#include <unistd.h>

ssize_t figures_host_write(int fd, const void *text, size_t len)
{
	return pwrite(fd, text, len, 0);
}
