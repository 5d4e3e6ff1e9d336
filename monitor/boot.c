/* SPDX-License-Identifier: ISC */
/* boot.c: writes the boot area, and only there. */
#include "boot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../include/virtq_abi.h"

#define HUSK_INFO_GPA (HVT_BOOT_INFO_GPA + HUSK_BOOT_INFO_OFFSET)
#define MANIFEST_GPA (HUSK_INFO_GPA + 256u)	/* room for what husk_boot_info gets */

static uint64_t cmdline_gpa(const struct manifest *mft)
{
	return MANIFEST_GPA + manifest_size(mft);
}

/* Length of all words with spaces and NUL; saturates. */
static size_t cmdline_size(int argc, char *const argv[])
{
	size_t size = argc > 0 ? (size_t)argc : 1;	/* the spaces between words, and the NUL */

	for (int i = 0; i < argc; i++)
		if (__builtin_add_overflow(size, strlen(argv[i]), &size))
			return SIZE_MAX;
	return size;
}

int boot_join_cmdline(char **cmdline, int argc, char *const argv[], struct husk_error *e)
{
	size_t size = cmdline_size(argc, argv);
	char *to;

	if (size > HVT_CMDLINE_SIZE)
		return husk_fail(e, HUSK_E_USAGE, "Guest command line too long (max=%u characters)",
				 HVT_CMDLINE_SIZE - 1);
	*cmdline = to = malloc(size);
	if (to == NULL)
		return husk_fail_sys(e, ENOMEM, "guest command line");
	*to = '\0';
	for (int i = 0; i < argc; i++) {
		if (i > 0)
			*to++ = ' ';
		to = stpcpy(to, argv[i]);
	}
	return 0;
}

int boot_reserve(struct resource_space *gpas, const struct manifest *mft, struct husk_error *e)
{
	uint64_t last = cmdline_gpa(mft) + HVT_CMDLINE_SIZE - 1;
	enum resource_status s = resource_reserve(gpas, HVT_BOOT_INFO_GPA, last, "boot info");

	if (s != RESOURCE_OK)
		return husk_fail(e, HUSK_E_IMAGE, "boot info at gpa 0x%x: %s", HVT_BOOT_INFO_GPA,
				 resource_status_text(s));
	return 0;
}

int boot_protect(struct memory *m, struct husk_error *e)
{
	return memory_declare_rest(m, 0, HVT_GUEST_MIN_BASE - 1, MEMORY_R, "low memory", e);
}

/* The guest's copy has no fields of the monitor's, such as descriptor numbers. */
static int write_manifest(const struct memory *m, const struct manifest *mft, struct husk_error *e)
{
	uint64_t gpa = MANIFEST_GPA + sizeof mft->header;

	for (unsigned i = 0; i < mft->header.entries; i++, gpa += sizeof mft->entry[i]) {
		struct mft_entry copy = mft->entry[i];

		copy.backing = 0;
		memset(copy.pad, 0, sizeof copy.pad);
		if (memory_place(m, gpa, &copy, sizeof copy, e) == -1)
			return -1;
	}
	return memory_place(m, MANIFEST_GPA, &mft->header, sizeof mft->header, e);
}

static uint32_t host_features(const struct boot *b)
{
	return (b->net_ring != 0 ? HVT_FEATURE_RING_IO : 0) |
	       (b->granted != 0 ? HUSK_HOST_FEATURE : 0);
}

/* Nothing is there for a guest that was granted nothing. */
static int write_husk_info(const struct memory *m, const struct boot *b, struct husk_error *e)
{
	const struct husk_boot_info info = {
		.magic = HUSK_BOOT_INFO_MAGIC,
		.version = HUSK_BOOT_INFO_VERSION,
		.size = sizeof info,
		.granted = b->granted,
		.queue_size_max = VIRTQ_SIZE_MAX,
		.block_alone = b->block_alone,
		.net_direct = b->net_direct,
	};

	return b->granted == 0 ? 0 : memory_place(m, HUSK_INFO_GPA, &info, sizeof info, e);
}

int boot_write(const struct memory *m, const struct boot *b, struct husk_error *e)
{
	const struct hvt_boot_info info = {
		.mem_size = b->mem_size,
		.kernel_end = b->kernel_end,
		.cpu_cycle_freq = b->cycle_freq,
		.cmdline = cmdline_gpa(b->manifest),
		.mft = MANIFEST_GPA,
		.host_features = host_features(b),
		.net_ring = b->net_ring,
	};

	if (memory_place(m, HVT_BOOT_INFO_GPA, &info, sizeof info, e) == -1 ||
	    write_husk_info(m, b, e) == -1 || write_manifest(m, b->manifest, e) == -1)
		return -1;
	return memory_place(m, info.cmdline, b->cmdline, strlen(b->cmdline) + 1, e);
}
