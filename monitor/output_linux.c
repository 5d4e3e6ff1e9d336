/* SPDX-License-Identifier: ISC */
/* output_linux.c: writes that do not wait, and another description of an open file. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>

#include "output.h"

/* pwritev2(2): offset -1 is the file's own. Linux's pipes know the flag since 5.10, FIFOs do not. */
ssize_t output_write_nowait(int fd, const void *buf, size_t len)
{
	const struct iovec part = {(void *)(uintptr_t)buf, len};

	return pwritev2(fd, &part, 1, -1, RWF_NOWAIT);
}

/* proc(5): opening the link opens the file that it stands for. */
int output_open_again(int fd)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

/* Linux Documentation/admin-guide/devices.txt: 1 is memory, /dev/null among it. */
bool output_may_be_terminal(dev_t device)
{
	return major(device) != 1;
}
