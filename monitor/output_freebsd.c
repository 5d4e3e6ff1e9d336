/* SPDX-License-Identifier: ISC */
/* output_freebsd.c: another description of an open file; a write that never waits is not there. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "output.h"

ssize_t output_write_nowait(int fd, const void *buf, size_t len)
{
	(void)fd, (void)buf, (void)len;
	errno = EOPNOTSUPP;
	return -1;
}

/* The name of a terminal; -1 for anything else. It may be another terminal's by now. */
static int open_terminal(int fd, int flags)
{
	char path[128];
	const int error = ttyname_r(fd, path, sizeof path);

	if (error == 0)
		return open(path, flags);
	errno = error;
	return -1;
}

/*
 * open(2), O_EMPTY_PATH: opens what the descriptor stands for, except a pipe without a name. Before
 * 13.1 only terminals can be opened again.
 */
int output_open_again(int fd)
{
	const int flags = O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	const int again = openat(fd, "", flags | O_EMPTY_PATH);

	if (again != -1 || (errno != ENOENT && errno != EINVAL))
		return again;
	return open_terminal(fd, flags);
}

bool output_may_be_terminal(dev_t device)
{
	(void)device;
	return true;
}
