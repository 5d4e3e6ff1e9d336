/* SPDX-License-Identifier: ISC */
/* ssp.c: the stack protector: its guard, and what happens when a frame was overrun. */
#include "bindings.h"

/* Names that compilers know. */
extern uintptr_t __stack_chk_guard;
_Noreturn void __stack_chk_fail(void);

uintptr_t __stack_chk_guard;

void ssp_init(uint64_t ticks, uint64_t random)
{
	/* An odd multiplier spreads the counter's quick low bits over the whole word. */
	uint64_t guard = ticks * 0x9e3779b97f4a7c15u;

	guard ^= guard >> 32 ^ random;
	/* A zero byte stops string functions; not the lowest, so that off-by-one shows. */
	__stack_chk_guard = guard & ~(uint64_t)0xff00;
}

_Noreturn void __stack_chk_fail(void)
{
	log_printf(LOG_ERROR, "Solo5: ABORT: Stack corruption detected\n");
	machine_halt(SOLO5_EXIT_ABORT, NULL);
}
