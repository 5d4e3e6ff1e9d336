/* SPDX-License-Identifier: ISC */
/* features.c: what the monitor has granted of husk's additions. */
#include "../include/husk_abi.h"
#include "../include/solo5x.h"
#include "bindings.h"
#include "features.h"

/* Of the application's. */
extern const struct husk_image_note husk_image_note __attribute__((weak));

/* A size with which the field is there. */
#define HAS(field) (offsetof(struct husk_boot_info, field) + sizeof answer->field)

static const struct husk_boot_info *answer;	/* NULL: nothing is granted */

/* Other monitors use this bit for nothing, but the structure has to be there as well. */
void features_init(const struct hvt_boot_info *boot)
{
	const void *at = (const uint8_t *)boot + HUSK_BOOT_INFO_OFFSET;
	const struct husk_boot_info *info = at;

	answer = NULL;
	if ((boot->host_features & HUSK_HOST_FEATURE) == 0 ||
	    info->magic != HUSK_BOOT_INFO_MAGIC || info->version != HUSK_BOOT_INFO_VERSION ||
	    info->size < HUSK_BOOT_INFO_SIZE_1)
		return;
	answer = info;
}

uint32_t solo5x_features(void)
{
	return answer != NULL ? answer->granted : 0;
}

uint32_t features_queue_size_max(void)
{
	return answer != NULL ? answer->queue_size_max : 0;
}

bool features_image_wants(uint32_t feature)
{
	return &husk_image_note != NULL && (husk_image_note.note.wanted & feature) != 0;
}

bool features_tell_alone(void)
{
	return (solo5x_features() & HUSK_FEATURE_BLOCK) != 0 &&
	       answer->size >= HAS(block_alone);
}

uint64_t features_block_alone(void)
{
	return features_tell_alone() ? answer->block_alone : 0;
}

bool features_has_offloads(void)
{
	return (solo5x_features() & HUSK_FEATURE_NET) != 0 && answer->size >= HAS(net_direct);
}

uint64_t features_net_direct(void)
{
	return features_has_offloads() ? answer->net_direct : 0;
}
