/* SPDX-License-Identifier: ISC */
/* bare_kvm.c: asks the host itself for KVM: a broken backend must not pass for a missing one. */
#include "bare.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

const char *bare_lacks(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), vm = -1, error = errno;

	if (kvm != -1) {
		vm = ioctl(kvm, KVM_CREATE_VM, 0);
		error = errno;
		close(kvm);
	}
	if (vm == -1)
		return strerror(error);
	close(vm);
	return NULL;
}
