/* SPDX-License-Identifier: ISC */
/* ssp.c: writes past a buffer on the stack, which the stack protector is there to notice. */
#include "guest.h"

static const char text[] = "forty-one characters, and a buffer for 16";

static __attribute__((noinline)) void overrun(const char *from)
{
	char buffer[16];
	char *volatile to = buffer;	/* so that no compiler sees it coming */

	for (size_t i = 0; from[i] != '\0'; i++)
		to[i] = from[i];
	solo5_console_write(to, sizeof buffer);
}

int solo5_app_main(const struct solo5_start_info *si)
{
	(void)si;
	overrun(text);
	return 1;
}
