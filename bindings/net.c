/* SPDX-License-Identifier: ISC */
/*
 * net.c: network devices: frames go through queues or, while it is polled, through the ring; else each is
 * a hypercall.
 */
#include "bindings.h"
#include "cpu.h"
#include "net_queue.h"

solo5_result_t solo5_net_acquire(const char *name, solo5_handle_t *handle,
				 struct solo5_net_info *info)
{
	const struct mft_entry *e = manifest_find(name, MFT_DEV_NET_BASIC, handle);

	if (e == NULL)
		return SOLO5_R_EINVAL;
	memcpy(info->mac_address, e->u.net.mac, sizeof info->mac_address);
	info->mtu = e->u.net.mtu;
	net_queue_acquire(*handle);
	return SOLO5_R_OK;
}

/* Bytes of the tags of IEEE 802.1Q and 802.1ad, which the MTU does not count; at most two. */
static size_t tags(const uint8_t *frame, size_t size)
{
	size_t at = SOLO5_NET_HLEN - 2, n = 0;

	while (n < NET_TAGS && at + n + 4 <= size &&
	       ((frame[at + n] == 0x81 && frame[at + n + 1] == 0x00) ||
		(frame[at + n] == 0x88 && frame[at + n + 1] == 0xa8)))
		n += 4;
	return n;
}

bool net_fits(const uint8_t *frame, size_t size, size_t mtu)
{
	size_t most = mtu + SOLO5_NET_HLEN;

	return size <= most || (size <= most + NET_TAGS && size <= most + tags(frame, size));
}

solo5_result_t net_write_by_call(solo5_handle_t handle, const uint8_t *buf, size_t size)
{
	struct hvt_net arg = {.handle = handle, .data = (uintptr_t)buf, .len = size};

	cpu_hypercall(HVT_HYPERCALL_NET_WRITE, &arg);
	return (solo5_result_t)arg.ret;
}

solo5_result_t net_read_by_call(solo5_handle_t handle, uint8_t *buf, size_t size, size_t *read_size)
{
	struct hvt_net arg = {.handle = handle, .data = (uintptr_t)buf, .len = size};

	cpu_hypercall(HVT_HYPERCALL_NET_READ, &arg);
	if (arg.ret == HVT_OK)
		*read_size = arg.len;
	return (solo5_result_t)arg.ret;
}

solo5_result_t solo5_net_write(solo5_handle_t handle, const uint8_t *buf, size_t size)
{
	const struct mft_entry *e = manifest_get(handle, MFT_DEV_NET_BASIC);

	/* Some monitors end the guest for a frame without a whole header. */
	if (e == NULL || size < SOLO5_NET_HLEN || !net_fits(buf, size, e->u.net.mtu))
		return SOLO5_R_EINVAL;
	if (net_queue_has(handle))
		return net_queue_write(handle, buf, size);
	if (!ring_wanted())
		return net_write_by_call(handle, buf, size);
	ring_write(handle, buf, size);
	return SOLO5_R_OK;
}

solo5_result_t solo5_net_read(solo5_handle_t handle, uint8_t *buf, size_t size,
			      size_t *read_size)
{
	if (manifest_get(handle, MFT_DEV_NET_BASIC) == NULL)
		return SOLO5_R_EINVAL;
	inputs_seen++;
	if (net_queue_has(handle))
		return net_queue_read(handle, buf, size, read_size);
	return (ring_wanted() ? ring_read : net_read_by_call)(handle, buf, size, read_size);
}
