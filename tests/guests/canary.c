/* SPDX-License-Identifier: ISC */
/* canary.c: shows the guard of its stack protector, for a test that compares runs. */
#include "guest.h"

extern uintptr_t __stack_chk_guard;

int solo5_app_main(const struct solo5_start_info *si)
{
	static char text[] = "guard 0000000000000000\n";
	uintptr_t guard = __stack_chk_guard;

	(void)si;
	for (char *p = text + sizeof text - 3; *p != ' '; p--, guard >>= 4)
		*p = "0123456789abcdef"[guard & 0xf];
	solo5_console_write(text, sizeof text - 1);
	return succeed();
}
