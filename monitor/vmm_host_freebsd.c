/* SPDX-License-Identifier: ISC */
/* vmm_host_freebsd.c: the host calls of the vmm backend on FreeBSD itself. */
#include "vmm_host.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sysctl.h>
#include <unistd.h>

#include "vmm_abi.h"

int vmm_host_open(const char *path, int flags)
{
	return open(path, flags);
}

int vmm_host_close(int fd)
{
	return close(fd);
}

int vmm_host_ioctl(int fd, unsigned long code, void *arg)
{
	return ioctl(fd, code, arg);
}

/* Guest memory has no place in a core dump of the monitor. */
void *vmm_host_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
	return mmap(at, len, prot, flags | MAP_NOCORE, fd, offset);
}

int vmm_host_sysctl(const char *name, void *old, size_t *old_len, const void *new, size_t new_len)
{
	return sysctlbyname(name, old, old_len, new, new_len);
}

int vmm_host_machines(int (*each)(void *ctx, const char *name), void *ctx)
{
	DIR *dir = opendir(VMM_NODES);
	const struct dirent *entry;

	if (dir == NULL)
		return errno == ENOENT ? 0 : -1;
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.' && each(ctx, entry->d_name) == 0)
			break;
	closedir(dir);
	return 0;
}
