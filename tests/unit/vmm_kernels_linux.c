/* SPDX-License-Identifier: ISC */
/* vmm_kernels_linux.c: the stand-in of FreeBSD's kernels, which needs KVM. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "vmm_kernels.h"

/* Those that this architecture has had. */
#if defined(__x86_64__)
const char *const vmm_kernels[] = {"15-intel", "15-amd", "13-intel-apic", "16-intel", NULL};
#else
const char *const vmm_kernels[] = {"15", "16", NULL};
#endif

const char *vmm_lacks(void)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (fd == -1)
		return strerror(errno);
	close(fd);
	return NULL;
}
