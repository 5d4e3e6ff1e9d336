/* SPDX-License-Identifier: ISC */
/*
 * solo5_stub.c: bindings that fail: enough to link a program, never to run it.
 *
 * Build systems that probe a compiler by linking small programs get these.
 */
#include "../include/solo5.h"
#include "../include/vsock.h"

extern uintptr_t __stack_chk_guard;
_Noreturn void __stack_chk_fail(void);
_Noreturn void _start(void);

uintptr_t __stack_chk_guard = 0xff00ff00;

_Noreturn static void stop(void)
{
	__builtin_trap();
}

_Noreturn void __stack_chk_fail(void)
{
	stop();
}

_Noreturn void _start(void)
{
	stop();
}

void solo5_exit(int status)
{
	(void)status;
	stop();
}

void solo5_abort(void)
{
	stop();
}

size_t solo5_tls_size(void)
{
	return 0;
}

uintptr_t solo5_tls_tp_offset(uintptr_t block)
{
	return block;
}

solo5_result_t solo5_tls_init(uintptr_t block)
{
	(void)block;
	return SOLO5_R_EUNSPEC;
}

solo5_result_t solo5_set_tls_base(uintptr_t base)
{
	(void)base;
	return SOLO5_R_EUNSPEC;
}

solo5_time_t solo5_clock_monotonic(void)
{
	return 0;
}

solo5_time_t solo5_clock_wall(void)
{
	return 0;
}

void solo5_yield(solo5_time_t deadline, solo5_handle_set_t *ready_set)
{
	(void)deadline;
	if (ready_set != NULL)
		*ready_set = 0;
}

void solo5_console_write(const char *buf, size_t size)
{
	(void)buf;
	(void)size;
}

solo5_result_t solo5_net_acquire(const char *name, solo5_handle_t *handle,
				 struct solo5_net_info *info)
{
	(void)name;
	(void)handle;
	(void)info;
	return SOLO5_R_EUNSPEC;
}

solo5_result_t solo5_net_write(solo5_handle_t handle, const uint8_t *buf, size_t size)
{
	(void)handle;
	(void)buf;
	(void)size;
	return SOLO5_R_EUNSPEC;
}

solo5_result_t solo5_net_read(solo5_handle_t handle, uint8_t *buf, size_t size,
			      size_t *read_size)
{
	(void)handle;
	(void)buf;
	(void)size;
	(void)read_size;
	return SOLO5_R_EUNSPEC;
}

solo5_result_t solo5_block_acquire(const char *name, solo5_handle_t *handle,
				   struct solo5_block_info *info)
{
	(void)name;
	(void)handle;
	(void)info;
	return SOLO5_R_EUNSPEC;
}

solo5_result_t solo5_block_write(solo5_handle_t handle, solo5_off_t offset, const uint8_t *buf,
				 size_t size)
{
	(void)handle;
	(void)offset;
	(void)buf;
	(void)size;
	return SOLO5_R_EUNSPEC;
}

solo5_result_t solo5_block_read(solo5_handle_t handle, solo5_off_t offset, uint8_t *buf,
				size_t size)
{
	(void)handle;
	(void)offset;
	(void)buf;
	(void)size;
	return SOLO5_R_EUNSPEC;
}

uint32_t solo5x_features(void)
{
	return 0;
}

solo5x_vsock_result_t solo5x_vsock_acquire(const char *name,
					   const struct solo5x_vsock_config *config, solo5_handle_t *handle,
					   struct solo5x_vsock_info *info)
{
	(void)name;
	(void)config;
	(void)handle;
	(void)info;
	return SOLO5X_VSOCK_ENOTSUP;
}

solo5x_vsock_result_t solo5x_vsock_release(solo5_handle_t handle)
{
	(void)handle;
	return SOLO5X_VSOCK_ENOTSUP;
}

