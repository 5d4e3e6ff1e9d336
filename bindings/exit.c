/* SPDX-License-Identifier: ISC */
/* exit.c: the ways in which a guest ends. */
#include "bindings.h"
#include "cpu.h"

_Noreturn void machine_halt(int status, const void *cookie)
{
	struct hvt_halt arg = {.cookie = (uintptr_t)cookie, .exit_status = status};

	for (;;)			/* a correct monitor does not return */
		cpu_hypercall(HVT_HYPERCALL_HALT, &arg);
}

void solo5_exit(int status)
{
	log_printf(LOG_INFO, "Solo5: solo5_exit(%d) called\n", status);
	machine_halt(status, NULL);
}

void solo5_abort(void)
{
	log_printf(LOG_INFO, "Solo5: solo5_abort() called\n");
	machine_halt(SOLO5_EXIT_ABORT, NULL);
}

_Noreturn void abort_printf(const void *cookie, const char *file, int line, const char *fmt, ...)
{
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	format(text, sizeof text, fmt, ap);
	va_end(ap);
	log_printf(LOG_ERROR, "Solo5: ABORT: %s:%d: %s\n", file, line, text);
	machine_halt(SOLO5_EXIT_ABORT, cookie);
}
