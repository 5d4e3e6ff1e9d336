/* SPDX-License-Identifier: ISC */
/* console.c: the guest's only output besides its devices. */
#include "bindings.h"
#include "cpu.h"

void solo5_console_write(const char *buf, size_t size)
{
	struct hvt_puts arg = {.data = (uintptr_t)buf, .len = size};

	if (size == 0)
		return;
	yield_send_late();
	cpu_hypercall(HVT_HYPERCALL_PUTS, &arg);
}
