/* SPDX-License-Identifier: ISC */
/*
 * elf_abi.h: the ELF notes by which a Solo5 image says what it is.
 *
 * Each note has a PT_NOTE program header of its own. A note's descriptor starts
 * with as many pad bytes as align its payload to the given alignment, counted
 * from the start of the note, and n_descsz includes them.
 */
#ifndef ELF_ABI_H
#define ELF_ABI_H

#include <stddef.h>
#include <stdint.h>

#define ELF_ABI_NOTE_OWNER "Solo5"	/* n_namesz 6, padded to 8 bytes in the file */
#define ELF_ABI_NOTE_HEADER_SIZE 20u	/* Elf64_Nhdr and the padded owner */

#define ELF_ABI_NOTE_ABI1 0x31494241u	/* n_type, the bytes "ABI1" */
#define ELF_ABI_NOTE_ABI1_PAD 0u
#define ELF_ABI_NOTE_MFT1 0x3154464du	/* n_type, the bytes "MFT1" */
#define ELF_ABI_NOTE_MFT1_PAD 4u

enum elf_abi_target {
	ELF_ABI_HVT = 1,
	ELF_ABI_SPT = 2,
	ELF_ABI_VIRTIO = 3,
	ELF_ABI_MUEN = 4,
	ELF_ABI_GENODE = 5,		/* retired */
	ELF_ABI_XEN = 6
};

struct elf_abi_info {			/* payload of ABI1 */
	uint32_t target;		/* enum elf_abi_target */
	uint32_t version;
	uint32_t reserved[2];
};
#ifdef __cplusplus
static_assert(sizeof(struct elf_abi_info) == 16, "ABI1 layout");
#else
_Static_assert(sizeof(struct elf_abi_info) == 16, "ABI1 layout");
#endif

/*
 * The same note by Solo5's names, for bindings whose source declares it so: the initialiser of a
 * struct abi1_info between ABI1_NOTE_DECLARE_BEGIN and ABI1_NOTE_DECLARE_END.
 */
#define ABI1_NOTE_NAME ELF_ABI_NOTE_OWNER
#define ABI1_NOTE_TYPE ELF_ABI_NOTE_ABI1
#define ABI1_NOTE_ALIGN 4u		/* of the payload, from the start of the note */
#define ABI1_NOTE_MAX_SIZE sizeof(struct abi1_info)

struct abi1_info {
	uint32_t abi_target;		/* enum elf_abi_target */
	uint32_t abi_version;
	uint32_t reserved0, reserved1;
};

struct abi1_note {
	struct abi1_nhdr {
		uint32_t n_namesz;
		uint32_t n_descsz;
		uint32_t n_type;
		char n_name[8];
	} h;
	struct abi1_info i;
};

#define ABI1_NOTE_DECLARE_BEGIN \
	const struct abi1_note __solo5_abi1_note \
		__attribute__((used, section(".note.solo5.abi"), aligned(4))) = { \
		.h = { \
			.n_namesz = sizeof ABI1_NOTE_NAME, \
			.n_descsz = sizeof(struct abi1_info), \
			.n_type = ABI1_NOTE_TYPE, \
			.n_name = ABI1_NOTE_NAME, \
		}, \
		.i =
#define ABI1_NOTE_DECLARE_END };

#endif
