/* SPDX-License-Identifier: ISC */
/* rules_kvm.c: requests to KVM: for the vcpu alone, and of them those that a running guest takes. */
#include <linux/kvm.h>

#include "sandbox_rules.h"

#define VCPU(request) {INT_FROM(0, SANDBOX_VCPU), INT_IS(1, request)}

static const struct rule list[] = {
	{.call = "ioctl", .checks = VCPU(KVM_RUN)},
	{.call = "ioctl", .checks = VCPU(KVM_SET_SIGNAL_MASK)},
	/* doorbells are removed at the end */
	{.call = "ioctl", .checks = {INT_FROM(0, SANDBOX_VM), INT_IS(1, KVM_IOEVENTFD)}},
	/* where the guest is, for a message about it */
	{.call = "ioctl", .checks = VCPU(KVM_GET_REGS), .arch = "x86_64"},
	{.call = "ioctl", .checks = VCPU(KVM_GET_ONE_REG), .arch = "aarch64"},
};

extern const struct rules rules_kvm;
const struct rules rules_kvm = {"kvm", list, sizeof list / sizeof list[0], 0};
