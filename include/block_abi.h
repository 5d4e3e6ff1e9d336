/* SPDX-License-Identifier: ISC */
/*
 * block_abi.h: requests on the queue of a block device.
 *
 * Virtual I/O Device (VIRTIO) Version 1.2, section 5.2.6. A request is a chain: a header that the
 * monitor reads, what it is about, and one byte that the monitor writes, the last of the chain; both
 * may be cut anywhere. A device has one queue, index 0. Sectors have 512 bytes whatever the device's
 * block size. Integers are little-endian. Serves C11 and C++; layout frozen.
 *
 *	IN		header; data, status (written)
 *	OUT		header, data; status
 *	FLUSH		header; status
 *	DISCARD		header, one struct block_range; status
 *	WRITE_ZEROES	likewise
 *
 * Data is a multiple of 512 bytes, of at most BLOCK_DATA_MAX bytes in BLOCK_SEGMENTS_MAX pieces. A
 * request comes back with the number of bytes that were written: the data of an IN that succeeded, and
 * the status. A chain without a byte for the status ends the guest; what else is wrong is the status.
 *
 * Requests that are outstanding at the same time have no order. What durability they have is in
 * docs/abi.md.
 */
#ifndef BLOCK_ABI_H
#define BLOCK_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define BLOCK_LAYOUT(cond) static_assert(cond, "block layout")
#else
#define BLOCK_LAYOUT(cond) _Static_assert(cond, "block layout")
#endif

#define BLOCK_QUEUES 1u
#define BLOCK_SECTOR 512u
#define BLOCK_DATA_MAX 0x100000u	/* bytes */
#define BLOCK_SEGMENTS_MAX 64u
#define BLOCK_ZEROES_MAX 0x1000000u	/* bytes of one WRITE_ZEROES; a DISCARD may be of all */

enum block_type {			/* 5.2.6; others are UNSUPP */
	BLOCK_IN = 0,
	BLOCK_OUT = 1,
	BLOCK_FLUSH = 4,
	BLOCK_DISCARD = 11,
	BLOCK_WRITE_ZEROES = 13
};

struct block_header {
	uint32_t type;			/* enum block_type */
	uint32_t reserved;
	uint64_t sector;		/* 0 for FLUSH, DISCARD and WRITE_ZEROES */
};
BLOCK_LAYOUT(sizeof(struct block_header) == 16);
BLOCK_LAYOUT(offsetof(struct block_header, sector) == 8);

#define BLOCK_RANGE_UNMAP 1u		/* WRITE_ZEROES may give the space back */

struct block_range {
	uint64_t sector;
	uint32_t n_sectors;
	uint32_t flags;			/* others are UNSUPP; 0 for DISCARD */
};
BLOCK_LAYOUT(sizeof(struct block_range) == 16);
BLOCK_LAYOUT(offsetof(struct block_range, flags) == 12);

enum block_status {
	BLOCK_OK = 0,
	BLOCK_IOERR = 1,		/* the host failed, or it is no request for this disk */
	BLOCK_UNSUPP = 2
};

#endif
