/* SPDX-License-Identifier: ISC */
/* console.c: descriptors 1 and 2 are the console, 0 is empty, and there are no others. */
#include "newlib_parts.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define LINE_SIZE 256

static char line[LINE_SIZE];		/* of stderr, which newlib writes character by character */
static size_t used;

void libc_console_flush(void)
{
	solo5_console_write(line, used);
	used = 0;
}

static void collect(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		line[used++] = text[i];
		if (text[i] == '\n' || used == sizeof line)
			libc_console_flush();
	}
}

static int is_open(int fd)
{
	if (fd >= STDIN_FILENO && fd <= STDERR_FILENO)
		return 1;
	errno = EBADF;
	return 0;
}

_READ_WRITE_RETURN_TYPE write(int fd, const void *data, size_t size)
{
	if (!is_open(fd))
		return -1;
	if (fd == STDERR_FILENO) {
		collect(data, size);
	} else {
		libc_console_flush();
		solo5_console_write(data, size);
	}
	return (_READ_WRITE_RETURN_TYPE)size;
}

_READ_WRITE_RETURN_TYPE read(int fd, void *data, size_t size)
{
	(void)data, (void)size;
	return is_open(fd) ? 0 : -1;
}

/* Terminals: so that newlib writes whole lines. */
int isatty(int fd)
{
	return is_open(fd);
}

int fstat(int fd, struct stat *about)
{
	if (!is_open(fd))
		return -1;
	*about = (struct stat){.st_mode = S_IFCHR};
	return 0;
}

off_t lseek(int fd, off_t to, int from)
{
	(void)to, (void)from;
	if (is_open(fd))
		errno = ESPIPE;
	return -1;
}

int close(int fd)
{
	return is_open(fd) ? 0 : -1;
}

int open(const char *path, int how, ...)
{
	(void)path, (void)how;
	errno = ENOENT;
	return -1;
}
