/* SPDX-License-Identifier: ISC */
/* maxdevices.c: declares as many devices as a manifest can hold and uses the first and the last. */
#include "guest.h"

static uint8_t buffer[512];

static int use(const char *name, solo5_handle_t wanted)
{
	struct solo5_block_info info;
	solo5_handle_t disk;

	if (solo5_block_acquire(name, &disk, &info) != SOLO5_R_OK)
		return 1;
	if (disk != wanted || info.capacity != 4096 || info.block_size != sizeof buffer)
		return 2;
	if (solo5_block_write(disk, 512, buffer, sizeof buffer) != SOLO5_R_OK)
		return 3;
	return solo5_block_read(disk, 512, buffer, sizeof buffer) == SOLO5_R_OK ? 0 : 4;
}

int solo5_app_main(const struct solo5_start_info *si)
{
	int rc;

	(void)si;
	buffer[0] = 1;
	rc = use("storage0", 1);
	if (rc != 0)
		return rc;
	buffer[0] = 63;
	rc = use("storage62", 63);
	return rc == 0 ? succeed() : rc + 10;
}
