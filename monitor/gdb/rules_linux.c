/* SPDX-License-Identifier: ISC */
/* rules_linux.c: system calls of a debugger's sessions, for the sandbox. */
#include <linux/kvm.h>

#include "sandbox_rules.h"

#define VCPU(request) {INT_FROM(0, SANDBOX_VCPU), INT_IS(1, request)}

/*
 * Requests whose structure is the architecture's, and with it their number: this is compiled for the
 * building machine, whose headers may have another (linux/kvm.h, _IOW of asm/kvm.h's structures).
 */
#define X86_64_SET_GUEST_DEBUG 0x4048ae9bu
#define X86_64_SET_REGS 0x4090ae82u
#define X86_64_GET_XSAVE 0x9000aea4u
#define X86_64_SET_XSAVE 0x5000aea5u
#define X86_64_GET_SREGS 0x8138ae83u
#define AARCH64_SET_GUEST_DEBUG 0x4208ae9bu

static const struct rule list[] = {
	/* packets; sendto is the core's */
	{.call = "recvfrom", .checks = {NULL_IS(4)}},
	{.call = "accept4", .checks = {NULL_IS(1)}},

	/* the vcpu */
	{.call = "ioctl", .checks = VCPU(X86_64_SET_GUEST_DEBUG), .arch = "x86_64"},
	{.call = "ioctl", .checks = VCPU(X86_64_SET_REGS), .arch = "x86_64"},
	{.call = "ioctl", .checks = VCPU(X86_64_GET_XSAVE), .arch = "x86_64"},
	{.call = "ioctl", .checks = VCPU(X86_64_SET_XSAVE), .arch = "x86_64"},
	{.call = "ioctl", .checks = VCPU(X86_64_GET_SREGS), .arch = "x86_64"},
	{.call = "ioctl", .checks = VCPU(AARCH64_SET_GUEST_DEBUG), .arch = "aarch64"},
	{.call = "ioctl", .checks = VCPU(KVM_SET_ONE_REG), .arch = "aarch64"},

	/* text, for as long as a breakpoint is written: only with --gdb */
	{.call = "mprotect", .checks = {INT_FROM(2, SANDBOX_WRITABLE)}},
	{.call = "mprotect", .checks = {INT_FROM(2, SANDBOX_READABLE)}},

	/* the end: the socket's file is removed, where landlock limits that */
	{.call = "newfstatat", .checks = {INT_FROM(3, SANDBOX_LSTAT)}},
	{.call = "unlinkat", .checks = {INT_FROM(2, SANDBOX_UNLINK)}},
};

extern const struct rules rules_gdb;
const struct rules rules_gdb = {"gdb", list, sizeof list / sizeof list[0], SANDBOX_REST};
