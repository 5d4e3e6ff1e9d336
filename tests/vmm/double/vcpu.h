/* SPDX-License-Identifier: ISC */
/* vcpu.h: what the stand-in keeps of a vcpu beside KVM's: the architecture's own. */
#ifndef HUSK_DOUBLE_VCPU_H
#define HUSK_DOUBLE_VCPU_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

#include "vmm_abi.h"

#if defined(__x86_64__)
#include "vcpu_x86_64.h"
#elif defined(__aarch64__)
#include "vcpu_aarch64.h"
#else
#error "no vcpu_<architecture>.h for this architecture"
#endif

#endif
