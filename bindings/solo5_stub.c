/* SPDX-License-Identifier: ISC */
/*
 * solo5_stub.c: bindings that fail: enough to link a program, never to run it.
 *
 * Build systems that probe a compiler by linking small programs get these.
 */
#include "../include/solo5.h"

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
