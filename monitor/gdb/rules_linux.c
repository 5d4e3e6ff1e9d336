/* SPDX-License-Identifier: ISC */
/* rules_linux.c: system calls of a debugger's sessions, for the sandbox. */
#include <linux/kvm.h>

#include "sandbox_rules.h"

#define VCPU(request) {INT_FROM(0, SANDBOX_VCPU), INT_IS(1, request)}

static const struct rule list[] = {
	/* packets; sendto is the core's */
	{.call = "recvfrom", .checks = {NULL_IS(4)}},
	{.call = "accept4", .checks = {NULL_IS(1)}},

	/* the vcpu */
	{.call = "ioctl", .checks = VCPU(KVM_SET_GUEST_DEBUG)},
	{.call = "ioctl", .checks = VCPU(KVM_SET_REGS), .arch = "x86_64"},
	{.call = "ioctl", .checks = VCPU(KVM_GET_XSAVE), .arch = "x86_64"},
	{.call = "ioctl", .checks = VCPU(KVM_SET_XSAVE), .arch = "x86_64"},
	{.call = "ioctl", .checks = VCPU(KVM_GET_SREGS), .arch = "x86_64"},
	{.call = "ioctl", .checks = VCPU(KVM_SET_ONE_REG), .arch = "aarch64"},

	/* text, for as long as a breakpoint is written: only with --gdb */
	{.call = "mprotect", .checks = {INT_FROM(2, SANDBOX_WRITABLE)}},
	{.call = "mprotect", .checks = {INT_FROM(2, SANDBOX_READABLE)}},

	/* the end: the socket's file is removed, where landlock limits that */
	{.call = "newfstatat", .checks = {INT_FROM(3, SANDBOX_LSTAT)}},
	{.call = "unlinkat", .checks = {INT_FROM(2, SANDBOX_UNLINK)}},
};

extern const struct rules rules_gdb;
const struct rules rules_gdb = {"gdb", list, sizeof list / sizeof list[0]};