solo5x_vsock_result_t solo5x_vsock_listen(solo5_handle_t handle, uint32_t port, uint32_t backlog)
{
	(void)handle;
	(void)port;
	(void)backlog;
	return SOLO5X_VSOCK_ENOTSUP;
}

solo5x_vsock_result_t solo5x_vsock_unlisten(solo5_handle_t handle, uint32_t port)
{
	(void)handle;
	(void)port;
	return SOLO5X_VSOCK_ENOTSUP;
}

solo5x_vsock_result_t solo5x_vsock_accept(solo5_handle_t handle, uint32_t port,
					  solo5x_socket_t *socket)
{
	(void)handle;
	(void)port;
	(void)socket;
	return SOLO5X_VSOCK_ENOTSUP;
}

solo5x_vsock_result_t solo5x_vsock_connect(solo5_handle_t handle, uint32_t port,
					   solo5x_socket_t *socket)
{
	(void)handle;
	(void)port;
	(void)socket;
	return SOLO5X_VSOCK_ENOTSUP;
}

solo5x_vsock_result_t solo5x_vsock_read(solo5x_socket_t socket, void *buf, size_t size, size_t *n)
{
	(void)socket;
	(void)buf;
	(void)size;
	(void)n;
	return SOLO5X_VSOCK_ENOTSUP;
}

solo5x_vsock_result_t solo5x_vsock_write(solo5x_socket_t socket, const void *buf, size_t size,
					 size_t *n)
{
	(void)socket;
	(void)buf;
	(void)size;
	(void)n;
	return SOLO5X_VSOCK_ENOTSUP;
}

solo5x_vsock_result_t solo5x_vsock_shutdown(solo5x_socket_t socket, unsigned directions)
{
	(void)socket;
	(void)directions;
	return SOLO5X_VSOCK_ENOTSUP;
}

solo5x_vsock_result_t solo5x_vsock_close(solo5x_socket_t socket)
{
	(void)socket;
	return SOLO5X_VSOCK_ENOTSUP;
}

solo5x_vsock_result_t solo5x_vsock_watch(solo5x_socket_t socket, unsigned events)
{
	(void)socket;
	(void)events;
	return SOLO5X_VSOCK_ENOTSUP;
}

unsigned solo5x_vsock_ready(solo5x_socket_t socket)
{
	(void)socket;
	return 0;
}

solo5x_vsock_result_t solo5x_vsock_next(solo5_handle_t handle, solo5x_socket_t *socket,
					unsigned *events)
{
	(void)handle;
	(void)socket;
	(void)events;
	return SOLO5X_VSOCK_ENOTSUP;
}

solo5x_vsock_result_t solo5x_vsock_accept_wait(solo5_handle_t handle, uint32_t port,
					       solo5_time_t deadline, solo5x_socket_t *socket)
{
	(void)handle;
	(void)port;
	(void)deadline;
	(void)socket;
	return SOLO5X_VSOCK_ENOTSUP;
}

solo5x_vsock_result_t solo5x_vsock_connect_wait(solo5_handle_t handle, uint32_t port,
						solo5_time_t deadline, solo5x_socket_t *socket)
{
	(void)handle;
	(void)port;
	(void)deadline;
	(void)socket;
	return SOLO5X_VSOCK_ENOTSUP;
}

solo5x_vsock_result_t solo5x_vsock_read_wait(solo5x_socket_t socket, void *buf, size_t size,
					     solo5_time_t deadline, size_t *n)
{
	(void)socket;
	(void)buf;
	(void)size;
	(void)deadline;
	(void)n;
	return SOLO5X_VSOCK_ENOTSUP;
}

solo5x_vsock_result_t solo5x_vsock_write_wait(solo5x_socket_t socket, const void *buf, size_t size,
					      solo5_time_t deadline, size_t *n)
{
	(void)socket;
	(void)buf;
	(void)size;
	(void)deadline;
	(void)n;
	return SOLO5X_VSOCK_ENOTSUP;
}
