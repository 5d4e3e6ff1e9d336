/* SPDX-License-Identifier: ISC */
/* block.c: block devices, one block at a time. */
#include "bindings.h"
#include "cpu.h"

solo5_result_t solo5_block_acquire(const char *name, solo5_handle_t *handle,
				   struct solo5_block_info *info)
{
	const struct mft_entry *e = manifest_find(name, MFT_DEV_BLOCK_BASIC, handle);

	if (e == NULL)
		return SOLO5_R_EINVAL;
	info->capacity = e->u.block.capacity;
	info->block_size = e->u.block.block_size;
	return SOLO5_R_OK;
}

/* The monitor accepts more than the API, so the API's limits are checked here. */
static bool is_one_block(solo5_handle_t handle, solo5_off_t offset, size_t size)
{
	const struct mft_entry *e = manifest_get(handle, MFT_DEV_BLOCK_BASIC);

	if (e == NULL || e->u.block.block_size == 0)
		return false;
	return size == e->u.block.block_size && offset % size == 0 &&
		size <= e->u.block.capacity && offset <= e->u.block.capacity - size;
}

static solo5_result_t transfer(enum hvt_hypercall nr, solo5_handle_t handle,
			       solo5_off_t offset, const void *buf, size_t size)
{
	struct hvt_block arg = {
		.handle = handle, .offset = offset, .data = (uintptr_t)buf, .len = size,
	};

	if (!is_one_block(handle, offset, size))
		return SOLO5_R_EINVAL;
	cpu_hypercall(nr, &arg);
	return (solo5_result_t)arg.ret;
}

solo5_result_t solo5_block_write(solo5_handle_t handle, solo5_off_t offset, const uint8_t *buf,
				 size_t size)
{
	return transfer(HVT_HYPERCALL_BLOCK_WRITE, handle, offset, buf, size);
}

solo5_result_t solo5_block_read(solo5_handle_t handle, solo5_off_t offset, uint8_t *buf,
				size_t size)
{
	return transfer(HVT_HYPERCALL_BLOCK_READ, handle, offset, buf, size);
}
