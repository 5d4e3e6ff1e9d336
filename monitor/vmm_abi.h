/* SPDX-License-Identifier: ISC */
/*
 * vmm_abi.h: FreeBSD's vmm(4) as its ioctls see it: codes, arguments, numbers.
 *
 * Names are ours and codes explicit: FreeBSD's own headers differ between releases, and one binary
 * serves 13 to 16. It compiles where these headers are not. Sources: FreeBSD sys/dev/vmm and
 * sys/amd64/include, sys/arm64/include (vmm.h, vmm_dev.h) of 13.2, 15.0 and 15.1. LP64 only.
 *
 * A code tells direction, size and number: direction | size << 16 | group << 8 | number, where the
 * group is 'v' for a machine and 'V' for /dev/vmmctl. The kernel compares all of it.
 */
#ifndef HUSK_VMM_ABI_H
#define HUSK_VMM_ABI_H

#include <stddef.h>
#include <stdint.h>

#define VMM_CONTROL "/dev/vmmctl"	/* FreeBSD 15 and later */
#define VMM_NODES "/dev/vmm"		/* a node for each machine, by its name */
#define VMM_SYSCTL_CREATE "hw.vmm.create"	/* both take a name */
#define VMM_SYSCTL_DESTROY "hw.vmm.destroy"

#define VMM_ABI_SIZE(type, size) \
	_Static_assert(sizeof(type) == (size), #type ": its size is part of the codes")
#define VMM_ABI_AT(type, field, offset) \
	_Static_assert(offsetof(type, field) == (offset), #type "." #field)

/* The size of the argument that a code asks for. */
#define VMM_CODE_SIZE(code) ((code) >> 16 & 0x1fff)

/* ---- /dev/vmmctl ---- */

#define VMM_NAME_MAX 229u

#define VMMCTL_CREATE 0xc1285600u
#define VMMCTL_DESTROY 0xc1285601u

/* Until 15.1 flags is one more reserved word, and EINVAL unless 0. */
#define VMMCTL_DESTROY_ON_CLOSE 1u

struct vmmctl {
	char name[VMM_NAME_MAX + 1];
	uint32_t flags;
	int32_t reserved[15];		/* 0 */
};
VMM_ABI_SIZE(struct vmmctl, 296);
VMM_ABI_AT(struct vmmctl, flags, 232);

/* ---- a machine's node; what differs between the architectures is below ---- */

#define VMM_SET_CAPABILITY 0x80107602u
#define VMM_GET_CAPABILITY 0xc0107603u
#define VMM_SUSPEND 0x80047604u	/* int32_t: enum vmm_suspend */
#define VMM_REINIT 0x20007605u
#define VMM_ALLOC_SEGMENT 0x8038760eu	/* 15 and later */
#define VMM_ALLOC_SEGMENT_13 0x8020760eu	/* 13 and 14 */
#define VMM_GET_SEGMENT 0xc038760fu
#define VMM_GET_SEGMENT_13 0xc020760fu
#define VMM_MAP 0x80287610u
#define VMM_MAP_NEXT 0xc0287611u
#define VMM_SET_REGISTER 0x80107614u
#define VMM_GET_REGISTER 0xc0107615u
#define VMM_SET_REGISTERS 0x80187618u
#define VMM_GET_REGISTERS 0xc0187619u
#define VMM_SET_TOPOLOGY 0x8008763fu
#define VMM_GET_TOPOLOGY 0x40087640u
#define VMM_ACTIVATE_CPU 0x8004765au	/* int32_t: vcpu */
#define VMM_SUSPEND_CPU 0x8004765cu	/* int32_t: vcpu, -1: all active ones */
#define VMM_RESUME_CPU 0x8004765du

struct vmm_capability {
	int32_t cpu, type, value, all_cpus;
};
VMM_ABI_SIZE(struct vmm_capability, 16);

struct vmm_segment_13 {
	int32_t id;
	uint64_t len;
	char name[16];			/* empty: system memory */
};
VMM_ABI_SIZE(struct vmm_segment_13, 32);
VMM_ABI_AT(struct vmm_segment_13, name, 16);

struct vmm_segment {
	int32_t id;
	uint64_t len;
	char name[16];
	void *domains;			/* NUMA; all 0: as the host likes */
	uint64_t domains_size;
	int32_t policy;
};
VMM_ABI_SIZE(struct vmm_segment, 56);
VMM_ABI_AT(struct vmm_segment, domains, 32);
VMM_ABI_AT(struct vmm_segment, policy, 48);

enum vmm_prot {
	VMM_PROT_R = 1,
	VMM_PROT_W = 2,
	VMM_PROT_X = 4,
};

#define VMM_MAP_WIRED 1

struct vmm_map {
	uint64_t gpa;
	int32_t segment;
	int64_t offset;			/* in the segment */
	uint64_t len;
	int32_t prot;			/* enum vmm_prot */
	int32_t flags;
};
VMM_ABI_SIZE(struct vmm_map, 40);
VMM_ABI_AT(struct vmm_map, offset, 16);
VMM_ABI_AT(struct vmm_map, prot, 32);

struct vmm_unmap {
	uint64_t gpa, len;		/* exactly those of one map */
};
VMM_ABI_SIZE(struct vmm_unmap, 16);

struct vmm_register {
	int32_t cpu, number;
	uint64_t value;
};
VMM_ABI_SIZE(struct vmm_register, 16);

struct vmm_registers {
	int32_t cpu;
	uint32_t count;
	const int32_t *numbers;
	uint64_t *values;
};
VMM_ABI_SIZE(struct vmm_registers, 24);

struct vmm_topology {
	uint16_t sockets, cores, threads, max_cpus;
};
VMM_ABI_SIZE(struct vmm_topology, 8);

/* Why a whole machine is suspended; DESTROY's number is the architecture's. */
enum vmm_suspend {
	VMM_SUSPEND_RESET = 1,
	VMM_SUSPEND_POWEROFF = 2,
	VMM_SUSPEND_HALT = 3,
};

struct vmm_run {
	int32_t cpu;
	void *cpuset;			/* of no use to a machine with one vcpu: NULL */
	uint64_t cpuset_size;
	struct vmm_exit *exit;		/* filled if the call succeeds */
};
VMM_ABI_SIZE(struct vmm_run, 32);
VMM_ABI_AT(struct vmm_run, exit, 24);

#if defined(__x86_64__)
#include "vmm_abi_x86_64.h"
#elif defined(__aarch64__)
#include "vmm_abi_aarch64.h"
#else
#error "no vmm_abi_<architecture>.h for this architecture"
#endif

#endif
