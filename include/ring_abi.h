/* SPDX-License-Identifier: ISC */
/*
 * ring_abi.h: the network ring that a guest and its monitor share, one for all network devices.
 *
 * Lies where hvt_boot_info.net_ring points if HVT_FEATURE_RING_IO is offered. All counters run
 * free and wrap at 2^32; a slot's index is its counter modulo HVT_RING_SIZE. Submissions are
 * produced by the guest and consumed by the monitor, completions the other way round; only
 * reads are completed. Layout frozen, see hvt_abi.h.
 */
#ifndef RING_ABI_H
#define RING_ABI_H

#include "hvt_abi.h"

#define HVT_RING_SIZE 1024u
#define HVT_RING_MASK (HVT_RING_SIZE - 1)

/* A 32-bit store of any value here wakes a monitor that has set needs_kick. */
#define HVT_RING_KICK_PIO_BASE 0x600u
#define HVT_RING_KICK_MMIO_BASE 0x100000100ull

enum hvt_ring_operation { HVT_RING_NET_WRITE = 1, HVT_RING_NET_READ = 2 };

struct hvt_ring_entry {
	uint32_t operation;		/* enum hvt_ring_operation */
	uint32_t handle;		/* index in the manifest */
	uint64_t data;			/* gpa */
	uint32_t len;
	uint32_t id;			/* handed back in the completion */
	uint64_t reserved;
};
HVT_LAYOUT(sizeof(struct hvt_ring_entry) == 32);

struct hvt_ring_completion {
	uint32_t id;
	int32_t ret;			/* enum hvt_result */
	uint32_t len;			/* of the frame; 0 without one */
	uint32_t reserved;
};
HVT_LAYOUT(sizeof(struct hvt_ring_completion) == 16);

struct hvt_ring {
	/* Written by the guest. */
	uint32_t ent_tail;		/* submissions produced */
	uint32_t com_head;		/* completions consumed */
	uint8_t pad0[56];
	/* Written by the monitor. */
	uint32_t ent_head;		/* submissions consumed */
	uint32_t com_tail;		/* completions produced */
	uint32_t needs_kick;		/* 1: a submission must be followed by a kick */
	uint8_t pad1[52];
	struct hvt_ring_entry entries[HVT_RING_SIZE];
	struct hvt_ring_completion completions[HVT_RING_SIZE];
};
HVT_LAYOUT(offsetof(struct hvt_ring, ent_head) == 64);
HVT_LAYOUT(offsetof(struct hvt_ring, entries) == 128);
HVT_LAYOUT(offsetof(struct hvt_ring, completions) == 32896);
HVT_LAYOUT(sizeof(struct hvt_ring) == 49280);

#endif
