/* SPDX-License-Identifier: ISC */
/* idle-vm.c: keeps one VM open, so that the first and the last of a machine are never a test's. */

/*
 * The kernel patches its own code when the first VM appears and when the last one goes, and
 * QEMU's TCG was seen to stumble over that. This program returns once the VM exists; a child of
 * it holds the VM until the machine is off.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int vm_create(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (kvm < 0) {
		perror("idle-vm: cannot open /dev/kvm");
		return -1;
	}
	int vm = ioctl(kvm, KVM_CREATE_VM, 0UL);

	if (vm < 0)
		perror("idle-vm: KVM_CREATE_VM failed");
	return vm;
}

/* The VM belongs to the process that created it: the child creates it and says so with a byte. */
static void vm_hold(int report)
{
	if (vm_create() < 0 || write(report, "y", 1) != 1)
		_exit(1);
	close(report);
	for (;;)
		pause();
}

int main(void)
{
	int report[2];
	char byte;

	if (pipe(report) < 0) {
		perror("idle-vm: cannot make a pipe");
		return 1;
	}
	pid_t child = fork();

	if (child < 0) {
		perror("idle-vm: cannot fork");
		return 1;
	}
	if (child == 0) {
		close(report[0]);
		vm_hold(report[1]);
	}
	close(report[1]);
	return read(report[0], &byte, 1) == 1 ? 0 : 1;
}
