/* SPDX-License-Identifier: ISC */
/* block.c: block devices: any number of blocks in one hypercall, and small reads in a row from one. */
#include "bindings.h"
#include "block_queue.h"
#include "cpu.h"
#include "features.h"
#include "read_ahead.h"

#define AHEAD_HEAP_MIN 0x400000ul	/* of less, nothing is taken */

static struct ahead *ahead[MFT_MAX_ENTRIES];	/* by handle; NULL: nothing is read ahead */

void block_init(struct solo5_start_info *info, size_t heap_size)
{
	const uint64_t alone = features_block_alone();

	for (solo5_handle_t i = 1; i < MFT_MAX_ENTRIES; i++) {
		ahead[i] = NULL;
		if (manifest_get(i, MFT_DEV_BLOCK_BASIC) == NULL ||
		    heap_size < AHEAD_HEAP_MIN ||
		    (features_tell_alone() && (alone >> i & 1) == 0))
			continue;
		ahead[i] = (struct ahead *)memory_take(info, sizeof(struct ahead));
		if (ahead[i] != NULL)
			ahead_init(ahead[i], (alone >> i & 1) != 0);
	}
	block_queue_init(info);
}

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
static const struct mft_entry *device_of(solo5_handle_t handle, solo5_off_t offset, uint64_t size)
{
	const struct mft_entry *e = manifest_get(handle, MFT_DEV_BLOCK_BASIC);
	solo5_off_t block;

	if (e == NULL || e->u.block.block_size == 0 || size == 0)
		return NULL;
	block = e->u.block.block_size;
	return offset % block == 0 && size % block == 0 && size <= e->u.block.capacity &&
	       offset <= e->u.block.capacity - size ? e : NULL;
}

bool block_has(solo5_handle_t handle, solo5_off_t offset, uint64_t size)
{
	return device_of(handle, offset, size) != NULL;
}

void block_changes(solo5_handle_t handle, solo5_off_t offset, uint64_t size)
{
	if (ahead[handle] != NULL)
		ahead_write(ahead[handle], offset, size);
}

static solo5_result_t transfer(enum hvt_hypercall nr, solo5_handle_t handle,
			       solo5_off_t offset, const void *buf, size_t size)
{
	struct hvt_block arg = {
		.handle = handle, .offset = offset, .data = (uintptr_t)buf, .len = size,
	};

	yield_send_late();
	cpu_hypercall(nr, &arg);
	if (nr == HVT_HYPERCALL_BLOCK_READ)
		inputs_seen++;
	return (solo5_result_t)arg.ret;
}

solo5_result_t solo5_block_write(solo5_handle_t handle, solo5_off_t offset, const uint8_t *buf,
				 size_t size)
{
	if (device_of(handle, offset, size) == NULL)
		return SOLO5_R_EINVAL;
	block_changes(handle, offset, size);
	return transfer(HVT_HYPERCALL_BLOCK_WRITE, handle, offset, buf, size);
}

/* A failure may lie in what was not asked for: the caller then reads just what was. */
static bool read_with_more(struct ahead *a, solo5_handle_t handle, solo5_off_t offset,
			   uint8_t *buf, size_t size, solo5_off_t left)
{
	const size_t n = ahead_wants(a, offset, size, left);
	bool done;

	if (n == 0)
		return false;
	done = transfer(HVT_HYPERCALL_BLOCK_READ, handle, offset, a->bytes, n) == SOLO5_R_OK;
	ahead_filled(a, offset, done ? n : 0);
	return done && ahead_serve(a, offset, buf, size);
}

solo5_result_t solo5_block_read(solo5_handle_t handle, solo5_off_t offset, uint8_t *buf,
				size_t size)
{
	const struct mft_entry *e = device_of(handle, offset, size);
	struct ahead *a;

	if (e == NULL)
		return SOLO5_R_EINVAL;
	a = ahead[handle];
	if (a != NULL && (ahead_serve(a, offset, buf, size) ||
			  read_with_more(a, handle, offset, buf, size,
					 e->u.block.capacity - offset)))
		return SOLO5_R_OK;
	return transfer(HVT_HYPERCALL_BLOCK_READ, handle, offset, buf, size);
}
