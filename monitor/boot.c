/* boot.c: writes the boot area, and only there. */
#include "boot.h"

#include <string.h>

#define MANIFEST_GPA (HVT_BOOT_INFO_GPA + sizeof(struct hvt_boot_info))

static uint64_t cmdline_gpa(const struct manifest *mft)
{
	return MANIFEST_GPA + manifest_size(mft);
}

int boot_join_cmdline(char cmdline[HVT_CMDLINE_SIZE], int argc, char *const argv[],
		      struct husk_error *e)
{
	size_t used = 0;

	for (int i = 0; i < argc; i++) {
		size_t len = strlen(argv[i]), space = i > 0;

		if (len + space >= HVT_CMDLINE_SIZE - used)
			return husk_fail(e, HUSK_E_USAGE,
					 "Guest command line too long (max=%u characters)",
					 HVT_CMDLINE_SIZE - 1);
		memset(cmdline + used, ' ', space);
		memcpy(cmdline + used + space, argv[i], len);
		used += space + len;
	}
	cmdline[used] = '\0';
	return 0;
}

int boot_reserve(struct memory *m, struct resource_space *gpas, const struct manifest *mft,
		 struct husk_error *e)
{
	uint64_t last = cmdline_gpa(mft) + HVT_CMDLINE_SIZE - 1;
	enum resource_status s = resource_reserve(gpas, HVT_BOOT_INFO_GPA, last, "boot info");

	if (s != RESOURCE_OK)
		return husk_fail(e, HUSK_E_IMAGE, "boot info at gpa 0x%x: %s", HVT_BOOT_INFO_GPA,
				 resource_status_text(s));
	return memory_declare(m, 0, HVT_GUEST_MIN_BASE - 1, MEMORY_R, "low memory", e);
}

/* The copy that leaves: descriptor numbers and the like are none of the guest's business. */
static int write_manifest(const struct memory *m, const struct manifest *mft, struct husk_error *e)
{
	struct manifest copy = *mft;

	for (size_t i = 0; i < MFT_MAX_ENTRIES; i++) {
		copy.entry[i].backing = 0;
		memset(copy.entry[i].pad, 0, sizeof copy.entry[i].pad);
	}
	return memory_place(m, MANIFEST_GPA, &copy, manifest_size(mft), e);
}

int boot_write(const struct memory *m, const struct boot *b, struct husk_error *e)
{
	const struct hvt_boot_info info = {
		.mem_size = b->mem_size,
		.kernel_end = b->kernel_end,
		.cpu_cycle_freq = b->cycle_freq,
		.cmdline = cmdline_gpa(b->manifest),
		.mft = MANIFEST_GPA,
	};

	if (memory_place(m, HVT_BOOT_INFO_GPA, &info, sizeof info, e) == -1 ||
	    write_manifest(m, b->manifest, e) == -1)
		return -1;
	return memory_place(m, info.cmdline, b->cmdline, strlen(b->cmdline) + 1, e);
}
