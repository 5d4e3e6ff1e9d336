/* SPDX-License-Identifier: ISC */
/* vmm_kernels_freebsd.c: the kernel that runs, if its vmm is loaded. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/sysctl.h>
#include <unistd.h>

#include "vmm_kernels.h"

const char *const vmm_kernels[] = {VMM_THIS_KERNEL, NULL};

/* FreeBSD 13 and 14 have no vmmctl. */
const char *vmm_lacks(void)
{
	int fd = open("/dev/vmmctl", O_RDWR | O_CLOEXEC), error = errno, cpus;
	size_t len = sizeof cpus;

	if (fd != -1) {
		close(fd);
		return NULL;
	}
	if (error == ENOENT && sysctlbyname("hw.vmm.maxcpu", &cpus, &len, NULL, 0) == 0)
		return NULL;
	return strerror(error);
}
