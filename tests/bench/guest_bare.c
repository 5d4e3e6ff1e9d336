/* SPDX-License-Identifier: ISC */
/*
 * guest_bare.c: an image without bindings that halts at once, like the floor's guest; its manifest
 * is linked to it.
 */
#include "../../include/elf_abi.h"
#include "../../include/hvt_abi.h"
#include "loop.h"

struct note_header {
	uint32_t namesz, descsz, type;
	char name[8];
};

static const struct {
	struct note_header head;
	struct elf_abi_info info;
} note_abi __attribute__((section(".note.bench.abi"), used, aligned(4))) = {
	{sizeof ELF_ABI_NOTE_OWNER, sizeof(struct elf_abi_info), ELF_ABI_NOTE_ABI1,
	 ELF_ABI_NOTE_OWNER},
	{.target = ELF_ABI_HVT, .version = HVT_ABI_VERSION},
};

static const struct hvt_halt halt;

void _start(void);

void _start(void)
{
	bench_halt((unsigned long)&halt);
}
