/* SPDX-License-Identifier: ISC */
/*
 * hvt_abi.h: what a Solo5 "hvt" guest and its monitor agree on, ABI version 2.
 *
 * Freestanding: serves guests and monitors alike, in C11 and C++, on x86_64 and
 * aarch64. Every layout here is frozen; a change of any of them needs a new
 * HVT_ABI_VERSION. Integers are little-endian, guest pointers are guest physical
 * addresses (gpa), and guest virtual addresses equal them.
 */
#ifndef HVT_ABI_H
#define HVT_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define HVT_LAYOUT(cond) static_assert(cond, "hvt ABI layout")
#else
#define HVT_LAYOUT(cond) _Static_assert(cond, "hvt ABI layout")
#endif

#define HVT_ABI_TARGET 1u		/* "hvt" in the ABI1 note */
#define HVT_ABI_VERSION 2u

/* Guest physical memory map. */
#define HVT_BOOT_INFO_GPA 0x10000u	/* struct hvt_boot_info; below is unmapped for the guest */
#define HVT_GUEST_MIN_BASE 0x100000u	/* lowest address of an image; below is read-only */
#define HVT_MEM_GRANULE 0x200000u	/* guest memory comes in multiples of this */
#define HVT_MEM_MAX 0x100000000ull	/* hypercall arguments are 32-bit addresses */
#define HVT_CMDLINE_SIZE 8192u		/* bytes, terminating NUL included */

/*
 * A hypercall is one 32-bit store of the argument structure's gpa:
 * x86_64 to I/O port HVT_HYPERCALL_PIO_BASE + nr, aarch64 to
 * HVT_HYPERCALL_MMIO_BASE + nr * HVT_HYPERCALL_MMIO_STRIDE.
 */
#define HVT_HYPERCALL_PIO_BASE 0x500u
#define HVT_HYPERCALL_MMIO_BASE 0x100000000ull
#define HVT_HYPERCALL_MMIO_STRIDE 8u
#define HVT_MMIO_WINDOW_SIZE 0x40000000ull

enum hvt_hypercall {
	HVT_HYPERCALL_RESERVED = 0,
	HVT_HYPERCALL_WALLTIME = 1,
	HVT_HYPERCALL_PUTS = 2,
	HVT_HYPERCALL_POLL = 3,
	HVT_HYPERCALL_BLOCK_WRITE = 4,
	HVT_HYPERCALL_BLOCK_READ = 5,
	HVT_HYPERCALL_NET_WRITE = 6,
	HVT_HYPERCALL_NET_READ = 7,
	HVT_HYPERCALL_HALT = 8,
	HVT_HYPERCALL_MAX		/* exclusive */
};

/* Results of the I/O hypercalls; the same numbers as solo5_result_t. */
enum hvt_result { HVT_OK = 0, HVT_AGAIN = 1, HVT_EINVAL = 2, HVT_EUNSPEC = 3 };

/* Handed over in RDI / X0. Guests older than 0.11 read the first 40 bytes only. */
struct hvt_boot_info {
	uint64_t mem_size;		/* bytes of memory that the guest may use, from gpa 0 */
	uint64_t kernel_end;		/* end of the highest loaded segment, page aligned */
	uint64_t cpu_cycle_freq;	/* Hz of the TSC / CNTVCT_EL0 */
	uint64_t cmdline;		/* gpa of a C string */
	uint64_t mft;			/* gpa of the manifest copy, see mft_abi.h */
	uint32_t host_features;		/* HVT_FEATURE_* */
	uint32_t guest_features;	/* always 0 */
	uint64_t net_ring;		/* gpa of the network ring, 0 if none is offered */
};
HVT_LAYOUT(sizeof(struct hvt_boot_info) == 56);
HVT_LAYOUT(offsetof(struct hvt_boot_info, net_ring) == 48);

#define HVT_FEATURE_RING_IO 1u

struct hvt_walltime {
	uint64_t nsecs;			/* OUT: since 1970-01-01 00:00 UTC */
};
HVT_LAYOUT(sizeof(struct hvt_walltime) == 8);

struct hvt_puts {
	uint64_t data;			/* IN: gpa */
	uint64_t len;			/* IN */
};
HVT_LAYOUT(sizeof(struct hvt_puts) == 16);

struct hvt_poll {
	uint64_t timeout_nsecs;		/* IN: relative */
	uint64_t ready_set;		/* OUT: bit n = the device with handle n is readable */
	int32_t ret;			/* OUT: how many bits are set */
	uint32_t pad;
};
HVT_LAYOUT(sizeof(struct hvt_poll) == 24);
HVT_LAYOUT(offsetof(struct hvt_poll, ret) == 16);

struct hvt_block {			/* BLOCK_WRITE and BLOCK_READ */
	uint64_t handle;		/* IN: index in the manifest */
	uint64_t offset;		/* IN: bytes */
	uint64_t data;			/* IN: gpa */
	uint64_t len;			/* IN: bytes */
	int32_t ret;			/* OUT: enum hvt_result */
	uint32_t pad;
};
HVT_LAYOUT(sizeof(struct hvt_block) == 40);
HVT_LAYOUT(offsetof(struct hvt_block, ret) == 32);

struct hvt_net {			/* NET_WRITE and NET_READ */
	uint64_t handle;		/* IN: index in the manifest */
	uint64_t data;			/* IN: gpa */
	uint64_t len;			/* IN: bytes; OUT for NET_READ: length of the frame */
	int32_t ret;			/* OUT: enum hvt_result */
	uint32_t pad;
};
HVT_LAYOUT(sizeof(struct hvt_net) == 32);
HVT_LAYOUT(offsetof(struct hvt_net, ret) == 24);

#define HVT_HALT_COOKIE_MAX 512u	/* bytes that must exist at a cookie */

struct hvt_halt {
	uint64_t cookie;		/* IN: gpa of a trap frame, 0 = none */
	int32_t exit_status;		/* IN: the low 8 bits become the exit status */
	uint32_t pad;
};
HVT_LAYOUT(sizeof(struct hvt_halt) == 16);
HVT_LAYOUT(offsetof(struct hvt_halt, exit_status) == 8);

/* What an x86_64 guest leaves behind the halt cookie after a fatal exception. */
struct hvt_trap_frame_x86_64 {
	uint64_t cr2, error_code, rip, cs, rflags, rsp, ss;
};
HVT_LAYOUT(sizeof(struct hvt_trap_frame_x86_64) == 56);

/* The same of an aarch64 guest with husk's bindings; Solo5's leave none, and their cookie is 0. */
struct hvt_trap_frame_aarch64 {
	uint64_t x[31], sp, pc, pstate;
};
HVT_LAYOUT(sizeof(struct hvt_trap_frame_aarch64) == 272);

#endif
