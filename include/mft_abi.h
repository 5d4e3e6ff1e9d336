/* SPDX-License-Identifier: ISC */
/*
 * mft_abi.h: the manifest, the static list of devices that an image declares.
 *
 * It lies in the image's MFT1 note (elf_abi.h) and, with the properties that the
 * monitor filled in, in guest memory where hvt_boot_info.mft points. A device's
 * handle is its index here; entry 0 is reserved.
 */
#ifndef MFT_ABI_H
#define MFT_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define MFT_LAYOUT(cond) static_assert(cond, "manifest layout")
#else
#define MFT_LAYOUT(cond) _Static_assert(cond, "manifest layout")
#endif

#define MFT_VERSION 1u
#define MFT_MAX_ENTRIES 64u		/* handle sets are 64-bit masks */
#define MFT_NAME_SIZE 68u
#define MFT_NAME_MAX 67u		/* characters, ASCII letters and digits */

enum mft_type {
	MFT_DEV_BLOCK_BASIC = 1,
	MFT_DEV_NET_BASIC = 2,
	MFT_RESERVED_FIRST = 0x40000000	/* from here on nothing has to be attached */
};

struct mft_block {
	uint64_t capacity;		/* bytes */
	uint16_t block_size;		/* bytes */
	uint8_t pad[6];
};

struct mft_net {
	uint8_t mac[6];
	uint16_t mtu;			/* without the Ethernet header */
	uint8_t pad[8];
};

struct mft_entry {
	char name[MFT_NAME_SIZE];	/* NUL-terminated */
	uint32_t type;			/* enum mft_type */
	union {
		struct mft_block block;
		struct mft_net net;
		uint8_t bytes[16];
	} u;
	uint64_t backing;		/* for the monitor only; 0 in guest and file */
	uint8_t attached;		/* 0 in the file, 1 in the guest's copy */
	uint8_t pad[7];
};
MFT_LAYOUT(sizeof(struct mft_entry) == 104);
MFT_LAYOUT(offsetof(struct mft_entry, u) == 72);
MFT_LAYOUT(offsetof(struct mft_entry, attached) == 96);

struct mft_header {
	uint32_t version;
	uint32_t entries;		/* entry 0 included; this many struct mft_entry follow */
};
MFT_LAYOUT(sizeof(struct mft_header) == 8);

#endif
