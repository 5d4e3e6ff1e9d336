/* SPDX-License-Identifier: ISC */
/* bare_vmm.c: whether there is anything for the vmm backend to make machines with. */
#include "bare.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* On Linux its stand-in of FreeBSD's kernel needs KVM. */
const char *bare_lacks(void)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (fd == -1)
		return strerror(errno);
	close(fd);
	return NULL;
}
