/* SPDX-License-Identifier: ISC */
/* vsock_wants.c: an image that wants vsock and declares no device: each call says that there is none. */
#include <husk_abi.h>
#include <vsock.h>

#include "guest.h"

HUSK_IMAGE_WANTS(HUSK_FEATURE_VSOCK);

static uint8_t memory[SOLO5X_VSOCK_MEMORY_MIN(1, SOLO5X_VSOCK_BUFFER_MIN)];

int solo5_app_main(const struct solo5_start_info *info)
{
	const struct solo5x_vsock_config config = {
		memory, sizeof memory, 1, SOLO5X_VSOCK_BUFFER_MIN,
	};
	solo5_handle_set_t ready = 1;
	solo5_handle_t handle;
	solo5x_socket_t socket;

	(void)info;
	if (solo5x_features() != 0)
		return 1;
	if (solo5x_vsock_acquire("service", &config, &handle, NULL) != SOLO5X_VSOCK_ENOTSUP)
		return 2;
	if (solo5x_vsock_listen(1, 1, 1) != SOLO5X_VSOCK_ENOTSUP ||
	    solo5x_vsock_accept_wait(1, 1, UINT64_MAX, &socket) != SOLO5X_VSOCK_ENOTSUP)
		return 3;
	if (solo5x_vsock_connect_wait(1, 1, UINT64_MAX, &socket) != SOLO5X_VSOCK_ENOTSUP ||
	    solo5x_vsock_close(1) != SOLO5X_VSOCK_ENOTSUP)
		return 4;
	solo5_yield(0, &ready);
	return ready == 0 ? succeed() : 5;
}
