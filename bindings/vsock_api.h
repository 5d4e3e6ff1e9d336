/* SPDX-License-Identifier: ISC */
/* vsock_api.h: what vsock.c has for vsock_wait.c. */
#ifndef VSOCK_API_H
#define VSOCK_API_H

#include "../include/vsock.h"

/*
 * Waits until the socket is ready for one of events or, if it is 0, until there is a connection to
 * accept on this port; or until deadline. May return early. What else the device has makes no
 * difference.
 */
#define VSOCK_CONNECTED 4u		/* the host has answered; beside SOLO5X_VSOCK_READABLE and so on */
void vsock_await(solo5x_socket_t socket, unsigned events, solo5_time_t deadline);
void vsock_await_connection(solo5_handle_t handle, uint32_t port, solo5_time_t deadline);

/* AGAIN: the host has not answered yet. OK, also if the connection has ended since. EREFUSED. */
solo5x_vsock_result_t vsock_connected(solo5x_socket_t socket);

#endif
