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

/*
 * The rest is for a manifest.c as Solo5's elftool writes it, kept in a source tree. It defines
 * MFT_ENTRIES, includes this header, and puts the initialiser of a struct mft between
 * MFT1_NOTE_DECLARE_BEGIN and MFT1_NOTE_DECLARE_END.
 */
#define MFT1_NOTE_NAME "Solo5"
#define MFT1_NOTE_TYPE 0x3154464du	/* the bytes "MFT1" */
#define MFT1_NOTE_ALIGN 8u		/* of the payload, from the start of the note */
#define MFT1_NOTE_MAX_SIZE \
	(4u + sizeof(struct mft_header) + MFT_MAX_ENTRIES * sizeof(struct mft_entry))

#ifdef MFT_ENTRIES
MFT_LAYOUT(MFT_ENTRIES >= 1 && MFT_ENTRIES <= MFT_MAX_ENTRIES);

struct mft {
	uint32_t version;
	uint32_t entries;
	struct mft_entry e[MFT_ENTRIES];
};

struct mft1_note {
	struct mft1_nhdr {
		uint32_t n_namesz;
		uint32_t n_descsz;
		uint32_t n_type;
		char n_name[8];
	} h;
	uint32_t pad;			/* part of the descriptor */
	struct mft m;
};
MFT_LAYOUT(offsetof(struct mft1_note, m) == 24);

#define MFT1_NOTE_DECLARE_BEGIN \
	const struct mft1_note __solo5_mft1_note \
		__attribute__((used, section(".note.solo5.manifest"), aligned(4))) = { \
		.h = { \
			.n_namesz = sizeof MFT1_NOTE_NAME, \
			.n_descsz = sizeof(struct mft1_note) - sizeof(struct mft1_nhdr), \
			.n_type = MFT1_NOTE_TYPE, \
			.n_name = MFT1_NOTE_NAME, \
		}, \
		.m =
#define MFT1_NOTE_DECLARE_END };
#endif

#endif
