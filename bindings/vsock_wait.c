/* SPDX-License-Identifier: ISC */
/* vsock_wait.c: the calls of include/vsock.h that wait. */
#include "vsock_api.h"

/* After a call that said AGAIN: whether to wait and call again. */
static bool in_time(solo5x_vsock_result_t r, solo5_time_t deadline)
{
	return r == SOLO5X_VSOCK_AGAIN &&
	       (deadline == UINT64_MAX || solo5_clock_monotonic() < deadline);
}

solo5x_vsock_result_t solo5x_vsock_accept_wait(solo5_handle_t handle, uint32_t port,
					       solo5_time_t deadline, solo5x_socket_t *socket)
{
	solo5x_vsock_result_t r;

	while (in_time(r = solo5x_vsock_accept(handle, port, socket), deadline))
		vsock_await_connection(handle, port, deadline);
	return r;
}

solo5x_vsock_result_t solo5x_vsock_connect_wait(solo5_handle_t handle, uint32_t port,
						solo5_time_t deadline, solo5x_socket_t *socket)
{
	solo5x_vsock_result_t r = solo5x_vsock_connect(handle, port, socket);

	if (r != SOLO5X_VSOCK_OK)
		return r;
	while (in_time(r = vsock_connected(*socket), deadline))
		vsock_await(*socket, VSOCK_CONNECTED, deadline);
	if (r != SOLO5X_VSOCK_OK)
		(void)solo5x_vsock_close(*socket);
	return r;
}

solo5x_vsock_result_t solo5x_vsock_read_wait(solo5x_socket_t socket, void *buf, size_t size,
					     solo5_time_t deadline, size_t *n)
{
	solo5x_vsock_result_t r;

	while (in_time(r = solo5x_vsock_read(socket, buf, size, n), deadline))
		vsock_await(socket, SOLO5X_VSOCK_READABLE, deadline);
	return r;
}

solo5x_vsock_result_t solo5x_vsock_write_wait(solo5x_socket_t socket, const void *buf, size_t size,
					      solo5_time_t deadline, size_t *n)
{
	solo5x_vsock_result_t r;
	const uint8_t *at = buf;
	size_t written;

	*n = 0;
	do {
		r = solo5x_vsock_write(socket, at + *n, size - *n, &written);
		if (r == SOLO5X_VSOCK_OK)
			*n += written;
		else if (in_time(r, deadline))
			vsock_await(socket, SOLO5X_VSOCK_WRITABLE, deadline);
		else
			return r;
	} while (*n < size);
	return SOLO5X_VSOCK_OK;
}
