/* SPDX-License-Identifier: ISC */
/* wxorx.c: breaks one rule of "writable or executable, never both", named on its command line. */
#include "guest.h"
#include "hypercall.h"

static const uint8_t rodata[4096] = { ARCH_RETURN };
static uint8_t data[64] = { ARCH_RETURN };
static uint8_t bss[64];

static int text(void)
{
	return 1;
}

static void call(uintptr_t code)
{
	((void (*)(void))code)();
}

static void store(uintptr_t at)
{
	*(volatile uint8_t *)at = 1;
}

int solo5_app_main(const struct solo5_start_info *si)
{
	const uint8_t code[] = { ARCH_RETURN };
	const char *args = si->cmdline;
	uint8_t stack[64] __attribute__((aligned(16)));

	memcpy(stack, code, sizeof code);
	memcpy(bss, code, sizeof code);
	memcpy((void *)si->heap_start, code, sizeof code);
	if (same(args, "write text"))
		store((uintptr_t)text);
	else if (same(args, "write rodata"))
		store((uintptr_t)rodata);
	else if (same(args, "read text"))
		(void)*(const volatile uint8_t *)(uintptr_t)text;
	else if (same(args, "call rodata"))
		call((uintptr_t)rodata);
	else if (same(args, "call data"))
		call((uintptr_t)data);
	else if (same(args, "call bss"))
		call((uintptr_t)bss);
	else if (same(args, "call heap"))
		call(si->heap_start);
	else if (same(args, "call stack"))
		call((uintptr_t)stack);
	else
		return 2;
	return succeed();
}
