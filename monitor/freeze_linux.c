/* SPDX-License-Identifier: ISC */
/*
 * freeze_linux.c: a file in memory that is sealed, mapped in place of the pages.
 *
 * fcntl(2), F_SEAL_FUTURE_WRITE: nobody can map it for writing any more, and such a mapping cannot be made
 * writable. Linux has that since 5.1; before, and where the starter forbids it, mprotect has to do.
 */
#include "freeze.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

#define NO_EXEC 8u			/* memfd_create(2), MFD_NOEXEC_SEAL, since Linux 6.3 */
#define FUTURE_WRITE 0x10		/* fcntl(2), F_SEAL_FUTURE_WRITE */

static int file_in_memory(void)
{
	const int fd = memfd_create("husk", MFD_CLOEXEC | MFD_ALLOW_SEALING | NO_EXEC);

	return fd != -1 || errno != EINVAL ? fd :
	       memfd_create("husk", MFD_CLOEXEC | MFD_ALLOW_SEALING);
}

static bool fill(int fd, const void *bytes, size_t len)
{
	return ftruncate(fd, (off_t)len) == 0 && write(fd, bytes, len) == (ssize_t)len &&
	       fcntl(fd, F_ADD_SEALS, FUTURE_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0;
}

static bool replace(void *at, size_t len)
{
	const int fd = file_in_memory();
	bool done;

	if (fd == -1)
		return false;
	done = fill(fd, at, len) &&
	       mmap(at, len, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0) != MAP_FAILED;
	close(fd);
	return done;
}

int freeze(void *at, size_t len, struct husk_error *e)
{
	if (replace(at, len) || mprotect(at, len, PROT_READ) == 0)
		return 0;
	return husk_fail_sys(e, errno, "memory that is to be read-only");
}
